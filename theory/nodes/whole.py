"""Numbers kept whole: a long expression that later steps need not look into, and letters that print as formulas.

`Whole(a)`    the number a; to the engines of equality one indeterminate, until the rule "write out" opens it
`Letter(n)`   a symbol that prints as what it usually stands for
"""

from __future__ import annotations

from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.equality import Check, equal
from theory.evaluation import evaluate
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["Letter", "Whole"]

SHOWN = {"G2": r"|G|^2", "GHG": r"G^\top HG", "trHS": r"\operatorname{tr}(H\Sigma)"}
"""How letters print, by name."""


class Letter(sp.Symbol):
    """A symbol that prints as a formula."""

    def _latex(self, printer: Any) -> str:
        return SHOWN[self.name]


class Whole(nt.Node):
    """The argument, kept whole."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\left({printer._print(self.args[0])}\right)", exp, wrap=False)


@registry.means(Whole)
def _whole(node: Whole, world: Context) -> Number:
    return evaluate(node.args[0], world)


@registry.rule("write out", "write out what the letters stand for")
def _write_out(at: Situation) -> Check:
    def opened(side: sp.Basic) -> sp.Basic:
        return rules.unfold(side, at.definitions).replace(Whole, lambda inner: inner)

    return equal(opened(at.left), opened(at.right))
