"""Numbers of the laws on the train/inference gap, and the simulator's layers held against them.

Where batches are enumerated the comparison is exact up to rounding.  Simulated means must lie within five standard
errors of a law, which a true law fails once in a million comparisons, and further from its rivals.  Kolmogorov-Smirnov
tests of true laws fail below 1e-9, those of wrong ones must fall below 1e-6.
"""

from fractions import Fraction

import numpy as np
import pytest
from scipy import stats

from sim import batches, designs, norms
from theory import laws
from theory.domain import DomainError

AVERAGE, STORED, PURE, FRESH, POINT, NORMAL, SPLIT, FLOOR, NOISY = (laws.load(f"norm.gap.{name}") for name in (
    "ema", "bessel", "class_pure", "train_eval", "student", "gaussian", "split", "floor", "averaged"))
POPULATION = np.array([0.0, 1.0, 1.5, 4.0, -2.0, 7.0])
FAILS, REJECTS = 1e-9, 1e-6


def value(law, part, **values):
    return float(law.predict(part=part, **values).value)


def meets(sample, expected):
    """Say whether a sample's mean is within five standard errors."""
    return abs(sample.mean() - expected) < 5 * sample.std() / np.sqrt(sample.size)


def rejected(law, part, sample, **values):
    """List the rivals of a part that a sample's mean is not within five standard errors of."""
    return {r.name for r in law.part(part).rivals
            if not meets(sample, float(law.value(values, part=part, rhs=r.expr)))}


def every_batch(values, B, design):
    """Return the values of every batch, shape (batches, B, 1), and the chances."""
    found, times = batches.every(len(values), B, design)
    return values[found][:, :, None], times / times.sum()


# Running averages. -----------------------------------------------------------------------------------------------

STEPS, NEW, BATCH = 12, Fraction(1, 10), 8


@pytest.fixture(scope="module")
def averages():
    """20000 running averages of batches of 8 Gaussians of mean 3 and variance 4, with the biased store and without."""
    rng = np.random.default_rng(12)
    start = norms.Running(np.zeros((800, 25)), np.ones((800, 25)))
    kept = {True: start, False: start}
    for _ in range(STEPS):
        mean, var = norms.statistics("batch", 3 + 2 * rng.normal(size=(800, BATCH, 25)))
        kept = {bessel: norms.update_running(r, mean, var, count=BATCH, new_weight=float(NEW), bessel=bessel)
                for bessel, r in kept.items()}
    return kept


@pytest.mark.parametrize("name, start, reading_mean, reading_var", [
    ("mean", 0, 3, Fraction(4, BATCH)), ("var", 1, 4, Fraction(2 * 16, BATCH - 1))])
def test_running_statistics(averages, name, start, reading_mean, reading_var):
    """Mean, variance and squared error after 12 updates; the variance of the unbiased variance is 2 sigma^4/(B-1)."""
    sample = getattr(averages[True], name).ravel()
    known = {"alpha": NEW, "t": STEPS, "r0": start, "S_mean": reading_mean, "S_var": reading_var}
    centre = value(AVERAGE, "mean", **{k: v for k, v in known.items() if k != "S_var"})
    assert meets(sample, centre)
    assert rejected(AVERAGE, "mean", sample, **known) == {r.name for r in AVERAGE.part("mean").rivals}
    spread = value(AVERAGE, "variance", alpha=NEW, t=STEPS, S_var=reading_var)
    assert meets((sample - centre) ** 2, spread)
    missed = rejected(AVERAGE, "variance", (sample - centre) ** 2, **known)
    assert missed == {r.name for r in AVERAGE.part("variance").rivals}
    assert meets((sample - reading_mean) ** 2, value(AVERAGE, "error", **known))


def test_which_variance_is_stored(averages):
    biased = value(AVERAGE, "mean", alpha=NEW, t=STEPS, r0=1, S_mean=Fraction(7, 8) * 4)
    assert meets(averages[False].var.ravel(), biased)
    assert not meets(averages[True].var.ravel(), biased)


def test_momentum_of_two_libraries():
    assert AVERAGE.predict(alpha=NEW).value == 19
    assert AVERAGE.predict(alpha=1 - Fraction(99, 100)).value == 199
    assert value(AVERAGE, "mean", alpha=NEW, t=10, r0=1, S_mean=0) == pytest.approx(0.3487, abs=5e-5)
    with pytest.raises(DomainError, match="the average settles for alpha < 2 only"):
        AVERAGE.predict(alpha=2)


def test_constant_readings_leave_the_transient():
    x = POPULATION[None, :, None]
    mean, var = norms.statistics("batch", x)
    running = norms.Running(np.array([[-1.0]]), np.array([[2.0]]))
    for _ in range(5):
        running = norms.update_running(running, mean, var, count=6, new_weight=0.25, bessel=True)
    given = {"alpha": Fraction(1, 4), "t": 5}
    assert running.mean.item() == pytest.approx(value(AVERAGE, "mean", r0=-1, S_mean=mean.item(), **given), rel=1e-12)
    expected = value(AVERAGE, "mean", r0=2, S_mean=POPULATION.var(ddof=1), **given)
    assert running.var.item() == pytest.approx(expected, rel=1e-12)


# Which variance. -------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("B", [2, 3])
@pytest.mark.parametrize("design", ["wor", "wr"])
def test_what_is_stored_and_what_inference_then_shows(B, design):
    """Every batch of a population: the average of the stored variances, and the mean square of inference outputs."""
    x, chances = every_batch(POPULATION, B, design)
    start = norms.Running(np.zeros((len(x), 1)), np.zeros((len(x), 1)))
    given = {"B": B, "N": len(POPULATION), "design": design}
    for bessel, part in ((True, "output"), (False, "biased")):
        kept = norms.update_running(start, *norms.statistics("batch", x), count=B, new_weight=1, bessel=bessel)
        perfect = norms.Running((chances @ kept.mean)[None], (chances @ kept.var)[None])
        out, _ = norms.forward_frozen(POPULATION[None, :, None], perfect, eps=0)
        assert np.mean(out**2) == pytest.approx(value(STORED, part, **given), rel=1e-12)
        if bessel:
            assert perfect.var.item() == pytest.approx(value(STORED, "stored", sigma2=POPULATION.var(), **given))
    assert STORED.predict(B=2).value == 2


# Batches of one class. -------------------------------------------------------------------------------------------

LABELS = np.repeat([0, 1, 2], [10, 20, 30])
CLASSED = np.random.default_rng(3).exponential(np.array([1.0, 2.0, 0.5])[LABELS]) + np.array([0, 4, -1])[LABELS]


def spreads():
    means = np.array([CLASSED[LABELS == k].mean() for k in range(3)])[LABELS]
    return {"v_w": float(np.mean((CLASSED - means) ** 2)), "v_b": float(means.var())}


@pytest.mark.parametrize("blocks", [1, 2, 4])
def test_batches_of_blocks(blocks):
    """100000 batches of 8 in blocks of one class."""
    drawn = designs.class_pure(LABELS, 8, 100_000, blocks=blocks, design="wr", rng=np.random.default_rng(blocks))
    mean, var = norms.statistics("batch", CLASSED[drawn][:, :, None])
    known = {"G": blocks, "b": 8 // blocks, **spreads()}
    assert meets(var, value(PURE, "variance", **known))
    assert rejected(PURE, "variance", var, **known) == {r.name for r in PURE.part("variance").rivals}
    errors = (mean - CLASSED.mean()) ** 2
    assert meets(errors, value(PURE, "mean", **known))
    assert rejected(PURE, "mean", errors, **known) >= {"independent draws", "within only"}
    lost = 1 - var / CLASSED.var()
    assert meets(lost, value(PURE, "lost", **known))
    square = value(PURE, "output", **known)
    assert meets(var * 8 / 7, CLASSED.var() / square)


def test_the_mean_of_a_pure_batch_does_not_settle():
    known = {"G": 1, "v_w": 1, "v_b": 2}
    for size, spread in ((2, Fraction(5, 2)), (1000, Fraction(2001, 1000))):
        assert PURE.predict(part="mean", b=size, **known).value == spread
    assert PURE.predict(part="output", b=7, **known).value == 3
    with pytest.raises(DomainError, match="a batch of one example has no variance"):
        PURE.predict(b=1, **known)


def test_class_means_are_erased_from_pure_batches():
    """Exactly: a shift of every class by its own constant leaves no trace in the outputs of training."""
    drawn = designs.class_pure(LABELS, 6, 50, rng=np.random.default_rng(0))
    shifted = CLASSED + np.array([5.0, -3.0, 40.0])[LABELS]
    outputs = [norms.forward("batch", values[drawn][:, :, None], eps=0)[0] for values in (CLASSED, shifted)]
    np.testing.assert_allclose(*outputs, atol=1e-11)


# Training against inference. -------------------------------------------------------------------------------------

def gaps(x, r_m, r_s):
    """Mean squared difference of the two modes of batch normalization, batch by batch."""
    frozen = norms.Running(np.full((len(x), 1), r_m), np.full((len(x), 1), r_s**2))
    difference = norms.forward("batch", x, eps=0)[0] - norms.forward_frozen(x, frozen, eps=0)[0]
    return (difference**2).mean(axis=(1, 2))


@pytest.mark.parametrize("B", [2, 4])
def test_two_modes_of_one_layer(B):
    """Every batch, exactly: the identity, its mean, and the stored deviation that makes the gap least."""
    x, chances = every_batch(POPULATION, B, "wor")
    mean, var = (a[:, 0] for a in norms.statistics("batch", x))
    found = gaps(x, 0.5, 2.5)
    np.testing.assert_allclose(found, (1 - np.sqrt(var) / 2.5) ** 2 + ((mean - 0.5) / 2.5) ** 2, rtol=1e-11)
    known = {"sigma": POPULATION.std(), "sigma_hat": chances @ np.sqrt(var)}
    expected = value(FRESH, "given", mu=POPULATION.mean(), r_m=0.5, r_s=2.5, N=6, B=B, **known)
    assert chances @ found == pytest.approx(expected, rel=1e-12)
    perfect = chances @ gaps(x, POPULATION.mean(), known["sigma"])
    assert perfect == pytest.approx(value(FRESH, "perfect", **known), rel=1e-12)
    best = chances @ gaps(x, POPULATION.mean(), known["sigma"] ** 2 / known["sigma_hat"])
    assert best == pytest.approx(value(FRESH, "floor", **known), rel=1e-12)
    assert best < perfect
    near = [chances @ gaps(x, m, s) for m in (1.5, 1.9, 2.2) for s in np.linspace(1, 9, 40)]
    assert min(near) >= best
    biased = chances @ gaps(x, POPULATION.mean(), known["sigma"] * np.sqrt((B - 1) / B))
    assert biased == pytest.approx(value(FRESH, "biased_store", B=B, **known), rel=1e-12)


# Noise of the running averages. ---------------------------------------------------------------------------------

def noisy_gaps(draw, mean, variance, B, steps=20, new_weight=0.3):
    """Gaps of 12000 fresh batches, each against running averages of its own earlier batches."""
    kept = norms.Running(np.full((12_000, 1), float(mean)), np.full((12_000, 1), float(variance)))
    for _ in range(steps):
        statistics = norms.statistics("batch", draw((12_000, B, 1)))
        kept = norms.update_running(kept, *statistics, count=B, new_weight=new_weight, bessel=True)
    x = draw((12_000, B, 1))
    difference = norms.forward("batch", x, eps=0)[0] - norms.forward_frozen(x, kept, eps=0)[0]
    return (difference**2).mean(axis=(1, 2))


@pytest.mark.parametrize("name, mean, variance, kappa", [("standard_normal", 0, 1, 0), ("random", 0.5, 1 / 12, -1.2)])
def test_the_noise_that_running_averages_add(name, mean, variance, kappa):
    """To first order in 1/B: five standard errors and 1/B of the value."""
    B = 32
    found = noisy_gaps(getattr(np.random.default_rng(7), name), mean, variance, B)
    known = {"alpha": Fraction(3, 10), "kappa": kappa, "h": Fraction(1, B)}
    expected = value(NOISY, "large", **known)
    allowed = 5 * found.std() / np.sqrt(found.size) + expected / B
    assert abs(found.mean() - expected) < allowed
    for rival in NOISY.part("large").rivals:
        wrong = float(NOISY.value(known, part="large", rhs=rival.expr))
        assert abs(found.mean() - wrong) > allowed or wrong == expected  # the Gaussian value is right for Gaussians


def test_how_little_the_noise_is():
    assert value(NOISY, "large", alpha=NEW, kappa=0, h=1) == pytest.approx(1.579, abs=5e-4)
    assert value(NOISY, "large", alpha=Fraction(1, 10**9), kappa=0, h=1) == pytest.approx(1.5)
    assert value(NOISY, "stored", alpha=NEW, kappa=0, t=0, B=10**6) * 10**6 == pytest.approx(1.5, rel=1e-5)
    added = value(NOISY, "added", alpha=NEW, kappa=3, B=10**6) * 10**6
    assert added / (9 / 4) == pytest.approx(1 / 19, rel=1e-5)


# Gaussian activations. -------------------------------------------------------------------------------------------

@pytest.mark.parametrize("B, expected", [(2, 0.8716), (3, 0.5528), (8, 0.1946), (16, 0.0955), (32, 0.0473)])
def test_the_gaussian_gap(B, expected):
    gap, low, high = (value(NORMAL, part, B=B) for part in ("gap", "lower", "upper"))
    assert gap == pytest.approx(expected, abs=6e-5)
    assert low < gap < high
    assert 1.5 / B < low


@pytest.mark.parametrize("B", [2, 8])
def test_the_gap_of_simulated_layers(B):
    x = np.random.default_rng(B).normal(size=(60_000, B, 1))
    found = gaps(x, 0.0, 1.0)
    assert meets(found, value(NORMAL, "gap", B=B))
    assert rejected(NORMAL, "gap", found, B=B) == {r.name for r in NORMAL.part("gap").rivals}
    root = np.sqrt((x**2).mean(axis=1))
    known_mean = ((x / root[:, None] - x) ** 2).mean(axis=1)
    assert meets(known_mean, value(NORMAL, "known_mean", B=B))
    assert not meets(known_mean, value(NORMAL, "gap", B=B) - 1 / B)


@pytest.mark.parametrize("design", ["wor", "wr"])
def test_two_shares_add_up(design):
    x, chances = every_batch(POPULATION, 3, design)
    mean, var = (a[:, 0] for a in norms.statistics("batch", x))
    sigma, given = POPULATION.std(), {"N": 6, "B": 3, "design": design}
    share = value(SPLIT, "mean_only", **given)
    assert chances @ (mean - POPULATION.mean()) ** 2 / sigma**2 == pytest.approx(share, rel=1e-12)
    rest = chances @ (1 - np.sqrt(var) / sigma) ** 2
    hat = chances @ np.sqrt(var)
    assert rest == pytest.approx(value(SPLIT, "std_share", sigma=sigma, sigma_hat=hat, **given), rel=1e-12)
    root = np.sqrt(((x - POPULATION.mean()) ** 2).mean(axis=(1, 2)))
    alone = chances @ (1 - root / sigma) ** 2
    assert alone == pytest.approx(value(SPLIT, "std_only", sigma=sigma, about_hat=chances @ root), rel=1e-12)


def test_two_to_one_for_large_gaussian_batches():
    gap = value(NORMAL, "gap", B=1000)
    assert (1 / 1000) / (gap - 1 / 1000) == pytest.approx(2, rel=1e-3)
    assert value(NORMAL, "known_mean", B=1000) == pytest.approx(gap - 1 / 1000, rel=1e-3)


# Scarce data. ----------------------------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def fresh():
    """Return 200000 new points, and the same normalized by the statistics of eight others."""
    rng = np.random.default_rng(8)
    mean, var = norms.statistics("batch", 3 + 2 * rng.normal(size=(200_000, 8, 1)))
    z = rng.normal(size=(200_000, 1, 1))
    out, _ = norms.forward_frozen(3 + 2 * z, norms.Running(mean, var), eps=0)
    return z.ravel(), out.ravel()


def test_student_on_a_fresh_point(fresh):
    z, out = fresh
    t = out * np.sqrt(7 / 9)
    assert stats.kstest(t, stats.t(7).cdf).pvalue > FAILS
    assert stats.kstest(t, stats.t(6).cdf).pvalue < REJECTS
    assert stats.kstest(out, stats.norm.cdf).pvalue < REJECTS
    assert np.abs(out).max() > np.sqrt(7)  # the bound of points that are among the eight
    for part, sample in (("output", out**2), ("along", out * z), ("error", (out - z) ** 2)):
        assert meets(sample, value(POINT, part, n=8))
        assert rejected(POINT, part, sample, n=8) >= {r.name for r in POINT.part(part).rivals} - {"exact mean", "n-2"}


def test_scarce_data():
    assert value(POINT, "error", n=8) == pytest.approx(0.393, abs=5e-4)
    assert value(POINT, "error", n=8) / value(NORMAL, "gap", B=8) == pytest.approx(2.02, abs=0.01)
    assert value(POINT, "error", n=10_000) == pytest.approx(1.5e-4, rel=1e-3)
    assert POINT.predict(part="output", n=4).value == 5
    with pytest.raises(DomainError, match="the mean square is infinite for n <= 3"):
        POINT.predict(part="output", n=3)


# Batches without spread. -----------------------------------------------------------------------------------------

@pytest.mark.parametrize("B", [2, 3])
def test_flat_batches(B):
    """Rectified activations, every batch, with a regularizer too small to matter elsewhere."""
    values = np.maximum(POPULATION - 1, 0)
    x, chances = every_batch(values, B, "wr")
    _, var = norms.statistics("batch", x)
    mu, sigma = values.mean(), values.std()
    out, _ = norms.forward("batch", x, eps=1e-13)
    found = chances @ ((out - (x - mu) / sigma) ** 2).mean(axis=(1, 2))
    flat, hat = chances @ (var[:, 0] == 0), chances @ np.sqrt(var[:, 0])
    given = {"N": 6, "B": B, "design": "wr"}
    assert flat > 0.1
    assert found == pytest.approx(value(FLOOR, "expected", sigma=sigma, sigma_hat=hat, p=flat), rel=1e-9)
    assert found > value(FLOOR, "lower", p=flat, sigma=sigma, **given)
    assert found > value(FLOOR, "of_mean", **given)
    assert found < 2 - 2 * hat / sigma  # the formula of batches with spread


def test_floors():
    assert value(FLOOR, "lower", N=9, B=2, p=0, sigma=1, design="wr") == pytest.approx(2 - np.sqrt(2))
    assert FLOOR.predict(part="of_mean", N=9, B=2, design="wr").value == Fraction(1, 2)
    x, chances = every_batch(np.array([-1.0, 1.0]), 2, "wr")
    out, _ = norms.forward("batch", x, eps=1e-13)
    assert chances @ ((out - x) ** 2).mean(axis=(1, 2)) == pytest.approx(0.5)  # attained
