"""What strangers in the batch can do behind a normalization layer."""
