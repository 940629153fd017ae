"""Hypothesis: what every law and every kernel must satisfy; runs from an installed copy too."""
