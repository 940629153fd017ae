"""Laws of normalization layers."""
