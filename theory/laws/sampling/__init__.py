"""Laws of the sampling design itself."""
