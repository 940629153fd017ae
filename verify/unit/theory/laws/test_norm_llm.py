"""Normalization in language models: numbers of the laws against random vectors and wide random networks."""

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from sim import norms
from theory import laws
from theory.domain import DomainError


def test_the_share_of_the_mean_is_a_beta_variable():
    """Kolmogorov-Smirnov; a right law fails once in a million."""
    width = 12
    x = np.random.default_rng(0).standard_normal((20_000, width))
    share = x.mean(axis=1) ** 2 / (x**2).mean(axis=1)
    assert stats.kstest(share, stats.beta(0.5, (width - 1) / 2).cdf).pvalue > 1e-6
    assert stats.kstest(share, stats.beta(0.5, width / 2).cdf).pvalue < 1e-6
    law = laws.load("norm.llm.rms_vs_ln")
    assert law.predict(part="direction", n=width).value == Fraction(1, 12)
    assert law.predict(part="direction_square", n=width).value == Fraction(3, 12 * 14)


def test_signs_of_one_large_entry():
    law = laws.load("norm.llm.rms_vs_ln")
    assert law.predict(part="signs_square", n=4, k_4=4).value == Fraction(1, 16)  # one entry: f = 1/4 always
    with pytest.raises(DomainError, match="exceeds n = 4"):
        law.predict(part="signs_square", n=4, k_4=5)


def test_a_batch_of_one_token():
    law = laws.load("norm.llm.decode_b1")
    assert law.predict(part="output", beta=3, gamma=2).value == 3
    tokens = np.random.default_rng(1).standard_normal((5, 1, 1, 8))
    layer = [norms.forward("layer", token, eps=1e-5)[0] for token in tokens]
    kept = [float(np.mean(y**2)) for y in layer]
    expected = [float(law.predict(part="layer", gamma=1.0, eps=1e-5, v=float(t.var())).value) for t in tokens]
    assert kept == pytest.approx(expected, rel=1e-12)
    assert float(np.std(np.concatenate(layer), axis=0).min()) > 0


def last_gradient(blocks: int, width: int, *, pre: bool, rectified: bool, seed: int) -> float:
    """Norm of the derivative of a random linear loss by the last block's weights."""
    rng = np.random.default_rng(seed)

    def normal(x: np.ndarray) -> np.ndarray:
        return x / np.sqrt(np.mean(x * x))

    def active(x: np.ndarray) -> np.ndarray:
        return np.sqrt(2) * np.maximum(x, 0) if rectified else x

    x = normal(rng.standard_normal(width))
    for _ in range(blocks):
        branch = active(normal(x))
        before = x + rng.standard_normal((width, width)) @ branch / np.sqrt(width)
        x = before if pre else normal(before)
    loss = rng.standard_normal(width)
    # The norm behind the last block has the Jacobian (1 - x_hat x_hat'/n)/sqrt(mean x^2).
    hat = normal(before)
    back = (loss - hat * (hat @ loss) / width) / np.sqrt(np.mean(before * before))
    return float(np.linalg.norm(back) * np.linalg.norm(branch))


@pytest.mark.parametrize("rectified", [False, True])
def test_wide_networks(rectified):
    """Forty networks of width 200: the standard error of the ratio is below 2 %, of which four are allowed."""
    law = laws.load("norm.llm.pre_post")
    for blocks in (6, 24):
        pre, post = (np.mean([last_gradient(blocks, 200, pre=pre, rectified=rectified, seed=s) for s in range(40)])
                     for pre in (True, False))
        claim = float(law.predict(L=blocks, v=1.0).value)
        assert pre / post == pytest.approx(claim, rel=0.08)
        assert abs(pre / post - 1 / np.sqrt(blocks)) > 0.2 * claim
    assert float(law.predict(L=24, v=1).value) == pytest.approx(0.2828, abs=1e-4)


def test_the_spread_of_the_stream_at_finite_width():
    """Mean and variance of the mean square, each within five standard errors."""
    width, depth, runs = 4, 5, 20_000
    rng = np.random.default_rng(2)
    x = np.ones((runs, width))
    for _ in range(depth):
        hat = x / np.sqrt(np.mean(x * x, axis=1, keepdims=True))
        weights = rng.standard_normal((runs, width, width)) * np.sqrt(0.5 / width)
        x = x + np.einsum("rij,rj->ri", weights, hat)
    square = np.mean(x * x, axis=1)
    law = laws.load("norm.llm.pre_post")
    mean, variance = (float(law.predict(part=p, L=depth, v=0.5, **more).value)
                      for p, more in (("stream", {}), ("spread", {"n": width})))
    off = square - mean
    assert abs(off.mean()) < 5 * off.std() / np.sqrt(runs)
    assert abs((off**2).mean() - variance) < 5 * (off**2).std() / np.sqrt(runs)
