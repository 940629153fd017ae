"""Weights whose scale a normalization undoes."""
