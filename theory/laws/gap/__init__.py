"""Generalization gaps."""
