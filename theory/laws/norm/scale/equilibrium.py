"""Where decay and growth of scale-invariant weights balance: their length, the angle of a step, the way there."""

import sympy as sp

from theory.domain import Constraint, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.calculus import First
from theory.nodes.scale import DECAY, Moved, OverWeights, Partial, Weight, j, lam
from theory.notation import At, eta
from theory.parameters import RATE

one = sp.S.One
G, q = sp.symbols("G q", positive=True)
square, force = OverWeights(Weight(j) ** 2, j), OverWeights(Partial(j, one) ** 2, j)
unit = square * force
after, along = OverWeights(Moved(j) ** 2, j), OverWeights(Weight(j) * Moved(j), j)
work = OverWeights(Weight(j) * Partial(j, one), j)
keep = 1 - eta * lam


def mapped(fourth: sp.Expr, gradient2: sp.Expr) -> sp.Expr:
    """Fourth power of the length after a step, from it and the squared gradient at unit length."""
    return (keep**2 + eta**2 * gradient2 / fourth) ** 2 * fourth


grown = mapped(q, G**2)
angle = along / (sp.sqrt(square) * sp.sqrt(after))

# The step size at which a step keeps the length.
kept = 2 * lam * square / (lam**2 * square + force)
stationary = sp.Eq(At(along**2 / (square * after), eta, kept), (1 - lam * kept) ** 2, evaluate=False)
lengths = keep**2 * square + eta**2 * force
step = sp.Eq(after**2, mapped(square**2, unit), evaluate=False)
balance = eta * G**2 / (lam * (2 - eta * lam))
cosine = sp.Eq(angle, keep * sp.sqrt(square) / sp.sqrt(after), evaluate=False)
projection = sp.Eq(along / square, keep, evaluate=False)
fixed = sp.Eq(At(grown, q, balance), balance, evaluate=False)
multiplier = sp.Eq(At(First(grown, q), q, balance), 2 * keep**2 - 1, evaluate=False)
rate = sp.Eq(At(eta**2 / q, q, balance), eta * lam * (2 - eta * lam) / G**2, evaluate=False)
slope = keep**4 - eta**4 * G**4 / q**2

LAW = Law(
    id="norm.scale.equilibrium",
    version=1,
    title="Weight decay sets the angle of a step, not the length of the function",
    parts=(
        Part("projection", projection, derivation=(
            Step("weights", (keep * square - eta * work) / square, "write the step out"),
            Step("law:norm.scale.gradient/orthogonal", keep, "the gradient is orthogonal to the weights"),
        ), rivals=(
            Rival("one", one, "no decay"),
            Rival("squared", keep**2, "the factor of the squared length"),
            Rival("exponential", one / (1 + eta * lam), "a first-order relative", near=True),
        )),
        Part("cosine", cosine, derivation=(
            Step("weights", (keep * square - eta * work) / (sp.sqrt(square) * sp.sqrt(after)), "write the step out"),
            Step("law:norm.scale.gradient/orthogonal", cosine.args[1], "the gradient is orthogonal to the weights"),
        ), rivals=(
            Rival("kept length", keep, "where the length does not change", near=True),
            Rival("upside down", keep * sp.sqrt(after) / sp.sqrt(square), "longer weights turn less"),
            Rival("no decay", sp.sqrt(square) / sp.sqrt(after), "as at lam = 0", near=True),
        )),
        Part("stationary", stationary, derivation=(
            Step("weights", At((keep * square - eta * work) ** 2 / (square * after), eta, kept), "write the step out"),
            Step("law:norm.scale.gradient/orthogonal", At(keep**2 * square / after, eta, kept),
                 "the gradient is orthogonal to the weights"),
            Step("law:norm.scale.norm_growth/step", At(keep**2 * square / lengths, eta, kept),
                 "decay and growth of the squared length"),
            Step("differentiate", stationary.args[1], "put in: the length after the step is that before it"),
        ), rivals=(
            Rival("squared", (1 - lam * kept) ** 4, "the factor of the squared length"),
            Rival("small angle", (1 - 2 * lam * kept) ** 2, "the angle's square for half of it", near=True),
            Rival("angle", sp.cos(lam * kept) ** 2, "eta lam as the angle: its square is about 2 eta lam"),
            Rival("first order", sp.cos(sp.sqrt(2 * lam * kept)) ** 2, "the angle sqrt(2 eta lam) of small steps",
                  near=True),
            Rival("one", one, "the direction changes in every step"),
        )),
        Part("map", step, derivation=(
            Step("law:norm.scale.norm_growth/step", (keep**2 * square + eta**2 * force) ** 2,
                 "decay and growth of the squared length"),
            Step("algebra", step.args[1], "the gradient at unit length has the square |w|^2 |g|^2"),
        ), rivals=(
            Rival("growth once", keep**4 * square**2 + 2 * eta**2 * unit, "decay and growth one by one, to first order",
                  near=True),
            Rival("length for unit length", mapped(square**2, force), "the gradient falls with the length"),
            Rival("decay alone", keep**4 * square**2, "no growth, no balance"),
        )),
        Part("fixed", fixed, derivation=(
            Step("differentiate", grown.xreplace({q: balance}), "put it in"),
            Step("algebra", balance, "eta^2 G^2/q is 1 - (1 - eta lam)^2 there"),
        ), rivals=(
            Rival("first order", eta * G**2 / (2 * lam), "small steps only", near=True),
            Rival("no half", eta * G**2 / lam, "a factor"),
            Rival("square for fourth power", sp.sqrt(balance), "|w|^2 for |w|^4"),
        )),
        Part("multiplier", multiplier, derivation=(
            Step("differentiate", slope.xreplace({q: balance}), "the derivative of the map there"),
            Step("algebra", 2 * keep**2 - 1, "eta^2 G^2/q is 1 - (1 - eta lam)^2"),
        ), rivals=(
            Rival("decay alone", keep**2, "the growth pulls back as well"),
            Rival("twice the rate", 1 - 4 * eta * lam, "first order in eta lam", near=True),
            Rival("fourth power", keep**4, "decay of |w|^4 alone"),
        )),
        Part("rate", rate, derivation=(
            Step("differentiate", eta**2 / balance, "put it in"),
            Step("algebra", rate.args[1], "G cancels one factor"),
        ), rivals=(
            Rival("first order", 2 * eta * lam / G**2, "small steps only", near=True),
            Rival("eta alone", eta**2 / G**2, "the step size alone does not set it"),
            Rival("lam alone", lam * (2 - eta * lam) / G**2, "eta is needed too"),
        )),
    ),
    params=(
        RATE,
        Param(lam, Reals(0, open=True), DECAY.typical, DECAY.meaning, "without decay the length grows for ever"),
        Param(G, Reals(0, open=True), 1, "length of the gradient at unit length of the weights"),
    ),
    constraints=(Constraint(eta * lam < 2, "eta = {eta}, lam = {lam} is not stable: decay alone makes the weights grow "
                            "unless eta lam < 2"),),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("scale invariance", "the loss is scale-invariant in w; SGD with decoupled decay, no momentum"),
        Assumption("steady", "fixed, multiplier and rate: the gradient at unit length has constant length G; "
                   "stationary: the step size is that which keeps the length of w"),
    ),
    sources=(
        Source("vanlaarhoven2017", note="the balance to first order"),
        Source("wan2021", note="abstract: angular update at equilibrium"),
        Source("kosson2023", note="rotational equilibrium; not read"),
        Source("batchlaws", read=True, note="the forms for finite steps"),
    ),
    uses=("norm.scale.gradient", "norm.scale.norm_growth"),
    headline="rate",
    words=(
        "Behind a normalization weight decay does not shrink the function; it sets how fast the direction of the "
        "weights turns. A step turns them by an angle of cosine (1 - eta lam) |w|/|w'|, whatever the gradient: 1 - eta "
        "lam where the length is stationary, and over T steps of any run the cosines multiply to (1 - eta lam)^T "
        "|w_0|/|w_T|. Only the product eta lam matters. Growth by eta^2 |g|^2 and decay balance at |w|^4 = eta "
        "G^2/(lam (2 - eta lam)), where the effective step is eta/|w|^2 = sqrt(eta lam (2 - eta lam))/G. A small "
        "departure in |w|^2 is multiplied by 2 (1 - eta lam)^2 - 1 a step, below 1 in size unless eta lam = 1: about "
        "1/(4 eta lam) steps lead to the balance. The usual first-order forms, eta G^2/(2 lam) and an angle of sqrt(2 "
        "eta lam), are off by eta lam/2 and eta lam/12 of themselves."
    ),
    answers={
        5: "Behind a normalization eta and the decay act through their product: scaling eta by k turns weights faster "
           "by sqrt(k).",
        8: "Normalized layers settle at an effective step that weight decay and step size set together.",
    },
)
