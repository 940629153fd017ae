"""Numbers of the laws on reshuffled epochs and on the losses they descend."""

from fractions import Fraction

import pytest

from theory import laws
from theory.domain import DomainError

BIAS, ENDS, WITHIN = (laws.load(f"reshuffle.{name}") for name in ("conditional_bias", "stationary", "within_epoch"))
EPOCH, FRESH, ORDER = (laws.load(f"implicit.{name}") for name in ("epoch_mean", "iid_none", "order"))
SMALL = {"N": 6, "B": 2, "eta": Fraction(1, 2), "h": 1, "sigma2": 1}


def test_bias_and_spread_add_up_to_the_variance_of_a_batch():
    for t in (1, 2, 3):
        parts = [BIAS.predict(part=p, N=8, B=2, t=t, sigma2=7).value for p in ("bias", "spread")]
        assert sum(parts) == 3
    assert BIAS.predict(part="spread", N=8, B=2, t=3, sigma2=7).value == 0


def test_two_single_examples_settle_where_two_lines_meet():
    # g = +1, -1; h = 1, eta = 1/2: an epoch gives e/4 + or - 1/4, so V = V/16 + 1/16.
    assert ENDS.predict(N=2, B=1, eta=Fraction(1, 2), h=1, sigma2=1).value == Fraction(1, 15)
    middle = WITHIN.predict(N=2, B=1, eta=Fraction(1, 2), h=1, sigma2=1, t=1).value
    assert middle == Fraction(1, 15) / 4 + Fraction(1, 4)


def test_the_cloud_at_both_ends_of_an_epoch_is_the_same():
    end = ENDS.predict(**SMALL).value
    assert WITHIN.predict(**SMALL, t=0).value == WITHIN.predict(**SMALL, t=3).value == end
    average = sum(WITHIN.predict(**SMALL, t=t).value for t in (1, 2, 3)) / 3
    assert WITHIN.predict(**SMALL, part="average").value == average


def test_the_gain_over_independent_batches_at_small_steps():
    values = {"N": 100, "B": 10, "eta": Fraction(1, 10**4), "h": 1}
    exact, leading = (ENDS.predict(part=p, **values).value for p in ("ratio", "small_ratio"))
    assert leading == Fraction(110, 12) / 10**8
    assert abs(exact / leading - 1) < Fraction(1, 100)


@pytest.mark.parametrize("law, values, said", [
    (ENDS, {"B": 4}, "does not divide"), (ENDS, {"B": 6}, "one full batch"), (ENDS, {"h": 4}, "stationary"),
    (WITHIN, {"t": 4}, "exceed"), (EPOCH, {"B": 4}, "does not divide"), (ORDER, {"B": 4}, "does not divide"),
])
def test_outside_the_domain(law, values, said):
    point = {p.name: p.typical for p in law.params} | {"N": 6, "B": 2, "t": 1} | values
    point = {k: v for k, v in point.items() if k in {p.name for p in law.params}}
    with pytest.raises(DomainError, match=said):
        law.predict(**point)


def test_no_batch_is_left_after_the_last():
    with pytest.raises(DomainError, match="no batch of 2 is left after 3"):
        BIAS.predict(N=6, B=2, t=3, sigma2=1)


def test_one_pair_of_coefficients_is_right():
    slopes = {"eta": Fraction(1, 10), "gbar": 3, "ubar": 5, "c_ug": 7}
    share = Fraction(4, 2 * 5)  # p_B of N = 6, B = 2
    right = {"alpha": Fraction(1, 4), "beta": share / 4}
    assert ORDER.predict(N=6, B=2, **slopes, **right).value == 0
    assert ORDER.predict(part="independent", N=6, B=2, **slopes, alpha=Fraction(1, 4), beta=0).value == 0
    gap = ORDER.predict(part="difference", N=6, B=2, eta=Fraction(1, 10), c_ug=7).value
    shuffled = EPOCH.predict(N=6, B=2, **slopes).value
    fresh = FRESH.predict(t=3, eta=Fraction(1, 10), gbar=3, ubar=5).value
    assert shuffled - fresh == gap == -Fraction(1, 200) * 3 * share * 7


def test_a_full_batch_has_no_spread_term():
    slopes = {"eta": Fraction(1, 10), "gbar": 3, "ubar": 5}
    assert EPOCH.predict(N=4, B=4, c_ug=7, **slopes).value == FRESH.predict(t=1, **slopes).value
