"""Numbers of the laws on gradients, peers and capacity of normalization layers."""

from fractions import Fraction

import pytest

from theory import laws
from theory.domain import DomainError


def value(law, part="", **named):
    return float(laws.load(f"norm.{law}").predict(part=part, **named).value)


def test_peers_share():
    assert laws.load("norm.grad.peer_share").predict(B=8, z=1).value == Fraction(1, 4)
    assert value("grad.peer_share", "total") == 2
    with pytest.raises(DomainError, match="exceeds sqrt"):
        value("grad.peer_share", B=8, z=3)
    with pytest.raises(DomainError, match="no shares"):
        value("grad.peer_share", B=2, z=1)


def test_a_batch_of_two_passes_no_gradient():
    assert laws.load("norm.grad.jacobian").predict(B=2, z_eps=1, scale=1).value == 0


def test_one_position_is_the_peers_share():
    z = Fraction(3, 2)
    across = value("grad.cross_sample", B=8, HW=1, z_eps=z, own_sum=z, own_squares=z**2, q=1, scale=1)
    row = 1 - (1 + 1.5**2) / 8
    assert across / row == pytest.approx((1 + 1.5**2) / 8)


def test_one_peer():
    ceiling, floor = (value("sec.one_peer", part, B=5, **named) for part, named in (
        ("ceiling", {"u_i": 1}), ("floor", {})))
    assert ceiling == pytest.approx(1.5**0.5) and floor == -0.5
    assert value("sec.one_peer", B=5, u_i=1, tau=-1) == pytest.approx(ceiling)
    assert floor < value("sec.one_peer", B=5, u_i=1, tau=10**6) < floor + 1e-5


def test_breakdown():
    assert value("sec.breakdown", "limit", B=5, k=1, u_i=1, h=Fraction(1, 10**9)) == pytest.approx(-0.5)
    assert value("sec.breakdown", B=5, k=1, tau=0) == 1.25
    with pytest.raises(DomainError, match="must be honest"):
        value("sec.breakdown", B=5, k=4, tau=1)


def test_sensitivities():
    assert [value("sec.dp_sensitivity", part, B=8, C_clip=1) for part in (
        "layer_norm", "honest", "same_label", "opposite_label")] == [2, 14, 12, 16]


def test_labelings_of_six_points_in_three_dimensions():
    assert [value("capacity.cover", part, P=6, d=3) for part in ("raw", "layer_norm", "rms")] == [52, 32, 52]


def test_dimensions_lost():
    assert value("capacity.dof", n=2) == 0
    assert [value("capacity.dof", part, B=4, C=6, G=3, HW=5) for part in (
        "batch", "layer", "groups", "instance", "rms")] == [12, 8, 24, 48, 4]


def test_the_margin_of_xor():
    assert value("capacity.ln_xor", shift=3) == pytest.approx((2**0.5 - (27 / 14) ** 0.5) / 2)
    assert value("capacity.ln_xor", shift=3) == pytest.approx(0.0127, abs=5e-5)
    assert value("capacity.ln_xor", shift=1.0001) == pytest.approx(0.0947, abs=5e-5)
