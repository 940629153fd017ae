"""Vectors, symmetric matrices and symmetric third-order forms over any exact numbers, in a few dimensions.

A product contracts one index: a matrix applied to a vector, in whichever order they stand; two vectors to their
inner product; a third-order form and a vector to a matrix.  Statements on losses in one dimension are so evaluated
in several, with matrices that do not commute.  What has no one meaning there, a product of two matrices or a number
plus a vector, is `NONSENSE` and equals nothing, itself included.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from theory.jets import Jet

__all__ = ["NONSENSE", "Tensor"]

Scalar = Any


class _Nonsense:
    """What absorbs all it meets and equals nothing."""

    __slots__ = ()

    def _absorb(self, *_: Any) -> _Nonsense:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _absorb
    __neg__ = __pow__ = _absorb

    def __eq__(self, other: object) -> bool:
        return False

    __hash__ = None  # type: ignore[assignment]  # equal to nothing, it is a member of nothing

    def __str__(self) -> str:
        return "nonsense"

    __repr__ = __str__


NONSENSE = _Nonsense()


class Tensor:
    """A tensor of rank 1, 2 or 3.

    Parameters
    ----------
    entries
        Its components by index; symmetric in the indices.
    """

    __slots__ = ("entries",)

    def __init__(self, entries: Mapping[tuple[int, ...], Scalar]) -> None:
        self.entries = dict(entries)

    @classmethod
    def symmetric(cls, rank: int, dimension: int, component: Callable[[tuple[int, ...]], Scalar]) -> Tensor:
        """Build a symmetric tensor from its components at sorted indices."""
        found = {k: component(k) for k in itertools.combinations_with_replacement(range(dimension), rank)}
        return cls({k: found[tuple(sorted(k))] for k in itertools.product(range(dimension), repeat=rank)})

    @property
    def rank(self) -> int:
        """Number of indices."""
        return len(next(iter(self.entries)))

    def map(self, change: Callable[[Scalar], Scalar]) -> Tensor:
        """Change every component."""
        return Tensor({k: change(v) for k, v in self.entries.items()})

    def __mul__(self, other: Scalar) -> Scalar:
        if isinstance(other, (Jet, _Nonsense)):
            return NotImplemented
        if not isinstance(other, Tensor):
            # Zero is a number, whatever it multiplies: a sum over nothing has no rank.
            return Fraction(0) if other == 0 else self.map(lambda a: a * other)
        if other.rank > 1 < self.rank:
            return NONSENSE
        form, vector = (self, other) if other.rank == 1 else (other, self)
        total: dict[tuple[int, ...], Scalar] = {}
        for index, a in form.entries.items():
            total[index[:-1]] = total.get(index[:-1], Fraction(0)) + a * vector.entries[index[-1:]]
        return total[()] if form.rank == 1 else Tensor(total)

    __rmul__ = __mul__

    def __truediv__(self, number: Scalar) -> Tensor:
        return self.map(lambda a: a / number)

    def __add__(self, other: Scalar) -> Scalar:
        if isinstance(other, (Jet, _Nonsense)):
            return NotImplemented
        if not isinstance(other, Tensor):
            return self if other == 0 else NONSENSE
        if self.entries.keys() != other.entries.keys():
            return NONSENSE
        return Tensor({k: a + other.entries[k] for k, a in self.entries.items()})

    __radd__ = __add__

    def __neg__(self) -> Tensor:
        return self.map(lambda a: -a)

    def __sub__(self, other: Scalar) -> Scalar:
        return self + -other

    def __rsub__(self, other: Scalar) -> Scalar:
        return -self + other

    def __pow__(self, exponent: int) -> Scalar:
        if exponent == 1:
            return self
        return self * self if exponent == 2 else NONSENSE

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Tensor):
            return self.entries == other.entries
        return bool(other == 0) and all(a == 0 for a in self.entries.values())

    def __hash__(self) -> int:
        return hash(frozenset(self.entries.items()))

    def __str__(self) -> str:
        shown = ", ".join(str(self.entries[k]) for k in sorted(self.entries) if k == tuple(sorted(k)))
        return f"({shown})"

    __repr__ = __str__
