"""SGD with momentum on quadratics: stationary variance, stability, effective step size."""
