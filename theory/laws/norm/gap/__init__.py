"""The gap between batch-normalized and population-normalized activations."""
