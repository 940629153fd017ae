"""A small house for tests: one cheap law with its wrong variants, probes with faults to order, and populations.

The module serves as catalogue (`load`), as probes (`setting`, `draw`, `fingerprint`) and as populations
(`population`), so that every part of the driver runs on laws of known truth.
"""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from sim import designs
from theory.domain import Choice, Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, BatchSum, E, N, PopMean, design, dg, g, gbar, sigma2
from verify import plan

NAME = "verify.unit.verify.house"
HOUSE = {"laws": NAME, "probes": NAME, "populations": NAME}

with sp.evaluate(False):
    _RHS = (sigma2 / B) * ((N - B) / (N - 1))
_STATEMENT = sp.Eq(E((BatchSum(g) / B - gbar) ** 2, B), _RHS, evaluate=False)
_DERIVATION = (
    Step("center", E((BatchSum(dg) / B) ** 2, B), "deviations"),
    Step("moment", PopMean(dg**2) / B * (N - B) / (N - 1), "inclusion probabilities"),
    Step("definition", _RHS, "divisor N"),
)
_RIVALS = (
    Rival("no correction", sigma2 / B, "independent draws"),
    Rival("N for N-1", sigma2 / B * (N - B) / N, "wrong divisor", near=True),
    Rival("B+1", sigma2 * (N - B) / ((B + 1) * (N - 1)), "off by one", near=True),
)
_DRAWN = Experiment("squared_error", grid={"B": (2, 4, 8)}, fixed={"values": 8}, delta=Fraction(1, 20))
TRUE = Law(
    id="toy.variance", version=1, title="Variance of a batch mean", parts=(
        Part("variance", _STATEMENT, derivation=_DERIVATION, rivals=_RIVALS),),
    params=(
        Param(N, Integers(2), 8, "population"), Param(B, Integers(1), 2, "batch"),
        Param(sigma2, Reals(0), Fraction(1), "variance"), Param(design, Choice(("wor",)), "wor", "design"),
    ),
    constraints=(Constraint(B <= N, "the batch of {B} exceeds the {N} samples", "wor"),),
    exactness=Exactness.IDENTITY, assumptions=(Assumption("uniform", "every batch is equally likely"),),
    sources=(Source("cochran1977"),), words="A toy.", where={sigma2: PopMean(dg**2)}, experiments=(
        _DRAWN, Experiment("enumerate", channel="network", fixed={"population": "1 2 4 9"})),
)
DRAWN = replace(TRUE, id="toy.drawn", exactness=Exactness.DIRECTION, experiments=(_DRAWN,))


def _variant(name: str, rhs: sp.Expr, **more: Any) -> Law:
    part = replace(TRUE.parts[0], statement=sp.Eq(_STATEMENT.args[0], rhs, evaluate=False))
    return replace(DRAWN, id=name, parts=(part,), **more)


def _fault(name: str, fault: str, **more: Any) -> Law:
    return replace(DRAWN, id=f"toy.{name}", experiments=(replace(_DRAWN, grid={"B": (2,)}, fixed={
        "values": 8, "fault": fault, **more}),))


LAWS = {law.id: law for law in (
    TRUE, DRAWN,
    _variant("toy.wrong", sigma2 / B * sp.Rational(6, 5) * (N - B) / (N - 1)),
    _variant("toy.outside", sigma2 * 1000),
    replace(DRAWN, id="toy.above", uses=("toy.wrong",)),
    replace(DRAWN, id="toy.blind", experiments=(replace(_DRAWN, grid={"B": (8,)}, delta=Fraction(1, 2)),)),
    replace(DRAWN, id="toy.circle", uses=("toy.circle",)),
    _fault("escapes", "escapes"), _fault("raises", "raises"), _fault("dies", "dies"), _fault("repeats", "repeats"),
    _fault("floats", "floats"), _fault("slow", "slow"), _fault("biased", "biased"),
    replace(DRAWN, id="toy.smoke", experiments=(
        replace(_DRAWN, grid={"B": (4,)}, profile="smoke"), replace(_DRAWN, grid={"B": (2,)}, profile="deep"))),
)}


def load(law_id: str) -> Law:
    return LAWS[law_id]


def ids() -> tuple[str, ...]:
    return tuple(sorted(LAWS))


def population(name: str) -> np.ndarray:
    return np.array([int(word) for word in name.split()])


@dataclass(frozen=True, slots=True)
class Setting:
    known: Mapping[str, Any]
    low: float
    high: float
    scale: Fraction | None


def _values(cell: Mapping[str, Any]) -> list[int]:
    # Squares spread the batch sums over many values.
    return [k * k for k in range(int(cell["values"]))]


def setting(cell: Mapping[str, Any]) -> Setting:
    values, size = _values(cell), int(cell["B"])
    n, mean = len(values), Fraction(sum(values), len(values))
    errors = [(Fraction(sum(batch), size) - mean) ** 2 for batch in itertools.combinations(values, size)]
    known = {"N": Fraction(n), "B": Fraction(size), "sigma2": sum((v - mean) ** 2 for v in values) / n}
    low, high = float(min(errors)), float(max(errors))
    slack = 1e-12 * max(1.0, high) if cell.get("fault") == "floats" else 0.0
    return Setting(known, np.nextafter(low - slack, -np.inf), np.nextafter(high + slack, np.inf),
                   None if cell.get("fault") == "floats" else Fraction(1, (n * size) ** 2))


def draw(cell: Mapping[str, Any], n: int, *, rng: np.random.Generator, sampler: Any = designs.draw) -> np.ndarray:
    values, size, fault = np.array(_values(cell)), int(cell["B"]), cell.get("fault", "")
    if fault == "raises" and n != plan.PILOT:
        raise ValueError("a fault to order")
    if fault == "dies" and n != plan.PILOT:
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "slow":
        time.sleep(0.02)
    if fault == "repeats" and n != plan.PILOT:
        rng = np.random.default_rng(1)
    batches = sampler("wor", len(values), size, n, rng=rng)
    if fault == "biased":
        batches = batches[:, :1].repeat(size, axis=1)
    errors = (len(values) * values[batches].sum(axis=1) - size * values.sum()) ** 2
    if fault == "escapes" and n != plan.PILOT:
        errors[n // 2] = 10**9
    if fault == "floats":
        return errors / float(len(values) * size) ** 2
    return errors


def fingerprint(probe: str) -> str:
    return f"{probe}-1".ljust(64, "0")
