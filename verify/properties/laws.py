"""What every law must satisfy, tried on drawn examples: its statement by brute force, its domain, its floats.

The examples are drawn by Hypothesis, always the same ones for a law; a failure is shrunk to a small
example and its text becomes part of the evidence.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import hypothesis
import sympy as sp
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

from theory import exact, notation, oracle
from theory.domain import Choice, DomainError, Integers, Param, validate
from theory.law import Law, Part

__all__ = ["EXAMPLES", "examine", "outside", "values", "worlds"]

EXAMPLES = 60
"""Examples of each property of each part."""

_ON_POPULATIONS = "both sides agree on every batch of a drawn population"
_LONGEST = 6
_MOST_STEPS = 2


class _Found(AssertionError):
    """A counterexample, in words."""


def examine(law: Law, *, examples: int = EXAMPLES) -> dict[str, Any]:
    """Try every property of a law.

    Parameters
    ----------
    law : Law
        The law.
    examples : int
        Examples of each property of each part.

    Returns
    -------
    dict
        ``examples`` in all and ``checks``: name, examples that met the law's domain, and the failure or None.
    """
    checks = []
    for part in law.parts:
        # A zero is searched for among hundreds of candidates, each an enumeration: fewer examples, the same property.
        count = max(5, examples // 6) if part.statement.has(notation.Root) else examples
        own = oracle.own_worlds(law, part)
        checks.append(_try(f"{part.name}: {'what is stated holds in drawn worlds' if own else _ON_POPULATIONS}",
                           seeds() if own else worlds(law),
                           lambda drawn, part=part: _agrees(law, part, drawn), count))
    for part in law.parts:
        if _rational(law, part):
            checks.append(_try(f"{part.name}: floats meet the exact value within the rounding bound", values(law),
                               lambda point, part=part: _rounds(law, part, point), examples))
    for param in law.params:
        checks.append(_try(f"{param.name}: a value outside its domain is refused by name", outside(param),
                           lambda value, param=param: _refuses(law, param, value), examples))
    return {"examples": sum(check["examples"] for check in checks), "checks": checks}


def _try(name: str, strategy: st.SearchStrategy[Any], holds: Callable[[Any], None],
         examples: int) -> dict[str, Any]:
    """Run one property; count only the examples that reached its end."""
    passed = 0

    @settings(max_examples=examples, derandomize=True, database=None, deadline=None, print_blob=False,
              report_multiple_bugs=False, phases=(Phase.generate, Phase.shrink),
              suppress_health_check=list(HealthCheck))
    @hypothesis.given(strategy)
    def prop(drawn: Any) -> None:
        nonlocal passed
        holds(drawn)
        passed += 1

    # Derandomized examples follow from the function's text; its name is added so that properties differ in theirs.
    prop.hypothesis.inner_test._hypothesis_internal_add_digest = name.encode()  # type: ignore[attr-defined]
    failure = None
    try:
        prop()
    except _Found as found:
        failure = str(found)
    except hypothesis.errors.Unsatisfiable:
        passed = 0
    return {"name": name, "examples": passed, "failure": failure}


def worlds(law: Law) -> st.SearchStrategy[dict[str, Any]]:
    """Draw small integer populations, a design, a batch size and values of the other parameters."""
    columns = ("g", "x", "u", "v", "w")
    others = {p.name: _numbers(p) for p in law.params if p.name not in ("N", "B", "design")}

    @st.composite
    def build(draw: st.DrawFn) -> dict[str, Any]:
        design = draw(st.sampled_from(law.designs))
        n = draw(st.integers(2, _LONGEST if design == "wor" else 4))
        size = draw(st.integers(1, n if design == "wor" else 3))
        # Wide populations test the arithmetic; narrow ones meet domains that bound the spread, such as stable steps.
        low, high = draw(st.sampled_from([(-50, 50), (0, 4)]))
        column = st.lists(st.integers(low, high), min_size=n, max_size=n)
        return {"design": design, "B": size, "population": {name: draw(column) for name in columns},
                "values": {name: draw(strategy) for name, strategy in others.items()}}

    return build()


def values(law: Law) -> st.SearchStrategy[dict[str, Any]]:
    """Draw parameter values inside the law's domain."""
    return st.fixed_dictionaries({
        p.name: st.sampled_from(p.domain.values) if isinstance(p.domain, Choice) else _numbers(p, wide=True)
        for p in law.params})


def _numbers(param: Param, *, wide: bool = False) -> st.SearchStrategy[Any]:
    """Draw admissible values of a numeric parameter: small ones where they are enumerated, wide ones for floats."""
    domain = param.domain
    if isinstance(domain, Choice):
        return st.sampled_from(domain.values)
    if isinstance(domain, Integers):
        span = 10**6 if wide else (_MOST_STEPS if param.name == "t" else 4)
        high = domain.low + span if domain.high is None else min(domain.high, domain.low + span)
        return st.integers(domain.low, high)
    low = Fraction(domain.low) if domain.low > -math.inf else Fraction(-3)
    high = Fraction(domain.high) if domain.high < math.inf else low + 4
    parts = 64
    edge = 1 if domain.open else 0
    return st.integers(edge, parts - edge).map(lambda k: low + (high - low) * Fraction(k, parts))


def outside(param: Param) -> st.SearchStrategy[Any]:
    """Draw values that a parameter's domain does not contain."""
    domain = param.domain
    wrong: list[st.SearchStrategy[Any]] = [st.sampled_from([math.nan, math.inf, -math.inf, True, None])]
    if isinstance(domain, Choice):
        return st.one_of(*wrong, st.text(max_size=4).filter(lambda s: s not in domain.values))
    wrong.append(st.text(max_size=4))
    if isinstance(domain, Integers):
        wrong += [st.integers(max_value=domain.low - 1), st.floats(allow_nan=False).filter(lambda x: x != int(x)
                  if math.isfinite(x) else True)]
        if domain.high is not None:
            wrong.append(st.integers(min_value=domain.high + 1))
        return st.one_of(*wrong)
    step = st.fractions(min_value=Fraction(1, 1000), max_value=10**6)
    if domain.low > -math.inf:
        wrong.append(step.map(lambda d: Fraction(domain.low) - d))
        if domain.open:
            wrong.append(st.just(Fraction(domain.low)))
    if domain.high < math.inf:
        wrong.append(step.map(lambda d: Fraction(domain.high) + d))
    return st.one_of(*wrong)


def seeds() -> st.SearchStrategy[int]:
    """Draw the seed of a world, where a statement's nodes or the law's model bring their own."""
    return st.integers(0, 10**6)


def _agrees(law: Law, part: Part, drawn: Any) -> None:
    """Compare both sides by brute force, in the world of a seed or on a drawn population."""
    try:
        found = _in_world(law, part, drawn) if isinstance(drawn, int) else _on_population(law, part, drawn)
    except (ZeroDivisionError, KeyError):
        # A population without spread has no normalized values and no crossover: outside what the law speaks of.
        hypothesis.reject()
    hypothesis.assume(found)
    for c in found:
        if not c.equal:
            shown = ", ".join(f"{k} = {v}" for k, v in c.values.items())
            raise _Found(f"brute force gives {c.lhs}, the law {c.rhs} at {shown}")


def _in_world(law: Law, part: Part, seed: int) -> tuple[oracle.Comparison, ...]:
    return tuple(oracle.compare(law, part, world) for world in oracle.cases(law, part, seed=seed, limit=1))


def _on_population(law: Law, part: Part, world: dict[str, Any]) -> tuple[oracle.Comparison, ...]:
    population = {name: [Fraction(v) for v in column] for name, column in world["population"].items()}
    numbers = {name: Fraction(v) for name, v in world["values"].items() if not isinstance(v, str)}
    return oracle.on_population(law, population=population, part=part.name, sizes=(world["B"],), values=numbers,
                                designs=(world["design"],))


def _refuses(law: Law, param: Param, value: Any) -> None:
    point = {p.name: p.typical for p in law.params} | {param.name: value}
    try:
        validate(law.id, law.params, law.constraints, point, needed=set())
    except DomainError as refusal:
        if param.name not in str(refusal):
            raise _Found(f"the error for {param.name} = {value!r} does not name it: {refusal}") from None
        return
    raise _Found(f"{param.name} = {value!r} is accepted")


def _rational(law: Law, part: Part) -> bool:
    """Say whether the right-hand side is built from parameters by sums, products and whole powers only."""
    if not {s.name for s in part.rhs.free_symbols} <= {p.name for p in law.params}:
        return False
    return all(isinstance(node, (sp.Add, sp.Mul, sp.Symbol, sp.Rational, notation.ByDesign)) or (
        isinstance(node, sp.Pow) and node.exp.is_Integer) for node in sp.preorder_traversal(part.rhs))


def _rounds(law: Law, part: Part, point: dict[str, Any]) -> None:
    try:
        law.validate(point, part=part.name)
        truth = law.value(point, part=part.name)
    except (DomainError, ZeroDivisionError):
        hypothesis.reject()
    floats = {k: float(v) if not isinstance(v, str) else v for k, v in point.items()}
    got = law.value(floats, part=part.name)
    expr = notation.resolve(part.rhs, str(point.get("design", "wor")))
    magnitude, roundings = _conditioned(expr, point)
    unit = 2.0**-53
    bound = 4 * roundings * unit / (1 - 4 * roundings * unit) * magnitude + 1e-300
    if not abs(Fraction(float(got)) - truth) <= Fraction(bound):
        raise _Found(f"{float(got)!r} for {exact.show(truth)}, off by more than {bound:.3g}, at {point}")


def _conditioned(expr: sp.Basic, point: dict[str, Any]) -> tuple[float, int]:
    """Return the size of an expression with every subtraction made an addition, and its number of operations.

    Every rounding perturbs some subexpression by a relative 2^-53 at most; to first order the sum of all
    perturbations is at most the number of operations times the returned size, for sums over denominators
    that are themselves well conditioned (their own ratio multiplies it).
    """
    if isinstance(expr, sp.Rational):
        return abs(float(expr)), 1
    if isinstance(expr, sp.Symbol):
        return abs(float(point[expr.name])), 1
    if isinstance(expr, sp.Pow):
        size, roundings = _conditioned(expr.base, point)
        k = int(expr.exp)
        if k >= 0:
            return size**k, roundings * k + k
        base = abs(float(exact.value(expr.base, point)))
        return base**k * (size / base) ** -k, (roundings + 1) * -k
    parts = [_conditioned(a, point) for a in expr.args]
    roundings = sum(r for _, r in parts) + len(parts)
    if isinstance(expr, sp.Add):
        return math.fsum(size for size, _ in parts), roundings
    return math.prod(size for size, _ in parts), roundings
