"""What a law claims of a cell, and which rivals a cell must refute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from theory.law import Experiment
from verify import plan
from verify.cells import cells
from verify.channels import drawn
from verify.channels.drawn import DesignError
from verify.plan import Claim, Plan
from verify.unit.verify.house import DRAWN, HOUSE, LAWS, NAME

VALUES = np.array([0, 1, 2, 9])
CHANCES = np.array([0.4, 0.3, 0.2, 0.1])


def _plan(theta: float = 1.6, *, rivals: Mapping[str, float | None] | None = None, delta: float = 0.1,
          low: float = 0.0, high: float = 9.0, scale: str | None = "1") -> Plan:
    pilot = np.random.default_rng(0).choice(VALUES, size=plan.PILOT, p=CHANCES)
    claim = Claim(str(theta), theta, rivals or {}, low, high, scale, delta, 1e-6)
    return plan.make(claim, np.clip(pilot, low, high))


def test_a_rival_is_the_duty_of_the_cheapest_cell() -> None:
    a, b = _plan(rivals={"x": 2.0, "y": 1.75, "z": 50.0}), _plan(rivals={"x": 2.4, "y": 1.65, "z": 1.6})
    must = drawn.duties({"one": ("p", a), "two": ("p", b), "three": ("q", a)})
    assert must == {"one": ("z",), "two": ("x",), "three": ("x", "z")}


def test_the_claim_of_a_cell_is_exact_and_lists_its_rivals() -> None:
    cell = cells(DRAWN, **HOUSE)[1]
    got = drawn.claim(DRAWN, cell, NAME)
    # Squares 0, 1, ..., 49 have variance 1113/4; N = 8, B = 4.
    assert got.theta == "159/4" and got.scale == "1/1024"
    assert got.rivals == {"no correction": 1113 / 16, "N for N-1": 1113 / 32, "B+1": 1113 / 35}
    assert [drawn.separates(got, name) for name in ("no correction", "N for N-1", "B+1")] == [True, True, True]
    coarse = replace(got, delta=0.08)
    assert [drawn.separates(coarse, name) for name in ("no correction", "N for N-1", "B+1")] == [True, False, True]
    assert not drawn.separates(replace(got, rivals={"undefined": None}), "undefined")
    assert drawn.separates(replace(got, value=0.0), "B+1")


@pytest.mark.parametrize(("fixed", "says"), [
    ({"values": 8, "B": 9}, "claimed mean has no value|refuses this cell"), ({"values": 1, "B": 1}, "no value|finite")])
def test_a_cell_outside_the_domain_is_a_design_error(fixed: dict[str, Any], says: str) -> None:
    law = replace(LAWS["toy.drawn"], experiments=(Experiment("squared_error", fixed=fixed),))
    with pytest.raises(DesignError, match=says):
        drawn.claim(law, cells(law, **HOUSE)[0], NAME)
