"""Domains of parameters: validation, wording of errors, and the values property tests draw from."""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from numbers import Rational, Real
from typing import Any

import sympy as sp

from theory import exact

__all__ = ["Choice", "Constraint", "DomainError", "Integers", "Param", "Reals", "validate"]


class DomainError(ValueError):
    """A value outside a law's domain; the message names parameter, value and allowed set."""


@dataclass(frozen=True, slots=True)
class Integers:
    """Integers from `low` to `high` inclusive (`high` None: no upper end)."""

    low: int = 1
    high: int | None = None

    def text(self) -> str:
        """Say what is allowed."""
        return f"an integer >= {self.low}" if self.high is None else f"an integer from {self.low} to {self.high}"

    def reject(self, value: Any) -> bool:
        """Say whether a value lies outside."""
        if isinstance(value, bool) or not isinstance(value, Rational) or value.denominator != 1:
            return True
        whole = int(value.numerator)
        return whole < self.low or (self.high is not None and whole > self.high)


@dataclass(frozen=True, slots=True)
class Reals:
    """Real numbers between `low` and `high`; `open` ends exclude the bounds."""

    low: Fraction | float = -math.inf
    high: Fraction | float = math.inf
    open: bool = False

    def text(self) -> str:
        """Say what is allowed."""
        low, high, less = self.low, self.high, "<" if self.open else "<="
        if low == -math.inf and high == math.inf:
            return "a finite real number"
        if high == math.inf:
            return f"a real number {'>' if self.open else '>='} {low}"
        if low == -math.inf:
            return f"a real number {less} {high}"
        return f"a real number with {low} {less} value {less} {high}"

    def reject(self, value: Any) -> bool:
        """Say whether a value lies outside."""
        if isinstance(value, bool) or not isinstance(value, Real):
            return True
        number: Any = value
        if not (-math.inf < number < math.inf):
            return True
        if self.open:
            return not (self.low < number < self.high)
        return not (self.low <= number <= self.high)


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words."""

    values: tuple[str, ...]

    def text(self) -> str:
        """Say what is allowed."""
        return "one of " + ", ".join(self.values)

    def reject(self, value: Any) -> bool:
        """Say whether a value lies outside."""
        return value not in self.values


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter of a law.

    Parameters
    ----------
    symbol : sympy.Symbol
        Its letter in the statement; its name is the name on the command line.
    domain : Integers, Reals or Choice
        Allowed values.
    typical : number or str
        A value for examples and figures.
    meaning : str
        What it is, with its unit or convention.
    why : str
        Why the domain ends where it does ("E[1/s^2] is infinite for B <= 3").
    """

    symbol: sp.Symbol
    domain: Integers | Reals | Choice
    typical: Any
    meaning: str
    why: str = ""

    @property
    def name(self) -> str:
        """Name on the command line."""
        return str(self.symbol.name)

    def check(self, law: str, value: Any) -> Any:
        """Return the value in canonical form or raise `DomainError`."""
        if self.domain.reject(value):
            reason = f" ({self.why})" if self.why else ""
            raise DomainError(f"{law}: {self.name} = {exact.show(value)} is not allowed; "
                              f"{self.name} must be {self.domain.text()}{reason}")
        return int(value) if isinstance(self.domain, Integers) else value

    def spec(self) -> list[str]:
        """Semantic content for hashing: name and domain."""
        return [self.name, repr(self.domain)]


_COMPARISONS: dict[type, Callable[[Any, Any], bool]] = {
    sp.Le: operator.le, sp.Lt: operator.lt, sp.Ge: operator.ge, sp.Gt: operator.gt, sp.Eq: operator.eq,
    sp.Ne: operator.ne,
}


@dataclass(frozen=True, slots=True)
class Constraint:
    """A relation between parameters.

    Parameters
    ----------
    relation : sympy relational
        Must be true at the values.
    message : str
        `str.format` template over the parameter names, shown when it is not.
    design : str or None
        Apply only under this sampling design.
    """

    relation: sp.Basic
    message: str
    design: str | None = None

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Say whether the relation holds (vacuously when a symbol has no value)."""
        if self.design is not None and values.get("design", "wor") != self.design:
            return True
        if not all(s.name in values for s in self.relation.free_symbols):
            return True
        given = {s: values[s.name] for s in self.relation.free_symbols}
        comparison = _COMPARISONS.get(type(self.relation))
        if comparison is not None and all(isinstance(v, Rational) for v in given.values()):
            points = {s: Fraction(v) for s, v in given.items()}
            try:
                left, right = (exact.evaluate(side, points.get) for side in self.relation.args)
            except exact.NotRational:
                pass  # remainders and roots are left to SymPy
            else:
                return comparison(left, right)
        return bool(self.relation.subs({s: exact.to_sympy(v) for s, v in given.items()}))


def validate(law: str, params: Sequence[Param], constraints: Sequence[Constraint], values: Mapping[str, Any],
             *, needed: set[str]) -> dict[str, Any]:
    """Check values against parameters and constraints.

    Parameters
    ----------
    law : str
        Law id, for messages.
    params, constraints
        The law's domain.
    values : mapping
        Given values by name; array values are checked entry by entry.
    needed : set of str
        Names the right-hand side cannot do without.

    Returns
    -------
    dict
        Canonical values, with the default design filled in where the law has one.

    Raises
    ------
    DomainError
        For unknown, missing or inadmissible values.
    """
    known = {p.name: p for p in params}
    for name in values:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
            raise DomainError(f"{law}: unknown parameter {name!r}{hint} (parameters: {', '.join(known)})")
    out: dict[str, Any] = {}
    for name, param in known.items():
        if name in values:
            value = values[name]
            entries = value.ravel().tolist() if hasattr(value, "ravel") else [value]
            checked = [param.check(law, entry) for entry in entries]
            out[name] = value if hasattr(value, "ravel") else checked[0]
        elif name == "design":
            out[name] = param.typical
        elif name in needed:
            raise DomainError(f"{law}: parameter {name} is missing; {name} is {param.meaning}, {param.domain.text()}")
    for constraint in constraints:
        for scalars in _scalar_cases(out):
            if not constraint.holds(scalars):
                shown = {k: exact.show(v) for k, v in scalars.items()}
                raise DomainError(f"{law}: " + constraint.message.format(**shown))
    return out


def _scalar_cases(values: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Expand array values into one mapping per broadcast entry."""
    arrays = {k: v for k, v in values.items() if hasattr(v, "ravel")}
    if not arrays:
        return [dict(values)]
    import numpy as np

    spread = np.broadcast_arrays(*arrays.values())
    return [{**values, **dict(zip(arrays, row, strict=True))}
            for row in zip(*(a.ravel().tolist() for a in spread), strict=True)]
