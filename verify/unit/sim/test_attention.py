"""Attention against plain loops, finite differences and the strict array API; refusals."""

from __future__ import annotations

from typing import Any

import array_api_strict as strict
import numpy as np
import pytest

from sim import attention
from verify.unit.sim.test_layers import STEP, slope

SHAPES = [(2, 3, 4, 5), (2, 5, 3), (2, 5, 3), (2, 5, 3), (2, 3, 5)]


def _arrays(seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.standard_normal(shape) for shape in SHAPES]


@pytest.mark.parametrize("causal", [False, True])
def test_output_by_the_definition(causal: bool) -> None:
    x, query, key, value, out = _arrays(0)
    y, _ = attention.attend(x, query, key, value, out, causal=causal)
    for r, b, t in np.ndindex(2, 3, 4):
        last = t + 1 if causal else 4
        scores = np.array([x[r, b, t] @ query[r] @ (x[r, b, s] @ key[r]) / np.sqrt(3) for s in range(last)])
        weights = np.exp(scores) / np.exp(scores).sum()
        mixed = sum(w * (x[r, b, s] @ value[r]) for s, w in enumerate(weights))
        assert np.allclose(y[r, b, t], mixed @ out[r], rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("causal", [False, True])
def test_backward_by_finite_differences(causal: bool) -> None:
    arrays = _arrays(1)
    dy = np.random.default_rng(2).standard_normal(SHAPES[0])
    _, cache = attention.attend(*arrays, causal=causal)
    found = attention.attend_backward(cache, *arrays[1:], dy)
    # truncation STEP^2 |f'''| / 6 with |f'''| < 10^4 (checked by halving the step), rounding 200 roundoffs of |f| < 200
    atol = 1e4 * STEP**2 / 6 + 200 * 1.2e-16 * 200 / STEP
    for place, gradient in enumerate(found):

        def value_at(a: np.ndarray, place: int = place) -> float:
            moved = [*arrays[:place], a, *arrays[place + 1 :]]
            return float((attention.attend(*moved, causal=causal)[0] * dy).sum())

        assert np.allclose(gradient, slope(value_at, arrays[place]), rtol=0, atol=atol)


def test_causal_attention_does_not_see_later_tokens() -> None:
    x, *weights = _arrays(3)
    y, cache = attention.attend(x, *weights, causal=True)
    changed = x.copy()
    changed[:, :, 3] += 1
    assert (attention.attend(changed, *weights, causal=True)[0][:, :, :3] == y[:, :, :3]).all()
    dy = np.zeros_like(y)
    dy[:, :, 1] = 1
    assert not attention.attend_backward(cache, *weights, dy)[0][:, :, 2:].any()


def test_permuted_tokens_permute_the_output() -> None:
    x, *weights = _arrays(4)
    order = [2, 0, 3, 1]
    y, turned = attention.attend(x, *weights)[0], attention.attend(x[:, :, order], *weights)[0]
    # sums over positions run in another order: a few roundoffs of terms of order ten
    assert np.allclose(turned, y[:, :, order], rtol=0, atol=1e-13)


def test_large_scores_do_not_overflow() -> None:
    x, *weights = _arrays(5)
    y, cache = attention.attend(x * 1e100, *weights)
    assert np.isfinite(y).all()
    assert np.allclose(cache.weights.sum(axis=-1), 1, rtol=0, atol=1e-15)


def test_strict_array_api_gives_the_same() -> None:
    arrays = _arrays(6)

    def all_of(*given: Any) -> list[Any]:
        y, cache = attention.attend(*given, causal=True)
        return [y, *attention.attend_backward(cache, *given[1:], y)]

    theirs = all_of(*(strict.asarray(a) for a in arrays))
    for one, other in zip(all_of(*arrays), theirs, strict=True):
        assert np.allclose(one, np.asarray(other), rtol=1e-12, atol=1e-12)


def test_bad_shapes_are_refused() -> None:
    x, query, key, value, out = _arrays(7)
    with pytest.raises(ValueError, match=r"key weights must have shape \(2, 5, 3\), got \(2, 5, 2\)"):
        attention.attend(x, query, key[..., :2], value, out)
    with pytest.raises(ValueError, match=r"tokens must have shape \(R, B, T, D\)"):
        attention.attend(x[0], query, key, value, out)
    _, cache = attention.attend(x, query, key, value, out)
    with pytest.raises(ValueError, match="dy must have the output's shape"):
        attention.attend_backward(cache, query, key, value, out, x[:, :, :3])
