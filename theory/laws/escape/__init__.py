"""How long SGD stays in a minimum."""
