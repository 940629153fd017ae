"""Numbers of the laws of momentum."""

from fractions import Fraction

import pytest

from theory import laws
from theory.domain import DomainError

HALF = {"N": 5, "B": 1, "eta": Fraction(1, 2), "h": Fraction(1), "sigma2": Fraction(1), "design": "wr"}


def test_the_variance_at_momentum_zero_is_that_of_plain_sgd():
    plain = laws.load("quadratic.stationary").predict(**HALF).value
    assert laws.load("momentum.heavy_ball").predict(**HALF, beta=0).value == plain
    assert laws.load("momentum.nesterov").predict(**HALF, beta=0).value == plain
    assert laws.load("momentum.nesterov").predict(**HALF, beta=0, part="ahead").value == plain


def test_the_clouds_at_momentum_one_half():
    assert laws.load("momentum.heavy_ball").predict(**HALF, beta=Fraction(1, 2)).value == Fraction(3, 5)
    assert laws.load("momentum.nesterov").predict(**HALF, beta=Fraction(1, 2)).value == Fraction(5, 12)
    assert laws.load("momentum.nesterov").predict(**HALF, beta=Fraction(1, 2), part="ahead").value == Fraction(2, 3)


def test_the_largest_steps_at_momentum_nine_tenths():
    law = laws.load("momentum.stability")
    beta = Fraction(9, 10)
    assert law.predict(h=1, beta=beta).value == Fraction(19, 5)
    assert law.predict(h=1, beta=beta, part="nesterov_edge").value == Fraction(19, 14)
    assert law.predict(h=1, eta=Fraction(19, 5), beta=beta, part="heavy_ball").value == 0
    assert law.predict(h=1, eta=Fraction(37, 10), beta=beta, part="heavy_ball").value == 1


def test_no_stationary_law_beyond_the_edge():
    with pytest.raises(DomainError, match=r"2\(1 \+ beta\)"):
        laws.load("momentum.heavy_ball").predict(**{**HALF, "eta": Fraction(3)}, beta=Fraction(1, 2))
    with pytest.raises(DomainError, match="never forgets"):
        laws.load("momentum.heavy_ball").predict(**HALF, beta=1)


def test_the_effective_step_size_misses_less_as_steps_shrink():
    law = laws.load("momentum.effective_lr")
    found = [law.predict(eta=eta, h=1, beta=Fraction(1, 2)).value for eta in (Fraction(1, 2), Fraction(1, 1000))]
    assert found[0] == Fraction(3, 5)
    assert 1 - found[1] == pytest.approx(2 / 3 / 1000, rel=1e-3)
