"""The face of the laws: the command line, the pages, the figures and the citations."""

__all__ = ["__version__"]

__version__ = "0.1.0"
