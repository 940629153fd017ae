"""LayerNorm and GroupNorm over channels that are not alike: a bias that no batch size removes."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.pairings import Centered, CenteredForm, Correlated, Form, Sigma, Trace, means, ones
from theory.notation import n, s, sigma2
from theory.parameters import IID

inside, between, common = sp.symbols("inside between common", nonnegative=True)
tr, quad = sp.symbols("tr quad", nonnegative=True)
target = sp.Symbol("target", positive=True)

expected = inside + between - common
with sp.evaluate(False):
    spread_rhs = (2 * tr + 4 * quad) / n**2
    mse_rhs = (between - sigma2 / n) ** 2 + 2 * sigma2**2 * (n - 1) / n**2 + 4 * sigma2 * between / n
mean = sp.Eq(Correlated(s**2), expected, evaluate=False)
spread = sp.Eq(Correlated((s**2 - expected) ** 2), spread_rhs, evaluate=False)
error = sp.Eq(Correlated((s**2 - target) ** 2), (expected - target) ** 2 + spread_rhs, evaluate=False)
mse = sp.Eq(Correlated((s**2 - sigma2) ** 2), mse_rhs, evaluate=False)


def squared(matrix: sp.Symbol, vector: sp.Symbol) -> sp.Expr:
    """Mean over the entries of the squared means, minus the square of their mean."""
    return Form(vector, matrix, 0, vector) / n - (Form(ones, matrix, 0, vector) / n) ** 2


drawn = (Trace(Sigma, 1) - Form(ones, Sigma, 1, ones) / n) / n + squared(Sigma, means)
pairs = (2 * Centered(Sigma, 2) + 4 * CenteredForm(Sigma)) / n**2
without = (2 * tr + 2 * quad) / n**2

LAW = Law(
    id="norm.stat.group_heterogeneous",
    version=1,
    title="A group of unlike channels has a bias that no batch size removes",
    parts=(
        Part("mean", mean, derivation=(
            Step("pairings", drawn, "the mean square minus that of the mean"),
            Step("definition", mean.args[1], "inside the channels, between their means, and what the mean takes"),
        ), rivals=(
            Rival("inside alone", inside - common, "the means of the channels taken as one"),
            Rival("no loss", inside + between, "the group's mean is not known, it is fitted"),
            Rival("independent", inside * (1 - 1 / n) + between, "correlated channels lose more to the mean",
                  near=True),
            Rival("sign", inside - between + common, "signs", near=True),
        )),
        Part("spread", spread, derivation=(
            Step("pairings", pairs + (drawn - expected) ** 2, "a quadratic form in Gaussians that have means"),
            Step("definition", spread_rhs, "the centered traces"),
        ), rivals=(
            Rival("no means", 2 * tr / n**2, "the means of the channels taken as one"),
            Rival("2 for 4", without, "the form enters twice as a product of two", near=True),
            Rival("independent", 2 * inside**2 * (n - 1) / n**2 + 4 * quad / n**2, "alike and uncorrelated channels"),
        )),
        Part("error", error, derivation=(
            Step("pairings", pairs + (drawn - target) ** 2, "variance plus squared bias"),
            Step("definition", error.args[1], "the centered traces, and the mean of the variance"),
        ), rivals=(
            Rival("no bias", spread_rhs, "as if the group estimated the channel's own variance"),
            Rival("bias alone", (expected - target) ** 2, "as if large groups had no noise"),
            Rival("no means", (inside - common - target) ** 2 + 2 * tr / n**2, "the means taken as one"),
            Rival("2 for 4", (expected - target) ** 2 + without, "a factor", near=True),
        )),
        Part("independent", mse, derivation=(
            Step("pairings", pairs + (drawn - sigma2) ** 2, "variance plus squared bias"),
            Step("alike", (2 * sigma2**2 * (n - 1) + 4 * sigma2 * n * squared(Sigma, means)) / n**2 + (
                squared(Sigma, means) - sigma2 / n) ** 2, "independent channels of one variance"),
            Step("definition", mse_rhs, "between is the variance of the channels' means"),
        ), rivals=(
            Rival("alike", sigma2**2 * (2 * n - 1) / n**2, "channels of one mean"),
            Rival("bias alone", between**2 + 2 * sigma2**2 * (n - 1) / n**2, "without the cross term"),
            Rival("2 for 4", mse_rhs - 2 * sigma2 * between / n, "a factor", near=True),
        )),
    ),
    params=(
        Param(n, Integers(2), 32, "entries of the group", "a single entry has no variance"),
        Param(inside, Reals(0), 1, "mean over the entries of their own variances"),
        Param(between, Reals(0), Fraction(1, 4), "variance over the entries of their means, divisor n"),
        Param(common, Reals(0), Fraction(1, 32), "variance of the group's mean"),
        Param(tr, Reals(0), 31, "trace of the squared covariance matrix of the centered entries"),
        Param(quad, Reals(0), 8, "quadratic form of the covariance matrix at the centered means"),
        Param(target, Reals(0, open=True), 1, "the channel's own variance, which the group's stands for"),
        Param(sigma2, Reals(0, open=True), 1, "the variance of every channel, where they differ in mean only"),
        IID,
    ),
    constraints=(
        Constraint(common <= inside, "common = {common} is not allowed: a mean varies by no more than its entries do "
                   "on average, inside = {inside}"),
    ),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("Gaussian", "the group's entries are jointly Gaussian, with any means and any covariance matrix; "
                   "the mean of the variance needs only second moments"),
    ),
    sources=(
        Source("wuhe2018", note="abstract: GroupNorm's error does not depend on the batch size"),
        Source("batchlaws", read=True, note="mean and spread over unlike channels"),
    ),
    where={
        inside: Trace(Sigma, 1) / n, common: Form(ones, Sigma, 1, ones) / n**2, between: squared(Sigma, means),
        tr: Centered(Sigma, 2), quad: CenteredForm(Sigma),
    },
    headline="error",
    words=(
        "Layer and Group normalization pool channels. If these differ, in mean or in variance, the pooled variance "
        "is not the variance of any of them: it is the average inside them plus the variance between their means, "
        "minus what the fitted mean takes. The difference to a channel's own variance depends neither on the batch "
        "size nor on the number of channels. So the claim that per-sample statistics have a small error holds for "
        "channels that are alike; for others BatchNorm wins from some batch size on, whatever the size of the "
        "group. People also drop the term 4 mu^T H Sigma H mu, by which unlike means make the statistic noisier."
    ),
    answers={7: "Over unlike channels the pooled variance is off by a bias that neither batch nor group size removes."},
)
