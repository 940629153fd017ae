"""The engine that is always there: array programs over a chunk of replicas."""

__all__: list[str] = []
