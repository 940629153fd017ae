"""Brute force: small worlds inside a law's domain, and both sides of its statement compared in them."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry
from theory.balls import Ball, rounded
from theory.domain import Choice, Integers, Reals
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.surds import Surd
from theory.world import Context, Number, batches

__all__ = ["Comparison", "Context", "cases", "compare", "compare_sides", "enumerate_law", "holds", "on_population",
           "own_worlds"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """One brute-force comparison: both sides as text, and which rivals hold here as the law does.

    `equal` says that the statement holds; `tight` that its two sides agree, which of a bound is more.  `numbers` are
    the two sides, under ``lhs`` and ``rhs``, and the rivals' values, to float64; a rival without a value is left
    out, and so is what is a tensor or a series.
    """

    part: str
    values: Mapping[str, str]
    lhs: str
    rhs: str
    equal: bool
    rivals: Mapping[str, bool]
    tight: bool = True
    numbers: Mapping[str, float] = field(default_factory=dict)


def holds(relation: str, left: Number, right: Number) -> bool:
    """Say whether two numbers stand in a part's relation."""
    if relation == "=":
        return bool(left == right)
    return bool(left <= right) if relation == "<=" else bool(left >= right)


def _is_number(value: Any) -> bool:
    return isinstance(value, (Fraction, Surd, Ball))


_OF_A_BATCH = (nt.BatchSum, nt.ComplementSum)


def _pathwise(part: Part) -> bool:
    """Say whether a statement speaks of one batch rather than of an expectation."""
    outside = part.lhs.replace(
        lambda e: isinstance(e, nt.Node) and not isinstance(e, _OF_A_BATCH) and not e.transparent, lambda _: sp.S.One)
    return outside.has(nt.BatchSum, nt.ComplementSum, *nt.BATCH_STATISTICS)


def compare(law: Law, part: Part, world: Context) -> Comparison:
    """Compare both sides of a part, and every rival, in one world (for every batch if pathwise)."""
    worlds = [world]
    if _pathwise(part):
        size = int(evaluate(nt.B, world))
        worlds = [replace(world, batch=b) for _, b in batches(world.size, size, world.design)]
        worlds = [w for w in worlds if _defined(part, w)]
    sides = [nt.resolve(e, world.design) for e in (part.lhs, part.rhs, *(r.expr for r in part.rivals))]
    lhs = [evaluate(sides[0], w) for w in worlds]
    rhs = [evaluate(sides[1], w) for w in worlds]
    equal = all(holds(part.relation, a, b) for a, b in zip(lhs, rhs, strict=True))
    tight = equal and (part.relation == "=" or all(a == b for a, b in zip(lhs, rhs, strict=True)))
    numbers = {name: rounded(side[0]) for name, side in (("lhs", lhs), ("rhs", rhs)) if side and _is_number(side[0])}
    rivals = {}
    for rival, expr in zip(part.rivals, sides[2:], strict=True):
        rivals[rival.name] = True
        try:
            for place, (a, w) in enumerate(zip(lhs, worlds, strict=True)):
                value = evaluate(expr, w)
                if place == 0 and _is_number(value):
                    numbers[rival.name] = rounded(value)
                if not holds(part.relation, a, value):
                    rivals[rival.name] = False
                    break
        except ZeroDivisionError:
            rivals[rival.name] = False
    shown = {s.name: str(v) for s, v in world.values.items()} | {"N": str(world.size), "design": world.design}
    shown["population"] = "; ".join(
        f"{k}: " + ", ".join(str(value) for value in values) for k, values in world.population.items())
    return Comparison(part.name, shown, str(lhs[0]) if lhs else "-", str(rhs[0]) if rhs else "-", equal, rivals,
                      tight, numbers)


def compare_sides(part: Part, left: sp.Basic, right: sp.Basic, world: Context) -> bool:
    """Say whether two expressions stand in a part's relation in a world (for every batch if pathwise)."""
    worlds = [world]
    if _pathwise(part):
        size = int(evaluate(nt.B, world))
        worlds = [replace(world, batch=b) for _, b in batches(world.size, size, world.design)]
        worlds = [w for w in worlds if _defined(part, w)]
    a, b = nt.resolve(left, world.design), nt.resolve(right, world.design)
    return all(holds(part.relation, evaluate(a, w), evaluate(b, w)) for w in worlds)


def _defined(part: Part, world: Context) -> bool:
    """A batch without spread has no normalized values; statements that divide by s exclude it."""
    return not part.statement.has(nt.s) or evaluate(nt.s, world) != 0


# Enough for second moments on a grid larger than the degree in N and B; paths of batches grow faster.
SMALL_N, SMALL_N_PATHS = 7, 4

# Where a law's domain admits few random populations, others are tried, until there are enough worlds.
PASSES, ENOUGH = 12, 20

# Largest batch from a model's population, whose batches are many.
MODEL_BATCH = 2


def _free(law: Law, part: Part) -> list[sp.Symbol]:
    """Parameters of a part that neither the population nor the batch determines."""
    determined = set(law.where) | set(nt.MEAN_OF.values()) | set(nt.ROOT_OF) | {nt.N, nt.B, nt.design}
    determined |= {nt.w_mean, nt.w_var, nt.w_cov, nt.w_sumvar} | set(nt.BATCH_STATISTICS)
    bound = {node.args[1] for node in part.lhs.atoms(sp.Limit, nt.Root)}
    symbols = part.statement.free_symbols | {p.symbol for p in law.params}
    return sorted((s for s in symbols - determined - bound
                   if not isinstance(s, (nt.PerExample, nt.RandomSymbol))), key=str)


def _choices(law: Law, symbol: sp.Symbol, rng: random.Random) -> list[Fraction]:
    """A few small admissible values of a parameter."""
    domain = next((p.domain for p in law.params if p.symbol == symbol), Reals(0, 1, open=True))
    if isinstance(domain, Integers):
        top = domain.low + 2 if domain.high is None else min(domain.high, domain.low + 2)
        return [Fraction(k) for k in range(domain.low, top + 1)]
    if isinstance(domain, Choice):
        raise ValueError(f"{symbol} has no numeric values")
    low = Fraction(domain.low) if domain.low > -math.inf else Fraction(-2)
    high = Fraction(domain.high) if domain.high < math.inf else low + 2
    return [low + (high - low) * Fraction(rng.randint(1, 15), 16) for _ in range(2)]


def cases(law: Law, part: Part, *, seed: int, limit: int = 60) -> Iterator[Context]:
    """Small worlds inside the law's domain: random integer populations, every batch size that fits.

    A family of nodes may bring its own worlds, and a law that is exact in a model its own populations.
    """
    rng = random.Random(f"{law.id}/{part.name}/{seed}")
    kind = _world_of(part)
    drawn = registry.WORLDS[kind](law, part, rng) if kind else _worlds(law, part, rng, limit)
    produced = 0
    for tried, world in enumerate(drawn):
        if produced == limit or tried > PASSES * 60 * max(limit, ENOUGH):
            return
        if world is None:
            if produced >= min(limit, ENOUGH):
                return
            continue
        scalars = {s.name: v for s, v in world.values.items()} | {"N": world.size, "design": world.design}
        known = {p.name for p in law.params} | {"N", "B", "design"}
        if _admitted(law, {k: v for k, v in scalars.items() if k in known}) and _facts_inside(law, world):
            produced += 1
            yield world


def own_worlds(law: Law, part: Part) -> bool:
    """Say whether a part is tried in worlds of its own: its nodes bring them, or the law's model its populations."""
    return _world_of(part) is not None or bool(law.population)


def _world_of(part: Part) -> type | None:
    return next((kind for kind in registry.WORLDS if part.statement.has(kind)), None)


def _worlds(law: Law, part: Part, rng: random.Random, limit: int) -> Iterator[Context | None]:
    """Yield worlds of the standard kind, and None after the first pass over the grid of sizes and parameters."""
    names = sorted({"g", "x", "u", "v", "w"})
    free = _free(law, part)
    model = registry.POPULATIONS[law.population](rng) if law.population else None
    grid = []
    largest = SMALL_N_PATHS if part.lhs.has(nt.ChainMean, nt.ChainCov, nt.ChainVarMixed) else SMALL_N
    for design in law.designs:
        top = largest if design == "wor" else 3
        sizes = range(2, top + 1) if model is None else [len(next(iter(model.values())))]
        for n in sizes:
            most = n if design == "wor" else 4
            for b in range(1, (most if model is None else min(most, MODEL_BATCH)) + 1):
                for combo in itertools.product(*(_choices(law, s, rng) for s in free)):
                    grid.append((design, n, b, combo))
    rng.shuffle(grid)
    for place, (design, n, b, combo) in enumerate(grid * PASSES):
        if place == len(grid):
            yield None
        values: dict[sp.Symbol, Number] = {nt.B: Fraction(b), **dict(zip(free, combo, strict=True))}
        scalars = {s.name: v for s, v in values.items()} | {"N": n, "design": design}
        known = {p.name for p in law.params} | {"N", "B", "design"}
        if not _admitted(law, {k: v for k, v in scalars.items() if k in known}):
            continue
        population = _integers(n, names, rng) if model is None else model
        yield Context(population, design, values, law.where, _weights(n, rng) if part.lhs.has(nt.WeightedSum) else ())


def _integers(n: int, names: Sequence[str], rng: random.Random) -> Mapping[str, Sequence[Number]]:
    """Draw a small integer for every example and quantity; a constant population, which tests nothing, is changed."""
    population = {k: [Fraction(rng.randint(-6, 9)) for _ in range(n)] for k in names}
    for values in population.values():
        values[-1] += len(set(values)) == 1
    return population


def _admitted(law: Law, scalars: Mapping[str, Any]) -> bool:
    for param in law.params:
        if param.name in scalars and param.domain.reject(scalars[param.name]):
            return False
    return all(c.holds(scalars) for c in law.constraints)


def _facts_inside(law: Law, world: Context) -> bool:
    """Say whether the parameters that the population determines meet their domains and the constraints."""
    scalars: dict[str, Any] = {s.name: v for s, v in world.values.items()}
    scalars |= {"N": world.size, "design": world.design}
    for param in law.params:
        if param.symbol in law.where and param.symbol not in world.values:
            try:
                value = evaluate(param.symbol, world)
            except (KeyError, ValueError, ZeroDivisionError):
                continue  # not a fact of this world alone; the comparison will say more
            if isinstance(value, Fraction):
                scalars[param.name] = value
    return _admitted(law, scalars)


def _weights(n: int, rng: random.Random) -> list[tuple[Fraction, tuple[Fraction, ...]]]:
    """A biased exchangeable scheme: a random size, a uniform subset of it, a weight by size."""
    sizes = {k: Fraction(rng.randint(1, 4)) for k in range(1, n + 1)}
    total = sum(sizes.values())
    scheme = []
    for k, mass in sizes.items():
        subsets = list(itertools.combinations(range(n), k))
        weight = Fraction(1, k + 1)
        for subset in subsets:
            weights = tuple(weight if i in subset else Fraction(0) for i in range(n))
            scheme.append((mass / total / len(subsets), weights))
    return scheme


def enumerate_law(law: Law, *, seed: int, limit: int = 40) -> tuple[Comparison, ...]:
    """Compare every part of a law with brute force in up to `limit` small worlds each.

    Worlds in which the left side is undefined (a batch without spread under a division by its
    standard deviation) are outside the statement and are left out.
    """
    found = []
    for part in law.parts:
        for world in cases(law, part, seed=seed, limit=limit):
            try:
                found.append(compare(law, part, world))
            except ZeroDivisionError:
                continue
    return tuple(found)


def on_population(law: Law, *, population: Sequence[Fraction] | Mapping[str, Sequence[Fraction]], part: str = "",
                  sizes: Sequence[int] | None = None, values: Mapping[str, Fraction] | None = None,
                  designs: Sequence[str] | None = None) -> tuple[Comparison, ...]:
    """Compare a part on a given population, enumerating every batch of every size.

    Parameters
    ----------
    law : Law
        The law.
    population : sequence of Fraction, or mapping from symbol name
        Values per example; a bare sequence serves for every per-example symbol, and a mapping's first
        entry for the symbols it does not name.
    part : str
        Which equation (the headline by default).
    sizes : sequence of int, optional
        Batch sizes (all that fit by default; at most 4 with replacement).
    values : mapping of str to Fraction, optional
        Values of further parameters.
    designs : sequence of str
        Sampling designs to enumerate, among the law's (all of them by default).

    Returns
    -------
    tuple of Comparison
    """
    given = dict(population) if isinstance(population, Mapping) else {"": population}
    first = [Fraction(v) for v in next(iter(given.values()))]
    filled = {k: [Fraction(v) for v in given.get(k, first)] for k in ("g", "x", "u", "v", "w")}
    chosen = law.part(part)
    extra = {s: Fraction(values[s.name]) for s in _free(law, chosen) if values and s.name in values}
    out = []
    for design in designs or law.designs:
        if design not in law.designs:
            continue
        top = len(first) if design == "wor" else min(len(first), 4)
        for size in sizes or range(1, top + 1):
            scalars = {"N": len(first), "B": size, "design": design} | {s.name: v for s, v in extra.items()}
            if not _admitted(law, scalars):
                continue
            weights = _weights(len(first), random.Random(0)) if chosen.lhs.has(nt.WeightedSum) else []
            world = Context(filled, design, {nt.B: Fraction(size), **extra}, law.where, weights)
            if _facts_inside(law, world):
                out.append(compare(law, chosen, world))
    return tuple(out)
