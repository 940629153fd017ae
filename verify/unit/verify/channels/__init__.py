"""Tests of the channels of evidence."""
