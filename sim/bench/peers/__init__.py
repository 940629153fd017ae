"""The workloads in other libraries, one module a workload and library; each imports its library when it is imported."""

__all__: list[str] = []
