"""Gradients through normalization layers."""
