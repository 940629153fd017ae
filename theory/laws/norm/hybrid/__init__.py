"""Mixtures of batch and per-sample normalization with a learned weight."""
