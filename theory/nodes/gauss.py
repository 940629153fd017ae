"""One-pass least squares on Gaussian inputs: expectations over fresh examples, sums over the coordinates.

`Fresh(f, B)`   expectation over a batch of B fresh examples; f is a polynomial in `BatchSum`s
`Moment(f)`     expectation over one fresh example
`CoordSum(f)`   sum over the d coordinates in the eigenbasis of the Hessian
`Largest(f)`    the largest value of f over the coordinates

An example is an input x ~ N(0, H) and a label y = x.theta_* + noise of variance sigma2; theta - theta_* is the
error.  In f, `xa` is the coordinate summed over and `xb` another one, `ha`, `hb` are their eigenvalues and `da`,
`db` their errors; `res` = x.theta - y is the residual, so that `xa*res` is a coordinate of the example's gradient.

The brute-force inputs have three values a coordinate, with the moments of a Gaussian through order five; all that
is stated here is of order four at most.  The label noise there is a fair sign: only its variance enters.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import sympy as sp

from theory import moments, registry, rules
from theory import notation as nt
from theory.domain import Integers, Reals
from theory.equality import Check, equal
from theory.evaluation import evaluate
from theory.registry import Situation
from theory.world import Context, Number

if TYPE_CHECKING:
    from theory.law import Law, Part

__all__ = ["LARGEST_BATCH", "CoordSum", "Fresh", "Largest", "Moment", "canonical", "d", "d1", "d2", "da", "db", "ha",
           "hb", "labels", "polynomial", "res", "spectrum", "worlds", "xa", "xb"]


class Input(nt.PerExample):
    """A coordinate of the input."""

    def _latex(self, printer: Any) -> str:
        return rf"x^{{({self.name[1:]})}}"


class Residual(nt.PerExample):
    """Prediction minus label."""


class Along(sp.Symbol):
    """A number belonging to a coordinate."""

    def _latex(self, printer: Any) -> str:
        return {"h": "h", "d": r"\delta"}[self.name[0]] + f"_{self.name[1:]}"


xa, xb = Input("xa", real=True), Input("xb", real=True)
res = Residual("res", real=True)
ha, hb = Along("ha", positive=True), Along("hb", positive=True)
da, db = Along("da", real=True), Along("db", real=True)
d, d1, d2 = sp.symbols("d d1 d2", integer=True, positive=True)


class Fresh(nt.Node):
    """Expectation over a batch of fresh examples, of the size of the second argument."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt.E(*self.args)._latex(printer, exp)


class Moment(nt.Node):
    """Expectation over one fresh example."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"\operatorname{{E}}\left[{printer._print(self.args[0])}\right]"
        return f"{text}^{{{exp}}}" if exp else text


class CoordSum(nt.Node):
    """Sum over the coordinates."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body = printer._print(self.args[0])
        text = r"\sum_{a=1}^{d}" + (rf"\left({body}\right)" if isinstance(self.args[0], sp.Add) else " " + body)
        return rf"\left({text}\right)^{{{exp}}}" if exp else text


class Largest(nt.Node):
    """Largest value over the coordinates."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        text = rf"\max_{{a}} {printer._print(self.args[0])}"
        return rf"\left({text}\right)^{{{exp}}}" if exp else text


def _coordinates(node: sp.Basic, world: Context) -> Iterator[Number]:
    """Iterate over the values of a node's argument, one a coordinate."""
    spectrum, error = world.state.get("spectrum", ()), world.state["error"]
    for a in range(len(error)):
        values = {**world.values, da: error[a]} | ({ha: spectrum[a]} if spectrum else {})
        yield evaluate(node.args[0], replace(world, values=values, state={**world.state, "a": a}, facts={}))


@registry.means(CoordSum)
def _coord_sum(node: CoordSum, world: Context) -> Number:
    return sum(_coordinates(node, world), Fraction(0))


@registry.means(Largest)
def _largest(node: Largest, world: Context) -> Number:
    return max(_coordinates(node, world))


def _examples(world: Context) -> Iterator[tuple[Fraction, Context]]:
    """Iterate over every (probability, world with that example's input and residual)."""
    a, b = world.state.get("a", 0), world.state.get("b")
    for chance, x, noise in world.state["examples"]:
        values = dict(world.values)
        values |= {xa: x[a], res: sum((c * e for c, e in zip(x, world.state["error"], strict=True)), -noise)}
        if b is not None:
            values[xb] = x[b]
        yield chance, replace(world, values=values, facts={})


@registry.means(Moment)
def _moment(node: Moment, world: Context) -> Number:
    return sum((chance * evaluate(node.args[0], here) for chance, here in _examples(world)), Fraction(0))


@registry.means(Fresh)
def _fresh(node: Fresh, world: Context) -> Number:
    """Carry the distribution of the batch sums from draw to draw, and average over it."""
    body, size = node.args[0], int(evaluate(node.args[1], world))
    sums = sorted(body.atoms(nt.BatchSum), key=sp.default_sort_key)
    letters = [sp.Dummy() for _ in sums]
    one: dict[tuple[Number, ...], Fraction] = {}
    for chance, here in _examples(world):
        outcome = tuple(evaluate(s.args[0], here) for s in sums)
        one[outcome] = one.get(outcome, Fraction(0)) + chance
    total = {(Fraction(0),) * len(sums): Fraction(1)}
    for _ in range(size):
        grown: dict[tuple[Number, ...], Fraction] = {}
        for (before, p), (drawn, q) in itertools.product(total.items(), one.items()):
            after = tuple(x + y for x, y in zip(before, drawn, strict=True))
            grown[after] = grown.get(after, Fraction(0)) + p * q
        total = grown
    shown = body.xreplace(dict(zip(sums, letters, strict=True)))
    return sum((p * evaluate(shown, replace(world, values={**world.values, **dict(zip(letters, at, strict=True))}))
                for at, p in total.items()), Fraction(0))


# Worlds. ---------------------------------------------------------------------------------------------------------

LARGEST_BATCH = {1: 4, 2: 3, 3: 2}
"""By dimension: batches beyond have too many outcomes."""


def spectrum(law: Law, part: Part) -> str:
    """Say what Hessian a part speaks of: "one" eigenvalue `h`, "two" of them, or "any"."""
    if law.where.get(ha) == nt.h or part.statement.has(nt.h):
        return "one"
    return "two" if part.statement.has(nt.h1) else "any"


def labels(part: Part) -> sp.Expr:
    """Return the variance of the label noise: `sigma2`, or zero if the part does not name it."""
    return nt.sigma2 if part.statement.has(nt.sigma2) else sp.S.Zero


def worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw dimension, Hessian, error, label noise and parameters; see the module docstring."""
    kind, noisy = spectrum(law, part), labels(part) != 0
    diagonal = part.statement.has(ha) or kind != "any" or not part.statement.has(Fresh)
    while True:
        dimension = rng.randint(2 if part.statement.has(xb) or kind == "two" else 1, 3)
        halves = [Fraction(rng.randint(1, 6), 2) for _ in range(dimension)]
        first = rng.randint(1, dimension - 1) if dimension > 1 else 1
        if kind == "one":
            halves = halves[:1] * dimension
        elif kind == "two":
            halves = sorted(halves[:2])
            halves = halves[:1] * first + halves[1:] * (dimension - first)
        # Three values -q, 0, q of weights 1/6, 2/3, 1/6 have variance q^2/3 and fourth moment 3 (q^2/3)^2.
        curvatures = tuple(q**2 / 3 for q in halves)
        error = tuple(Fraction(rng.choice((-3, -2, -1, 1, 2, 3))) for _ in range(dimension))
        noise = Fraction(rng.randint(1, 4), 2) if noisy else Fraction(0)
        mixing = [[Fraction(int(i == j)) if diagonal else Fraction(rng.randint(-2, 2)) for j in range(dimension)]
                  for i in range(dimension)]
        pair = rng.sample(range(dimension), 2) if dimension > 1 else [0]
        state: dict[str, Any] = {"error": error, "noise": noise, "a": pair[0],
                                 "examples": tuple(_inputs(halves, mixing, noise))}
        known = {nt.B: Fraction(rng.randint(1, LARGEST_BATCH[dimension])), d: Fraction(dimension),
                 nt.sigma2: noise**2, nt.h: curvatures[0], nt.h1: curvatures[0], nt.h2: curvatures[-1],
                 d1: Fraction(first), d2: Fraction(dimension - first)}
        # Steps up to where gradient descent itself diverges.
        known[nt.eta] = 2 * Fraction(rng.randint(1, 15), 16) / max(curvatures)
        if kind == "any" and rng.randrange(2):  # near a rough guess of where stability ends
            guess = 2 / (max(curvatures) + (sum(curvatures) + max(curvatures)) / known[nt.B])
            known[nt.eta] = guess * Fraction(rng.randint(13, 20), 16)
        if kind == "one" and rng.randrange(4) == 0:  # where bounds on the factor of a step are met
            known[nt.eta] = 1 / curvatures[0] / (1 + (dimension + 1) / known[nt.B])
        if diagonal:
            state |= {"spectrum": curvatures, "scales": tuple(halves)}
        known |= {ha: curvatures[pair[0]], hb: curvatures[pair[-1]], da: error[pair[0]], db: error[pair[-1]]}
        if len(pair) > 1:
            state["b"] = pair[1]
        shown = {"curvature": curvatures, "error": error} if diagonal else {"error": error}
        yield Context(shown, "wr", {**known, **_others(law, known, rng)}, law.where, state=state)


def _inputs(halves: Sequence[Fraction], mixing: Sequence[Sequence[Fraction]], noise: Fraction
            ) -> Iterator[tuple[Fraction, tuple[Fraction, ...], Fraction]]:
    """Iterate over every (probability, input, label noise) of an example."""
    weights = {-1: Fraction(1, 6), 0: Fraction(2, 3), 1: Fraction(1, 6)}
    for signs in itertools.product(weights, repeat=len(halves)):
        chance = Fraction(1)
        for sign in signs:
            chance *= weights[sign]
        z = [sign * q for sign, q in zip(signs, halves, strict=True)]
        x = tuple(sum((a * c for a, c in zip(row, z, strict=True)), Fraction(0)) for row in mixing)
        for label in (-noise, noise) if noise else (noise,):
            yield chance / (2 if noise else 1), x, label


def _others(law: Law, known: Mapping[sp.Symbol, Number], rng: random.Random) -> dict[sp.Symbol, Number]:
    """Draw the parameters that the world does not fix."""
    drawn: dict[sp.Symbol, Number] = {}
    for param in law.params:
        domain = param.domain
        if param.symbol in known or param.symbol in law.where:
            continue
        if isinstance(domain, Integers):
            drawn[param.symbol] = Fraction(domain.low + rng.randint(0, 2))
        elif isinstance(domain, Reals):
            drawn[param.symbol] = max(Fraction(0), Fraction(domain.low)) + Fraction(rng.randint(1, 15), 4)
    return drawn


registry.worlds(Fresh, CoordSum, Moment, Largest)(worlds)


# Proofs. ---------------------------------------------------------------------------------------------------------

def canonical(expr: sp.Basic) -> sp.Expr:
    """Write sums over coordinates as combinations of sums over ``ha**k``, ``(ha - p)**-k``, times errors.

    Partial fractions in `ha` make the combination unique, so that equality of two lines is equality of rational
    functions in these sums.
    """
    if isinstance(expr, CoordSum):
        return _over_basis(canonical(expr.args[0]))
    if not expr.args or not expr.has(CoordSum):
        return expr
    return expr.func(*[canonical(a) for a in expr.args])


def _over_basis(body: sp.Expr) -> sp.Expr:
    opaque = {n: sp.Dummy() for n in sorted(_outermost(body), key=sp.default_sort_key)}
    back = {letter: node for node, letter in opaque.items()}
    moving = [da, *(letter for node, letter in opaque.items() if node.has(xa))]
    top, bottom = sp.fraction(sp.cancel(sp.together(body.xreplace(opaque))))
    if bottom.has(*moving):
        raise ValueError(f"{body} is no polynomial in the coordinate's error")
    total = sp.S.Zero
    for powers, factor in polynomial(top, *moving).terms():
        errors = sp.Mul(*[letter**k for letter, k in zip(moving, powers, strict=True)])
        for term in sp.Add.make_args(sp.expand(sp.apart(factor / bottom, ha))):
            constant, basis = _monic(sp.factor(term))
            whole = (basis * errors).xreplace(back)
            total += constant.xreplace(back) * (d if whole == 1 else CoordSum(whole))
    return total


def polynomial(expr: sp.Expr, *letters: sp.Symbol) -> sp.Poly:
    """Return an expression as a polynomial in letters.

    Raises
    ------
    ValueError
        If it is none.
    """
    if not expr.is_polynomial(*letters):
        raise ValueError(f"{expr} is no polynomial in {', '.join(map(str, letters))}")
    return sp.Poly(expr, *letters)


def _outermost(expr: sp.Basic) -> set[sp.Basic]:
    if isinstance(expr, nt.Node):
        return {expr}
    return set().union(*(_outermost(a) for a in expr.args)) if expr.args else set()


def _monic(term: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Split a term of a partial fraction into a constant and a monic power in `ha`."""
    constant, basis = sp.S.One, sp.S.One
    for factor in sp.Mul.make_args(term):
        base, power = factor.as_base_exp()
        if not factor.has(ha):
            constant *= factor
            continue
        line = polynomial(base, ha)
        if line.degree() != 1 or not power.is_Integer:
            raise ValueError(f"{term} has no partial fractions that are powers of lines in the eigenvalue")
        constant *= line.LC() ** power
        basis *= (ha + sp.cancel(line.coeff_monomial(1) / line.LC())) ** power
    return constant, basis


def _paired(monomial: sp.Expr) -> sp.Expr:
    """Return the moment of jointly Gaussian variables of mean zero: the sum over pairings of their covariances."""
    factors: list[sp.Symbol] = []
    for base, power in monomial.as_powers_dict().items():
        if not isinstance(base, (Input, Residual)):
            raise ValueError(f"{base} is not a Gaussian variable")
        factors += [base] * int(power)
    if factors.count(res) > 2:
        raise ValueError("the label noise need not be Gaussian: at most two residuals in a product")

    def over(left: list[sp.Symbol]) -> sp.Expr:
        if not left:
            return sp.S.One
        first, rest = left[0], left[1:]
        return sp.Add(*[Moment(first * other) * over(rest[:k] + rest[k + 1:]) for k, other in enumerate(rest)])

    return over(factors) if len(factors) % 2 == 0 else sp.S.Zero


def _averaged(expr: sp.Basic) -> sp.Expr:
    """Carry out the expectations over fresh batches: independent draws, then pairings."""
    def carry(body: sp.Expr, size: sp.Expr) -> sp.Expr:
        over_draws = moments.expect(body, size, "wr")
        return over_draws.replace(nt.PopMean, _paired).replace(Moment, _paired)

    found = expr.replace(Fresh, carry).replace(Moment, _paired)
    if not isinstance(found, sp.Expr):
        raise ValueError("no expression remains")
    return found


@registry.rule("isserlis", "fresh examples are independent draws; Gaussian moments are sums over pairings")
def _isserlis(at: Situation) -> Check:
    """Prove equality after every expectation over fresh examples has been carried out to second moments."""
    sides = [rules.unfold(side, at.definitions) for side in (at.left, at.right)]
    return equal(*(canonical(_averaged(side)) for side in sides))


@registry.rule("eigenbasis", "second moments of input and residual along the eigenvectors of the Hessian")
def _eigenbasis(at: Situation) -> Check:
    """Replace second moments by eigenvalues and errors; the residual is the error along the input minus noise."""
    known = {
        Moment(xa**2): ha, Moment(xb**2): hb, Moment(xa * xb): sp.S.Zero, Moment(xa * res): ha * da,
        Moment(xb * res): hb * db, Moment(res**2): CoordSum(ha * da**2) + labels(at.part),
    }
    sides = [rules.unfold(side, at.definitions).xreplace(known) for side in (at.left, at.right)]
    if any(side.has(Moment, Fresh) for side in sides):
        raise ValueError("a moment remains that is no second moment in the eigenbasis")
    return equal(*(canonical(rules.unfold(side, at.definitions)) for side in sides))


@registry.rule("spectrum", "the Hessian has one eigenvalue h, d times, or h1 d1 times and h2 d2 times")
def _spectrum(at: Situation) -> Check:
    """Carry out sums over coordinates where the eigenvalues are parameters."""
    kind = spectrum(at.law, at.part)
    if kind == "any":
        raise ValueError("the statement names no eigenvalues")

    def carry(body: sp.Expr) -> sp.Expr:
        if kind == "one":
            return CoordSum(body.xreplace({ha: nt.h}))
        if body.has(da, *_outermost(body)):
            raise ValueError("a sum that is not over eigenvalues alone")
        return d1 * body.xreplace({ha: nt.h1}) + d2 * body.xreplace({ha: nt.h2})

    sides = [rules.unfold(side, at.definitions).replace(CoordSum, carry) for side in (at.left, at.right)]
    return equal(*(canonical(side) for side in sides))
