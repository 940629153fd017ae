"""The engine that is always there: array programs over a chunk of replicas."""
