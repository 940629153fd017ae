"""Gamma functions: their ratios as one function, and a normal form in which their identities are rational.

`GammaRatio(x, p)`   Gamma(x + p)/Gamma(x), which neither overflows nor needs the two values
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flint
import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.balls import BITS, Ball, ball
from theory.domain import Integers
from theory.equality import UNDECIDED, Check, equal, nonnegative
from theory.evaluation import evaluate
from theory.nodes.bound import slack
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["GammaRatio", "normal", "powers", "same"]

EXACT = 200
"""Arguments below this are written out in closed form."""


class GammaRatio(sp.Function):
    """Gamma(x + p)/Gamma(x), Pochhammer's symbol."""

    nargs = 2

    @classmethod
    def eval(cls, x: sp.Expr, p: sp.Expr) -> sp.Expr | None:
        """Give small integers and half-integers their closed form."""
        if p == 0:
            return sp.S.One
        if x.is_Rational and p.is_Rational and all((2 * a).is_Integer and 0 < a < EXACT for a in (x, x + p)):
            return sp.gamma(x + p) / sp.gamma(x)
        return None

    def _eval_evalf(self, prec: int) -> sp.Expr:
        return sp.RisingFactorial(*self.args, evaluate=False)._eval_evalf(prec)

    def _eval_is_extended_real(self) -> bool:
        return True

    def _numpycode(self, printer: Any) -> str:
        x, p = (printer._print(a) for a in self.args)
        return f"{printer._module_format('scipy.special.poch')}({x}, {p})"

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        x, p = self.args
        above, below = (printer._print(sp.factor_terms(a)) for a in (x + p, x))
        return nt._power(rf"\frac{{\Gamma\left({above}\right)}}{{\Gamma\left({below}\right)}}", exp)


@registry.means(GammaRatio)
def _ratio(node: GammaRatio, world: Context) -> Number:
    x, p = (ball(evaluate(a, world)).value for a in node.args)
    with flint.ctx.workprec(BITS):
        found = (x + p).gamma() * x.rgamma()
    if not found.is_finite():
        raise ZeroDivisionError("a Gamma function has a pole here")
    return Ball(found)


@registry.means(sp.polygamma)
def _polygamma(node: sp.Basic, world: Context) -> Number:
    order, x = (evaluate(a, world) for a in node.args)
    with flint.ctx.workprec(BITS):
        found = flint.acb(ball(x).value).polygamma(flint.acb(int(order))).real
    if not found.is_finite():
        raise ZeroDivisionError(f"the polygamma function has a pole at {x}")
    return Ball(found)


# Normal forms. ---------------------------------------------------------------------------------------------------

class _Gamma(sp.Function):
    """Gamma at an argument whose constant lies in [0, 1)."""

    nargs = 1


class _Psi(sp.Function):
    """Polygamma of an order at such an argument."""

    nargs = 2


class _Power(sp.Function):
    """A positive base to a power that is no number."""

    nargs = 2


def _shifted(argument: sp.Expr) -> tuple[sp.Expr, int]:
    """Split an argument into one whose constant lies in [0, 1), and a whole number."""
    constant, _ = sp.expand(argument).as_coeff_Add()
    whole = int(sp.floor(constant))
    return sp.expand(argument - whole), whole


def _rising(start: sp.Expr, count: int) -> sp.Expr:
    """Return start (start + 1) ... with a number of factors; one over factors below it for a negative number."""
    if count >= 0:
        return sp.Mul(*[start + i for i in range(count)])
    return 1 / sp.Mul(*[start - i for i in range(1, -count + 1)])


def _gamma(argument: sp.Expr, halved: set[sp.Expr]) -> sp.Expr:
    """Apply the functional equation, and duplication where half of the argument occurs as well."""
    start, whole = _shifted(argument)
    if not start.free_symbols:
        return sp.gamma(argument)
    if sp.expand(start - start.as_coeff_Add()[0]) in halved:
        z = argument / 2
        return 2 ** (argument - 1) * _gamma(z, halved) * _gamma(z + sp.S.Half, halved) / sp.sqrt(sp.pi)
    return _rising(start, whole) * _Gamma(start)


def _psi(order: sp.Expr, argument: sp.Expr) -> sp.Expr:
    start, whole = _shifted(argument)
    if not start.free_symbols:
        return sp.polygamma(order, argument)
    terms = [start + i for i in range(whole)] or [start - i for i in range(1, -whole + 1)]
    sign = (-1) ** int(order) * sp.factorial(order) * (1 if whole >= 0 else -1)
    return _Psi(order, start) + sign * sp.Add(*[term ** (-order - 1) for term in terms])


def powers(expr: sp.Basic) -> sp.Basic:
    """Write powers of positive products factor by factor, and powers that are no numbers as products of units.

    Raises
    ------
    ValueError
        If an exponent is not a combination of its letters with half-integer coefficients.
    """
    if not expr.args:
        return expr
    if isinstance(expr, sp.Pow) and not expr.exp.is_Integer:
        return _power(powers(expr.base), sp.expand(expr.exp))
    return expr.func(*[powers(a) for a in expr.args])


def _power(base: sp.Expr, exponent: sp.Expr) -> sp.Expr:
    if isinstance(base, sp.Add):
        base = sp.factor(base)
    if isinstance(base, sp.Mul) and all(a.is_positive for a in base.args):
        return sp.Mul(*[_power(a, exponent) for a in base.args])
    if isinstance(base, sp.Pow) and base.base.is_positive and base.exp.is_real:
        return _power(base.base, sp.expand(base.exp * exponent))
    if base.is_Rational and base.is_positive and not base.is_prime and base != 1:
        primes = sp.factorrat(base)
        return sp.Mul(*[_power(sp.Integer(p), count * exponent) for p, count in primes.items()])
    constant, rest = exponent.as_coeff_Add()
    if rest and not (base.is_positive or exponent.is_integer):
        raise ValueError(f"{base} is not known to be positive")
    product = base**constant
    for term in sp.Add.make_args(rest) if rest else ():
        count, letter = term.as_coeff_Mul()
        if not (2 * count).is_Integer:
            raise ValueError(f"{base}**({term}) has no normal form here")
        product *= _Power(base, letter / 2) ** (2 * count)
    return product


def normal(expr: sp.Basic, halved: set[sp.Expr] | None = None) -> sp.Basic:
    """Return a form in which Gamma functions, their logarithmic derivatives and powers are indeterminates.

    Parameters
    ----------
    expr
        An expression in positive parameters.
    halved
        Letters of arguments that duplication takes to their halves.
    """
    found = expr.replace(GammaRatio, lambda x, p: sp.gamma(x + p, evaluate=False) / sp.gamma(x, evaluate=False))
    found = found.replace(sp.polygamma, lambda order, x: _psi(order, x))
    found = found.replace(sp.gamma, lambda x: _gamma(x, halved or set()))
    found = powers(sp.expand_log(found))
    # Roots of letters and of pi become letters themselves, so that their squares are known.
    bases = {p.base for p in found.atoms(sp.Pow) if not p.exp.is_Integer and p.base.is_positive
             and isinstance(p.base, (sp.Symbol, sp.NumberSymbol))} | found.atoms(sp.NumberSymbol)
    roots = {base: sp.Symbol(f"[root of {base}]", positive=True) ** 2 for base in bases}
    inside = {f: sp.Symbol(f"[{sp.srepr(f)}]", positive=True) for f in _outermost(found)}
    return found.xreplace(inside).xreplace(roots)


def _outermost(expr: sp.Basic) -> set[sp.Basic]:
    """Return the function applications of an expression that stand in no other."""
    if isinstance(expr, sp.Function):
        return {expr}
    return set().union(*[_outermost(a) for a in expr.args])


def _letters(expr: sp.Basic) -> set[sp.Expr]:
    """Return the arguments of Gamma functions without their constants."""
    arguments = {a.args[0] for a in expr.atoms(sp.gamma)}
    for ratio in expr.atoms(GammaRatio):
        arguments |= {ratio.args[0], sum(ratio.args)}
    return {sp.expand(a - sp.expand(a).as_coeff_Add()[0]) for a in arguments}


def same(left: sp.Basic, right: sp.Basic, transform: Callable[[sp.Basic], sp.Basic] = lambda e: e) -> Check:
    """Decide equality in the normal form of Gamma functions."""
    left, right = transform(left), transform(right)
    found = _letters(left) | _letters(right)
    halved = {letter for letter in found if letter and letter / 2 in found}
    sides = [normal(side, halved) for side in (left, right)]
    known = {s for side in sides for s in side.free_symbols}
    # A root that one side alone holds is a letter of the other as well.
    roots = {base: root**2 for base in known for root in known if root.name == f"[root of {base}]"}
    roots |= _roots_of_sums(sides, set(roots))
    sides = [side.xreplace(roots) for side in sides]
    if any(not p.exp.is_Integer and p.base.is_Rational for side in sides for p in side.atoms(sp.Pow)):
        sides = [sp.expand(side) for side in sides]  # the square of the root of a number is that number
    return equal(*sides)


def _roots_of_sums(sides: list[sp.Basic], taken: set[sp.Basic]) -> dict[sp.Symbol, sp.Expr]:
    """Write a letter n of which the root of n + number occurs as the square of a new letter, less that number."""
    bases = {p.base for side in sides for p in side.atoms(sp.Pow) if not p.exp.is_Integer and p.base.is_positive}
    found: dict[sp.Symbol, sp.Expr] = {}
    for base in sorted(bases, key=str):
        number, letter = base.as_coeff_Add()
        if number.is_Rational and letter.is_Symbol and letter not in taken:
            found.setdefault(letter, sp.Symbol(f"[root of {base}]", positive=True) ** 2 - number)
    return found


@registry.rule("gamma", "Gamma(x + 1) = x Gamma(x), half-integer values, duplication; powers of positive factors")
def _rule(at: Situation) -> Check:
    return same(at.left, at.right, lambda side: rules.unfold(side, at.definitions))


@registry.rule("trigamma steps", "both sides vanish far away and psi'(x) - psi'(x + 1) = 1/x^2: the bound follows from "
               "that of 1/x^2, step by step", bound=True)
def _telescope(at: Situation) -> Check:
    """Prove a bound on one trigamma value by a rational function of its argument, which one parameter sets."""
    trigammas = [e for e in at.left.atoms(sp.polygamma) if e.args[0] == 1]
    if len(trigammas) != 1 or at.left != trigammas[0]:
        raise ValueError("the line must be one trigamma value")
    argument, x = at.left.args[1], sp.Symbol("x_far", positive=True)
    (letter,) = argument.free_symbols
    (low,) = [p.domain.low for p in at.law.params if p.symbol == letter and isinstance(p.domain, Integers)]
    (inverse,) = sp.solve(sp.Eq(argument, x), letter)
    if at.step.where or not argument.xreplace({letter: sp.Integer(low)}).is_positive:
        raise ValueError("the argument must be positive, and nothing is supplied")
    bound = sp.together(at.right.xreplace({letter: inverse}))
    top, bottom = sp.fraction(sp.cancel(bound))
    if bound.free_symbols != {x} or sp.degree(top, x) >= sp.degree(bottom, x):
        return Check(UNDECIDED, {"rule": "the bound is no function of the argument that vanishes far away"})
    step = slack(at.part.relation, 1 / x**2, bound - bound.xreplace({x: x + 1}))
    inside = argument.xreplace({letter: low + sp.Symbol("beyond", nonnegative=True)})
    sign = nonnegative(sp.cancel(sp.together(step.xreplace({x: inside}))))
    return Check(sign, {"step": sign})
