"""What a normalization layer puts out: range, distribution, and dependence on peers."""
