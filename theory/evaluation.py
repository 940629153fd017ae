"""What the nodes of `theory.notation` mean: evaluation by enumeration, in rationals, square roots and balls.

Every batch, every draw, every sequence of batches is visited; no formula is used.  The evaluation knows
nothing of the moment calculus, so a law whose derivation and calculus share an error is contradicted here.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial
from typing import Any

import sympy as sp

from theory import notation as nt
from theory import registry
from theory.balls import ball, elementary, pi
from theory.jets import Jet
from theory.surds import Surd, root
from theory.world import Context, Number, batches, pairs

__all__ = ["Context", "batches", "evaluate"]

MOST_PATHS = 100
"""Sequences of batches that are visited one by one."""


def evaluate(expr: sp.Basic, world: Context) -> Number:
    """Return the exact value of an expression in a world.

    Raises
    ------
    KeyError
        If a symbol has no value there.
    """
    if isinstance(expr, sp.Rational):
        return Fraction(int(expr.p), int(expr.q))
    if isinstance(expr, sp.Symbol):
        return _symbol(expr, world)
    if isinstance(expr, sp.Add):
        return sum((evaluate(a, world) for a in expr.args), Fraction(0))
    if isinstance(expr, sp.Mul):
        product: Number = Fraction(1)
        for a in expr.args:
            product = product * evaluate(a, world)
        return product
    if isinstance(expr, sp.Pow):
        return _power(evaluate(expr.base, world), evaluate(expr.exp, world))
    handler = _NODES.get(type(expr)) or registry.MEANINGS.get(type(expr))
    if handler is None:
        raise KeyError(f"the oracle has no meaning for {type(expr).__name__}")
    return handler(expr, world)


def _power(base: Number, exponent: Number) -> Number:
    if base == 0 and exponent < 0:
        raise ZeroDivisionError("a denominator vanishes in this world")
    if isinstance(exponent, Fraction) and exponent.denominator == 1:
        return base ** int(exponent)
    if isinstance(base, Jet):
        return base.power(exponent, lambda first: _power(first, exponent))
    if not isinstance(exponent, Fraction):
        return ball(base) ** exponent
    if isinstance(base, Surd) and set(base.terms) <= {1}:
        base = base.terms.get(1, Fraction(0))
    if exponent.denominator == 2 and isinstance(base, Fraction):
        return root(base) ** exponent.numerator
    return Fraction(0) if base == 0 else ball(base) ** exponent


def _elementary(node: sp.Basic, world: Context) -> Number:
    """Value of a classical function, as a ball; exact where a rational argument gives a rational value."""
    return _function(type(node), evaluate(node.args[0], world))


def _function(kind: type, argument: Number) -> Number:
    if isinstance(argument, Jet):
        if kind not in (sp.log, sp.exp):
            raise KeyError(f"no power series of {kind.__name__} is known here")
        return (argument.log if kind is sp.log else argument.exp)(partial(_function, kind))
    if kind in _EXACTLY and argument == _EXACTLY[kind][0]:
        return Fraction(_EXACTLY[kind][1])
    if kind is sp.log and not argument > 0:
        raise ZeroDivisionError(f"the logarithm of {argument} is not real")
    return elementary(_NAMES[kind], argument)


def _pi(node: sp.Basic, world: Context) -> Number:
    return pi()


def _absolute(node: sp.Basic, world: Context) -> Number:
    return abs(evaluate(node.args[0], world))


def _extreme(node: sp.Basic, world: Context) -> Number:
    values = [evaluate(a, world) for a in node.args]
    return max(values) if isinstance(node, sp.Max) else min(values)


def _symbol(symbol: sp.Symbol, world: Context) -> Number:
    if symbol in world.values:
        return world.values[symbol]
    if isinstance(symbol, nt.PerExample):
        if world.example is None:
            raise KeyError(f"{symbol} stands outside a sum")
        if isinstance(symbol, nt.Deviation):
            quantity = nt.DEVIATION_OF[symbol]
            return world.population[quantity.name][world.example] - _fact(nt.MEAN_OF[quantity], world)
        return world.population[symbol.name][world.example]
    if symbol == nt.N:
        return Fraction(world.size)
    if symbol in nt.BATCH_STATISTICS:
        return evaluate(nt.BATCH_STATISTICS[symbol], world)
    return _fact(symbol, world)


def _fact(symbol: sp.Symbol, world: Context) -> Number:
    """Value of a symbol that the world fixes: evaluated once, without a batch, an example or weights."""
    if symbol not in world.facts:
        outside = replace(world, batch=None, other=None, example=None, draw=None)
        world.facts[symbol] = _compute_fact(symbol, outside)
    return world.facts[symbol]


def _compute_fact(symbol: sp.Symbol, world: Context) -> Number:
    for quantity, mean in nt.MEAN_OF.items():
        if symbol == mean:
            return evaluate(nt.PopMean(quantity), world)
    if symbol in world.where:
        return evaluate(sp.sympify(world.where[symbol]), world)
    if symbol in nt.ROOT_OF:
        return _power(evaluate(nt.ROOT_OF[symbol], world), Fraction(1, 2))
    if symbol in (nt.w_mean, nt.w_var, nt.w_cov, nt.w_sumvar):
        return _weight_fact(symbol, world)
    raise KeyError(f"no value for {symbol}")


def _weight_fact(symbol: sp.Symbol, world: Context) -> Fraction:
    """Moments of the concrete weights, from their definition."""
    def mean(f: Callable[[tuple[Fraction, ...]], Fraction]) -> Fraction:
        return sum((p * f(w) for p, w in world.weights), Fraction(0))

    def total(w: tuple[Fraction, ...]) -> Fraction:
        return sum(w, Fraction(0))

    first = mean(lambda w: w[0])
    if symbol == nt.w_mean:
        return first
    if symbol == nt.w_var:
        return mean(lambda w: w[0] ** 2) - first**2
    if symbol == nt.w_cov:
        return mean(lambda w: w[0] * w[1]) - first * mean(lambda w: w[1])
    return mean(lambda w: total(w) ** 2) - mean(total) ** 2


def _sum(examples: Sequence[int], body: sp.Basic, world: Context) -> Number:
    return sum((evaluate(body, replace(world, example=i)) for i in examples), Fraction(0))


def _batch_sum(node: sp.Basic, world: Context) -> Number:
    if world.batch is None:
        raise KeyError("a batch sum stands outside an expectation and no batch is given")
    return _sum(world.batch, node.args[0], world)


def _other_sum(node: sp.Basic, world: Context) -> Number:
    if world.other is None:
        raise KeyError("a sum over a second batch stands outside an expectation")
    return _sum(world.other, node.args[0], world)


def _complement_sum(node: sp.Basic, world: Context) -> Number:
    if world.batch is None:
        raise KeyError("a complement sum stands outside an expectation and no batch is given")
    return _sum([i for i in range(world.size) if i not in world.batch], node.args[0], world)


def _weighted_sum(node: sp.Basic, world: Context) -> Number:
    if world.draw is None:
        raise KeyError("a weighted sum stands outside an expectation")
    return sum((weight * evaluate(node.args[0], replace(world, example=i)) for i, weight in enumerate(world.draw)),
               Fraction(0))


def _pop_mean(node: sp.Basic, world: Context) -> Number:
    return _sum(range(world.size), node.args[0], world) / world.size


def _expectation(node: sp.Basic, world: Context) -> Number:
    body, size_expr = node.args
    size = evaluate(size_expr, world)
    if size.denominator != 1:
        raise ValueError(f"batch size {size} is not an integer")
    inner = world
    if size_expr == nt.B and world.values.get(nt.B) != size:
        inner = replace(world, values={**world.values, nt.B: size}, facts={})
    randoms = sorted((s for s in body.free_symbols if isinstance(s, nt.RandomSymbol)), key=str)
    outcomes: list[tuple[Fraction, dict[sp.Symbol, Fraction]]] = [(Fraction(1), {})]
    if randoms:
        # One joint two-point law with a mean that is not zero: e1 = (3, -1), e2 = (5, 0), ...
        half = Fraction(1, 2)
        up = {s: Fraction(2 * k + 3) for k, s in enumerate(randoms)}
        down = {s: Fraction(k - 1) for k, s in enumerate(randoms)}
        down |= {s: -up[s] for s in randoms if isinstance(s, nt.CenteredRandom)}
        outcomes = [(half, up), (half, down)]
    draws = [(p, w) for p, w in world.weights] if body.has(nt.WeightedSum) else [(Fraction(1), None)]
    needs_batch = body.has(nt.BatchSum, nt.ComplementSum) or any(s in nt.BATCH_STATISTICS for s in body.free_symbols)
    pool: list[tuple[int, Any, Any]] = [(1, None, None)]
    if body.has(nt.OtherSum):
        pool = list(pairs(world.size, int(size), world.design))
    elif needs_batch:
        pool = [(k, batch, None) for k, batch in batches(world.size, int(size), world.design)]
    total, count = Fraction(0), sum(k for k, *_ in pool)
    for chance, assigned in outcomes:
        for p, draw in draws:
            for multiplicity, batch, other in pool:
                here = replace(inner, batch=batch, other=other, draw=draw, values={**inner.values, **assigned})
                total = total + chance * p * multiplicity * evaluate(body, here) / count
    return total


def _at(node: sp.Basic, world: Context) -> Number:
    values = {k: evaluate(v, world) for k, v in node.settings.items()}
    return evaluate(node.args[0], replace(world, values={**world.values, **values}, facts={}))


def _noises(world: Context, step: int) -> list[tuple[Fraction, Fraction]]:
    """Every (probability, batch noise) of one step; the noise is the mean deviation of g."""
    size = int(evaluate(nt.B, world))
    pool = list(batches(world.size, size, world.design))
    count = sum(k for k, _ in pool)
    names = {1: nt.dg, 2: nt.du, 3: nt.dv}
    return [(Fraction(k, count), evaluate(nt.BatchSum(names[step]) / size, replace(world, batch=b))) for k, b in pool]


def _path_moments(world: Context, modes: tuple[int, int], steps: int) -> tuple[Number, Number, Number]:
    """First moments and product moment of two modes after `steps`.

    Every sequence of batches is visited while there are few; beyond, moments are carried from step to
    step over every batch of that step (tower rule).  Modes: 1 is (h, g); 2 and 3 are (h1, u) and (h2, v).
    """
    curvature = {1: nt.h, 2: nt.h1, 3: nt.h2}
    eta = evaluate(nt.eta, world)
    shrink = [1 - eta * evaluate(curvature[k], world) for k in modes]
    noises = [_noises(world, k) for k in modes]
    start = evaluate(nt.delta0, world) if nt.delta0 in world.values else Fraction(0)
    if len(noises[0]) ** steps > MOST_PATHS:
        return _carried(shrink, eta, noises, start, steps)
    first = second = product = Fraction(0)
    for sequence in itertools.product(range(len(noises[0])), repeat=steps):
        chance, errors = Fraction(1), [start, start]
        for k in sequence:
            chance *= noises[0][k][0]
            errors = [a * err - eta * noise[k][1] for a, err, noise in zip(shrink, errors, noises, strict=True)]
        first, second = first + chance * errors[0], second + chance * errors[1]
        product += chance * errors[0] * errors[1]
    return first, second, product


def _carried(shrink: Sequence[Number], eta: Number, noises: Sequence[Sequence[tuple[Fraction, Fraction]]],
             start: Number, steps: int) -> tuple[Number, Number, Number]:
    """Carry E[e1], E[e2], E[e1 e2] through the steps, each averaged over all of its batches."""
    (a, b), (e1, e2, e12) = shrink, (start, start, start * start)
    pairs = [(p, eta * n1, eta * n2) for (p, n1), (_, n2) in zip(noises[0], noises[1], strict=True)]
    for _ in range(steps):
        e12 = sum((p * (a * b * e12 - a * y * e1 - b * x * e2 + x * y) for p, x, y in pairs), Fraction(0))
        e1, e2 = (sum((p * (a * e1 - x) for p, x, _ in pairs), Fraction(0)),
                  sum((p * (b * e2 - y) for p, _, y in pairs), Fraction(0)))
    return e1, e2, e12


def _chain_mean(node: sp.Basic, world: Context) -> Number:
    return _path_moments(world, (1, 1), int(evaluate(node.args[0], world)))[0]


def _chain_cov(node: sp.Basic, world: Context) -> Number:
    modes = (int(evaluate(node.args[0], world)), int(evaluate(node.args[1], world)))
    first, second, product = _path_moments(world, modes, int(evaluate(node.args[2], world)))
    return product - first * second


def _chain_var_mixed(node: sp.Basic, world: Context) -> Number:
    """Second moment after some steps from the minimum, over every sequence of batches; its mean is zero."""
    size, eta = int(evaluate(nt.B, world)), evaluate(nt.eta, world)
    pool = list(batches(world.size, size, world.design))
    count = sum(k for k, _ in pool)
    steps = [(Fraction(k, count), evaluate(nt.BatchSum(nt.u) / size, here), evaluate(nt.BatchSum(nt.dg) / size, here))
             for k, here in ((k, replace(world, batch=b)) for k, b in pool)]
    count_of_steps = int(evaluate(node.args[0], world))
    first = second = Fraction(0)
    if len(steps) ** count_of_steps > MOST_PATHS:
        for _ in range(count_of_steps):
            second = sum((q * ((1 - eta * h) ** 2 * second - 2 * (1 - eta * h) * eta * x * first + (eta * x) ** 2)
                          for q, h, x in steps), Fraction(0))
            first = sum((q * ((1 - eta * h) * first - eta * x) for q, h, x in steps), Fraction(0))
        return second - first**2
    paths: list[tuple[Fraction, Fraction]] = [(Fraction(1), Fraction(0))]
    for _ in range(count_of_steps):
        paths = [(p * q, (1 - eta * h) * error - eta * noise) for p, error in paths for q, h, noise in steps]
    first = sum((p * error for p, error in paths), Fraction(0))
    return sum((p * error**2 for p, error in paths), Fraction(0)) - first**2


def _limit(node: sp.Basic, world: Context) -> Number:
    """Stationary value of a chain moment: the fixed point of the enumerated one-step map.

    One step maps a covariance linearly, so two enumerations (of one and of two steps from a fixed
    start) determine the map; its fixed point is the limit when the map contracts.
    """
    inner, variable = node.args[0], node.args[1]
    one, two = (evaluate(inner.subs(variable, k), world) for k in (1, 2))
    if one == 0:
        return Fraction(0)
    ratio = (two - one) / one
    if not isinstance(ratio, Jet) and not -1 < ratio < 1:
        raise ValueError(f"the chain does not contract: factor {ratio}")
    return one / (1 - ratio)


def _root(node: sp.Basic, world: Context) -> Number:
    """Find the zero of the body: among the integers 1..5 if it is a batch size, else among the positive rationals."""
    body, variable = node.args
    if body.has(nt.E):
        fixed = {e: _sympy(evaluate(e, world)) for e in body.atoms(nt.E) if not e.has(variable)}
        rest = body.xreplace(fixed)
        zeros = [k for k in map(Fraction, range(1, 6))
                 if evaluate(rest, replace(world, values={**world.values, variable: k}, facts={})) == 0]
    else:
        numbers = {s: _sympy(evaluate(s, world)) for s in body.free_symbols - {variable}}
        numerator = sp.Poly(sp.fraction(sp.together(body.xreplace(numbers)))[0], variable)
        lowest = 1 if variable.is_integer else sp.Rational(1, 10**12)
        zeros = [Fraction(int(z.p), int(z.q)) for z in numerator.ground_roots() if z >= lowest]
    if len(zeros) != 1:
        raise KeyError(f"expected one zero in this world, found {[str(z) for z in zeros]}")
    return zeros[0]


def _sympy(number: Fraction) -> sp.Rational:
    return sp.Rational(number.numerator, number.denominator)


_EXACTLY = {sp.exp: (0, 1), sp.log: (1, 0), sp.erf: (0, 0), sp.erfc: (0, 1), sp.gamma: (1, 1), sp.loggamma: (1, 0)}
_NAMES = {
    sp.exp: "exp", sp.log: "log", sp.erf: "erf", sp.erfc: "erfc", sp.gamma: "gamma", sp.loggamma: "lgamma",
    sp.digamma: "digamma", sp.sin: "sin", sp.cos: "cos", sp.tanh: "tanh", sp.atan: "atan", sp.asin: "asin",
}

_NODES: dict[type, Callable[[sp.Basic, Context], Number]] = {
    nt.BatchSum: _batch_sum,
    nt.OtherSum: _other_sum,
    nt.ComplementSum: _complement_sum,
    nt.WeightedSum: _weighted_sum,
    nt.PopMean: _pop_mean,
    nt.E: _expectation,
    nt.ChainMean: _chain_mean,
    nt.ChainCov: _chain_cov,
    nt.ChainVarMixed: _chain_var_mixed,
    sp.Limit: _limit,
    **dict.fromkeys(_NAMES, _elementary),
    type(sp.pi): _pi,
    sp.Abs: _absolute,
    sp.Max: _extreme,
    sp.Min: _extreme,
    nt.At: _at,
    nt.Root: _root,
}
