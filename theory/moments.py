"""The moment calculus: exact expectations of batch statistics under a sampling design.

A product of batch sums expands over set partitions of its factors into sums over *distinct* examples.
The design enters only through the expectation of such a sum:

* without replacement, P(distinct i1..ik all in the batch) = ff(B,k)/ff(N,k), ff the falling factorial;
* with replacement, ff(B,k) ordered k-tuples of distinct draws, which are independent;
* exchangeable weights, the joint moments of k distinct weights.

Sums over distinct examples return to population means by Moebius inversion over the lattice of set
partitions.  Everything is a rational function of N, B and population means; nothing is simplified.

The algorithm is the classical one for moments of moments, after Tukey's polykays (1950).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import sympy as sp

from theory import notation as nt

__all__ = ["expand_sums", "expect", "falling", "linear_expectation", "set_partitions"]


def falling(base: sp.Expr, k: int) -> sp.Expr:
    """Return the falling factorial base (base-1) ... (base-k+1)."""
    return sp.Mul(*[base - j for j in range(k)])


@lru_cache(maxsize=64)
def set_partitions(size: int) -> tuple[tuple[tuple[int, ...], ...], ...]:
    """Return every partition of range(size) into blocks, by restricted growth."""
    if size == 0:
        return ((),)
    grown = []
    for smaller in set_partitions(size - 1):
        grown.append((*smaller, (size - 1,)))
        grown += [(*smaller[:i], (*block, size - 1), *smaller[i + 1:]) for i, block in enumerate(smaller)]
    return tuple(grown)


def _is_example(symbol: sp.Basic) -> bool:
    return isinstance(symbol, nt.PerExample)


def _split(term: sp.Expr) -> tuple[sp.Expr, sp.Expr]:
    """Split a monomial into (constant coefficient, per-example monomial)."""
    constant, varying = sp.S.One, sp.S.One
    for factor in sp.Mul.make_args(term):
        base, exponent = factor.as_base_exp()
        if any(_is_example(a) for a in factor.free_symbols) and not isinstance(base, nt.PopMean):
            if not (_is_example(base) and exponent.is_Integer and exponent > 0):
                raise ValueError(f"{factor} is not a polynomial in per-example symbols")
            varying *= factor
        else:
            constant *= factor
    return constant, varying


def mean_of(monomial: sp.Expr) -> sp.Expr:
    """Population mean of a per-example monomial: 1 of a constant, 0 of a single deviation."""
    if monomial == 1:
        return sp.S.One
    if isinstance(monomial, nt.Deviation):
        return sp.S.Zero
    return nt.PopMean(monomial)


def expand_sums(expr: sp.Expr, size: sp.Expr) -> sp.Expr:
    """Write every sum and population mean over a polynomial as a combination over monomials.

    `BatchSum(a*f + b*g)` becomes ``a*BatchSum(f) + b*BatchSum(g)``; `BatchSum(1)` is the batch size.
    Complement sums become ``N*PopMean - BatchSum``: the population splits into batch and complement.
    """

    def linear(node: type[sp.Function], body: sp.Expr) -> sp.Expr:
        total = sp.S.Zero
        for term in sp.Add.make_args(sp.expand(expand_sums(body, size))):
            constant, varying = _split(term)
            if node is nt.PopMean:
                total += constant * mean_of(varying)
            elif node in (nt.BatchSum, nt.OtherSum):
                total += constant * (size if varying == 1 else node(varying))
            elif node is nt.ComplementSum:
                inside = size if varying == 1 else nt.BatchSum(varying)
                total += constant * (nt.N * mean_of(varying) - inside)
            else:
                total += constant * nt.WeightedSum(varying)
        return total

    def visit(node: sp.Basic) -> sp.Basic:
        if isinstance(node, nt.E):
            return nt.E(visit_args(node.args[0], node.args[1]), node.args[1])
        if isinstance(node, (nt.BatchSum, nt.OtherSum, nt.ComplementSum, nt.WeightedSum, nt.PopMean)):
            return linear(type(node), node.args[0])
        if not node.args:
            return node
        return node.func(*[visit(a) for a in node.args])

    def visit_args(body: sp.Basic, inner: sp.Expr) -> sp.Basic:
        return expand_sums(body, inner)

    return visit(expr)


def _distinct_sum(monomials: Sequence[sp.Expr]) -> sp.Expr:
    """Sum over distinct examples of the population of a product, one monomial an example."""
    total = sp.S.Zero
    for partition in set_partitions(len(monomials)):
        term = sp.S.One
        for block in partition:
            weight = (-1) ** (len(block) - 1) * sp.factorial(len(block) - 1)
            term *= weight * nt.N * mean_of(sp.Mul(*[monomials[i] for i in block]))
        total += term
    return total


def _weight_moment(sizes: tuple[int, ...]) -> sp.Expr:
    """Joint moment of distinct exchangeable weights, up to second order."""
    table = {(): sp.S.One, (1,): nt.w_mean, (2,): nt.w_var + nt.w_mean**2, (1, 1): nt.w_cov + nt.w_mean**2}
    key = tuple(sorted(sizes, reverse=True))
    if key not in table:
        raise ValueError(f"moments of exchangeable weights are known up to second order, not {key}")
    return table[key]


def product_moment(monomials: Sequence[sp.Expr], size: sp.Expr, sampling: str, *,
                   others: Sequence[sp.Expr] = ()) -> sp.Expr:
    """Expectation of a product of sums, one monomial a factor.

    Parameters
    ----------
    monomials : sequence of sympy.Expr
        Per-example monomials f_1..f_r; the product is prod_j sum_i f_j(i).
    size : sympy.Expr
        Batch size.
    sampling : {"wor", "wr", "weights"}
        Design.
    others : sequence of sympy.Expr
        Further factors, summed over a second batch that shares no draw with the first.

    Returns
    -------
    sympy.Expr
        In N, the size and population means.
    """
    factors, first = [*monomials, *others], len(monomials)
    total = sp.S.Zero
    for partition in set_partitions(len(factors)):
        sides = [{i < first for i in block} for block in partition]
        if any(len(side) == 2 for side in sides):
            continue  # no draw belongs to both batches
        blocks = [sp.Mul(*[factors[i] for i in block]) for block in partition]
        k, mine = len(blocks), sum(side == {True} for side in sides)
        places = falling(size, mine) * falling(size, k - mine)
        if sampling == "wr":
            total += places * sp.Mul(*[mean_of(b) for b in blocks])
        elif sampling == "wor":
            total += places / falling(nt.N, k) * _distinct_sum(blocks)
        else:
            total += _weight_moment(tuple(len(b) for b in partition)) * _distinct_sum(blocks)
    return total


def _factors(term: sp.Expr) -> Iterator[sp.Expr]:
    """Iterate over the factors of a monomial with multiplicity; other powers stay whole."""
    for factor in sp.Mul.make_args(term):
        base, exponent = factor.as_base_exp()
        if exponent.is_Integer and exponent > 0:
            yield from [base] * int(exponent)
        else:
            yield factor


def _monomials(body: sp.Expr, size: sp.Expr) -> Iterator[tuple[sp.Expr, dict[str, list[sp.Expr]]]]:
    """Split an expanded body into (constant, random factors by kind)."""
    unfolded = sp.expand(body)
    for power in sorted(unfolded.atoms(sp.Pow), key=sp.default_sort_key):
        # Even powers of the batch standard deviation are polynomials in batch sums.
        if power.base in (nt.s, nt.r) and power.exp.is_Integer and power.exp > 0:
            half, odd = divmod(int(power.exp), 2)
            unfolded = unfolded.xreplace({power: (nt.BATCH_STATISTICS[power.base] ** 2) ** half * power.base**odd})
    unfolded = unfolded.xreplace({nt.m: nt.BATCH_STATISTICS[nt.m]})
    for term in sp.Add.make_args(sp.expand(expand_sums(sp.expand(unfolded), size))):
        kinds: dict[str, list[sp.Expr]] = {"batch": [], "other": [], "weights": [], "opaque": [], "random": []}
        constant = sp.S.One
        for factor in _factors(term):
            if isinstance(factor, nt.BatchSum):
                kinds["batch"].append(factor.args[0])
            elif isinstance(factor, nt.OtherSum):
                kinds["other"].append(factor.args[0])
            elif isinstance(factor, nt.WeightedSum):
                kinds["weights"].append(factor.args[0])
            elif factor in (nt.s, nt.r):
                kinds["opaque"].append(factor)
            elif isinstance(factor, nt.RandomSymbol):
                kinds["random"].append(factor)
            elif factor.has(nt.BatchSum, nt.OtherSum, nt.WeightedSum, nt.RandomSymbol, nt.s, nt.r):
                raise ValueError(f"{factor} is not a polynomial in random quantities")
            else:
                constant *= factor
        yield constant, kinds


def linear_expectation(body: sp.Expr, size: sp.Expr) -> sp.Expr:
    """Expand E(body) by linearity and independence only; each random monomial stays an `E` node."""
    total = sp.S.Zero
    for constant, kinds in _monomials(body, size):
        sums = sp.Mul(*[nt.BatchSum(f) for f in kinds["batch"]], *[nt.OtherSum(f) for f in kinds["other"]],
                      *[nt.WeightedSum(f) for f in kinds["weights"]], *kinds["opaque"])
        total += constant * _atom(sums, size) * _random(kinds["random"], size)
    return total


def expect(body: sp.Expr, size: sp.Expr, sampling: str) -> sp.Expr:
    """Return E(body) for a body polynomial in sums, random symbols and batch statistics.

    Parameters
    ----------
    body : sympy.Expr
        What stands inside the expectation.
    size : sympy.Expr
        Batch size.
    sampling : {"wor", "wr"}
        Design of the batch; weighted sums follow the exchangeable weights.

    Returns
    -------
    sympy.Expr
        Rational in N, size, population means; odd powers of the batch standard deviation stay `E` nodes.
    """
    total = sp.S.Zero
    for constant, kinds in _monomials(body, size):
        if kinds["opaque"]:
            sums = sp.Mul(*[nt.BatchSum(f) for f in kinds["batch"]], *kinds["opaque"])
            moment = _atom(sums, size)
        else:
            moment = product_moment(kinds["batch"], size, sampling, others=kinds["other"])
            moment *= product_moment(kinds["weights"], size, "weights")
        total += constant * moment * _random(kinds["random"], size)
    return total


def _atom(body: sp.Expr, size: sp.Expr) -> sp.Expr:
    return sp.S.One if body == 1 else nt.E(body, size)


def _random(symbols: Sequence[sp.Expr], size: sp.Expr) -> sp.Expr:
    """Moment of the random symbols; symbols named together are one joint variable."""
    if len(symbols) == 1 and isinstance(symbols[0], nt.CenteredRandom):
        return sp.S.Zero
    return _atom(sp.Mul(*symbols), size) if symbols else sp.S.One
