"""Numbers of the laws of flat minima, and the Gaussian form of the quartic term in two coordinates."""

from fractions import Fraction

import numpy as np
import pytest

from theory import laws
from theory.domain import DomainError

SHIFT, WORST, REST, SCALED = (laws.load(f"flat.{name}") for name in (
    "random_shift", "worst_shift", "remainder", "reparam"))


def test_random_shifts():
    point = {"h1": 2, "h2": 1, "h12": 0, "C11": Fraction(1, 2), "C22": 2, "cov_uv": 1, "ubar": 1, "vbar": 0}
    assert SHIFT.predict(**point).exact == "5/2"
    assert SHIFT.predict(**(point | {"h12": 3})).exact == "11/2"
    gaussian = SHIFT.predict(part="quartic", h=1, mu2=2, mu3=5, kappa=0, L3=0, L4=3)
    assert gaussian.exact == "5/2"  # 2/2 + 3 * 4/8
    assert SHIFT.predict(part="quartic", h=1, mu2=2, mu3=5, kappa=-2, L3=6, L4=3).exact == "13/2"


def test_the_quartic_term_of_a_gaussian_shift_in_two_coordinates():
    """Three nodes a coordinate integrate degree five: the mean is one eighth of L_ijkl C_ij C_kl."""
    rng = np.random.default_rng(5)
    root = rng.standard_normal((2, 2))
    C, L = root @ root.T, rng.standard_normal((2, 2, 2, 2))
    L = sum(np.transpose(L, order) for order in __import__("itertools").permutations(range(4))) / 24
    nodes, weights = np.array([-(3**0.5), 0, 3**0.5]), np.array([1, 4, 1]) / 6
    mean = sum(p * q * np.einsum("ijkl,i,j,k,l", L, *[root @ (a, b)] * 4) / 24
               for a, p in zip(nodes, weights, strict=True) for b, q in zip(nodes, weights, strict=True))
    assert mean == pytest.approx(np.einsum("ijkl,ij,kl", L, C, C) / 8, rel=1e-12)


def test_the_worst_shift_and_the_sphere():
    assert WORST.predict(h_max=4, R=Fraction(1, 2)).exact == "1/2"
    angles = np.linspace(0, 2 * np.pi, 4001)
    H = np.array([[2.0, 1.0], [1.0, -0.5]])
    rises = [0.5 * d @ H @ d for d in 0.5 * np.stack([np.cos(angles), np.sin(angles)], axis=1)]
    top = float(np.linalg.eigvalsh(H)[-1])
    assert max(rises) == pytest.approx(float(WORST.predict(h_max=top, R=0.5).value), rel=1e-6)


def test_remainders():
    assert REST.predict(s=2, rho_H=3).exact == "4"
    with pytest.raises(DomainError, match="s = -1 is not allowed"):
        REST.predict(s=-1, rho_H=3)


def test_the_trace_equates_two_statistics():
    with pytest.raises(DomainError, match="no number to predict"):
        SCALED.predict(alpha=2)
