"""Steps against examples: what a larger batch buys, when the noise scale says how much a step achieves."""
