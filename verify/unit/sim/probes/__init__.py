"""Unit tests of the probes."""
