"""Scaling rules for batch size and learning rate."""
