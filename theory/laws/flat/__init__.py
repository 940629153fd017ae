"""Flat minima: what a shift of the landscape costs, and what flatness depends on."""
