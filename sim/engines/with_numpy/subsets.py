"""Batches without replacement for the engines: eight indices to a word, and ordered samples."""

from __future__ import annotations

import numpy as np

from sim.subsets import smallest

__all__ = ["PLACES", "fits_a_word", "ordered", "packed", "word_masks"]

PLACES = 1 << 18
"""Places of the population, over all rows, that are stamped at a time."""

_LOW = np.uint64(0x7F7F7F7F7F7F7F7F)
_ALL = 2**64 - 1
_WORDS = 1 << 13  # words tested at a time: the temporaries stay in the second-level cache


def fits_a_word(N: int, B: int) -> bool:
    """Return whether a batch fits the bytes of one random word: N a power of two to 256, B at most 8."""
    return 2 <= N <= 256 and N & (N - 1) == 0 and 1 <= B <= min(8, N)


def word_masks(N: int, B: int) -> tuple[np.uint64, tuple[np.uint64, ...]]:
    """Return the bits that hold the first B indices below N, and where bytes k = 1..4 places on are compared.

    A word turned by k bytes sets byte j beside byte j + k, modulo 8; the high bit of byte j is set in the
    second part where both are of the batch.  Turns by 1..4 meet every pair.
    """
    bits = int.from_bytes(bytes([N - 1] * B), "little")
    turns = (sum(0x80 << 8 * j for j in range(B) if (j + k) % 8 < B) for k in range(1, 5))
    return np.uint64(bits), tuple(np.uint64(t) for t in turns)


def _repeats(words: np.ndarray, turns: tuple[np.uint64, ...]) -> np.ndarray:
    """Mark the words in which two bytes of the batch are equal.

    A byte of the word xor the word turned is zero exactly where two are equal.  Its low seven bits plus 0x7f
    carry into the eighth where they are not all zero, so no byte disturbs another.
    """
    equal = np.zeros_like(words)
    x, y = np.empty_like(words), np.empty_like(words)
    for k, within in enumerate(turns, start=1):
        np.right_shift(words, np.uint64(8 * k), out=x)
        np.left_shift(words, np.uint64(64 - 8 * k), out=y)
        x |= y
        x ^= words
        np.bitwise_and(x, _LOW, out=y)
        y += _LOW
        y |= x
        np.invert(y, out=y)
        y &= within
        equal |= y
    found: np.ndarray = equal != 0
    return found


def packed(N: int, B: int, n: int, *, rng: np.random.Generator) -> np.ndarray:
    """Draw `n` uniform batches of B distinct indices, one a byte of a 64-bit word.

    Parameters
    ----------
    N, B
        Sizes that `fits_a_word` accepts.
    n
        Number of batches.
    rng
        The stream; as many words are used as it takes for `n` to be free of repeats.

    Returns
    -------
    numpy.ndarray of uint8, shape (n, 8)
        The indices in the first B columns, in uniform order; the other columns are 0.

    Notes
    -----
    A word's bytes, cut to log2 N bits, are independent and uniform; a word with a repeat is passed over, so
    what is kept is uniform on the ordered batches.
    """
    if not fits_a_word(N, B):
        raise ValueError(f"batches of {B} out of {N} do not fit a word: N a power of two to 256, B <= 8")
    bits, turns = word_masks(N, B)
    kept = np.empty(n, dtype=np.uint64)
    done = 0
    while done < n:
        words = rng.integers(0, _ALL, size=min(n - done, _WORDS), dtype=np.uint64, endpoint=True)
        words &= bits
        good = words[~_repeats(words, turns)]
        kept[done : done + good.size] = good
        done += good.size
    return kept.astype("<u8", copy=False).view(np.uint8).reshape(n, 8)


def ordered(N: int, B: int, n: int, *, rng: np.random.Generator) -> np.ndarray:
    """Draw `n` batches of B distinct indices in uniform order, so that every prefix is a uniform batch too.

    Parameters
    ----------
    N, B, n, rng
        As for `sim.designs.without_replacement`, which checks sizes.

    Returns
    -------
    numpy.ndarray, shape (n, B)
        Indices in the narrowest unsigned type.

    Notes
    -----
    Indices that repeat one of the same batch are drawn again, round by round, at their places.  Which of equal
    indices stays depends on places only, so renaming the population renames the result: all ordered batches
    are equally likely, since any one can be renamed to any other.  Above N / 2 a batch is the head of a
    permutation.
    """
    kind = smallest(N)
    if 2 * B > N:
        whole = np.tile(np.arange(N, dtype=kind), (n, 1))
        return np.ascontiguousarray(rng.permuted(whole, axis=1)[:, :B])
    batches = np.empty((n, B), dtype=kind)
    chunk = max(1, PLACES // N)
    for start in range(0, n, chunk):
        rows = min(chunk, n - start)
        flat = rng.integers(0, N, size=rows * B, dtype=kind)
        first = np.repeat(np.arange(rows, dtype=np.int64) * N, B)
        numbers: np.ndarray = np.arange(1, rows * B + 1)
        stamps = np.zeros(rows * N, dtype=np.int32)
        places: np.ndarray = first + flat
        # of equal places the last number stays
        stamps[places] = numbers
        again = np.flatnonzero(stamps[places] != numbers)
        while again.size:
            fresh = rng.integers(0, N, size=again.size, dtype=kind)
            flat[again] = fresh
            places, numbers = first[again] + fresh, again + 1
            free = stamps[places] == 0
            stamps[places[free]] = numbers[free]
            again = again[stamps[places] != numbers]
        batches[start : start + rows] = flat.reshape(rows, B)
    return batches
