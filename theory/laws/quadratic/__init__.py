"""SGD on quadratics with additive noise."""
