"""What normalization does to capacity: lost dimensions, separable labelings, lost labels."""
