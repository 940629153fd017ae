"""Batch normalization teaches its unit a smaller gain: by the factor E[s]/sigma."""


import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.nodes.unit import (
    BATCH_OF_UNIT,
    BELOW_SIGMA,
    GAIN,
    LINEAR_TARGET,
    MOMENTS,
    SHIFT,
    SIGMA,
    SIGMA_HAT,
    SLOPE,
    SPREAD,
    BySlope,
    Trained,
    UnitLoss,
    a,
    batch_loss,
    beta,
    full_loss,
    gamma,
    gamma0,
    square_share,
)
from theory.notation import At, B, E, PopMean, eta, mu, s, sigma, sigma_hat, t, x
from theory.parameters import FITS, POPULATION, RATE, STEP_INDEPENDENCE, UNIFORM_BATCH

ratio = sigma_hat / sigma
best = a * ratio
loss = E(UnitLoss(batch_loss()), B)
share = square_share(B)
ridge = a * (1 - 2 * (1 - ratio))
noise = a**2 * (share - ratio**2)
with sp.evaluate(False):
    around_rhs = ((gamma - best) ** 2 + beta**2 + a**2 * (1 - ratio**2)) / 2
    floor_rhs = a**2 / 2 * (1 - ratio**2)
    eval_rhs = a**2 / 2 * (1 - ratio) ** 2
    drop_rhs = a**2 * ratio * (1 - ratio)
    path_rhs = best + (1 - eta) ** t * (gamma0 - best)
    spread_rhs = eta / (2 - eta) * (1 - (1 - eta) ** (2 * t)) * noise
    settled_rhs = eta / (2 - eta) * noise
mean_t, square_t = Trained(gamma, t), Trained(gamma**2, t)
mean_loss = (gamma**2 + beta**2 + a**2) / 2 - gamma * a * ratio
gradient = sp.Eq(BySlope(batch_loss(), gamma), gamma - a * s / sigma, evaluate=False)
around = sp.Eq(loss, around_rhs, evaluate=False)
least = sp.Ge(loss, floor_rhs, evaluate=False)
at_inference = At(full_loss(), gamma, best, beta, 0)
evaluated = sp.Eq(at_inference, eval_rhs, evaluate=False)
drop = sp.Eq(At(loss, gamma, best, beta, 0) - at_inference, drop_rhs, evaluate=False)
path = sp.Eq(mean_t, path_rhs, evaluate=False)
spread = sp.Eq(square_t - mean_t**2, spread_rhs, evaluate=False)
settled = sp.Eq(sp.Limit(square_t - mean_t**2, t, sp.oo), settled_rhs, evaluate=False)
normal = (x - mu) / sigma

LAW = Law(
    id="norm.train.gamma_shrinkage",
    version=1,
    title="Batch normalization shrinks the learned gain by E[s]/sigma",
    parts=(
        Part("loss", around, derivation=(
            Step("law:norm.train.loss_oscillation/mean", mean_loss, "the mean loss"),
            Step("algebra", around_rhs, "complete the square"),
        ), rivals=(
            Rival("no shrinkage", ((gamma - a) ** 2 + beta**2 + a**2 * (1 - ratio**2)) / 2, "a unit that learns a"),
            Rival("no floor", ((gamma - best) ** 2 + beta**2) / 2, "batch statistics leave a loss at the best gain"),
            Rival("ridge", ((gamma - a) ** 2 + beta**2) / 2 + gamma**2 * (1 - ratio),
                  "the noise read as a penalty on gamma^2"),
            Rival("ratio squared", ((gamma - a * ratio**2) ** 2 + beta**2 + a**2 * (1 - ratio**4)) / 2,
                  "variances for standard deviations", near=True),
        )),
        Part("floor", least, derivation=(
            Step("law:/loss", around_rhs, "the mean loss"),
            Step("bound", floor_rhs, "two squares are dropped; equality at gamma = a E[s]/sigma, beta = 0",
                 where={"difference": ((gamma - best) ** 2 + beta**2) / 2}),
        ), rivals=(
            Rival("half", a**2 * (1 - ratio**2), "a factor"),
            Rival("loss of the slope a", a**2 * (1 - ratio), "the loss of the unit that is right at inference",
                  near=True),
            Rival("one percent", floor_rhs * sp.Rational(101, 100), "no larger floor holds", near=True),
        )),
        Part("eval", evaluated, derivation=(
            Step("differentiate", PopMean((best * normal - a * normal) ** 2) / 2, "the learned gain and shift"),
            Step("sum", (best - a) ** 2 / (2 * sigma**2) * (PopMean(x**2) - 2 * mu * PopMean(x) + mu**2),
                 "multiply out"),
            Step("definition", eval_rhs, "the population's mean and variance"),
        ), rivals=(
            Rival("as in training", floor_rhs, "the loss that training reports"),
            Rival("zero", sp.S.Zero, "the learned gain is not the target's slope"),
            Rival("no half", a**2 * (1 - ratio) ** 2, "a factor", near=True),
        )),
        Part("drop", drop, derivation=(
            Step("law:/loss", floor_rhs - at_inference, "the loss that training reports"),
            Step("law:/eval", floor_rhs - eval_rhs, "the loss at inference"),
            Step("algebra", drop_rhs, "collect"),
        ), rivals=(
            Rival("none", sp.S.Zero, "inference is no training"),
            Rival("sign", a**2 * ratio * (ratio - 1), "inference is the better one, not the worse"),
            Rival("no ratio", a**2 * (1 - ratio), "the floor of the unit that is right at inference", near=True),
        )),
        Part("gradient", gradient, derivation=(
            Step("law:norm.train.gradient_bias/batch", gradient.args[1], "the gradient of a batch in the gain"),
        ), rivals=(
            Rival("population", gamma - a, "the gradient with the population's statistics"),
            Rival("variance", gamma - a * s**2 / sigma**2, "variances for standard deviations", near=True),
            Rival("inverse", gamma - a * sigma / s, "upside down"),
        )),
        Part("path", path, derivation=(
            Step("sgd on the gain", path_rhs, "the gradient is gamma - a s/sigma, and s is independent of gamma",
                 where={"gradient": "gradient", "closed": path_rhs}),
        ), rivals=(
            Rival("no shrinkage", a + (1 - eta) ** t * (gamma0 - a), "a unit that learns a"),
            Rival("ridge", ridge + (1 - eta) ** t * (gamma0 - ridge), "the noise read as a penalty on gamma^2"),
            Rival("half rate", best + (1 - eta / 2) ** t * (gamma0 - best), "another curvature"),
            Rival("one step more", best + (1 - eta) ** (t + 1) * (gamma0 - best), "an off-by-one", near=True),
        )),
        Part("spread", spread, derivation=(
            Step("law:/path", square_t - path_rhs**2, "the mean"),
            Step("sgd on the gain", spread_rhs + path_rhs**2 - path_rhs**2, "the second moment, the same way",
                 where={"gradient": "gradient", "lower": "path", "closed": spread_rhs + path_rhs**2}),
            Step("algebra", spread_rhs, "the squared mean cancels"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "the batch statistics keep it moving"),
            Rival("eta/2", eta / 2 * (1 - (1 - eta) ** (2 * t)) * noise, "small steps only", near=True),
            Rival("independent draws", eta / (2 - eta) * (1 - (1 - eta) ** (2 * t)) * a**2 * ((B - 1) / B - ratio**2),
                  "E[s^2] of a batch drawn with replacement", near=True),
            Rival("one power", eta / (2 - eta) * (1 - (1 - eta) ** t) * noise, "the power of the mean"),
        )),
        Part("settled", settled, derivation=(
            Step("law:/spread", sp.Limit(spread_rhs, t, sp.oo), "after t steps"),
            Step("limit", settled_rhs, "powers of 1 - eta vanish for 0 < eta < 2"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "the batch statistics keep it moving"),
            Rival("eta/2", eta / 2 * noise, "small steps only", near=True),
            Rival("eta", eta * noise, "a factor"),
        )),
    ),
    params=(
        POPULATION, BATCH_OF_UNIT, GAIN, SHIFT, SLOPE, SIGMA, SIGMA_HAT,
        Param(gamma0, Reals(), 0, "gain before the first step"),
        RATE,
        Param(t, Integers(0), 100, "number of steps"),
    ),
    constraints=(
        FITS,
        BELOW_SIGMA,
        Constraint(eta < 2, "eta = {eta} is not stable: the gain has curvature 1, so SGD needs eta < 2"),
    ),
    exactness=Exactness.DISTRIBUTION_FREE,
    assumptions=(LINEAR_TARGET, SPREAD, UNIFORM_BATCH, STEP_INDEPENDENCE),
    sources=(
        Source("batchlaws", read=True, note="derived here; no earlier statement is known to us"),
        Source("luo2019", note="batch normalization as a penalty on the gain: the reading refuted here"),
    ),
    uses=("norm.train.loss_oscillation", "norm.train.gradient_bias"),
    where=MOMENTS,
    headline="path",
    words=(
        "Under batch statistics a unit with a linear target of slope a does not learn a but a E[s]/sigma: the output "
        "is correlated with its target by E[s]/sigma only, and least squares shrinks by the correlation. For Gaussian "
        "activations that is 44 percent at B = 2, 10 percent at B = 8, and 3/(4B) for large B. SGD gets there in mean "
        "at the rate (1 - eta)^t and keeps a spread of eta/(2 - eta) times the noise floor of the gradient. Training "
        "reports the loss a^2/2 (1 - c^2), c = E[s]/sigma; inference with the population's statistics has the smaller "
        "a^2/2 (1 - c)^2, and none at all once the gain is divided by c. The shrinkage is linear in gamma: reading "
        "the noise as a ridge penalty on gamma^2 doubles it."
    ),
    answers={
        2: "SGD follows the biased gradient: the gain tends in mean to a E[s]/sigma and not to the slope a.",
        6: "Noisy batch statistics shrink the learned gain by E[s]/sigma; training reports a loss larger by "
           "a^2 c (1 - c), c = E[s]/sigma, than inference.",
    },
    experiments=(
        Experiment("enumerate", part="loss", channel="network",
                   grid={"population": ("digits8:preactivation:0", "digits8:preactivation:3")},
                   fixed={"sizes": (2, 7, 8), "gamma": "3/2", "beta": "1/4", "a": "5/4", "eta": "1/2",
                          "gamma0": 0, "t": 1}),
        Experiment("enumerate", part="path", channel="network",
                   grid={"population": ("digits8:preactivation:0", "digits8:preactivation:3"), "t": (1, 2)},
                   fixed={"sizes": (2, 8), "gamma": 0, "beta": 0, "a": "5/4", "eta": "1/2", "gamma0": "-1"}),
    ),
)
