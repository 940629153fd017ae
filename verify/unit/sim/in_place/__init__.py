"""Tests of training in place."""
