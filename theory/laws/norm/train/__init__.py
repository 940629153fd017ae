"""What batch statistics do to training."""
