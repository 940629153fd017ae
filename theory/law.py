"""The vocabulary of a law: frozen records without behavior beyond validation and evaluation.

A law is a program that can lose.  It states equations over the nodes of `theory.notation`, names the
domain on which they are claimed, derives them step by step, and lists wrong variants that the evidence
must refute.  Everything here is data; `theory.proof` replays derivations, `theory.oracle` brute-forces
the statement, and the packages above run the experiments.
"""

from __future__ import annotations

import enum
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import Any

import sympy as sp

from theory import exact, notation
from theory.domain import Choice, Constraint, DomainError, Param, validate

__all__ = [
    "Assumption",
    "Exactness",
    "Experiment",
    "Law",
    "Part",
    "Prediction",
    "Rival",
    "Source",
    "Step",
]


class Exactness(enum.StrEnum):
    """What kind of truth a law claims; it picks the channels of evidence the law requires."""

    IDENTITY = "identity"
    DISTRIBUTION_FREE = "distribution_free"
    MODEL = "model"
    ASYMPTOTIC = "asymptotic"
    BOUND = "bound"
    DIRECTION = "direction"


BASE_CHANNELS = {
    **dict.fromkeys(Exactness, ("derivation", "enumeration", "property")),
    Exactness.DIRECTION: (),
}


@dataclass(frozen=True, slots=True)
class Assumption:
    """A named condition under which the law is claimed."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Source:
    """Where a formula comes from.

    Parameters
    ----------
    key : str
        Key in `theory/sources.bib`.
    locator : str
        Equation, theorem or section, where it was read.
    read : bool
        False when the statement is known from memory only; such a source is cited as "after".
    note : str
        What was taken from it.
    """

    key: str
    locator: str = ""
    read: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One line of a derivation: the expression follows from the line before, by the named rule.

    Parameters
    ----------
    rule : str
        A rule of `theory.proof.RULES`; ``law:<id>`` or ``law:<id>/<part>`` cites another equation.
    expr : sympy.Basic
        The new line.
    note : str
        Why, in plain words.
    where : mapping
        Substitutions the rule needs (new definitions, instances of a cited law, the recursion).
    """

    rule: str
    expr: sp.Basic
    note: str = ""
    where: Mapping[Any, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rival:
    """A plausible wrong variant of a part's right-hand side; the evidence must refute it."""

    name: str
    expr: sp.Basic
    text: str = ""
    near: bool = False


@dataclass(frozen=True)
class Part:
    """One equation or bound of a law, its derivation and its rivals.

    Parameters
    ----------
    name : str
        Short handle, citable as ``<law id>/<name>``.
    statement : sympy.Eq, sympy.Le or sympy.Ge
        Left side: nodes of expectation; right side: the claim, in the law's parameters.
    derivation : sequence of Step
        Lines from the left side to the right side; each equals the line before, or bounds it where the statement
        is a bound and the rule proves one.
    rivals : sequence of Rival
        Wrong right-hand sides.
    """

    name: str
    statement: sp.Basic
    derivation: Sequence[Step] = ()
    rivals: Sequence[Rival] = ()

    @property
    def relation(self) -> str:
        """``"="``, ``"<="`` or ``">="``: how the left side stands to the right one."""
        return {sp.Le: "<=", sp.Ge: ">="}.get(type(self.statement), "=")

    @property
    def lhs(self) -> sp.Basic:
        """Left side: what brute force and simulation measure."""
        return self.statement.args[0]

    @property
    def rhs(self) -> sp.Basic:
        """Right side: the claim."""
        return self.statement.args[1]


@dataclass(frozen=True, slots=True)
class Experiment:
    """Data that names an experiment; a law file imports no simulator.

    Parameters
    ----------
    probe : str
        Name of a probe of the simulator, or ``"enumerate"``: exact evaluation of the statement on a
        real population in rationals (no draws).
    grid : mapping of str to sequence
        Cells are the Cartesian product of these values.
    fixed : mapping
        Values common to all cells.
    part : str
        The part whose right-hand side is tested.
    channel : {"monte_carlo", "network"}
        Kind of evidence.
    times : sympy.Expr
        The probe's mean is claimed to be ``rhs * times`` (a known factor measured by brute force).
    delta : Fraction
        Relative tolerance, stated before any draw.
    profile : {"smoke", "standard", "deep"}
        Smallest profile that runs these cells; "smoke" for all but costly ones.
    """

    probe: str
    grid: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    part: str = ""
    channel: str = "monte_carlo"
    times: sp.Expr = sp.S.One
    delta: Fraction = Fraction(1, 50)
    profile: str = "smoke"


@dataclass(frozen=True, slots=True)
class Prediction:
    """A number asked of a law: `value` is exact where the inputs were, else float64 (or an array)."""

    inputs: Mapping[str, Any]
    value: Any
    exact: str | None


@dataclass(frozen=True)
class Law:
    """One law of the catalogue; see the module docstring for what its fields are for.

    Parameters
    ----------
    id : str
        Dotted module path under ``theory.laws``.
    version : int
        A changed statement or domain is a new version.
    title : str
        One line.
    parts : sequence of Part
        The equations, in the order in which one may cite another.
    params : sequence of Param
        The single source for validation, for the text of the report and for the property tests.
    constraints : sequence of Constraint
        Relations between parameters, each with the sentence shown when it fails.
    assumptions, sources, claims, uses, experiments
        As named; `claims` are numbers of `theory.claims`, `uses` are ids of other laws.
    where : mapping
        Definitions used throughout the derivations (symbol or node to expression).
    model : mapping
        What the named model says of population means (Gaussian: fourth moment 3 sigma^4): an assumption.
    population : str
        Name in `theory.registry.POPULATIONS` of those that have the model's moments, on which the law is tried.
    headline : str
        Name of the part that `predict` and the catalogue show; the first part if empty.
    words : str
        What it says, when it matters, what people get wrong: plain words for the page.
    answers : mapping of int to str
        For each claim, how this law answers it.
    """

    id: str
    version: int
    title: str
    parts: Sequence[Part]
    params: Sequence[Param]
    exactness: Exactness
    assumptions: Sequence[Assumption]
    sources: Sequence[Source]
    words: str
    constraints: Sequence[Constraint] = ()
    uses: Sequence[str] = ()
    answers: Mapping[int, str] = field(default_factory=dict)
    experiments: Sequence[Experiment] = ()
    where: Mapping[Any, Any] = field(default_factory=dict)
    model: Mapping[Any, Any] = field(default_factory=dict)
    population: str = ""
    headline: str = ""

    @property
    def statement(self) -> sp.Basic:
        """The headline equation or bound."""
        return self.part().statement

    @property
    def derivation(self) -> tuple[Step, ...]:
        """Every step of every part, in order."""
        return tuple(step for part in self.parts for step in part.derivation)

    @property
    def rivals(self) -> tuple[tuple[Part, Rival], ...]:
        """Every rival with the part it belongs to."""
        return tuple((part, rival) for part in self.parts for rival in part.rivals)

    @property
    def family(self) -> str:
        """Everything before the last dot of the id."""
        return self.id.rpartition(".")[0]

    @property
    def handle(self) -> str:
        """Citable handle with version."""
        return f"batchlaws:{self.id}@{self.version}"

    @property
    def claims(self) -> tuple[int, ...]:
        """Numbers of the claims this law answers."""
        return tuple(sorted(self.answers))

    @property
    def requires(self) -> tuple[str, ...]:
        """Channels that must pass before the law is verified."""
        channels = list(BASE_CHANNELS[self.exactness])
        channels += [e.channel for e in self.experiments]
        return tuple(dict.fromkeys(channels))

    @property
    def designs(self) -> tuple[str, ...]:
        """Sampling designs the law speaks of."""
        for param in self.params:
            if param.name == "design" and isinstance(param.domain, Choice):
                return param.domain.values
        return ("wor",)

    def part(self, name: str = "") -> Part:
        """Return a part by name (the headline for an empty name).

        Raises
        ------
        KeyError
            If the law has no such part; the message lists those it has.
        """
        wanted = name or self.headline or self.parts[0].name
        for part in self.parts:
            if part.name == wanted:
                return part
        raise KeyError(f"law {self.id} has no part {name!r}; it has {', '.join(p.name for p in self.parts)}")

    def validate(self, values: Mapping[str, Any], *, part: str = "") -> dict[str, Any]:
        """Check values against the domain, fill `design`, refuse what is missing or unknown."""
        rhs = self.closed_form(part=part)
        if rhs.has(*notation.NODES):
            raise DomainError(f"{self.id}/{self.part(part).name} equates two statistics of a batch; "
                              "it has no number to predict")
        needed = {s.name for s in rhs.free_symbols}
        return validate(self.id, self.params, self.constraints, values, needed=needed)

    def closed_form(self, *, part: str = "", rhs: sp.Basic | None = None) -> sp.Basic:
        """Return a right-hand side with shorthands (definitions free of nodes) written out."""
        expr = self.part(part).rhs if rhs is None else rhs
        names = {p.symbol for p in self.params}
        shorthands = {k: sp.sympify(v) for k, v in self.where.items() if isinstance(k, sp.Symbol)
                      and k not in names and not sp.sympify(v).has(*notation.NODES)}
        for _ in shorthands:
            expr = expr.xreplace(shorthands)
        return expr

    def value(self, values: Mapping[str, Any], *, part: str = "", rhs: sp.Basic | None = None) -> Any:
        """Evaluate a right-hand side at known values, without judging the domain.

        Parameters
        ----------
        values : mapping of str to number
            Values by notation name; ``design`` chooses the sampling design (default ``"wor"``).
        part : str
            Which equation.
        rhs : sympy.Basic, optional
            Another right-hand side (a rival's) in the same symbols.

        Returns
        -------
        Fraction, sympy.Number, float or ndarray
        """
        expr = self.closed_form(part=part, rhs=rhs)
        return exact.value(notation.resolve(expr, str(values.get("design", "wor"))), values)

    def predict(self, *, part: str = "", **values: Any) -> Prediction:
        """Evaluate the law inside its domain.

        Raises
        ------
        DomainError
            If a value lies outside the domain, is missing, or is unknown to the law.
        """
        checked = self.validate(values, part=part)
        value = self.value(checked, part=part)
        return Prediction(checked, value, exact.as_text(value))

    def spec(self) -> dict[str, Any]:
        """Return the semantic content of the law as plain JSON types (no prose)."""
        return {
            "id": self.id,
            "version": self.version,
            "exactness": str(self.exactness),
            "params": [p.spec() for p in self.params],
            "constraints": [sp.srepr(c.relation) for c in self.constraints],
            "uses": list(self.uses),
            "where": _pairs(self.where),
            "model": _pairs(self.model),
            "parts": [
                {
                    "name": part.name,
                    "statement": [sp.srepr(part.lhs), part.relation, sp.srepr(part.rhs)],
                    "derivation": [[s.rule, sp.srepr(s.expr), _pairs(s.where)] for s in part.derivation],
                    "rivals": {r.name: sp.srepr(r.expr) for r in part.rivals},
                }
                for part in self.parts
            ],
        }

    @cached_property
    def spec_hash(self) -> str:
        """SHA-256 of the canonical JSON of `spec`: prose may change, meaning may not."""
        return _digest(self.spec())

    def claim_hash(self, part: str = "") -> str:
        """SHA-256 of what an experiment tests of a part: its statement and rivals, not their derivation."""
        chosen = self.part(part)
        rivals = {r.name: sp.srepr(r.expr) for r in chosen.rivals}
        return _digest([self.id, self.version, sp.srepr(chosen.lhs), sp.srepr(chosen.rhs), rivals, _pairs(self.where)])


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _pairs(mapping: Mapping[Any, Any]) -> list[list[str]]:
    """Canonical text of a substitution mapping."""
    return sorted([sp.srepr(sp.sympify(k)), sp.srepr(sp.sympify(v))] for k, v in mapping.items())
