"""How the length of one input spreads with depth in rectifier networks of finite width."""

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.rectified import Relu, StandardMean, z
from theory.nodes.widths import Dead, Length, Open
from theory.nodes.widths import layers as L
from theory.nodes.widths import variance as w2
from theory.nodes.widths import width as n

half = sp.Rational(1, 2)
second, fourth = StandardMean(Relu(z) ** 2), StandardMean(Relu(z) ** 4)
mean = sp.Eq(Length(1, n, L), (w2 / 2) ** L, evaluate=False)
square = sp.Eq(Length(2, n, L), ((w2 / 2) ** 2 * (1 + 5 / n)) ** L, evaluate=False)
relative = sp.Eq(Length(2, n, L) / Length(1, n, L) ** 2 - 1, (1 + 5 / n) ** L - 1, evaluate=False)
dead = sp.Eq(Dead(n, L), 1 - (1 - half**n) ** L, evaluate=False)


def power(constant: sp.Expr) -> sp.Expr:
    """Mean fourth power of the length with another constant."""
    return ((w2 / 2) ** 2 * (1 + constant / n)) ** L


LAW = Law(
    id="norm.depth.log_width",
    version=1,
    title="Length of one input in a deep rectifier network of finite width",
    parts=(
        Part("mean", mean, derivation=(
            Step("fresh layers", Length(1, n, 1) ** L, "a layer's ratio does not depend on its input"),
            Step("units", (w2 * second) ** L, "a mean over the units"),
            Step("half lines", mean.args[1], "half of the square passes"),
        ), rivals=(
            Rival("kept", w2**L, "as without rectifiers"),
            Rival("one layer", (w2 / 2) * L, "factors multiply"),
            Rival("one too many", (w2 / 2) ** (L + 1), "an off-by-one", near=True),
        )),
        Part("square", square, derivation=(
            Step("fresh layers", Length(2, n, 1) ** L, "a layer's ratio does not depend on its input"),
            Step("units", (w2**2 / n**2 * (n * fourth + n * (n - 1) * second**2)) ** L, "n squares, n (n-1) products"),
            Step("half lines", square.args[1], "fourth moment 3/2, second moment 1/2"),
        ), rivals=(
            Rival("no spread", power(sp.S.Zero), "as at infinite width"),
            Rival("linear", power(sp.Integer(2)), "the constant of a network without rectifiers", near=True),
            Rival("three", power(sp.Integer(3)), "gates without magnitudes", near=True),
            Rival("depth over width", (w2 / 2) ** (2 * L) * (1 + 5 * L / n), "the first order in 1/n", near=True),
        )),
        Part("spread", relative, derivation=(
            Step("law:/square", square.args[1] / Length(1, n, L) ** 2 - 1, "the second moment"),
            Step("law:/mean", square.args[1] / (w2 / 2) ** (2 * L) - 1, "the mean"),
            Step("gamma", relative.args[1], "the scale cancels: no gain of the weights changes the spread"),
        ), rivals=(
            Rival("first order", 5 * L / n, "for L much smaller than n"),
            Rival("linear", (1 + 2 / n) ** L - 1, "the constant of a network without rectifiers", near=True),
            Rival("six", (1 + 6 / n) ** L - 1, "without the squared mean of a unit", near=True),
        )),
        Part("dead", dead, derivation=(
            Step("survival", 1 - Open(n) ** L, "each layer must let something through"),
            Step("signs", dead.args[1], "all n units closed: chance 2^-n"),
        ), rivals=(
            Rival("sum", L * half**n, "chances add only as an upper bound"),
            Rival("last layer", half**n, "as if only one layer could close"),
            Rival("one unit", 1 - half**L, "as at width 1"),
            Rival("one too many", 1 - (1 - half**n) ** (L + 1), "an off-by-one", near=True),
        )),
    ),
    params=(
        Param(n, Integers(1), 64, "width: units of every layer"),
        Param(L, Integers(1), 30, "depth: number of layers"),
        Param(w2, Reals(0, open=True), 2, "width times the variance of a weight (He initialization: 2)"),
    ),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("Gaussian weights", "independent Gaussian weights at initialization, no biases, one input; the "
                   "chance of a dead input holds for every symmetric density"),
        Assumption("equal widths", "every layer has n units, the input as well"),
        Assumption("no norm", "only the input is normalized, if anything is"),
    ),
    sources=(
        Source("hanin2018", note="the order of the spread, depth over width"),
        Source("hanin2020", note="the logarithm of the length is Gaussian in the limit, with variance 5 L/n"),
        Source("lu2020", note="the chance that a network is born dead"),
        Source("batchlaws", read=True, note="the exact forms at every width and depth derived here"),
    ),
    headline="square",
    words=(
        "Feed one standardized input into a random rectifier network. Behind L layers of width n its squared length "
        "has mean (sigma_w^2/2)^L, and its mean square is larger than the squared mean by exactly (1 + 5/n)^L: with He "
        "initialization the mean stays and the spread grows exponentially in 5 L/n. A typical network then lies far "
        "below the mean: the logarithm drifts by -5L/(2n) with variance 5L/n (for large n). With chance "
        "1 - (1 - 2^-n)^L nothing arrives at all. So normalizing the input holds the scale of no deep layer, and no "
        "gain of the weights repairs the spread. People look at the mean, or take the constant 2 of linear networks."
    ),
    answers={8: "Behind a normalized input the squared length at layer L has relative variance (1 + 5/n)^L - 1."},
)
