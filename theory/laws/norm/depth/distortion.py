"""What one rectifier does to a standardized input: its mean, its second moment and its variance."""

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.rectified import Relu, StandardMean, z
from theory.notation import sigma

pi, half = sp.pi, sp.Rational(1, 2)


def moment(power: int) -> sp.Expr:
    """Moment of the rectified input."""
    return StandardMean(Relu(sigma * z) ** power)


mean = sp.Eq(moment(1), sigma / sp.sqrt(2 * pi), evaluate=False)
square = sp.Eq(moment(2), sigma**2 / 2, evaluate=False)
variance = sp.Eq(moment(2) - moment(1) ** 2, sigma**2 * (pi - 1) / (2 * pi), evaluate=False)

LAW = Law(
    id="norm.depth.distortion",
    version=1,
    title="Mean and variance behind one rectifier",
    parts=(
        Part("mean", mean, derivation=(
            Step("half lines", mean.args[1], "only the positive half counts, with mean 1/sqrt(2 pi)"),
        ), rivals=(
            Rival("still centered", sp.S.Zero, "as if the output kept the input's mean"),
            Rival("absolute value", sigma * sp.sqrt(2 / pi), "the mean of |x|, twice as large"),
            Rival("half a deviation", sigma / 2, "the share of active units, for the mean", near=True),
        )),
        Part("square", square, derivation=(
            Step("half lines", square.args[1], "the square is symmetric: half of it is left"),
        ), rivals=(
            Rival("kept", sigma**2, "as if nothing were cut off"),
            Rival("quarter", sigma**2 / 4, "halving the output instead of its square"),
            Rival("variance", sigma**2 * (pi - 1) / (2 * pi), "the mean is part of the second moment", near=True),
        )),
        Part("variance", variance, derivation=(
            Step("half lines", variance.args[1], "1/2 - 1/(2 pi)"),
        ), rivals=(
            Rival("half", sigma**2 / 2, "the second moment: the output's mean is not 0", near=True),
            Rival("kept", sigma**2, "as if the input's variance stayed"),
            Rival("half-normal", sigma**2 * (1 - 2 / pi), "the variance of |x|, without the cut-off half"),
            Rival("active units", sigma**2 / 2 * (1 - 2 / pi), "half of the variance among the active units"),
        )),
    ),
    params=(Param(sigma, Reals(0, open=True), 1, "standard deviation of the input, whose mean is 0"),),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("Gaussian", "the input of the rectifier is Gaussian with mean 0: the mean over a batch, or over the "
                   "units of a wide layer with random weights"),
    ),
    sources=(
        Source("he2015", note="the second moment is halved, which the initialization makes up for"),
        Source("batchlaws", read=True, note="mean and variance by integration"),
    ),
    headline="variance",
    words=(
        "A standardized input leaves one rectifier with mean 0.399 and variance (pi - 1)/(2 pi) = 0.341: neither is "
        "what it was, after a single layer. What is halved is the second moment, not the variance: the mean takes "
        "0.159 of it. He initialization makes up for the second moment, so the scale survives, but the mean stays, and "
        "with it a correlation of all examples. Standardizing the input of a network says nothing about any layer "
        "but the first."
    ),
    answers={8: "One rectifier turns mean 0 and variance 1 into 1/sqrt(2 pi) and (pi - 1)/(2 pi)."},
)
