"""Families of nodes: each module states its nodes and registers their meaning, rules and worlds."""
