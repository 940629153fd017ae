"""The weights that fit best: where a mean of squares is smallest.

`Best(f, p, ...)`   value of p where f is smallest over p and the other weights together; f is a parabola in them
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.equality import PROVED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["Best"]


class Best(nt.Node):
    """Value of the first weight (second argument) at the minimum over all of them."""

    nargs = (2, 3)

    @property
    def weights(self) -> tuple[sp.Symbol, ...]:
        """The weights that are fitted."""
        return tuple(self.args[1:])

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, *weights = (printer._print(a) for a in self.args)
        first = weights[0] if len(weights) == 1 else f"({','.join(weights)})"
        text = rf"\operatorname*{{arg\,min}}_{{{first}}}{body}"
        return nt._power(text if len(weights) == 1 else rf"\left({text}\right)_{{{weights[0]}}}", exp)


def _parabola(node: Best, world: Context) -> tuple[Number, list[Number], list[list[Number]]]:
    """Return value, slope and second derivatives at zero, from values at whole points.

    Raises
    ------
    KeyError
        If another point shows that the function is no parabola.
    """
    count, memory = len(node.weights), {}

    def at(*point: int) -> Number:
        if point not in memory:
            values = dict(zip(node.weights, map(Fraction, point), strict=True))
            memory[point] = evaluate(node.args[0], replace(world, values={**world.values, **values}, facts={}))
        return memory[point]

    def unit(*places: int) -> tuple[int, ...]:
        return tuple(places.count(k) for k in range(count))

    def opposite(k: int) -> tuple[int, ...]:
        return tuple(-(k == i) for i in range(count))

    start = at(*unit())
    slope = [(at(*unit(k)) - at(*opposite(k))) / 2 for k in range(count)]
    bend = [[at(*unit(k)) + at(*opposite(k)) - 2 * start if k == i else
             at(*unit(k, i)) - at(*unit(k)) - at(*unit(i)) + start for i in range(count)] for k in range(count)]
    far = tuple(range(2, 2 + count))
    expected = start + sum((s * p for s, p in zip(slope, far, strict=True)), Fraction(0))
    for (k, p), (i, q) in itertools.product(enumerate(far), repeat=2):
        expected = expected + bend[k][i] * Fraction(p * q, 2)
    if at(*far) != expected:
        raise KeyError("the function is no parabola in its weights")
    return start, slope, bend


def _solved(bend: Sequence[Sequence[Number]], slope: Sequence[Number]) -> Number:
    """Return the first weight of the lowest point.

    Raises
    ------
    ZeroDivisionError
        If there is no single lowest point.
    """
    first = bend[0][0]
    determinant = first if len(bend) == 1 else first * bend[1][1] - bend[0][1] * bend[1][0]
    if not (first > 0 and determinant > 0):
        raise ZeroDivisionError("no single lowest point")
    if len(bend) == 1:
        return -slope[0] / first
    return (bend[0][1] * slope[1] - bend[1][1] * slope[0]) / determinant


@registry.means(Best)
def _best(node: Best, world: Context) -> Number:
    _, slope, bend = _parabola(node, world)
    return _solved(bend, slope)


@registry.rule("least squares", "a mean of squares of what is linear in the weights is smallest where its derivatives "
               "vanish: once, unless it is flat in some direction")
def _least_squares(at: Situation) -> Check:
    """Check the claimed weights against the function's closed form.

    `where` names the part that proves the closed form (``loss``) and holds the claimed weights by their names.
    """
    nodes = sorted(at.left.atoms(Best), key=str)
    if not nodes or len({n.args[0] for n in nodes}) != 1 or len({frozenset(n.weights) for n in nodes}) != 1:
        raise ValueError("the line must hold the best weights of one function")
    body, weights = nodes[0].args[0], nodes[0].weights
    names, name = [p.name for p in at.law.parts], str(at.step.where.get("loss", ""))
    if name not in names or names.index(name) >= names.index(at.part.name):
        return Check(UNDECIDED, {"rule": f"{name or 'no part'} does not prove the function's closed form before this"})
    proved = at.law.part(name)
    if proved.lhs != body or proved.relation != "=":
        return Check(UNDECIDED, {"rule": f"part {name} is not about this function"})
    square = body.args[0]
    if not (isinstance(square, sp.Pow) and square.exp == 2 and _linear(square.base, weights)):
        raise ValueError("the function must be the mean of a square of what is linear in the weights")
    claimed = {w: sp.sympify(at.step.where[w.name]) for w in weights if w.name in at.step.where}
    if set(claimed) != set(weights):
        return Check(UNDECIDED, {"rule": "every weight needs a claimed value"})
    closed = rules.unfold(nt.resolve(proved.rhs, at.design), at.definitions)
    values = {w: rules.unfold(value, at.definitions) for w, value in claimed.items()}
    slopes = [equal(sp.diff(closed, w).xreplace(values), sp.S.Zero) for w in weights]
    bend = sp.Matrix([[sp.diff(closed, w, u) for u in weights] for w in weights]).det()
    flat = equal(bend, sp.S.Zero)
    if flat.answer == PROVED:
        return Check(UNDECIDED, {**flat.engines, "rule": "the function is flat in some direction"})
    left = rules.unfold(at.left.xreplace({n: claimed[n.weights[0]] for n in nodes}), at.definitions)
    return rules.worst(*slopes, equal(left, rules.unfold(at.right, at.definitions)))


def _linear(expr: sp.Expr, weights: Sequence[sp.Symbol]) -> bool:
    inside = [a for a in expr.atoms(nt.Node) if a.has(*weights)]
    return not inside and expr.is_polynomial(*weights) and sp.Poly(expr, *weights).total_degree() == 1
