"""Which minimum SGD ends in, and what decides it."""
