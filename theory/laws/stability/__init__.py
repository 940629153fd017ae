"""Stability of mini-batch SGD on finite sums of quadratics."""
