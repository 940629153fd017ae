"""What a workload hands to the clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Task"]


@dataclass(frozen=True, slots=True)
class Task:
    """A piece of work and the least that any implementation must do for it.

    Parameters
    ----------
    work, floor
        Called without arguments; what they return is not used.
    floor_words
        What the floor does.
    units, unit
        How many of what one call of `work` gives.
    """

    work: Callable[[], object]
    floor: Callable[[], object]
    floor_words: str
    units: int
    unit: str
