"""One-pass least squares on Gaussian inputs: the learning problem in which every quantity is exact."""
