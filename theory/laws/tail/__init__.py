"""Heavy tails of SGD with multiplicative noise."""
