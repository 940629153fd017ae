"""Random streams keyed by content: a cell and a block fix the draws, on any engine and in any order."""

from __future__ import annotations

import string

import numpy as np

__all__ = ["KINDS", "STREAM_VERSION", "generator"]

STREAM_VERSION = 1
"""Changes when the map from (cell, block, kind) to a stream changes; part of every cell."""

KINDS = {"block": 0, "pilot": 1}
"""The first spawn key: pilots never share a stream with counted blocks."""


def generator(cell_id_hex: str, block: int, kind: str = "block") -> np.random.Generator:
    """Return the stream of one block of one cell.

    Parameters
    ----------
    cell_id_hex
        The SHA-256 of the cell, 64 lower-case hexadecimal digits; it is the seed's entropy.
    block
        Number of the block, at least 0.
    kind
        ``"block"`` for counted draws, ``"pilot"`` for the draws that only size the plan.

    Returns
    -------
    numpy.random.Generator
        A PCG64DXSM generator, independent of every other (cell, block, kind).

    Raises
    ------
    ValueError
        If an argument is outside what is stated above.
    """
    if (
        not isinstance(cell_id_hex, str)
        or len(cell_id_hex) != 64
        or not set(cell_id_hex) <= set(string.digits + "abcdef")
    ):
        raise ValueError(f"cell id {cell_id_hex!r} is not 64 lower-case hexadecimal digits")
    if isinstance(block, bool) or not isinstance(block, int) or not 0 <= block < 2**32:
        raise ValueError(f"block {block!r} is not a whole number in 0..2^32-1")
    if kind not in KINDS:
        raise ValueError(f"unknown kind of stream {kind!r}: allowed are {', '.join(KINDS)}")
    seed = np.random.SeedSequence(int(cell_id_hex, 16), spawn_key=(KINDS[kind], block))
    return np.random.Generator(np.random.PCG64DXSM(seed))
