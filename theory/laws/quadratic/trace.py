"""Trace identities of the stationary covariance of SGD on a quadratic."""

import sympy as sp

from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.linear import BELOW_ONE, COVARIANCE, HESSIAN, NOISE, STABLE, Coupled, Sigma11, Sigma22, h12
from theory.notation import B, ByDesign, N, PopMean, du, dv, e1, e2, eta, h1, h2, sigma12
from theory.parameters import BATCH, DESIGN, FITS, POPULATION, RATE, STEP_INDEPENDENCE, UNIFORM_BATCH

with sp.evaluate(False):
    p_wor = (N - B) / (B * (N - 1))
p = ByDesign(p_wor, 1 / B)
other = ByDesign(1 / B, p_wor)

slope1, slope2 = h1 * e1 + h12 * e2, h12 * e1 + h2 * e2
first = e1 * slope1 + e2 * slope2  # e'He
second = slope1**2 + slope2**2  # e'H^2 e
third = h1 * slope1**2 + 2 * h12 * slope1 * slope2 + h2 * slope2**2  # e'H^3 e
total = Sigma11 + Sigma22
bent = h1 * Sigma11 + 2 * h12 * sigma12 + h2 * Sigma22
measured_bent = h1 * PopMean(du**2) + 2 * h12 * PopMean(du * dv) + h2 * PopMean(dv**2)

distance = sp.Eq(Coupled(2 * first - eta * second), eta * p * total, evaluate=False)
loss = sp.Eq(Coupled(2 * second - eta * third), eta * p * bent, evaluate=False)

LAW = Law(
    id="quadratic.trace",
    version=1,
    title="What the stationary covariance balances, without solving for it",
    parts=(
        Part("distance", distance, derivation=(
            Step("balance", eta * p * (PopMean(du**2) + PopMean(dv**2)),
                 "the squared distance from the minimum has the same mean before and after a step",
                 where={"function": e1**2 + e2**2, "over": eta, "below_one": BELOW_ONE}),
            Step("definition", distance.args[1], "Sigma with divisor N"),
        ), rivals=(
            Rival("continuous", eta * p * total * (1 + eta * (h1 + h2) / 2), "drift balance without the discrete term"),
            Rival("eta^2", eta**2 * p * total, "the noise of one step"),
            Rival("no correction", eta * other * total, "the other design's p_B"),
            Rival("weighted", eta * p * bent, "noise weighted by curvature"),
            Rival("half", eta * p * total / 2, "a factor", near=True),
        )),
        Part("loss", loss, derivation=(
            Step("balance", eta * p * measured_bent, "the loss has the same mean before and after a step",
                 where={"function": first, "over": eta, "below_one": BELOW_ONE}),
            Step("definition", loss.args[1], "Sigma with divisor N"),
        ), rivals=(
            Rival("along the axes", eta * p * (h1 * Sigma11 + h2 * Sigma22), "as if the coordinates were eigenvectors"),
            Rival("mean curvature", eta * p * (h1 + h2) * total / 2, "the trace of each alone"),
            Rival("unweighted", eta * p * total, "the balance of the distance"),
            Rival("mixed term", eta * p * (bent - h12 * sigma12), "counted once", near=True),
        )),
    ),
    params=(POPULATION, BATCH, RATE, *HESSIAN, *COVARIANCE, DESIGN),
    constraints=(FITS, *STABLE),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("common curvature", "all examples share the Hessian; two coordinates, which need not be its axes"),
    ),
    sources=(
        Source("yaida2019", note="the relations for any stationary state, of which these are the quadratic case; "
               "abstract read"),
        Source("batchlaws", note="both identities without a common eigenbasis", read=True),
    ),
    where=NOISE,
    headline="distance",
    words=(
        "In the stationary state of SGD on a quadratic what the gradient pulls in equals what the noise pushes out: "
        "2 tr HC - eta tr H^2 C = eta tr Sigma_B. Weighted once more with the curvature, 2 tr H^2 C - eta tr H^3 C "
        "= eta tr H Sigma_B. Neither needs the covariance C to be known or to commute with H, so both are checks of "
        "a simulation or of a training run near a minimum. The terms with eta on the left are what continuous time "
        "drops."
    ),
    answers={4: "The width of the cloud is set by a balance of pull and noise that holds exactly at any stable step."},
)
