"""Clipped per-example gradients behind a normalization layer: sums over a batch in which one record is replaced.

One output of a layer a sample, loss slope y_e A at it (label y_e = 1 or -1), clipped to length C_clip.

`Clip(g)`             g shortened to length C_clip where it is longer
`HonestSum(t)`        clipped gradients of the honest examples, summed, when the record is t; behind BatchNorm; the
                      B - 1 honest inputs are 1, ..., 1, -(B - 2), their labels 1
`RecordPart(t, y)`    clipped gradient of the record itself, of label y
`OwnPart(k)`          clipped gradient of a record behind LayerNorm, before (k = 0) and after (k = 1) it is replaced
`LayerSum(k)`         the sum over the batch behind LayerNorm, before and after
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry
from theory.equality import REFUTED, UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.charts import charts
from theory.nodes.entries import normalized
from theory.nodes.places import drawn_values
from theory.registry import Situation
from theory.rules import unfold
from theory.world import Context, Number

__all__ = ["A", "C_clip", "Clip", "HonestSum", "LayerSum", "OwnPart", "RecordPart", "T", "unit"]

A = sp.Symbol("A", positive=True)
"""Slope of the loss at an output, in absolute value."""

C_clip = sp.Symbol("C_clip", positive=True)
"""Largest length of a clipped gradient."""

T = sp.Symbol("T", positive=True)
"""Where the record may go, up and down."""


class Clip(nt.Node):
    """A gradient clipped to length C_clip."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\operatorname{{clip}}\left({printer._print(self.args[0])}\right)", exp, wrap=False)


class _Part(nt.Node):
    """A part of the clipped sum."""

    name = ""

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        at = ",".join(printer._print(s) for s in self.args)
        return nt._power(rf"{self.name}\left({at}\right)", exp, wrap=False)


def unit(entry: sp.Expr, record: sp.Expr) -> sp.Expr:
    """Return the normalized value of an input in the batch with a record: its mean is t/B."""
    variance = ((nt.B - 2) + (nt.B - 2) ** 2 + record**2) / nt.B - (record / nt.B) ** 2
    return (entry - record / nt.B) / sp.sqrt(variance)


class HonestSum(_Part):
    """Clipped gradients of the honest examples, summed."""

    nargs, name = 1, "S_{h}"

    def definition(self) -> sp.Expr:
        """Return the sum, example by example."""
        (t,) = self.args
        return (nt.B - 2) * Clip(A * unit(sp.S.One, t)) + Clip(A * unit(2 - nt.B, t))


class RecordPart(_Part):
    """Clipped gradient of the record."""

    nargs, name = 2, "s"

    def definition(self) -> sp.Expr:
        """Return the clipped gradient of the record's own output."""
        t, y = self.args
        return Clip(A * y * unit(t, t))


class OwnPart(_Part):
    """Clipped gradient of a record behind LayerNorm."""

    nargs, name = 1, "s"


class LayerSum(_Part):
    """Clipped gradients of a batch behind LayerNorm, summed."""

    nargs, name = 1, "S"


def clipped(gradient: Number, bound: Number) -> Number:
    """Clip a number."""
    return min(max(gradient, -bound), bound)


def _batch(record: Number, world: Context) -> list[Number]:
    size = int(evaluate(nt.B, world))
    inputs = [Fraction(1)] * (size - 2) + [Fraction(2 - size), record]
    slope = evaluate(A, world)
    return [slope * z for z in normalized(inputs, Fraction(0))]


@registry.means(Clip)
def _clip(node: Clip, world: Context) -> Number:
    return clipped(evaluate(node.args[0], world), evaluate(C_clip, world))


@registry.means(HonestSum)
def _honest(node: HonestSum, world: Context) -> Number:
    bound = evaluate(C_clip, world)
    return sum((clipped(g, bound) for g in _batch(evaluate(node.args[0], world), world)[:-1]), Fraction(0))


@registry.means(RecordPart)
def _record(node: RecordPart, world: Context) -> Number:
    label = evaluate(node.args[1], world)
    return clipped(label * _batch(evaluate(node.args[0], world), world)[-1], evaluate(C_clip, world))


def _behind_layer_norm(replaced: sp.Basic, world: Context) -> list[Number]:
    which = evaluate(replaced, world)
    if which not in (0, 1):
        raise KeyError("a record is replaced once")
    samples, labels = world.state["samples"], world.state["labels"]
    chosen = [*zip(samples[:-2], labels[:-2], strict=True), (samples[int(which) - 2], labels[int(which) - 2])]
    slope, bound = evaluate(A, world), evaluate(C_clip, world)
    return [clipped(slope * y * normalized(s, Fraction(0))[0], bound) for s, y in chosen]


@registry.means(LayerSum)
def _layer_sum(node: LayerSum, world: Context) -> Number:
    return sum(_behind_layer_norm(node.args[0], world), Fraction(0))


@registry.means(OwnPart)
def _own_part(node: OwnPart, world: Context) -> Number:
    return _behind_layer_norm(node.args[0], world)[-1]


@registry.worlds(HonestSum, LayerSum)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw batch sizes, clipping, records far enough away, and samples of a few channels with labels."""
    del part
    while True:
        size = rng.randint(3, 6)
        drawn = {**drawn_values(law, rng, most=3), nt.B: Fraction(size)}
        samples = [[Fraction(rng.randint(-6, 9)) for _ in range(3)] for _ in range(size + 1)]
        if any(len(set(s)) == 1 for s in samples):
            continue
        state = {"samples": samples, "labels": [rng.choice((-1, 1)) for _ in range(size + 1)]}
        yield Context({"x": [Fraction(0)] * size}, law.designs[0], drawn, law.where, state=state)


@registry.rule("parts", "a clipped sum, written out; behind LayerNorm only the record's own part changes")
def check_parts(at: Situation) -> Check:
    """Unfold sums behind BatchNorm, and cancel what the other samples contribute behind LayerNorm."""
    left = at.left
    for node in left.atoms(HonestSum, RecordPart):
        left = left.xreplace({node: node.definition()})
    before, after = LayerSum(sp.S.Zero), LayerSum(sp.S.One)
    others = sp.Dummy("others")  # the same clipped gradients before and after
    left = left.xreplace({before: others + OwnPart(sp.S.Zero), after: others + OwnPart(sp.S.One)})
    return Check(UNDECIDED, {"rule": "the other samples' part stays"}) if left.has(others) else equal(left, at.right)


@registry.rule("clip", "a gradient that is longer than the bound is clipped to the bound, with its sign")
def check_clip(at: Situation) -> Check:
    """Replace clipped gradients ``Clip(a q / sqrt(v))`` by plus or minus C_clip, once sign and length are proved.

    Both show, on the law's domain, in the signs of the coefficients of q and of ``(a q)^2 - C_clip^2 v``.
    """
    if at.step.where:
        return Check(UNDECIDED, {"rule": "this rule takes no substitutions"})
    known = charts(at.law)
    left = at.left
    definitions = {key: value for key, value in at.definitions.items() if isinstance(key, sp.Symbol)}
    for node in left.atoms(Clip):
        sign = _saturated(unfold(node.args[0], definitions), known)
        if not sign:
            return Check(UNDECIDED, {"rule": f"{node.args[0]} is not known to be clipped"})
        left = left.xreplace({node: sign * C_clip})
    return equal(left, at.right)


def _saturated(gradient: sp.Expr, known: dict[sp.Basic, sp.Expr]) -> int:
    """Return the sign of a gradient that is as long as C_clip at least; 0 if that does not show."""
    roots = [f for f in sp.Mul.make_args(gradient) if isinstance(f, sp.Pow) and not f.exp.is_Integer]
    rest = sp.Mul(*[f for f in sp.Mul.make_args(gradient) if f not in roots])
    variance = sp.Mul(*[f**-2 for f in roots])
    if not _nonnegative((rest**2 - C_clip**2 * variance).xreplace(known)):
        return 0
    return next((s for s in (1, -1) if _nonnegative((s * rest).xreplace(known))), 0)


def _nonnegative(expr: sp.Expr) -> bool:
    """Say whether numerator and denominator, multiplied out in the charts' symbols, have no negative coefficient."""
    for side in map(sp.expand, sp.fraction(sp.together(expr))):
        coefficients = sp.Poly(side, *side.free_symbols).coeffs() if side.free_symbols else [side]
        if not all(c > 0 for c in coefficients):
            return False
    return True


@registry.rule("lengths", "a sum of clipped gradients is no longer than their number times C_clip", bound=True)
def check_lengths(at: Situation) -> Check:
    """Prove an upper bound of the absolute value of a combination of clipped gradients by the triangle inequality."""
    if at.part.relation != "<=" or not isinstance(at.left, sp.Abs):
        return Check(UNDECIDED, {"rule": "the line before must be an absolute value, to be bounded from above"})
    inside = sp.expand(at.left.args[0])
    kinds = (Clip, OwnPart, RecordPart)
    total = sp.S.Zero
    for term in sp.Add.make_args(inside):
        number, rest = term.as_coeff_Mul()
        if not isinstance(rest, kinds):
            return Check(UNDECIDED, {"rule": f"{rest} is no clipped gradient"})
        total += abs(number) * C_clip
    answer = equal(total, at.right)
    return answer if answer.answer != REFUTED else Check(REFUTED, answer.engines)
