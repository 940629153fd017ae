"""Least squares with differing examples: noise that depends on the parameters."""
