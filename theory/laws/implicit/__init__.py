"""Modified losses that passes of SGD descend on average."""
