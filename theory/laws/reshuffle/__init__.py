"""Reshuffled epochs at frozen parameters."""
