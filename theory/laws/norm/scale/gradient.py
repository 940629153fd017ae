"""Where the scale of a weight vector does not matter: its gradient, and its curvature along itself."""

import sympy as sp

from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.calculus import First
from theory.nodes.scale import FACTOR, Bend, Nudge, OverWeights, Partial, Value, Weight, alpha, j, l
from theory.notation import At

one = sp.S.One
work = OverWeights(Weight(j) * Partial(j, one), j)
bent = OverWeights(Weight(j) * Bend(l, j, one), j)
orthogonal = sp.Eq(work, sp.S.Zero, evaluate=False)
scaled = sp.Eq(Partial(l, alpha), Partial(l, one) / alpha, evaluate=False)
hessian = sp.Eq(bent, -Partial(l, one), evaluate=False)
hessian_scaled = sp.Eq(OverWeights(Weight(j) * Bend(l, j, alpha), j), -Partial(l, one) / alpha**2, evaluate=False)

LAW = Law(
    id="norm.scale.gradient",
    version=1,
    title="The gradient of a scale-invariant loss is orthogonal to the weights and falls with their length",
    parts=(
        Part("orthogonal", orthogonal, derivation=(
            Step("ray", At(First(Value(alpha), alpha), alpha, 1), "the derivative along the ray through w"),
            Step("scale invariance", sp.S.Zero, "the loss is constant along the ray"),
        ), rivals=(
            Rival("the loss", Value(one), "Euler's identity at degree 1"),
            Rival("twice the loss", 2 * Value(one), "Euler's identity at degree 2"),
            Rival("squared gradient", OverWeights(Partial(j, one) ** 2, j), "a length, not an inner product"),
            Rival("share", OverWeights(Partial(j, one) ** 2, j) / 100, "a small part along w", near=True),
        )),
        Part("scaled", scaled, derivation=(
            Step("ray", Nudge(Value(alpha), l) / alpha, "the chain rule"),
            Step("scale invariance", Nudge(Value(one), l) / alpha, "the loss at alpha w is that at w"),
            Step("ray", Partial(l, one) / alpha, "the gradient at w"),
        ), rivals=(
            Rival("unchanged", Partial(l, one), "the loss is the same, its gradient is not"),
            Rival("alpha", alpha * Partial(l, one), "the chain rule upside down"),
            Rival("1/alpha^2", Partial(l, one) / alpha**2, "the law of the curvature", near=True),
        )),
        Part("hessian", hessian, derivation=(
            Step("ray", At(First(Partial(l, alpha), alpha), alpha, 1), "the gradient's derivative along the ray"),
            Step("law:/scaled", At(First(Partial(l, one) / alpha, alpha), alpha, 1), "the gradient falls like 1/alpha"),
            Step("differentiate", -Partial(l, one), "the derivative of 1/alpha at 1"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "flat along w: true of the loss, not of its gradient"),
            Rival("plus", Partial(l, one), "a sign"),
            Rival("half", -Partial(l, one) / 2, "a factor", near=True),
        )),
        Part("hessian_scaled", hessian_scaled, derivation=(
            Step("ray", First(Partial(l, alpha), alpha), "the gradient's derivative along the ray"),
            Step("law:/scaled", First(Partial(l, one) / alpha, alpha), "the gradient falls like 1/alpha"),
            Step("differentiate", hessian_scaled.args[1], "the derivative of 1/alpha"),
        ), rivals=(
            Rival("1/alpha", -Partial(l, one) / alpha, "the law of the gradient", near=True),
            Rival("unchanged", -Partial(l, one), "the loss is the same, its curvature is not"),
            Rival("zero", sp.S.Zero, "flat along w: true of the loss, not of its gradient"),
        )),
    ),
    params=(FACTOR,),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("scale invariance", "L(alpha w) = L(w) for every alpha > 0: weights in front of a normalization with "
                   "eps = 0, the other parameters held"),
        Assumption("smooth", "L is twice differentiable at w; w is not 0"),
    ),
    sources=(
        Source("vanlaarhoven2017", note="weights before a normalization: the gradient scales inversely with them"),
        Source("arora2019", note="the gradient is orthogonal to scale-invariant weights"),
        Source("batchlaws", read=True, note="derived here by Euler's identity of degree 0"),
    ),
    headline="scaled",
    words=(
        "A normalization undoes the scale of the weights before it. So the loss is constant along the ray through w: "
        "the gradient is orthogonal to w, falls like 1/alpha at alpha w, and the Hessian maps w to minus the gradient. "
        "The curvature therefore falls with the square of the length, and with it every measure of flatness that is "
        "taken at fixed parameters. What people get wrong: to read a smaller gradient, or a flatter minimum, as "
        "progress, where only the weights have grown; or to expect that weight decay acts on such weights as a penalty."
    ),
    answers={
        3: "Behind a normalization curvature is no property of the function: alpha times the weights, 1/alpha^2 of it.",
        8: "A normalized layer's gradient falls with the length of its weights, whatever its inputs.",
    },
)
