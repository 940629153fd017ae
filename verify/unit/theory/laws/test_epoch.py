"""Numbers of `epoch.unequal` and `accumulate.identity`."""

from fractions import Fraction

import pytest

from theory import laws
from theory.domain import DomainError

EPOCH, ACCUMULATE = laws.load("epoch.unequal"), laws.load("accumulate.identity")


def test_a_short_last_batch():
    # two of N = 3, one alone: 1/16 of sigma^2; by hand (1/2 - 1/3)^2 (sum of squared errors) / 3 over the three orders
    assert EPOCH.predict(B=2, K=2, b_last=1, sigma2=1).exact == "1/16"
    errors = [Fraction(x) for x in (-1, 0, 1)]
    by_hand = sum(((sum(errors) - x) / 2 + x) ** 2 / 4 for x in errors) / 3
    assert by_hand == Fraction(1, 16) * Fraction(2, 3)
    assert EPOCH.predict(B=3, K=4, b_last=3, sigma2=1).exact == "0"


def test_any_sizes_agree_with_the_short_one_and_meet_their_bound():
    assert EPOCH.predict(part="variance", N=3, K=2, b_inv=Fraction(3, 4), sigma2=1).exact == "1/16"
    with pytest.raises(DomainError, match="at least K/N"):
        EPOCH.predict(part="variance", N=3, K=2, b_inv=Fraction(1, 2), sigma2=1)
    with pytest.raises(DomainError, match="at most as large as the others, B = 2"):
        EPOCH.predict(B=2, K=2, b_last=3, sigma2=1)


def test_micro_batches_of_one_and_three():
    # means 0 and 4: all four examples together have the mean 3, the mean of means is 2
    assert ACCUMULATE.predict(ubar=2, vbar=2, cov_uv=2).exact == "3"
    assert ACCUMULATE.predict(ubar=2, vbar=2, cov_uv=0).exact == "2"
