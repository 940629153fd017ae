"""Streams: pinned draws, independence of keys, refusals."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from sim import streams

CELL = hashlib.sha256(b"a cell").hexdigest()


def _hash(rng: np.random.Generator) -> str:
    drawn = [rng.integers(0, 2**63, size=8), rng.integers(0, 8, size=100, dtype=np.uint8), rng.random(8)]
    return hashlib.sha256(b"".join(x.tobytes() for x in drawn)).hexdigest()[:16]


@pytest.mark.parametrize(
    ("block", "kind", "expected"),
    [
        (0, "block", "57ec5bcc1d9d0110"),
        (1, "block", "fc5520451be50257"),
        (0, "pilot", "a92b1c44f6d2f810"),
    ],
)
def test_draws_are_pinned(block: int, kind: str, expected: str) -> None:
    assert streams.STREAM_VERSION == 1
    assert _hash(streams.generator(CELL, block, kind)) == expected


def test_same_key_same_stream_other_key_other_stream() -> None:
    keys = [(CELL, 0, "block"), (CELL, 1, "block"), (CELL, 0, "pilot"), ("0" * 63 + "1", 0, "block")]
    hashes = [_hash(streams.generator(*key)) for key in keys]
    assert len(set(hashes)) == len(keys)
    assert hashes == [_hash(streams.generator(*key)) for key in keys]


@pytest.mark.parametrize("cell", ["", "xyz", "A" * 64, "a" * 63, "0x" + "a" * 62, "+" + "a" * 63, 7])
def test_bad_cell_is_refused(cell: object) -> None:
    with pytest.raises(ValueError, match="64 lower-case hexadecimal digits"):
        streams.generator(cell, 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("block", [-1, 1.0, True, 2**32])
def test_bad_block_is_refused(block: object) -> None:
    with pytest.raises(ValueError, match="block"):
        streams.generator(CELL, block)  # type: ignore[arg-type]


def test_bad_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="block, pilot"):
        streams.generator(CELL, 0, "other")
