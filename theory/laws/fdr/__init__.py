"""Fluctuation-dissipation relations: what the steps of SGD say of its state."""
