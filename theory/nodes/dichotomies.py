"""Which labelings of points a linear reader can give: counts of sign vectors, by Cover's recursion.

`Cells(P, r)`           labelings of the first P vectors that linear functions of r coordinates give; where the space
                        has more, it is projected along the vectors that come next
`Raw(P, d)`             labelings of P points in d coordinates that affine functions give
`BehindLayer(P, d)`     the same behind LayerNorm
`BehindRms(P, d)`       the same behind RMSNorm
`BinomialSum(n, m)`     sum of the binomial coefficients C(n, k), k from 0 to m

Points are in general position: as few of them as may be dependent are.  Labelings are counted exactly: every cell
of an arrangement of hyperplanes touches a ray that r - 1 of them share, and near such a ray all their signs occur.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry
from theory.equality import UNDECIDED, Check, equal
from theory.evaluation import evaluate
from theory.law import Law, Part
from theory.nodes.entries import Hat, Total, i, normalized, square_root
from theory.nodes.group import algebra_of
from theory.nodes.places import drawn_values
from theory.registry import Situation
from theory.rules import worst
from theory.surds import Surd
from theory.world import Context, Number

__all__ = ["BehindLayer", "BehindRms", "BinomialSum", "Cells", "P", "Raw", "count_cells", "d", "r"]

d = sp.Symbol("d", integer=True, positive=True)
"""Coordinates of a point."""

P = sp.Symbol("P", integer=True, positive=True)
"""Points."""

r = sp.Symbol("r", integer=True, positive=True)
"""Dimension in which a linear function reads."""

Vector = tuple[Number, ...]


class BinomialSum(sp.Function):
    """Sum of the first binomial coefficients of a row; see the module docstring."""

    nargs = 2
    is_commutative = True

    @classmethod
    def eval(cls, n: sp.Expr, m: sp.Expr) -> sp.Expr | None:
        """Give the number of a row and a last column that are known."""
        if n.is_Integer and m.is_Integer and n >= 0:
            return sp.Integer(sum(math.comb(int(n), k) for k in range(int(m) + 1)))
        return None

    def _eval_is_extended_real(self) -> bool:
        return True

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        n, m = (printer._print(a) for a in self.args)
        return nt._power(rf"\sum_{{k=0}}^{{{m}}}\binom{{{n}}}{{k}}", exp)

    def _numpycode(self, printer: Any) -> str:
        n, m = (printer._print(a) for a in self.args)
        return f"(2.0**({n})*betainc(({n}) - ({m}), ({m}) + 1.0, 0.5))"


class _Count(nt.Node):
    """A number of labelings."""

    nargs = 2
    name = ""

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        n, dimension = (printer._print(a) for a in self.args)
        return nt._power(rf"{self.name}\left({n},{dimension}\right)", exp, wrap=False)


class Cells(_Count):
    """Labelings by linear functions."""

    name = r"\mathcal C"


class Raw(_Count):
    """Labelings of points by affine functions."""

    name = r"\mathcal D"

    @classmethod
    def seen(cls, point: Sequence[Number]) -> Sequence[Number]:
        """Return the point."""
        return point


class BehindLayer(Raw):
    """Labelings behind LayerNorm."""

    name = r"\mathcal D_{\mathrm{LN}}"

    @classmethod
    def seen(cls, point: Sequence[Number]) -> Sequence[Number]:
        """Return the normalized point."""
        return normalized(point, Fraction(0))


class BehindRms(Raw):
    """Labelings behind RMSNorm."""

    name = r"\mathcal D_{\mathrm{RMS}}"

    @classmethod
    def seen(cls, point: Sequence[Number]) -> Sequence[Number]:
        """Return the point over its root mean square."""
        size = square_root(sum((x * x for x in point), Fraction(0)) / len(point))
        if size == 0:
            raise ZeroDivisionError("zero has no direction")
        return [x / size for x in point]


def _determinant(rows: Sequence[Vector]) -> Number:
    """Expand by the last column, where the roots are."""
    if len(rows) == 1:
        return rows[0][0]
    total: Number = 0
    for k, row in enumerate(rows):
        if row[-1] != 0:
            minor = _determinant([other[:-1] for m, other in enumerate(rows) if m != k])
            total = total + (row[-1] if (k + len(rows)) % 2 else -row[-1]) * minor
    return total


def _sign(number: Number) -> int:
    return number.sign() if isinstance(number, Surd) else (number > 0) - (number < 0)


def _in_span(vectors: Sequence[Vector]) -> list[Vector]:
    """Return the vectors in as many coordinates as they span: where a minor of that size does not vanish."""
    width = len(vectors[0])
    for rank in range(min(len(vectors), width), 0, -1):
        for columns in itertools.combinations(range(width), rank):
            reduced = [tuple(v[k] for k in columns) for v in vectors]
            if any(_determinant(rows) != 0 for rows in itertools.combinations(reduced, rank)):
                return reduced
    raise ZeroDivisionError("all vectors are zero")


def _plain(vector: Vector) -> Vector:
    """Return a positive multiple of a vector, which has the same signs, with as many whole entries as may be."""
    found = {k for x in vector[:-1] if isinstance(x, Surd) for k in x.terms}
    if len(found) == 1:
        factor = Surd({found.pop(): Fraction(1)})
        products = [factor * x for x in vector]
        vector = tuple(y.terms.get(1, Fraction(0)) if y.terms.keys() <= {1} else y for y in products)
    common = math.lcm(*[x.denominator for x in vector if isinstance(x, Fraction)])
    return tuple(int(x * common) if isinstance(x, Fraction) else x * common for x in vector)


def count_cells(vectors: Sequence[Vector]) -> int:
    """Count the sign vectors that linear functions take on some vectors, none of them zero.

    Raises
    ------
    ZeroDivisionError
        If the vectors are not in general position.
    """
    return _count(tuple(vectors))


@lru_cache(maxsize=1024)
def _count(given: tuple[Vector, ...]) -> int:
    vectors = _in_span([_plain(v) for v in given])
    n, rank = len(vectors), len(vectors[0])
    if n == rank:
        return int(2**n)  # independent vectors take all signs
    chirotope = {s: _sign(_determinant([vectors[k] for k in s])) for s in itertools.combinations(range(n), rank)}
    if not all(chirotope.values()):
        raise ZeroDivisionError("the points are not in general position")
    found = set()
    for ray in itertools.combinations(range(n), rank - 1):
        others = [k for k in range(n) if k not in ray]
        side = {k: chirotope[tuple(sorted((*ray, k)))] * (-1) ** sum(m > k for m in ray) for k in others}
        for direction in (1, -1):
            for signs in itertools.product((1, -1), repeat=rank - 1):
                near = dict(zip(ray, signs, strict=True))
                found.add(tuple(near[k] if k in near else direction * side[k] for k in range(n)))
    return len(found)


def _projected(vectors: Sequence[Vector], along: Vector) -> list[Vector]:
    pivot = next(k for k, x in enumerate(along) if x != 0)
    cut = [tuple(x - v[pivot] / along[pivot] * y for x, y in zip(v, along, strict=True)) for v in vectors]
    return [v[:pivot] + v[pivot + 1:] for v in cut]


def _whole(expr: sp.Basic, world: Context) -> int:
    number = evaluate(expr, world)
    if number.denominator != 1 or number < 1:
        raise KeyError(f"{expr} is no count here")
    return int(number)


@registry.means(Cells)
def _cells(node: Cells, world: Context) -> Number:
    n, dimension = (_whole(a, world) for a in node.args)
    vectors: list[Vector] = world.state["vectors"]
    first, rest = vectors[:n], vectors[n:]
    if len(first) < n or len(vectors[0]) < dimension or len(rest) < len(vectors[0]) - dimension:
        raise KeyError("there are not so many vectors, or coordinates")
    while len(first[0]) > dimension:
        first, rest = _projected(first, rest[0]), _projected(rest[1:], rest[0])
    return Fraction(count_cells(first))


@registry.means(Raw, BehindLayer, BehindRms)
def _labelings(node: Raw, world: Context) -> Number:
    n, dimension = (_whole(a, world) for a in node.args)
    points = world.state["points"]
    if len(points) < n or len(points[0]) != dimension:
        raise KeyError("there are not so many points, or coordinates")
    return Fraction(count_cells([_plain((*node.seen(point), Fraction(1))) for point in points[:n]]))


@registry.means(BinomialSum)
def _binomial_sum(node: BinomialSum, world: Context) -> Number:
    n, m = (evaluate(a, world) for a in node.args)
    if n.denominator != 1 or m.denominator != 1 or n < 0:
        raise KeyError("binomial coefficients are of whole numbers here")
    return Fraction(sum(math.comb(int(n), k) for k in range(int(m) + 1)))


@registry.worlds(Cells, Raw, BehindLayer, BehindRms)
def _worlds(law: Law, part: Part, rng: random.Random) -> Iterator[Context]:
    """Draw a few points of small integers, or vectors."""
    kind = next((type(node) for node in part.lhs.atoms(Raw)), None)
    fixed = any(node.args[0] != P for node in part.lhs.atoms(Raw))
    least = 2 if part.rhs.has(Cells) else 1  # a recursion needs a smaller case
    while True:
        dimension = 3 if fixed else rng.randint(3, 4) if kind else rng.randint(least, 4)
        n = 2 * (dimension + 1) if fixed else rng.randint(least, 6)
        points = [[Fraction(rng.randint(-9, 9)) for _ in range(dimension)] for _ in range(n)]
        try:
            vectors: list[Vector] = [tuple(x) for x in points]
            if kind:
                vectors = [_plain((*kind.seen(point), Fraction(1))) for point in points]
            spanned = _in_span(vectors)
            if len(spanned[0]) < min(n, dimension + (kind in (Raw, BehindRms))):
                continue
            count_cells(vectors)
            vectors = spanned if kind is BehindLayer and n >= dimension else vectors
        except ZeroDivisionError:
            continue
        if any(all(x == 0 for x in v) for v in vectors):
            continue
        sizes = {d: Fraction(max(dimension, 3)), r: Fraction(dimension), P: Fraction(n)}
        values = {**drawn_values(law, rng, most=2), **sizes}
        yield Context({"x": [Fraction(0)] * n}, law.designs[0], values, law.where, state={
            "points": points, "vectors": vectors})


@registry.rule("homogeneous dichotomies", "affine functions of points are linear functions of the points with a 1 "
                                          "added, in the space that these span")
def check_homogeneous(at: Situation) -> Check:
    """Replace counts of points by counts of vectors; behind LayerNorm the points lie in a plane, by group algebra."""
    algebra = algebra_of(at.law, d)
    in_plane = equal(algebra.closed(algebra.form(Total(Hat(i, 0), i))), sp.S.Zero)
    left = at.left
    for node in left.atoms(Raw):
        n, dimension = node.args
        lost = isinstance(node, BehindLayer)
        if lost and in_plane.answer != "proved":
            return in_plane
        left = left.xreplace({node: Cells(n, dimension if lost else dimension + 1)})
    return equal(left, at.right)


@registry.rule("extend", "a labeling extends to one more point in one way, or in two where a function that vanishes "
                         "there gives it", theorem="Schlaefli's recursion for vectors in general position (Cover 1965)")
def check_extend(at: Situation) -> Check:
    """Apply Cover's recursion to every count in the line."""
    counts = {node: Cells(node.args[0] - 1, node.args[1]) + Cells(node.args[0] - 1, node.args[1] - 1)
              for node in at.left.atoms(Cells)}
    return equal(at.left.xreplace(counts), at.right)


def _pascal(node: BinomialSum) -> sp.Expr:
    """Return a sum over a row as two sums over the row above, by Pascal's rule term by term."""
    n, m = node.args
    return BinomialSum(n - 1, m) + BinomialSum(n - 1, m - 1)


def pascal_rule() -> Check:
    """Prove C(n, k) = C(n-1, k) + C(n-1, k-1): all over C(n-1, k), the ratios are n/(n-k) and k/(n-k)."""
    n, k = sp.symbols("n k")
    return equal(n / (n - k), 1 + k / (n - k))


@registry.rule("recursion", "the closed form meets Cover's recursion, by Pascal's rule, and its two boundaries")
def check_recursion(at: Situation) -> Check:
    """Prove a closed form of `Cells(P, r)` from the part of the law that states the recursion."""
    if at.left != Cells(P, r):
        return Check(UNDECIDED, {"rule": "the line before must be the count of P vectors in r coordinates"})
    names = [p.name for p in at.law.parts]
    cited = next((p for p in at.law.parts[:names.index(at.part.name)] if p.lhs == at.left), None)
    if cited is None or cited.rhs != Cells(P - 1, r) + Cells(P - 1, r - 1):
        return Check(UNDECIDED, {"rule": "no part before this one proves the recursion"})
    one, two = sp.Integer(1), sp.Integer(2)
    up = at.right.replace(BinomialSum, lambda n, m: _pascal(BinomialSum(n, m)) if n.has(P) else BinomialSum(n, m))
    before = at.right.xreplace({P: P - 1})
    return worst(
        pascal_rule(),
        equal(up, before + before.xreplace({r: r - 1})),
        equal(at.right.xreplace({P: one}).replace(BinomialSum, _top), two),
        equal(at.right.xreplace({r: one}).replace(BinomialSum, _top), two),
    )


def _top(n: sp.Expr, m: sp.Expr) -> sp.Expr:
    """Value of a sum over row 0, or of its first coefficient alone."""
    return sp.S.One if n == 0 or m == 0 else BinomialSum(n, m)


@registry.rule("half row", "the lower half of an odd row of Pascal's triangle is the mirror of the upper: half of 2^n")
def check_half(at: Situation) -> Check:
    """Replace ``BinomialSum(2m + 1, m)`` by ``2^(2m)``."""
    known = {node: sp.Integer(2) ** (node.args[0] - 1) for node in at.left.atoms(BinomialSum)
             if sp.expand(node.args[0] - 2 * node.args[1] - 1) == 0}
    return equal(at.left.xreplace(known), at.right)
