"""Numbers of `gap.optimism`, and reshuffled epochs, of which it does not speak."""

import itertools
from fractions import Fraction

from theory import laws

LAW = laws.load("gap.optimism")
U, V = [Fraction(x) for x in (1, 2, -1, 1)], [Fraction(x) for x in (1, 0, 2, 1)]
ETA = Fraction(1, 8)


def gap(size, steps, *, reshuffled):
    """Twice the mean over the batches of the trace of the influence of labels on fits, over N, in a plain loop."""
    n, pool = len(U), list(itertools.combinations(range(len(U)), size))
    total, count = Fraction(0), 0
    for sequence in itertools.product(pool, repeat=steps):
        epochs = [sequence[first : first + n // size] for first in range(0, steps, n // size)]
        if reshuffled and any(len({i for batch in e for i in batch}) < size * len(e) for e in epochs):
            continue
        count += 1
        for own in range(n):
            a = b = Fraction(0)  # fit to the label 1 at one example, 0 elsewhere
            for batch in sequence:
                residuals = [(i, U[i] * a + V[i] * b - (i == own)) for i in batch]
                a, b = (x - ETA * sum(c[i] * r for i, r in residuals) / size for x, c in ((a, U), (b, V)))
            total += U[own] * a + V[own] * b
    return 2 * total / count / n


def test_independent_batches_of_every_size_leave_the_same_gap():
    # the trace of I - (I - eta H)^2 in this basis, which is not the eigenbasis
    h11, h22, h12 = (sum(a * b for a, b in zip(x, y, strict=True)) / 4 for x, y in ((U, U), (V, V), (U, V)))
    trace = 2 * ETA * (h11 + h22) - ETA**2 * (h11**2 + 2 * h12**2 + h22**2)
    for size in (1, 2, 3, 4):
        assert gap(size, 2, reshuffled=False) == 2 * trace / 4


def test_reshuffled_batches_do_not():
    independent = gap(2, 4, reshuffled=False)
    # four steps: one epoch of single examples, two of pairs, four of everything
    single, pairs, whole = (gap(size, 4, reshuffled=True) for size in (1, 2, 4))
    assert whole == independent
    assert len({independent, single, pairs}) == 3
    # one epoch at most: only the number of steps counts
    assert gap(1, 2, reshuffled=True) == gap(2, 2, reshuffled=True) != gap(2, 2, reshuffled=False)
    # the first order in the step size is that of four steps in any case
    first = ETA * 4 * 2 * sum(a * a for a in (*U, *V)) / 16
    assert all(0 < abs(found - first) < ETA**2 * 40 for found in (independent, single, pairs))


def test_numbers():
    point = {"N": 4, "eta": Fraction(1, 2), "tau": 1, "h1": Fraction(1), "h2": Fraction(2)}
    assert LAW.predict(t=0, **point).exact == "0"
    assert LAW.predict(t=2, **point).exact == "7/8"
    # the least-squares fit, 2 d tau^2 / N, is the limit
    assert abs(LAW.predict(t=60, **point).value - 1) < Fraction(1, 10**15)
