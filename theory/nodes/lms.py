"""Stability and stationary state of one-pass least squares, by the operator of all second moments.

`Stable(eta, B)`       1 if the second moments of the error vanish without label noise, else 0
`LargestStep(B)`       the step size up to which they do
`Excess(eta, B)`       expected excess risk in the stationary state, with label noise

Brute force builds the linear map C -> E[(I - eta H_B) C (I - eta H_B)] on all symmetric matrices from an enumeration
of H_B, the mean of x x' over a batch, and asks for its spectral radius: off-diagonal elements are included, and no
secular equation is used.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import flint
import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.balls import BITS, Ball
from theory.domain import Integers, Param, Reals
from theory.equality import PROVED, UNDECIDED, Check, equal, nonnegative
from theory.evaluation import evaluate
from theory.law import Assumption, Part
from theory.laws import load
from theory.nodes.gauss import CoordSum, Fresh, Largest, canonical, d, d1, d2, da, ha, polynomial, res, worlds, xa
from theory.nodes.indicator import positive_factors
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["AFTER", "DIMENSION", "DISTANCE", "FRESH", "GAIN", "GAUSSIAN", "LABELS", "LOSS", "MOVED", "WEIGHT", "Excess",
           "LargestStep", "Stable", "gain", "h_max"]

DIMENSION = Param(d, Integers(1), 10, "dimension: number of parameters")
LABELS = Param(nt.sigma2, Reals(0), Fraction(1), "variance of the label noise")
GAUSSIAN = Assumption("Gaussian inputs", "inputs are N(0, H); labels are linear in the input plus noise that is "
                      "independent of it, of mean zero and variance sigma2, of any law")
FRESH = Assumption("fresh examples", "every batch consists of B new independent examples: one pass, no data set")

MOVED = da - nt.eta * nt.BatchSum(xa * res) / nt.B
"""A coordinate of the error after a step."""
AFTER, DISTANCE = CoordSum(Fresh(MOVED**2, nt.B)), CoordSum(da**2)
"""Squared distance from the solution: expected after a step, and before it."""
LOSS = CoordSum(ha * da**2)
"""Twice the excess risk."""

h_max = sp.Symbol("h_max", positive=True)
gain = sp.Symbol("chi", real=True)
_REACH = nt.eta * ha * (1 + 1 / nt.B)
WEIGHT = 1 / (2 - _REACH)
GAIN = CoordSum(nt.eta * ha / nt.B * WEIGHT)


class Stable(nt.Node):
    """Whether SGD is stable in mean square: 1 or 0."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return r"\mathbf 1\{\operatorname{E}\,|\theta_t-\theta_*|^2\to 0\}"


class LargestStep(nt.Node):
    """The least upper bound of the stable step sizes."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"\eta_{{\max}}({printer._print(self.args[0])})"
        return f"{text}^{{{exp}}}" if exp else text


class Excess(nt.Node):
    """Expected excess risk in the stationary state."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = r"\operatorname{E}\left[L(\theta_\infty)-L(\theta_*)\right]"
        return rf"\left({text}\right)^{{{exp}}}" if exp else text


# Brute force. ----------------------------------------------------------------------------------------------------

@cache
def _products(dimension: int, size: int) -> tuple[dict[tuple[int, int], Fraction], dict[tuple[int, ...], Fraction]]:
    """Average the entries of the batch mean of z z', and their products in pairs, over every batch of draws.

    Coordinates of z are -1, 0, 1 with probabilities 1/6, 2/3, 1/6.
    """
    places = list(itertools.combinations_with_replacement(range(dimension), 2))
    inputs = []
    for z in itertools.product((-1, 0, 1), repeat=dimension):
        chance = Fraction(1)
        for entry in z:
            chance *= Fraction(1, 6) if entry else Fraction(2, 3)
        inputs.append((chance, z))
    first: dict[tuple[int, int], Fraction] = {}
    second: dict[tuple[int, ...], Fraction] = {}
    for (i, j), (k, m) in itertools.product(places, repeat=2):
        one = _tally((z[i] * z[j], z[k] * z[m], chance) for chance, z in inputs)
        total = {(0, 0): Fraction(1)}
        for _ in range(size):
            total = _tally((x + r, y + s, p * q) for ((x, y), p), ((r, s), q) in
                           itertools.product(total.items(), one.items()))
        first[i, j] = first[j, i] = sum((x * p for (x, _), p in total.items()), Fraction(0)) / size
        mixed = sum((x * y * p for (x, y), p in total.items()), Fraction(0)) / size**2
        for left, right in itertools.product(((i, j), (j, i)), ((k, m), (m, k))):
            second[left + right] = mixed
    return first, second


def _tally(outcomes: Iterable[tuple[int, int, Fraction]]) -> dict[tuple[int, int], Fraction]:
    """Collect equal outcomes."""
    found: dict[tuple[int, int], Fraction] = {}
    for x, y, chance in outcomes:
        found[x, y] = found.get((x, y), Fraction(0)) + chance
    return found


@dataclass(frozen=True)
class _Operator:
    """One step maps C to C - eta K C + eta^2 Q C; matrices over symmetric matrices, and the Hessian."""

    linear: list[list[Fraction]]
    square: list[list[Fraction]]
    hessian: list[list[Fraction]]
    places: list[tuple[int, int]]

    def lost(self, eta: Fraction) -> list[list[Fraction]]:
        """Return identity minus the one-step map."""
        return [[eta * k - eta**2 * q for k, q in zip(row, other, strict=True)]
                for row, other in zip(self.linear, self.square, strict=True)]

    def stable(self, eta: Fraction) -> bool:
        """Say whether the spectral radius is below one; the map is symmetric under the trace product."""
        lost = self.lost(eta)
        weights = [1 if i == j else 2 for i, j in self.places]
        down = [[w * x for x in row] for w, row in zip(weights, lost, strict=True)]
        up = [[2 * weights[r] * (r == s) - x for s, x in enumerate(row)] for r, row in enumerate(down)]
        return _definite(down) and _definite(up)


def _operator(scales: Sequence[Fraction], size: int) -> _Operator:
    n = len(scales)
    first, second = _products(n, size)
    hessian = [[scales[i] * scales[j] * first[i, j] for j in range(n)] for i in range(n)]
    places = list(itertools.combinations_with_replacement(range(n), 2))
    columns_k, columns_q = [], []
    for place in places:
        basis = [[Fraction(int((i, j) in (place, place[::-1]))) for j in range(n)] for i in range(n)]
        linear = {(i, m): sum(hessian[i][j] * basis[j][m] + basis[i][j] * hessian[j][m] for j in range(n))
                  for i, m in places}
        square = {(i, m): sum((basis[j][k] * second[i, j, k, m] * scales[i] * scales[j] * scales[k] * scales[m]
                               for j in range(n) for k in range(n)), Fraction(0)) for i, m in places}
        columns_k.append([linear[p] for p in places])
        columns_q.append([square[p] for p in places])
    return _Operator([list(row) for row in zip(*columns_k, strict=True)],
                     [list(row) for row in zip(*columns_q, strict=True)], hessian, places)


def _definite(matrix: list[list[Fraction]]) -> bool:
    """Say whether a symmetric matrix is positive definite, by elimination."""
    rows = [list(row) for row in matrix]
    for k in range(len(rows)):
        if rows[k][k] <= 0:
            return False
        for i in range(k + 1, len(rows)):
            ratio = rows[i][k] / rows[k][k]
            rows[i] = [x - ratio * y for x, y in zip(rows[i], rows[k], strict=True)]
    return True


def _here(world: Context, size: sp.Basic) -> _Operator:
    return _operator(world.state["scales"], int(evaluate(size, world)))


def _flint(matrix: list[list[Fraction]]) -> Any:
    return flint.fmpq_mat([[flint.fmpq(x.numerator, x.denominator) for x in row] for row in matrix])


@registry.means(Stable)
def _stable(node: Stable, world: Context) -> Number:
    return Fraction(int(_here(world, node.args[1]).stable(evaluate(node.args[0], world))))


@registry.means(LargestStep)
def _largest_step(node: LargestStep, world: Context) -> Number:
    """Find where K - eta Q, positive definite at eta = 0, ceases to be."""
    operator = _here(world, node.args[0])
    with flint.ctx.workprec(2 * BITS):
        zeros = (_flint(operator.linear).inv() * _flint(operator.square)).charpoly().complex_roots()
        top = max((zero.real for zero, _ in zeros), key=float)
        edge = 1 / top
    near = Fraction(float(edge.mid()))
    if not operator.stable(near * Fraction(999999, 1000000)) or operator.stable(near * Fraction(1000001, 1000000)):
        raise ArithmeticError("the stable step sizes do not end where the operator becomes singular")
    return Ball(edge)


@registry.means(Excess)
def _excess(node: Excess, world: Context) -> Number:
    """Solve for the second moments that a step leaves as they are."""
    operator, eta = _here(world, node.args[1]), evaluate(node.args[0], world)
    if not operator.stable(eta):
        raise ValueError(f"no stationary state at step size {eta}")
    size = int(evaluate(node.args[1], world))
    noise = [[eta**2 * world.state["noise"] ** 2 / size * operator.hessian[i][j]] for i, j in operator.places]
    found = _flint(operator.lost(eta)).solve(_flint(noise))
    second = {p: Fraction(int(found[k, 0].p), int(found[k, 0].q)) for k, p in enumerate(operator.places)}
    return sum((operator.hessian[i][j] * second[i, j] * (1 if i == j else 2) for i, j in operator.places),
               Fraction(0)) / 2


registry.worlds(Stable, LargestStep, Excess)(worlds)


# Proofs. ---------------------------------------------------------------------------------------------------------

def _earlier(at: Situation, name: str) -> Part:
    """Return a part of the law that is proved before the one at hand."""
    for part in at.law.parts:
        if part is at.part:
            break
        if part.name == name:
            return part
    raise ValueError(f"no part {name!r} stands before {at.part.name!r}")


def _same(at: Situation, left: sp.Basic, right: sp.Basic) -> Check:
    """Compare two lines of which neither holds an expectation, without label noise."""
    return equal(*(canonical(rules.unfold(side, at.definitions).xreplace({nt.sigma2: sp.S.Zero}))
                   for side in (left, right)))


def _criterion(at: Situation, node: sp.Basic) -> Check:
    """Check that the conditions are gain < 1 and that every weight is positive."""
    conditions = positive_factors(node) or []
    if len(conditions) != 2:
        raise ValueError("the criterion is two conditions")
    if at.definitions.get(h_max) != Largest(ha):
        raise ValueError("h_max must be the largest eigenvalue")
    below, inside = sorted(conditions, key=lambda c: c.has(h_max))
    return rules.worst(_same(at, below, 1 - GAIN), equal(inside, (2 - _REACH).xreplace({ha: h_max})))


@registry.rule("drift decides", "a positive form that changes by -(1 - chi) times another decides the stability")
def _drift_decides(at: Situation) -> Check:
    """Prove when all second moments vanish.

    The part ``drift`` says that V = sum of weight times squared error changes by -eta (1 - chi) 2 R on average, R the
    excess risk.  Where all weights are positive, V and R bound each other, so V vanishes geometrically for chi < 1
    and does not for chi >= 1; and with V all second moments, by the inequality of Cauchy and Schwarz.  Where a weight
    is not, the part ``coordinate`` says that that coordinate's square grows.
    """
    if at.left != Stable(nt.eta, nt.B):
        raise ValueError("the line before is not the stability of the chain")
    drift, coordinate = _earlier(at, "drift"), _earlier(at, "coordinate")
    square = Fresh(MOVED**2, nt.B)
    if drift.lhs != CoordSum(WEIGHT * square) - CoordSum(WEIGHT * da**2) or coordinate.lhs != square - da**2:
        raise ValueError("the cited parts do not state the change of the weighted and of the single squares")
    return rules.worst(
        _criterion(at, at.right),
        _same(at, drift.rhs, -nt.eta * (1 - GAIN) * LOSS),
        _same(at, coordinate.rhs, -nt.eta * ha * da**2 / WEIGHT + nt.eta**2 * ha / nt.B * LOSS),
    )


@registry.rule("gain is one",
               "the gain rises from zero without bound while all weights are positive: it is one at the edge")
def _gain_is_one(at: Situation) -> Check:
    """Prove that the gain is one at the largest stable step size."""
    if at.left != nt.At(gain, nt.eta, LargestStep(nt.B)):
        raise ValueError("the line before is not the gain at the largest stable step")
    term = rules.unfold(gain, at.definitions).args[0]
    top, bottom = sp.fraction(sp.factor(sp.cancel(sp.diff(term, nt.eta))))
    square = all(power % 2 == 0 for base, power in sp.factor_list(bottom)[1] if base.has(nt.eta))
    rising = nonnegative(top.xreplace({s: sp.Symbol(s.name, nonnegative=True) for s in top.free_symbols}))
    monotone = PROVED if square and rising == PROVED else UNDECIDED
    start = equal(term.xreplace({nt.eta: sp.S.Zero}), sp.S.Zero)
    criterion = _criterion(at, _earlier(at, "criterion").rhs)
    found = rules.worst(equal(at.right, sp.S.One), start, criterion)
    return Check(found.answer if monotone == PROVED else UNDECIDED, {**found.engines, "monotone": monotone})


@registry.rule("smaller zero", "of the two zeros of a quadratic, the smaller one is the edge")
def _smaller_zero(at: Situation) -> Check:
    """Prove the largest stable step for two eigenvalues h1 <= h2 from gain = 1.

    The numerator of 1 - gain is c - b eta + a eta^2 with positive a, b, c, and it is not positive where the weight of
    h2 has its pole: the smaller zero lies before the pole, the other behind.
    """
    if at.left != LargestStep(nt.B) or _earlier(at, "edge").lhs.args[0] != gain:
        raise ValueError("the line before is not the largest stable step")
    term = rules.unfold(gain, at.definitions).args[0]
    top, _ = sp.fraction(sp.cancel(1 - d1 * term.xreplace({ha: nt.h1}) - d2 * term.xreplace({ha: nt.h2})))
    a, minus_b, c = polynomial(top, nt.eta).all_coeffs()
    if sp.expand(c).could_extract_minus_sign():
        a, minus_b, c = -a, -minus_b, -c
    free, more = sp.symbols("eta_ more", nonnegative=True)
    pole = 2 / (nt.h2 * (1 + 1 / nt.B))
    apart = sp.cancel(-(c + minus_b * pole + a * pole**2))
    positive = {s: sp.Symbol(s.name, nonnegative=True) for s in (nt.B, d1, d2, nt.h1)}
    signs = [nonnegative(sp.expand(x.xreplace({nt.h2: nt.h1 + more}).xreplace(positive)))
             for x in (a, -minus_b, c, apart)]
    roots = [p for p in at.right.atoms(sp.Pow) if p.exp == sp.Rational(1, 2)]
    if len(roots) != 1:
        raise ValueError("the edge is a quotient with one square root")
    letter = sp.Dummy()
    line = polynomial(sp.cancel(1 / at.right.xreplace({roots[0]: letter})), letter)
    if line.degree() != 1:
        raise ValueError("the inverse of the edge must be linear in the root")
    slope, start = line.all_coeffs()
    signs.append(nonnegative(slope.xreplace(positive).xreplace({nt.h2: free})))
    same = rules.worst(equal(start, -minus_b / (2 * c)),
                       equal(slope**2 * roots[0].base, (minus_b**2 - 4 * a * c) / (4 * c**2)))
    sign = PROVED if set(signs) == {PROVED} else UNDECIDED
    return Check(same.answer if sign == PROVED else UNDECIDED, {**same.engines, "sign": sign})


@registry.rule("factor is one", "the squared distance is multiplied by one factor a step: stable while it is below one")
def _factor_is_one(at: Situation) -> Check:
    """Turn the largest stable step into the step at which the factor of `lms.contraction` is one."""
    if at.left != LargestStep(nt.B) or not isinstance(at.right, nt.Root) or at.right.args[1] != nt.eta:
        raise ValueError("the largest stable step becomes the root of the factor minus one in eta")
    if "lms.contraction" not in at.law.uses or at.definitions.get(ha) != nt.h:
        raise ValueError("the law must use lms.contraction/factor and have one eigenvalue")
    return equal(at.right.args[0], load("lms.contraction").part("factor").rhs - 1)


@registry.rule("settled", "in the stationary state the weighted squares do not change on average")
def _settled(at: Situation) -> Check:
    """Solve the drift of `lms.stability` for the stationary excess risk."""
    inside = any(p.symbol == gain and isinstance(p.domain, Reals) and p.domain.high <= 1 and p.domain.open
                 for p in at.law.params)
    reach = sp.Lt(_REACH.xreplace({ha: h_max}), 2)
    if at.left != Excess(nt.eta, nt.B) or "lms.stability" not in at.law.uses:
        raise ValueError("the line before is the stationary excess risk; lms.stability must be among the uses")
    if not inside or all(c.relation != reach for c in at.law.constraints):
        raise ValueError("the domain must be that of stable steps")
    if at.definitions.get(gain) != GAIN or at.definitions.get(h_max) != Largest(ha):
        raise ValueError("the gain must be that of lms.stability")
    letter = sp.Dummy()
    change = load("lms.stability").part("drift").rhs.xreplace({LOSS: letter})
    line = polynomial(sp.expand(change), letter)
    if line.degree() != 1:
        raise ValueError("the drift is not linear in the loss")
    slope, start = line.all_coeffs()
    return equal(at.right, -start / slope / 2)
