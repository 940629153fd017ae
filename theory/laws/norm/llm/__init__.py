"""Normalization in language models."""
