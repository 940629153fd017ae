"""Numbers of the laws of quadratics."""

from fractions import Fraction

import numpy as np
import pytest

from theory import laws
from theory.domain import DomainError

POINT = {"N": 9, "B": 2, "eta": Fraction(1, 2), "h1": Fraction(2), "h2": Fraction(1), "h12": Fraction(1, 2),
         "Sigma11": Fraction(3), "Sigma22": Fraction(1), "sigma12": Fraction(-1), "design": "wor"}


def covariance() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """H, Sigma_B and the stationary covariance by iterating the recursion."""
    H = np.array([[2.0, 0.5], [0.5, 1.0]])
    noise = (9 - 2) / (2 * 8) * np.array([[3.0, -1.0], [-1.0, 1.0]])
    A, C = np.eye(2) - H / 2, np.zeros((2, 2))
    for _ in range(400):
        C = A @ C @ A + noise / 4
    return H, noise, C


def test_the_trace_forms_are_what_the_recursion_leads_to():
    H, noise, C = covariance()
    excess = laws.load("quadratic.excess")
    assert float(excess.predict(**POINT).value) == pytest.approx(np.trace(H @ C) / 2, rel=1e-12)
    assert float(excess.predict(**POINT, part="gradient").value) == pytest.approx(np.trace(H @ H @ C), rel=1e-12)
    form = np.trace(np.linalg.inv(2 * np.eye(2) - H / 2) @ noise) / 4
    assert float(excess.predict(**POINT).value) == pytest.approx(form, rel=1e-12)
    trace = laws.load("quadratic.trace")
    pull = 2 * np.trace(H @ C) - np.trace(H @ H @ C) / 2
    assert float(trace.predict(**POINT).value) == pytest.approx(pull, rel=1e-12)


def test_in_the_eigenbasis_the_covariance_of_the_noise_does_not_matter():
    law = laws.load("quadratic.excess")
    along = {**POINT, "h12": Fraction(0)}
    assert law.predict(**along).value == law.predict(**{**along, "sigma12": Fraction(1)}).value


@pytest.mark.parametrize(("change", "why"), [
    ({"h12": Fraction(3, 2)}, "minimum"), ({"eta": Fraction(1)}, "eta"),
    ({"eta": Fraction(95, 100)}, "largest eigenvalue")])
def test_what_has_no_stationary_state_is_refused(change, why):
    with pytest.raises(DomainError, match=why):
        laws.load("quadratic.excess").predict(**{**POINT, **change})
