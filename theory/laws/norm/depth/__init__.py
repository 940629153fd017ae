"""Depth: what activations and random layers do to the statistics, and what a norm at each layer restores."""
