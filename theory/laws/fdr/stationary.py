"""Fluctuation-dissipation relations of the stationary state of SGD."""

import sympy as sp

from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.path_rules import Bent, Dot, Loss, Settled, after, full, grad, point, theta
from theory.notation import eta
from theory.parameters import BATCH, DESIGN, FITS, POPULATION, RATE, STEP_INDEPENDENCE, UNIFORM_BATCH

noise = grad - full
power = Settled(Dot(grad, grad))
first = sp.Eq(Settled(Dot(theta, full)), eta / 2 * power, evaluate=False)
anywhere = sp.Eq(Settled(Dot(theta - point, full)), eta / 2 * power, evaluate=False)
second = sp.Eq(Settled(Dot(full, full)), eta / 2 * Settled(Bent(grad, grad)), evaluate=False)


def squares(vector: sp.Expr, moved: sp.Expr) -> sp.Expr:
    """Work of a gradient from the squared lengths before and after its step."""
    return Settled(Dot(vector, vector) - Dot(moved, moved) + eta**2 * Dot(grad, grad)) / (2 * eta)


LAW = Law(
    id="fdr.stationary",
    version=1,
    title="Fluctuation-dissipation relations of SGD",
    parts=(
        Part("first", first, derivation=(
            Step("tower", Settled(Dot(theta, grad)), "given the parameters, the batch gradient is unbiased"),
            Step("update", squares(theta, after), "|theta - eta g|^2 solved for theta.g"),
            Step("stationary", first.args[1], "the squared norm has the same mean before and after a step"),
        ), rivals=(
            Rival("noise only", eta / 2 * Settled(Dot(noise, noise)),
                  "the covariance of the batch gradient for its second moment"),
            Rival("full gradient", eta / 2 * Settled(Dot(full, full)), "gradient descent's step"),
            Rival("no half", eta * power, "a factor"),
            Rival("eta^2", eta**2 / 2 * power, "an extra factor", near=True),
        )),
        Part("anywhere", anywhere, derivation=(
            Step("tower", Settled(Dot(theta - point, grad)), "the same from any fixed point c"),
            Step("update", squares(theta - point, after - point), "|theta - c - eta g|^2 solved for (theta - c).g"),
            Step("stationary", anywhere.args[1], "the squared distance has the same mean before and after a step"),
        ), rivals=(
            Rival("noise only", eta / 2 * Settled(Dot(noise, noise)), "the covariance for the second moment"),
            Rival("no half", eta * power, "a factor"),
            Rival("moved", eta / 2 * power - Settled(Dot(point, point)), "the right side does not depend on c",
                  near=True),
        )),
        Part("second", second, derivation=(
            Step("tower", Settled(Dot(full, grad)), "given the parameters, the batch gradient is unbiased"),
            Step("update", Settled(Loss(theta) - Loss(after)) / eta + eta / 2 * Settled(Bent(grad, grad)),
                 "L(theta - eta g) of a quadratic loss, solved for its gradient times g"),
            Step("stationary", second.args[1], "the loss has the same mean before and after a step"),
        ), rivals=(
            Rival("noise only", eta / 2 * Settled(Bent(noise, noise)), "the covariance for the second moment"),
            Rival("no Hessian", eta / 2 * power, "the first relation's right side"),
            Rival("no half", eta * Settled(Bent(grad, grad)), "a factor"),
            Rival("full gradient", eta / 2 * Settled(Bent(full, full)), "gradient descent's step", near=True),
        )),
    ),
    params=(POPULATION, BATCH, RATE, DESIGN),
    constraints=(FITS,),
    exactness=Exactness.IDENTITY,
    assumptions=(
        UNIFORM_BATCH, STEP_INDEPENDENCE,
        Assumption("plain SGD", "theta <- theta - eta g with a constant step size"),
        Assumption("stationary", "the parameters have settled to a state with finite second moments"),
        Assumption("quadratic", "for `second` only: every example's loss is quadratic; curvatures may differ.  For "
                   "other losses terms with the third derivative join, of order eta^2"),
    ),
    sources=(
        Source("yaida2019", note="both relations; abstract read: exact for any stationary state"),
        Source("batchlaws", note="the version from any point, and the rivals", read=True),
    ),
    headline="first",
    words=(
        "Once SGD has settled, E[theta.grad L] = eta/2 E|g|^2: the pull of the mean gradient on the parameters "
        "equals half the step size times the squared batch gradient. It holds for any loss, any noise, any step "
        "size, and from any fixed point in place of the origin; so both sides measured in a training run tell "
        "whether it has settled. On quadratics the loss itself gives a second relation, E|grad L|^2 = eta/2 "
        "E[g'Hg]. In both, g is the batch gradient with its mean: putting the noise covariance in its place is "
        "wrong, most where the step is large."
    ),
    answers={
        4: "In any stationary state the gradients' pull and the noise's push balance exactly, at any step size.",
    },
)
