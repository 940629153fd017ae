"""Numbers of `gradient.uphill`: the attained case, the noiseless one, the domain."""

from fractions import Fraction

import pytest

from theory import laws
from theory.domain import DomainError

LAW = laws.load("gradient.uphill")


def test_the_attained_case_and_the_full_batch():
    # slopes 0, 4, 4, 4: mean 3, variance 3
    assert LAW.predict(N=4, B=1, sigma2=Fraction(3), G2=Fraction(3)).exact == "1/4"
    assert LAW.predict(N=4, B=4, sigma2=Fraction(3), G2=Fraction(3)).exact == "0"
    assert LAW.predict(N=4, B=2, sigma2=Fraction(3), G2=Fraction(3), design="wr").exact == "1/7"


def test_a_stationary_point_has_no_uphill():
    with pytest.raises(DomainError, match="G2 = 0 is not allowed"):
        LAW.predict(N=4, B=1, sigma2=1, G2=0)
