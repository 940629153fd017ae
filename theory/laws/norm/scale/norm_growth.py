"""The length of scale-invariant weights on every run of SGD: decay shrinks it, every gradient makes it grow."""

import sympy as sp

from theory.domain import Integers, Param
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.scale import (
    DECAY,
    Force2,
    Length2,
    Moved,
    OverWeights,
    Partial,
    Steps,
    T,
    Weight,
    j,
    lam,
    place,
)
from theory.notation import At, eta
from theory.parameters import RATE

one = sp.S.One
square, force = OverWeights(Weight(j) ** 2, j), OverWeights(Partial(j, one) ** 2, j)
work = OverWeights(Weight(j) * Partial(j, one), j)
after = OverWeights(Moved(j) ** 2, j)
keep = 1 - eta * lam
unit = square * force
step = sp.Eq(after, keep**2 * square + eta**2 * force, evaluate=False)
run_rhs = keep ** (2 * T) * Length2(0) + eta**2 * Steps(keep ** (2 * (T - place)) * Force2(place), place, T)
run = sp.Eq(Length2(T), run_rhs, evaluate=False)
fourth = sp.Eq(At(after**2, lam, 0), square**2 + 2 * eta**2 * unit + eta**4 * unit**2 / square**2, evaluate=False)

LAW = Law(
    id="norm.scale.norm_growth",
    version=1,
    title="Every step makes scale-invariant weights longer, by the squared step",
    parts=(
        Part("step", step, derivation=(
            Step("weights", keep**2 * square - 2 * keep * eta * work + eta**2 * force, "expand the square of the step"),
            Step("law:norm.scale.gradient/orthogonal", step.args[1], "the gradient is orthogonal to the weights"),
        ), rivals=(
            Rival("first order", (1 - 2 * eta * lam) * square + eta**2 * force, "(eta lam)^2 dropped", near=True),
            Rival("no growth", keep**2 * square, "decay alone"),
            Rival("eta for eta^2", keep**2 * square + eta * force, "a missing factor"),
            Rival("decay on the gradient too", keep**2 * (square + eta**2 * force), "decay acts on the old weights",
                  near=True),
        )),
        Part("run", run, derivation=(
            Step("run", run_rhs, "step after step: what is there decays, the squared step is added",
                 where={"step": "step"}),
        ), rivals=(
            Rival("no decay of the growth", keep ** (2 * T) * Length2(0) + eta**2 * Steps(Force2(place), place, T),
                  "what was added decays as well"),
            Rival("no growth", keep ** (2 * T) * Length2(0), "decay alone"),
            Rival("one decay more", keep ** (2 * T) * Length2(0)
                  + eta**2 * Steps(keep ** (2 * (T - place + 1)) * Force2(place), place, T), "an off-by-one", near=True),
        )),
        Part("fourth", fourth, derivation=(
            Step("law:/step", At((keep**2 * square + eta**2 * force) ** 2, lam, 0), "the squared length after a step"),
            Step("differentiate", (square + eta**2 * force) ** 2, "no decay"),
            Step("algebra", fourth.args[1], "the gradient at unit length has the square |w|^2 |g|^2"),
        ), rivals=(
            Rival("first order", square**2 + 2 * eta**2 * unit, "the last term dropped: right for small steps only",
                  near=True),
            Rival("linear growth of the length", square**2 + 4 * eta**2 * unit, "a factor"),
            Rival("eta", square**2 + 2 * eta * unit + eta**2 * unit**2 / square**2, "a missing factor"),
        )),
    ),
    params=(RATE, DECAY, Param(T, Integers(0), 10, "number of steps")),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("scale invariance", "the losses of all steps are scale-invariant in w: weights in front of a "
                   "normalization with eps = 0; each step may have another loss, batch or network"),
        Assumption("plain SGD", "w <- (1 - eta lam) w - eta g: no momentum, no preconditioner"),
    ),
    sources=(
        Source("vanlaarhoven2017", note="growth of the weights and the effective learning rate"),
        Source("arora2019", note="the squared length grows by the squared step"),
        Source("batchlaws", read=True, note="the finite-step form with decay, over a run, and the fourth power"),
    ),
    uses=("norm.scale.gradient",),
    headline="step",
    words=(
        "Weights in front of a normalization obey |w'|^2 = (1 - eta lam)^2 |w|^2 + eta^2 |g|^2, exactly, in every step "
        "of every run of SGD: any data, any batch, any step size, stable or not. Without decay they can only grow, and "
        "|w|^4 grows by 2 eta^2 G^2 + eta^4 G^4/|w|^4 a step, G the length the gradient would have at unit length: for "
        "a steady G the effective step eta/|w|^2 falls like 1/sqrt(t) by itself, a schedule that nobody wrote. With "
        "decay, growth and decay balance. The relation is also a sharp test of a training loop: eps in the "
        "normalization, momentum or a decay that is not decoupled breaks it at once."
    ),
    answers={
        4: "The squared gradients of noise and signal alike lengthen the weights, which lowers the effective step.",
        8: "Normalized layers schedule their own step: eta/|w|^2 falls as the weights grow.",
    },
)
