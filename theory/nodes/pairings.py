"""Moments of correlated Gaussian groups by pairings: rules of proof for the nodes of `theory.nodes.correlated`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache

import sympy as sp

from theory import notation as nt
from theory import registry, rules
from theory.equality import Check, equal
from theory.law import Law
from theory.nodes.correlated import (
    Centered,
    CenteredForm,
    Correlated,
    Form,
    P,
    R,
    Sigma,
    Trace,
    means,
    n,
    ones,
    rho,
)
from theory.registry import Situation

__all__ = ["Centered", "CenteredForm", "Correlated", "Form", "P", "R", "Sigma", "Trace", "means", "n", "ones", "rho"]


def _pairings(slots: tuple[int, ...]) -> Iterator[list[tuple[int, ...]]]:
    """Iterate over the ways to pair slots, some left alone."""
    if not slots:
        yield []
        return
    first, rest = slots[0], slots[1:]
    for found in _pairings(rest):
        yield [(first,), *found]
    for k, other in enumerate(rest):
        for found in _pairings(rest[:k] + rest[k + 1:]):
            yield [(first, other), *found]


def _walk(slot: int, outward: bool, partner: dict[int, int], left: set[int], squares: int) -> tuple[sp.Symbol, int]:
    """Follow pairs and ties in turn to the other end: its vector, and the number of pairs on the way."""
    count = 0
    while True:
        left.discard(slot)
        if outward and slot not in partner:
            return means, count
        if outward:
            slot, count = partner[slot], count + 1
        elif slot >= 2 * squares or slot ^ 1 not in left:
            return ones, count  # where a ring closes, there is no end
        else:
            slot ^= 1
        outward = not outward


@lru_cache(maxsize=64)
def _wick(squares: int, sums: int) -> sp.Expr:
    """Return the mean of (sum of squares)^a (sum)^b of jointly Gaussian entries: the sum over pairings.

    A square ties its two entries to each other, a sum ties its entry to the vector of ones; a pair of entries brings
    their covariance, an entry left alone its mean.  What hangs together is a trace or a form.
    """
    slots = tuple(range(2 * squares + sums))
    total = sp.S.Zero
    for pairing in _pairings(slots):
        partner = {a: b for pair in pairing if len(pair) == 2 for a, b in (pair, pair[::-1])}
        left, term = set(slots), sp.S.One
        for slot in slots:
            if slot in left and slot >= 2 * squares:
                end, count = _walk(slot, True, partner, left, squares)
                term *= Form(*_ordered(ones, count, end))
            elif slot in left and slot not in partner:
                end, count = _walk(slot, False, partner, left, squares)
                term *= Form(*_ordered(means, count, end))
        while left:
            term *= Trace(Sigma, _walk(min(left), True, partner, left, squares)[1])
        total += term
    return total


def _ordered(a: sp.Basic, k: sp.Basic | int, b: sp.Basic, matrix: sp.Basic = Sigma) -> tuple[sp.Basic, ...]:
    first, second = sorted((a, b), key=str, reverse=True)
    return first, matrix, sp.sympify(k), second


def _images(law: Law) -> bool:
    """Say whether the group is one of B images at P positions, all of one mean."""
    return any(p.symbol == P for p in law.params)


def _size(law: Law) -> sp.Expr:
    return nt.B * P if _images(law) else n


def _told(a: sp.Basic, matrix: sp.Basic, k: sp.Basic, b: sp.Basic, law: Law) -> sp.Expr:
    """Write a form with its vectors in order, and with the common mean, where there is one, outside."""
    shift = sp.S.One
    if _images(law):
        shift = sp.Mul(*[nt.mu for v in (a, b) if v == means])
        a, b = (ones if v == means else v for v in (a, b))
    if (a, k, b, matrix) == (ones, 0, ones, Sigma):
        return shift * _size(law)
    return shift * Form(*_ordered(a, k, b, matrix))


def _averaged(body: sp.Basic, law: Law) -> sp.Expr:
    """Carry out an expectation: the mean is a sum over n, the variance a sum of squares over n minus its square."""
    size = _size(law)
    sums, squares = sp.symbols("sums squares", positive=True)
    written = body.xreplace({nt.m: sums / size, nt.s: sp.sqrt(squares / size - (sums / size) ** 2)})
    total = sp.S.Zero
    polynomial = sp.expand(written)
    if not polynomial.is_polynomial(sums, squares):
        raise ValueError(f"{body} is no polynomial in the mean and the variance")
    for (i, j), factor in sp.Poly(polynomial, sums, squares).terms():
        total += factor * _wick(int(j), int(i))
    return total


@registry.rule("pairings", "moments of jointly Gaussian entries are sums over pairings of their covariances and means")
def _by_pairings(at: Situation) -> Check:
    sides = [rules.unfold(side, at.definitions).replace(Correlated, lambda body: _averaged(body, at.law))
             for side in (at.left, at.right)]
    return equal(*(_written_out(side, at.law) for side in sides))


def _written_out(expr: sp.Basic, law: Law) -> sp.Basic:
    """Write traces and forms of the centered matrix out, H being the identity minus ones ones^T / n."""
    size = _size(law)

    def trace(matrix: sp.Symbol, k: sp.Integer) -> sp.Expr:
        return sp.Add(*[_cut(picked, matrix, size) for picked in itertools.product((False, True), repeat=int(k))])

    def form(matrix: sp.Symbol) -> sp.Expr:
        mean = Form(ones, matrix, 0, means) / size
        return (Form(means, matrix, 1, means) - 2 * mean * Form(ones, matrix, 1, means)
                + mean**2 * Form(ones, matrix, 1, ones))

    found = expr.replace(Centered, trace).replace(CenteredForm, form)
    return found.replace(Form, lambda a, matrix, k, b: _told(a, matrix, k, b, law))


def _cut(picked: tuple[bool, ...], matrix: sp.Symbol, size: sp.Expr) -> sp.Expr:
    """Return the trace of a product of matrices, with ones ones^T / n before those that are picked."""
    places = [i for i, here in enumerate(picked) if here]
    if not places:
        return Trace(matrix, len(picked))
    term = sp.S.One
    for start, end in zip(places, [*places[1:], places[0] + len(picked)], strict=True):
        term *= -Form(ones, matrix, end - start, ones) / size
    return term


@registry.rule("independent images", "B independent images: a block-diagonal matrix, B times the traces and forms of "
               "a block")
def _by_blocks(at: Situation) -> Check:
    if not _images(at.law):
        raise ValueError("the group is not one of images")

    def trace(matrix: sp.Basic, k: sp.Basic) -> sp.Expr:
        if matrix != Sigma:
            return Trace(matrix, k)
        return nt.B * nt.sigma2**k * (P if k == 1 else Trace(R, k))

    def form(a: sp.Basic, matrix: sp.Basic, k: sp.Basic, b: sp.Basic) -> sp.Expr:
        whole = matrix == Sigma and (a, b) == (ones, ones)
        return nt.B * nt.sigma2**k * Form(ones, R, k, ones) if whole else Form(a, matrix, k, b)

    def told(side: sp.Basic) -> sp.Basic:
        written = _written_out(rules.unfold(side, at.definitions), at.law)
        return written.replace(Trace, trace).replace(Form, form)

    return equal(told(at.left), told(at.right))


@registry.rule("alike", "all correlations are rho: powers of (1 - rho) I + rho J by J^2 = P J; or independent entries "
               "of one variance: Sigma = sigma2 I")
def _alike(at: Situation) -> Check:
    images = _images(at.law)
    which, count = (R, P) if images else (Sigma, n)
    identity, others = (1 - rho, rho) if images else (nt.sigma2, sp.S.Zero)

    def power(k: sp.Basic) -> tuple[sp.Expr, sp.Expr]:
        """Coefficients of the identity and of the matrix of ones."""
        a, b = sp.S.One, sp.S.Zero
        for _ in range(int(k)):
            a, b = a * identity, a * others + b * identity + count * b * others
        return a, b

    def trace(matrix: sp.Basic, k: sp.Basic) -> sp.Expr:
        a, b = power(k)
        return count * (a + b) if matrix == which else Trace(matrix, k)

    def form(u: sp.Basic, matrix: sp.Basic, k: sp.Basic, v: sp.Basic) -> sp.Expr:
        if matrix != which:
            return Form(u, matrix, k, v)
        a, b = power(k)
        if images:
            return a * count + b * count**2
        return a * _told(u, matrix, sp.S.Zero, v, at.law)

    def told(side: sp.Basic) -> sp.Basic:
        written = _written_out(rules.unfold(side, at.definitions), at.law)
        return written.replace(Trace, trace).replace(Form, form)

    return equal(told(at.left), told(at.right))
