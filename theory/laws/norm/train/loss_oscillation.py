"""The batch loss of a normalized unit: what of it is the batch's own statistics, and why it never settles."""

from fractions import Fraction

import sympy as sp

from theory.law import Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.nodes.unit import (
    BATCH_OF_UNIT,
    BATCH_SUMS,
    BELOW_SIGMA,
    GAIN,
    LINEAR_TARGET,
    MOMENTS,
    SHIFT,
    SIGMA,
    SIGMA_HAT,
    SLOPE,
    SPREAD,
    UnitLoss,
    a,
    batch_loss,
    beta,
    gamma,
    square_share,
)
from theory.notation import At, B, BatchSum, E, N, m, mu, s, sigma, sigma_hat, x
from theory.parameters import FITS, FROZEN, POPULATION, UNIFORM_BATCH

loss = UnitLoss(batch_loss())
root = sp.sqrt(square_share(B))
of_mean = (N - B) / (B * (N - 1))
with sp.evaluate(False):
    batch_rhs = ((gamma - a * s / sigma) ** 2 + (beta - a * (m - mu) / sigma) ** 2) / 2
    fitted_rhs = a**2 / 2 * ((1 - s / sigma) ** 2 + ((m - mu) / sigma) ** 2)
    mean_rhs = (gamma**2 + beta**2 + a**2) / 2 - gamma * a * sigma_hat / sigma
    fitted_mean_rhs = a**2 * (1 - sigma_hat / sigma)
    lower_rhs = a**2 * (1 - root)
fitted = At(loss, gamma, a, beta, 0)
batch = sp.Eq(loss, batch_rhs, evaluate=False)
fitted_batch = sp.Eq(fitted, fitted_rhs, evaluate=False)
mean = sp.Eq(E(loss, B), mean_rhs, evaluate=False)
fitted_mean = sp.Eq(At(E(loss, B), gamma, a, beta, 0), fitted_mean_rhs, evaluate=False)
lower = sp.Ge(At(E(loss, B), gamma, a, beta, 0), lower_rhs, evaluate=False)

out, want = gamma / s, a / sigma
shifted = beta - out * m + want * mu
expanded = ((out - want) ** 2 * BatchSum(x**2) + 2 * (out - want) * shifted * BatchSum(x) + shifted**2 * B) / (2 * B)
collected = ((out - want) ** 2 * (s**2 + m**2) + 2 * (out - want) * shifted * m + shifted**2) / 2

LAW = Law(
    id="norm.train.loss_oscillation",
    version=1,
    title="A perfectly fitted unit still has a loss that oscillates with the batch",
    parts=(
        Part("batch", batch, derivation=(
            Step("write out", batch_loss(), "output minus target, squared, over the batch"),
            Step("sum", expanded, "multiply out; the sum runs over the batch"),
            Step("definition", collected, "sum x = B m, sum x^2 = B (s^2 + m^2)", where=BATCH_SUMS),
            Step("algebra", batch_rhs, "collect the two squares"),
        ), rivals=(
            Rival("no mean term", (gamma - a * s / sigma) ** 2 / 2 + beta**2 / 2, "the batch mean is wrong too"),
            Rival("population", ((gamma - a) ** 2 + beta**2) / 2, "the loss with the population's statistics"),
            Rival("variances", ((gamma - a * s**2 / sigma**2) ** 2 + (beta - a * (m - mu) / sigma) ** 2) / 2,
                  "variances for standard deviations", near=True),
            Rival("no half", (gamma - a * s / sigma) ** 2 + (beta - a * (m - mu) / sigma) ** 2, "a factor"),
        )),
        Part("fitted_batch", fitted_batch, derivation=(
            Step("law:/batch", fitted_rhs, "the unit that is right with the population's statistics"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "a perfect fit has no loss: true with the population's statistics only"),
            Rival("no mean term", a**2 / 2 * (1 - s / sigma) ** 2, "the batch mean is wrong too"),
            Rival("no half", a**2 * ((1 - s / sigma) ** 2 + ((m - mu) / sigma) ** 2), "a factor"),
            Rival("own scale", a**2 / 2 * ((1 - s / sigma) ** 2 + ((m - mu) / s) ** 2),
                  "the mean error is in population units", near=True),
        )),
        Part("mean", mean, derivation=(
            Step("law:/batch", E(batch_rhs, B), "batch by batch"),
            Step("moment", (gamma**2 + beta**2 + a**2) / 2 - gamma * a * E(s, B) / sigma,
                 "E[s^2 + (m - mu)^2] is the second moment of one example"),
            Step("definition", mean_rhs, "sigma_hat = E[s]"),
        ), rivals=(
            Rival("population", ((gamma - a) ** 2 + beta**2) / 2, "the loss with the population's statistics"),
            Rival("gap squared", ((gamma - a * sigma_hat / sigma) ** 2 + beta**2) / 2,
                  "the loss at the mean standard deviation: no fluctuation", near=True),
            Rival("variance", (gamma**2 + beta**2 + a**2) / 2 - gamma * a * sigma_hat**2 / sigma**2,
                  "variances for standard deviations"),
        )),
        Part("fitted_mean", fitted_mean, derivation=(
            Step("law:/mean", fitted_mean_rhs, "the unit that is right with the population's statistics"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "a perfect fit has no loss: true with the population's statistics only"),
            Rival("mean only", a**2 / 2 * of_mean, "the share of the batch mean"),
            Rival("half", a**2 / 2 * (1 - sigma_hat / sigma), "one of the two terms", near=True),
            Rival("3/(4B)", 3 * a**2 / (4 * B), "the large-batch Gaussian value", near=True),
        )),
        Part("lower", lower, derivation=(
            Step("law:/fitted_mean", a**2 * (1 - E(s, B) / sigma), "the mean loss of a perfect fit"),
            Step("root mean square", lower_rhs, "E[s] <= sqrt(E[s^2])", where={"second": square_share(B) * sigma**2}),
        ), rivals=(
            Rival("1/B", a**2 / B, "above the loss where most batches have a wide spread"),
            Rival("independent draws", a**2 * (1 - sp.sqrt((B - 1) / B)), "a batch that is the data is fitted",
                  near=True),
            Rival("half of 1/B", a**2 / (2 * B), "exact bound for independent draws only", near=True),
        )),
    ),
    params=(POPULATION, BATCH_OF_UNIT, GAIN, SHIFT, SLOPE, SIGMA, SIGMA_HAT),
    constraints=(FITS, BELOW_SIGMA),
    exactness=Exactness.DISTRIBUTION_FREE,
    assumptions=(LINEAR_TARGET, SPREAD, UNIFORM_BATCH, FROZEN),
    sources=(Source("batchlaws", read=True, note="derived here; no earlier statement is known to us"),),
    where=MOMENTS,
    headline="fitted_mean",
    words=(
        "Take a unit that is exactly right when normalized by the population, and train it with batch statistics: its "
        "loss in a batch is a^2/2 times the squared relative error of the batch's standard deviation plus that of its "
        "mean. It is zero in no batch but one that has the population's own statistics; on average it is "
        "a^2 (1 - E[s]/sigma), half the train/inference gap times a^2. So the training loss oscillates at a perfect "
        "fit, and no step size or schedule takes that away: the noise is in the loss, not in the parameters. Both "
        "errors are squared, so the amplitude falls like 1/B, not like 1/sqrt(B): halving the batch about doubles "
        "it. People blame the learning rate, or add only the error of the mean."
    ),
    answers={6: "The training loss oscillates at a perfect fit: by a^2/2 [(1 - s/sigma)^2 + ((m - mu)/sigma)^2] a "
                "batch, on average a^2 (1 - E[s]/sigma)."},
    experiments=(
        Experiment("enumerate", part="fitted_mean", channel="network",
                   grid={"population": ("digits8:preactivation:0", "digits8:preactivation:3")},
                   fixed={"sizes": (2, 3, 8), "gamma": "3/2", "beta": "1/4", "a": Fraction(5, 4)}),
    ),
)
