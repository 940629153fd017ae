"""Numbers of the laws on scale-invariant weights, their domains, and a normalized network at its balance.

The network has two layers, each behind a batch norm without gain and shift, so all its weights are scale-invariant.  It
is trained on noise, whose squared gradient at unit length is steady but for 2 to 6 percent of relative variance.
"""

import math
from fractions import Fraction

import numpy as np
import pytest

from sim.blocks import Activation, Dense
from sim.norm_blocks import Norm
from sim.optimizers import Optimizer
from sim.sequential import Network
from theory import laws
from theory.domain import DomainError

BALANCE = laws.load("norm.scale.equilibrium")
NORM = Norm("batch", eps=0.0, affine=False)
NETWORK = Network((10,), (Dense(24), NORM, Activation("tanh"), Dense(32), NORM), "squared")
LAYERS = [np.concatenate([np.arange(s.start, s.stop) for s in NETWORK.slots if s.layer == k]) for k in (0, 3)]
STEP, DECAY, REPLICAS = 0.5, 0.2, 24


def value(part: str, **inputs) -> float:
    return float(BALANCE.predict(part=part, **inputs).value)


def test_the_balance():
    # |w|^4 = eta G^2/(lam (2 - eta lam)) = (1/2)/((1/5) 19/10)
    known = {"eta": Fraction(1, 2), "lam": Fraction(1, 5)}
    assert BALANCE.predict(part="projection", **known).value == Fraction(9, 10)
    assert BALANCE.predict(part="multiplier", **known).value == Fraction(31, 50)
    assert BALANCE.predict(part="rate", G=1, **known).value == Fraction(19, 100)
    assert BALANCE.predict(part="rate", G=2, **known).value == Fraction(19, 400)
    assert BALANCE.predict(part="fixed", G=1, **known).value == Fraction(25, 19)


def test_only_the_product_of_rate_and_decay_matters():
    for part in ("projection", "multiplier", "rate"):
        assert value(part, eta=0.5, lam=0.01, G=1) == pytest.approx(value(part, eta=0.05, lam=0.1, G=1), rel=1e-12)


def test_the_usual_forms_are_off_as_the_words_say():
    x = 1e-3
    angle = math.acos(value("projection", eta=1, lam=x))
    assert angle / math.sqrt(2 * x) - 1 == pytest.approx(x / 12, rel=1e-2)
    assert value("fixed", eta=1, lam=x, G=1) / (1 / (2 * x)) - 1 == pytest.approx(x / 2, rel=1e-2)
    assert -1 / math.log(value("multiplier", eta=1, lam=x)) == pytest.approx(1 / (4 * x), rel=1e-2)


def test_decay_that_overshoots():
    with pytest.raises(DomainError, match="not stable"):
        BALANCE.predict(part="projection", eta=2, lam=1)
    with pytest.raises(DomainError, match="the length grows for ever"):
        BALANCE.predict(part="rate", eta=1, lam=0)


def trained(theta, T, seed):
    """Train on noise: squared lengths (T + 1, 2, R), squared gradients at unit length, cosines (T, 2, R), the end."""
    rng = np.random.Generator(np.random.PCG64DXSM(seed))
    X, y = rng.standard_normal((256, 10)), rng.standard_normal((256, 32))
    optimizer = Optimizer("sgd", STEP, lam=DECAY)
    lengths, forces, cosines = [[(theta[:, at] ** 2).sum(1) for at in LAYERS]], [], []
    for _ in range(T):
        batch = np.stack([rng.choice(256, 32, replace=False) for _ in theta])
        _, gradient = NETWORK.gradient(theta, X[batch], y[batch])
        after, _ = optimizer.step(theta, gradient, optimizer.start(theta))
        lengths.append([(after[:, at] ** 2).sum(1) for at in LAYERS])
        forces.append([(gradient[:, at] ** 2).sum(1) for at in LAYERS] * np.array(lengths[-2]))
        product = np.array([(theta[:, at] * after[:, at]).sum(1) for at in LAYERS])
        cosines.append(product / np.sqrt(np.array(lengths[-2]) * lengths[-1]))
        theta = after
    return np.array(lengths), np.array(forces), np.array(cosines), theta


@pytest.fixture(scope="module")
def settled():
    theta = NETWORK.initial(REPLICAS, rng=np.random.Generator(np.random.PCG64DXSM(1)))
    return trained(trained(theta, 60, seed=2)[-1], 120, seed=2)


def test_a_trained_network_settles_at_the_balance(settled):
    """Means over 120 steps and 24 replicas have a standard error below 0.1%: two percent are twenty of them.

    The window is for what the steady gradient of the law leaves out, about half a percent here, so a false alarm is
    below one in a million.  The first-order form lies outside.
    """
    lengths, forces, _, _ = settled
    for layer in (0, 1):
        fourth = (lengths[:-1, layer] ** 2).mean()
        G = math.sqrt(forces[:, layer].mean())
        assert fourth == pytest.approx(value("fixed", eta=STEP, lam=DECAY, G=G), rel=0.02)
        assert fourth != pytest.approx(STEP * G**2 / (2 * DECAY), rel=0.04)
        assert STEP**2 / fourth == pytest.approx(value("rate", eta=STEP, lam=DECAY, G=G), rel=0.02)


def test_every_step_turns_by_the_same_angle(settled):
    """The logarithms of the cosines add up to that of 1 - eta lam and the change of the length: no chance is left.

    The root mean square of the angle is a statistic, with a standard error of 0.03%; sqrt(2 eta lam) is 0.8% off.
    """
    lengths, _, cosines, _ = settled
    cosine = value("projection", eta=STEP, lam=DECAY)
    change = np.log(lengths[0] / lengths[-1]) / (2 * len(cosines))
    assert np.allclose(np.log(cosines).mean(0), math.log(cosine) + change, rtol=0, atol=1e-12)
    for layer in (0, 1):
        angle = math.sqrt((np.arccos(cosines[:, layer]) ** 2).mean())
        assert angle == pytest.approx(math.acos(cosine), rel=0.003)
        assert angle != pytest.approx(math.sqrt(2 * STEP * DECAY), rel=0.003)


def test_departures_from_the_balance_shrink_at_the_stated_rate(settled):
    """Networks 5% longer and 5% shorter than the settled ones come together.

    Five standard errors over replicas: a false alarm below one in a million each.
    """
    theta = settled[-1]
    longer, shorter = (trained(theta * scale, 2, seed=3)[0] for scale in (1.05, 0.95))
    left = (longer[2] - shorter[2]) / (longer[0] - shorter[0])
    multiplier = value("multiplier", eta=STEP, lam=DECAY)
    for each in left:
        error = each.std() / math.sqrt(REPLICAS)
        assert abs(each.mean() - multiplier**2) < 5 * error
        assert each.mean() < (1 - STEP * DECAY) ** 4 - 5 * error  # decay alone
