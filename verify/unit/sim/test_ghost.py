"""Ghost batch norm against batch norm of its parts; running statistics; refusals."""

from __future__ import annotations

import array_api_strict as strict
import numpy as np
import pytest

from sim import ghost, norms


def test_each_part_is_batch_norm_of_its_own() -> None:
    rng = np.random.default_rng(0)
    x, gamma, beta, dy = (rng.standard_normal(s) for s in [(2, 6, 3, 4), (2, 3), (3,), (2, 6, 3, 4)])
    y, cache = ghost.forward(x, size=2, eps=0.1, gamma=gamma, beta=beta)
    found = ghost.backward(cache, dy)
    mean, var = ghost.statistics(x, size=2)
    for part in range(3):
        at = slice(2 * part, 2 * part + 2)
        expected, one = norms.forward("batch", x[:, at], eps=0.1, gamma=gamma, beta=beta)
        assert (y[:, at] == expected).all()
        for whole, alone in zip(found, norms.backward(one, dy[:, at]), strict=True):
            assert (whole[:, at] == alone).all()
        for whole, alone in zip((mean, var), norms.statistics("batch", x[:, at]), strict=True):
            assert (whole[:, part] == alone).all()


def test_one_ghost_is_batch_norm() -> None:
    x = np.random.default_rng(1).standard_normal((2, 6, 3))
    assert (ghost.forward(x, size=6)[0] == norms.forward("batch", x)[0]).all()


def test_running_statistics_count_the_parts_in_turn() -> None:
    start = norms.Running(np.zeros((1, 1)), np.zeros((1, 1)))
    mean = np.array([[[1.0], [2.0]]])
    moved = ghost.update_running(start, mean, 2 * mean, count=3, new_weight=0.5, bessel=True)
    # 0.5 (0.5 * 1) + 0.5 * 2, and variances by 3 / 2
    assert (moved.mean.item(), moved.var.item()) == (1.25, 1.25 * 2 * 1.5)


def test_strict_array_api_gives_the_same() -> None:
    rng = np.random.default_rng(2)
    x, gamma = rng.standard_normal((2, 4, 3)), rng.random((2, 3))
    y, cache = ghost.forward(x, size=2, gamma=gamma)
    other, theirs = ghost.forward(strict.asarray(x), size=2, gamma=strict.asarray(gamma))
    found = zip((y, *ghost.backward(cache, y)), (other, *ghost.backward(theirs, other)), strict=True)
    for one, two in found:
        assert np.allclose(one, np.asarray(two), rtol=1e-13, atol=1e-14)


def test_bad_sizes_are_refused() -> None:
    x = np.ones((1, 6, 3))
    with pytest.raises(ValueError, match="a batch of 6 cannot be split into ghost batches of 4"):
        ghost.forward(x, size=4)
    with pytest.raises(ValueError, match="ghost size must be a whole number >= 2, got 1"):
        ghost.statistics(x, size=1)
    with pytest.raises(ValueError, match=r"shape \(R, B, C, \.\.\.\)"):
        ghost.statistics(x[0], size=2)
    _, cache = ghost.forward(x, size=2)
    with pytest.raises(ValueError, match="does not split into the ghost batches"):
        ghost.backward(cache, np.ones((1, 4, 3)))
