"""What a step costs in arithmetic and memory."""
