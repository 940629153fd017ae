"""Numbers of `noise_scale.optimum`: half the decrease at the noise scale."""

from fractions import Fraction

import pytest

from theory import laws
from theory.domain import DomainError

LAW = laws.load("noise_scale.optimum")
POINT = {"N": 9, "G2": Fraction(1), "GHG": Fraction(1), "trHS": Fraction(4)}


def test_at_the_noise_scale_a_batch_earns_half():
    assert LAW.predict(B=4, design="wr", **POINT).exact == "1/4"
    # without replacement 4 of 9 have p = 5/32
    assert LAW.predict(B=4, **POINT).exact == "4/13"
    assert LAW.predict(B=9, **POINT).exact == "1/2"


def test_the_parabola_at_its_top_and_beyond():
    for step, value in ((Fraction(1, 2), "1/4"), (Fraction(1), "0"), (Fraction(3, 2), "-3/4")):
        assert LAW.predict(part="decrease", B=4, design="wr", eta=step, **POINT).exact == value
    assert LAW.predict(part="break_even").exact == "0"


def test_without_curvature_there_is_no_best_step():
    with pytest.raises(DomainError, match="GHG = 0 is not allowed"):
        LAW.predict(B=4, **(POINT | {"GHG": 0}))
