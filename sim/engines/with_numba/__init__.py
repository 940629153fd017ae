"""The compiled engine: one replica at a time, its loops fused and free of the interpreter."""

__all__: list[str] = []
