"""Tests of the verify package."""
