"""The gradient noise scale and its estimators."""
