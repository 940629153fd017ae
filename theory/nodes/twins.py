"""Samples that LayerNorm cannot tell apart, and heads that must answer them.

`Moved(i, a, c)`      normalized value of entry i after every entry x of the group has become a x + c
`Correct(y, a, c)`    1 if the head's answer to the group, after that change, is the label y (1 or -1), else 0

The head is any function of the normalized values; brute force draws tables of answers, one for every list of values.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.equality import PROVED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.entries import MEMBERS, Hat, Item, Mean, OfGroup, entries, entry, group_worlds, i, l, normalized
from theory.nodes.group import Algebra, algebra_of
from theory.registry import Situation
from theory.world import Context, Number

__all__ = ["Correct", "Moved"]


class _Changed(OfGroup):
    """A node of the changed group."""

    @classmethod
    def worlds(cls, law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
        """Draw a group and a head: a seed of its table of answers."""
        for world in OfGroup.worlds(law, part, rng):
            yield replace(world, state={**world.state, "head": rng.randrange(10**6)})


class Moved(_Changed):
    """Normalized value after a change of all entries; see the module docstring."""

    nargs = 3

    def definition(self) -> sp.Expr:
        """Return the value by mean and variance of the changed entries."""
        at, factor, shift = self.args
        mean = Mean(factor * Item(nt.x, l) + shift, l)
        variance = Mean((factor * Item(nt.x, l) + shift - mean) ** 2, l)
        return (factor * Item(nt.x, at) + shift - mean) / sp.sqrt(variance)

    def in_algebra(self, algebra: Algebra) -> sp.Expr:
        """Return the normal form of the definition."""
        return algebra.form(self.definition())

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        at, factor, shift = (printer._print(a) for a in self.args)
        return nt._power(rf"\widehat{{\left({factor}\,x+{shift}\right)}}_{{{at}}}", exp)


class Correct(_Changed):
    """Whether a head answers rightly; see the module docstring."""

    nargs = 3

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        label, factor, shift = (printer._print(a) for a in self.args)
        body = rf"\mathbf 1\left[f\left(\widehat{{{factor}\,x+{shift}}}\right)={label}\right]"
        return nt._power(body, exp, wrap=False)


def _changed(factor: sp.Basic, shift: sp.Basic, world: Context) -> list[Number]:
    a, c = evaluate(factor, world), evaluate(shift, world)
    return list(normalized([a * x + c for x in entries(world)], Fraction(0)))


@registry.means(Moved)
def _moved(node: Moved, world: Context) -> Number:
    return _changed(node.args[1], node.args[2], world)[entry(node.args[0], world)]


@registry.means(Correct)
def _correct(node: Correct, world: Context) -> Number:
    label = evaluate(node.args[0], world)
    if label not in (1, -1):
        raise KeyError(f"{label} is no label")
    seen = _changed(node.args[1], node.args[2], world)
    answer = random.Random(f"{world.state['head']}: {[str(z) for z in seen]}").choice((1, -1))
    return Fraction(answer == label)


registry.worlds(Moved, Correct)(group_worlds)


@registry.rule("same output", "a head that sees the same normalized values gives the same answer")
def check_same(at: Situation) -> Check:
    """Replace answers to a changed group by answers to the group itself, if all normalized values are the same."""
    algebra = algebra_of(at.law, sp.sympify(at.definitions.get(MEMBERS, nt.B)))
    left = at.left
    for node in at.left.atoms(Correct):
        label, factor, shift = (rules.unfold(a, at.definitions) for a in node.args)
        values = (algebra.closed(algebra.form(value)) for value in (Moved(i, factor, shift), Hat(i, 0)))
        if equal(*values).answer != PROVED:
            return Check(UNDECIDED, {"rule": f"the outputs after {factor} x + {shift} are not known to be the same"})
        left = left.xreplace({node: Correct(label, 1, 0)})
    return equal(left, at.right)


@registry.rule("one answer", "a head's answer is one of the two labels, and not both")
def check_one(at: Situation) -> Check:
    """Replace ``Correct(-1, a, c)`` by ``1 - Correct(1, a, c)``."""
    nodes = {node: 1 - Correct(1, *node.args[1:]) for node in at.left.atoms(Correct) if node.args[0] == -1}
    return equal(at.left.xreplace(nodes), at.right)
