"""The same function with other curvatures: rescaling the layers of a ReLU network."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.derivatives import First, Relu, Second
from theory.notation import At, PopMean, g, x

w1, w2 = sp.symbols("w1 w2", real=True)
alpha = sp.Symbol("alpha", positive=True)


def loss(inner: sp.Expr, outer: sp.Expr) -> sp.Expr:
    """Return half the squared error of one example at a pair of weights."""
    return (outer * Relu(inner * x) - g) ** 2 / 2


def mean(inner: sp.Expr, outer: sp.Expr) -> sp.Expr:
    """Return the mean loss."""
    return PopMean(loss(inner, outer))


def scaled(expr: sp.Basic) -> sp.Basic:
    """Return an expression at the rescaled weights."""
    return At(expr, w1, alpha * w1, w2, w2 / alpha)


def hessian(p: sp.Symbol, q: sp.Symbol, *, at: tuple[sp.Expr, sp.Expr] = (w1, w2)) -> sp.Basic:
    """Return an entry of the Hessian of the mean loss."""
    return Second(mean(*at), p, q)


moved = (alpha * w1, w2 / alpha)
first, cross, last = hessian(w1, w1), hessian(w1, w2), hessian(w2, w2)
there = tuple(hessian(p, q, at=moved) for p, q in ((w1, w1), (w1, w2), (w2, w2)))
inner = sp.Eq(scaled(first), first / alpha**2, evaluate=False)
outer = sp.Eq(scaled(last), alpha**2 * last, evaluate=False)
mixed = sp.Eq(scaled(cross), cross, evaluate=False)
trace = sp.Eq(scaled(first + last), first / alpha**2 + alpha**2 * last, evaluate=False)
determinant = sp.Eq(scaled(first * last - cross**2), first * last - cross**2, evaluate=False)
slope = First(loss(w1, w2), w1)
noise = sp.Eq(scaled(PopMean(slope**2)), PopMean(slope**2) / alpha**2, evaluate=False)
carry = "derivatives of the rescaled loss, which is the loss"

LAW = Law(
    id="flat.reparam",
    version=1,
    title="Rescaling the layers of a ReLU network changes every curvature and not the function",
    parts=(
        Part("inner", inner, derivation=(
            Step("chain rule", there[0] / alpha**2, carry),
            Step("homogeneous", first / alpha**2, "relu(alpha y) = alpha relu(y), so the loss is the same function"),
        ), rivals=(
            Rival("invariant", first, "as if curvature were a property of the function"),
            Rival("D for 1/D", first * alpha**2, "the other way round", near=True),
            Rival("not squared", first / alpha, "one factor for each of two derivatives", near=True),
        )),
        Part("outer", outer, derivation=(
            Step("chain rule", there[2] * alpha**2, carry),
            Step("homogeneous", alpha**2 * last, "the loss is the same function"),
        ), rivals=(
            Rival("invariant", last, "as if curvature were a property of the function"),
            Rival("D for 1/D", last / alpha**2, "the other way round", near=True),
            Rival("not squared", last * alpha, "one factor for each of two derivatives", near=True),
        )),
        Part("mixed", mixed, derivation=(
            Step("chain rule", there[1], "the two factors cancel"),
            Step("homogeneous", cross, "the loss is the same function"),
        ), rivals=(
            Rival("squared", cross / alpha**2, "the inner weight's factor twice"),
            Rival("once", cross * alpha, "only one factor", near=True),
            Rival("zero", sp.S.Zero, "layers are not independent"),
        )),
        Part("trace", trace, derivation=(
            Step("chain rule", there[0] / alpha**2 + alpha**2 * there[2], carry),
            Step("homogeneous", trace.args[1], "the loss is the same function"),
        ), rivals=(
            Rival("invariant", first + last, "the trace depends on how the function is written down"),
            Rival("D for 1/D", alpha**2 * first + last / alpha**2, "the other way round", near=True),
            Rival("common factor", (first + last) / alpha**2, "as if both layers flattened"),
        )),
        Part("determinant", determinant, derivation=(
            Step("chain rule", there[0] * there[2] - there[1] ** 2, "the factors of blocks of equal size cancel"),
            Step("homogeneous", determinant.args[1], "the loss is the same function"),
        ), rivals=(
            Rival("fourth power", (first * last - cross**2) / alpha**4, "as if both layers flattened"),
            Rival("product of the diagonal", first * last, "forgets the mixed derivative", near=True),
            Rival("square of the trace", (first + last) ** 2 / 4, "as if all curvatures agreed"),
        )),
        Part("noise", noise, derivation=(
            Step("chain rule", PopMean((First(loss(*moved), w1) / alpha) ** 2), carry),
            Step("homogeneous", noise.args[1], "each example's loss is the same function"),
        ), rivals=(
            Rival("invariant", PopMean(slope**2), "as if the noise did not change"),
            Rival("D for 1/D", PopMean(slope**2) * alpha**2, "the other way round", near=True),
            Rival("not squared", PopMean(slope**2) / alpha, "a second moment has two factors", near=True),
        )),
    ),
    params=(
        Param(w1, Reals(), Fraction(1), "weight before the rectifier"),
        Param(w2, Reals(), Fraction(1), "weight after it"),
        Param(alpha, Reals(0, open=True), Fraction(2), "factor on the weight before; that after is divided by it"),
    ),
    constraints=(
        Constraint(sp.Ne(w1, 0), "w1 = {w1} is not allowed: every example sits at the rectifier's kink"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("off the kink", "no pre-activation is exactly zero; the pattern of active units then holds near the "
                   "weights, and rescaling does not change it"),
        Assumption("blocks", "one weight before and one after stand for whole layers or single units: every weight "
                   "before is multiplied by alpha, with its bias, every weight after divided; x is the input, g the "
                   "target"),
    ),
    sources=(
        Source("dinh2017", note="rescaling makes minima arbitrarily sharp; these forms derived here"),
        Source("batchlaws", read=True, note="the derivation"),
    ),
    headline="trace",
    words=(
        "Multiply the weights before a ReLU by alpha and divide those after by alpha: the network computes the same "
        "function, but its Hessian becomes D^-1 H D^-1 with D = diag(alpha, 1/alpha). Trace and largest eigenvalue "
        "have no upper limit as alpha grows or shrinks; the determinant stays if both blocks are equally large. So "
        "neither trace nor largest eigenvalue is a property of the function, and 'flat generalizes better' cannot hold "
        "of them without saying how the weights are scaled. The covariance of the gradient changes in the same way, so "
        "SGD itself, and where it is stable, is not the same in the two parametrizations. Statements on shifts of "
        "given size hold in each, for shifts in its own units."
    ),
    answers={
        3: "True for a fixed parametrization; the same function can be written with any trace and sharpness above a "
           "floor.",
        4: "Which minima noise leaves depends on the scaling of the weights, as does the noise.",
    },
)
