"""Rational bounds on the fidelity c_n = E s / sigma of a Gaussian group, for every size at once."""

from __future__ import annotations

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.domain import Integers
from theory.equality import PROVED, UNDECIDED, Check, nonnegative
from theory.nodes.bound import manifest
from theory.nodes.chi import fidelity
from theory.nodes.gammas import GammaRatio, same
from theory.registry import Situation

__all__: list[str] = []


def _tends_to_one() -> Check:
    """Prove what forces c_n to 1: c_n c_{n+1} = (n - 1)/sqrt(n (n + 1)), and E[s^2]/sigma^2 = (n - 1)/n <= 1.

    By the second c_n <= 1 (a mean is at most the root of the mean square), so by the first c_n >= (n-1)/sqrt(n(n+1)).
    """
    n = nt.B
    product = same(fidelity(n) * fidelity(n + 1), (n - 1) / sp.sqrt(n * (n + 1)))
    square = same(2 / n * GammaRatio((n - 1) / 2, sp.S.One), (n - 1) / n)
    return rules.worst(product, square)


@registry.rule("two entries more", "c_{n+2}^2/c_n^2 = n^3/((n+2)(n-1)^2) and c_n -> 1: what tends to 1 and grows "
               "faster lies below, what grows slower above", bound=True)
def check(at: Situation) -> Check:
    """Prove a bound by a rational function in place of the fidelity of a batch, which enters linearly."""
    n, letter = nt.B, sp.Dummy("fidelity", positive=True)
    (low,) = [p.domain.low for p in at.law.params if p.symbol == n and isinstance(p.domain, Integers)]
    ratio = GammaRatio((n - 1) / 2, sp.S.Half)
    before = sp.expand(rules.unfold(at.left, at.definitions).xreplace({ratio: letter / sp.sqrt(2 / n)}))
    slope = sp.diff(before, letter)
    if not before.has(letter) or before.has(GammaRatio) or slope.has(letter, n):
        raise ValueError("the line must be linear in the fidelity of a batch, with a constant factor")
    claimed = sp.cancel(sp.together((rules.unfold(at.right, at.definitions) - before.xreplace({letter: sp.S.Zero}))
                                    / slope))
    top, bottom = (sp.Poly(side, n) for side in sp.fraction(claimed))
    if claimed.free_symbols != {n} or top.degree() != bottom.degree() or top.LC() != bottom.LC():
        return Check(UNDECIDED, {"rule": f"{claimed} is no function of the size that tends to 1"})
    above = manifest(slope) if at.part.relation == "<=" else manifest(-slope)
    if not (above or manifest(slope) or manifest(-slope)):
        raise ValueError(f"the sign of {slope} is not known")
    holds = rules.worst(_tends_to_one(), same(fidelity(n + 2) ** 2 / fidelity(n) ** 2, n**3 / ((n + 2) * (n - 1) ** 2)))
    step = claimed**2 * n**3 - claimed.xreplace({n: n + 2}) ** 2 * (n + 2) * (n - 1) ** 2
    chart = {n: low + sp.Symbol("beyond", nonnegative=True)}
    signs = [nonnegative(sp.cancel(sp.together(side.xreplace(chart)))) for side in (claimed, step if above else -step)]
    sign = PROVED if signs == [PROVED, PROVED] else UNDECIDED
    return rules.worst(holds, Check(sign, {**holds.engines, "step": sign}))
