"""What a family of nodes brings along: the meaning of its nodes, its rules of proof, the worlds it lives in.

A module of `theory.nodes` defines nodes and registers, beside them, all that the rest of the house must know of
them; a law file imports the nodes that it states itself in, and that is all there is to do.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import sympy as sp

from theory.equality import Check
from theory.world import Context, Number

if TYPE_CHECKING:
    from theory.law import Law, Part, Step

__all__ = ["MEANINGS", "POPULATIONS", "RULES", "WORLDS", "Rule", "Situation", "means", "model", "modules", "rule",
           "worlds"]

Meaning = Callable[[Any, Context], Number]
Worlds = Callable[["Law", "Part", random.Random], Iterator[Context]]


@dataclass(frozen=True, slots=True)
class Situation:
    """What a rule is asked: whether `right` follows from `left`.

    Parameters
    ----------
    law, part
        Where the line stands.
    left, right
        The line before and the new one, both for one sampling design.
    step
        The step, with what it supplies in `where`.
    design
        The sampling design.
    definitions
        The law's definitions under that design.
    """

    law: Law
    part: Part
    left: sp.Basic
    right: sp.Basic
    step: Step
    design: str
    definitions: Mapping[Any, Any]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of proof.

    Parameters
    ----------
    text
        What it does, in words, for the page.
    check
        Judges a `Situation`.
    bound
        True if it proves an inequality, in the direction of the part's statement, and no equality.
    theorem
        The classical theorem that it applies, where that is cited and not derived: lines by it count as axioms.
    """

    text: str
    check: Callable[[Situation], Check]
    bound: bool = False
    theorem: str = ""


MEANINGS: dict[type, Meaning] = {}
"""Brute-force value of a node, by its class."""

RULES: dict[str, Rule] = {}
"""Rules beyond the built-in ones of `theory.proof`, by name."""

WORLDS: dict[type, Worlds] = {}
"""Where statements that hold a node of a class are tried, instead of on random integer populations."""

POPULATIONS: dict[str, Callable[[random.Random], Mapping[str, Sequence[Number]]]] = {}
"""Populations that have the moments of a named model, by its name (`Law.population`)."""


def _once(what: str, name: str, known: Callable[..., Any] | None, new: Callable[..., Any]) -> None:
    """Refuse a second registration, but for that of a module that is loaded again."""
    if known is not None and (known.__module__, known.__qualname__) != (new.__module__, new.__qualname__):
        raise ValueError(f"{what} {name} is registered twice: by {known.__module__} and by {new.__module__}")


def means(*kinds: type) -> Callable[[Meaning], Meaning]:
    """Register the brute-force value of nodes of these classes.

    Raises
    ------
    ValueError
        If another module has given one of them a meaning.
    """

    def register(meaning: Meaning) -> Meaning:
        for kind in kinds:
            _once("meaning of", kind.__name__, MEANINGS.get(kind), meaning)
            MEANINGS[kind] = meaning
        return meaning

    return register


def rule(
    name: str, text: str, *, bound: bool = False, theorem: str = ""
) -> Callable[[Callable[[Situation], Check]], Callable[[Situation], Check]]:
    """Register a rule of proof.

    Raises
    ------
    ValueError
        If another module has registered the name.
    """

    def register(check: Callable[[Situation], Check]) -> Callable[[Situation], Check]:
        _once("rule", repr(name), RULES[name].check if name in RULES else None, check)
        RULES[name] = Rule(text, check, bound, theorem)
        return check

    return register


def worlds(*kinds: type) -> Callable[[Worlds], Worlds]:
    """Register where statements that hold nodes of these classes are tried: an endless iterator of worlds.

    Raises
    ------
    ValueError
        If another module has given one of them worlds.
    """

    def register(found: Worlds) -> Worlds:
        for kind in kinds:
            _once("worlds of", kind.__name__, WORLDS.get(kind), found)
            WORLDS[kind] = found
        return found

    return register


def model(name: str) -> Callable[[Callable[[random.Random], Any]], Callable[[random.Random], Any]]:
    """Register a population with the moments of a model.

    Raises
    ------
    ValueError
        If another module has registered the name.
    """

    def register(columns: Callable[[random.Random], Any]) -> Callable[[random.Random], Any]:
        _once("model", repr(name), POPULATIONS.get(name), columns)
        POPULATIONS[name] = columns
        return columns

    return register


def modules(law: Law) -> tuple[str, ...]:
    """Return the modules that the evidence of a law rests on beside the core: of its nodes, rules and populations."""
    exprs = [expr for part in law.parts for expr in (part.lhs, part.rhs, *(r.expr for r in part.rivals),
                                                     *(s.expr for s in part.derivation))]
    exprs += [sp.sympify(v) for mapping in (law.where, law.model) for pair in mapping.items() for v in pair]
    found = {type(node).__module__ for expr in exprs for node in expr.atoms(sp.Function)}
    found |= {RULES[step.rule].check.__module__ for step in law.derivation if step.rule in RULES}
    if law.population in POPULATIONS:  # the nodes may bring worlds of the model themselves
        found.add(POPULATIONS[law.population].__module__)
    return tuple(sorted(name for name in found if name.partition(".")[0] == __name__.partition(".")[0]))
