"""What the noise of a mini-batch gradient looks like: its covariance against loss and curvature."""
