"""Laws of the mini-batch gradient at frozen parameters."""
