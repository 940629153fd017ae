"""Unit tests of the simulator, one module for each module of `sim`."""
