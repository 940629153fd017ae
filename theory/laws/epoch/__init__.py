"""Epochs as they are run: short last batches and all."""
