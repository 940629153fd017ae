"""Errors of the statistics inside normalization layers."""
