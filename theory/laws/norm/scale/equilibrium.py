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
after, along = OverWeights(Moved(j) ** 2, j), OverWeights(Weight(j) * Moved(j), j)
work = OverWeights(Weight(j) * Partial(j, one), j)
keep = 1 - eta * lam
grown = (keep**2 + eta**2 * G**2 / q) ** 2 * q
balance = eta * G**2 / (lam * (2 - eta * lam))
cosine = sp.Eq(along / (sp.sqrt(square) * sp.sqrt(after)), keep, evaluate=False)
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
            Step("definition", along / (sp.sqrt(square) * sp.sqrt(square)), "the length is stationary"),
            Step("law:/projection", keep, "what is left of the old direction"),
        ), rivals=(
            Rival("squared", keep**2, "the factor of the squared length"),
            Rival("small angle", 1 - 2 * eta * lam, "the angle's square for half of it", near=True),
            Rival("one", one, "the direction changes in every step"),
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
        Assumption("steady", "fixed, multiplier and rate: the gradient at unit length has constant length G; cosine: "
                   "the length of w is the same before and after the step"),
    ),
    sources=(
        Source("vanlaarhoven2017", note="the balance to first order"),
        Source("wan2021", note="abstract: angular update at equilibrium"),
        Source("kosson2023", note="rotational equilibrium; not read"),
        Source("batchlaws", read=True, note="the forms for finite steps"),
    ),
    uses=("norm.scale.gradient",),
    model={after: square},
    headline="rate",
    words=(
        "Behind a normalization weight decay does not shrink the function; it sets how fast the direction of the "
        "weights turns. Growth by eta^2 |g|^2 and decay balance at |w|^4 = eta G^2/(lam (2 - eta lam)); there the "
        "effective step is eta/|w|^2 = sqrt(eta lam (2 - eta lam))/G, and wherever the length is stationary the angle "
        "of a step has the cosine 1 - eta lam, whatever the gradient: only the product eta lam matters. A small "
        "departure in |w|^2 shrinks by 2 (1 - eta lam)^2 - 1 a step, so the balance is reached in about 1/(4 eta lam) "
        "steps. The usual first-order forms, eta G^2/(2 lam) and an angle of sqrt(2 eta lam), are off by eta lam/2 and "
        "eta lam/12 of themselves."
    ),
    answers={
        5: "Behind a normalization eta and the decay act through their product: scaling eta by k turns weights faster "
           "by sqrt(k).",
        8: "Normalized layers settle at an effective step that weight decay and step size set together.",
    },
)
