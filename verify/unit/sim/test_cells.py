"""Cells: fields refuse what they must, ranges enclose, replicates are chunked without loss."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from sim import cells
from sim.cells import Choice, Number, Text, Whole

FIELDS: dict[str, cells.Field] = {
    "name": Text(),
    "kind": Choice(("a", "b")),
    "size": Whole(2, 9, optional=True),
    "rate": Number(0, 1, open_low=True),
}
GOOD = {"probe": "p", "name": "x", "kind": "a", "rate": "1/3"}


def test_values_come_back_validated() -> None:
    assert cells.read(GOOD, FIELDS) == {"name": "x", "kind": "a", "size": None, "rate": Fraction(1, 3)}
    assert cells.read({**GOOD, "size": 4, "rate": 0.25}, FIELDS)["rate"] == Fraction(1, 4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"other": 1}, "unknown key 'other': allowed keys are name, kind, size, rate"),
        ({"name": None}, "missing key 'name': allowed keys are name, kind, size, rate"),
        ({"name": ""}, "name must be a name, got ''"),
        ({"kind": "c"}, "kind must be one of a, b; got 'c'"),
        ({"size": 1}, r"size must be a whole number in 2\.\.9, got 1"),
        ({"size": 2.0}, r"got 2\.0"),
        ({"size": True}, "got True"),
        ({"rate": 0}, r"rate must be a number in \(0, 1\], got 0"),
        ({"rate": "1/0"}, "got '1/0'"),
        ({"rate": "nan"}, "got 'nan'"),
        ({"rate": float("inf")}, "got inf"),
        ({"rate": "__import__('os')"}, "rate must be a number"),
    ],
)
def test_bad_cells_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cells.read({**GOOD, **change}, FIELDS)


def test_outward_encloses() -> None:
    low, high = cells.outward(Fraction(1, 3), Fraction(2, 3))
    assert Fraction(low) < Fraction(1, 3)
    assert Fraction(high) > Fraction(2, 3)
    assert cells.outward(0, 0) == (0.0, 0.0)
    assert cells.outward(0.0, 1.0, 0.5)[0] < -0.5


def test_integer_limit() -> None:
    cells.integer_limit(2**63 - 1, "it")
    with pytest.raises(ValueError, match=r"it reaches .* beyond int64"):
        cells.integer_limit(2**63, "it")


def test_replicates_fill_every_place() -> None:
    sizes: list[int] = []

    def one(rows: int) -> np.ndarray:
        sizes.append(rows)
        return np.full(rows, len(sizes))

    assert cells.replicates(7, 3, one, dtype=np.int64).tolist() == [1, 1, 1, 2, 2, 2, 3]
    assert sizes == [3, 3, 1]
    assert cells.replicates(0, 3, one).size == 0
    for bad in (-1, 2.0, True):
        with pytest.raises(ValueError, match="number of replicates"):
            cells.replicates(bad, 3, one)  # type: ignore[arg-type]
