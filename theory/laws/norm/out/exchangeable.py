"""First and second moments of normalized values: exact for every exchangeable group of any data."""

from fractions import Fraction

import sympy as sp

from theory.domain import Integers, Param, Reals
from theory.law import Assumption, Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.nodes.outputs import Drawn, Flat, first, second, squares, whole
from theory.notation import B
from theory.parameters import DESIGN, FITS, POPULATION, UNIFORM_BATCH

p0 = sp.Symbol("p0", nonnegative=True)
mean = sp.Eq(Drawn(first), sp.S.Zero, evaluate=False)
square = sp.Eq(Drawn(first**2), 1 - p0, evaluate=False)
product = sp.Eq(Drawn(first * second), -(1 - p0) / (B - 1), evaluate=False)
apart = sp.Eq(Drawn((first - second) ** 2), 2 * (1 - p0) * B / (B - 1), evaluate=False)
correlation = sp.Eq(Drawn(first * second) / Drawn(first**2), -1 / (B - 1), evaluate=False)

LAW = Law(
    id="norm.out.exchangeable",
    version=1,
    title="Normalized values have mean 0, variance 1 and correlation -1/(B - 1), whatever the data",
    parts=(
        Part("mean", mean, derivation=(
            Step("exchangeable places", Drawn(whole / B), "every place of the group is like every other"),
            Step("normalized sums", sp.S.Zero, "normalized values sum to 0"),
        ), rivals=(
            Rival("1/B", 1 / B, "something left over of the mean"),
            Rival("flat share", p0 + 1 / B**2, "as if groups without spread put out 1"),
            Rival("-1/B^2", -1 / B**2, "a small bias", near=True),
        )),
        Part("square", square, derivation=(
            Step("exchangeable places", Drawn(squares / B), "every place of the group is like every other"),
            Step("normalized sums", 1 - Flat(), "squares sum to B wherever there is a spread"),
            Step("definition", square.args[1], "p0 is the chance of none"),
        ), rivals=(
            Rival("(B-1)/B", (1 - p0) * (B - 1) / B, "as if the layer divided by the unbiased deviation", near=True),
            Rival("sign of p0", 1 + p0 - 1 / B**3, "groups without spread counted twice"),
            Rival("Student", (1 - p0) * (B + 1) / B, "as if an outsider were normalized by the group", near=True),
        )),
        Part("product", product, derivation=(
            Step("exchangeable places", Drawn((whole**2 - squares) / (B * (B - 1))),
                 "every pair of places is like every other"),
            Step("normalized sums", -(1 - Flat()) / (B - 1), "the square of the sum is 0"),
            Step("definition", product.args[1], "p0 is the chance of none"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "as if outputs of independent examples were independent"),
            Rival("-1/B", -(1 - p0) / B, "an off-by-one", near=True),
            Rival("1/(B-1)", (1 - p0) / (B - 1), "a sign", near=True),
        )),
        Part("apart", apart, derivation=(
            Step("exchangeable places", Drawn(2 * squares / B - 2 * (whole**2 - squares) / (B * (B - 1))),
                 "places and pairs"),
            Step("normalized sums", 2 * (1 - Flat()) * B / (B - 1), "0 for the square of the sum"),
            Step("definition", apart.args[1], "p0 is the chance of none"),
        ), rivals=(
            Rival("two", 2 * (1 - p0), "as if outputs were independent"),
            Rival("(B+1)/B", 2 * (1 - p0) * (B + 1) / B, "an off-by-one", near=True),
            Rival("one", (1 - p0) * B / (B - 1), "one of the two variances"),
        )),
        Part("correlation", correlation, derivation=(
            Step("law:/product", -(1 - p0) / (B - 1) / Drawn(first**2), "the mean product"),
            Step("law:/square", -(1 - p0) / (B - 1) / (1 - p0), "the mean square"),
            Step("algebra", correlation.args[1], "the chance of no spread cancels"),
        ), rivals=(
            Rival("zero", sp.S.Zero, "as if outputs of independent examples were independent"),
            Rival("-1/B", -1 / B, "an off-by-one", near=True),
            Rival("-1/(B+1)", -1 / (B + 1), "two off-by-ones", near=True),
        )),
    ),
    params=(
        POPULATION,
        Param(B, Integers(2), 8, "entries that share the statistics (BatchNorm: batch size times positions)",
              "a pair of outputs needs two entries"),
        Param(p0, Reals(0, 1), Fraction(0), "chance that a group has no spread; 0 for continuous activations"),
        DESIGN,
    ),
    constraints=(FITS,),
    exactness=Exactness.DISTRIBUTION_FREE,
    assumptions=(
        UNIFORM_BATCH,
        Assumption("exchangeable", "the order in which entries stand in the group carries no information"),
        Assumption("no regularizer", "eps = 0, and an output of 0 where the group has no spread"),
    ),
    sources=(Source("batchlaws", read=True, note="derived here; the identities behind it are elementary"),),
    where={p0: Flat()},
    headline="product",
    words=(
        "Take any data, draw a batch, normalize it: each output has mean 0 and mean square 1, exactly, without any "
        "assumption on the distribution, and two outputs of one batch have correlation -1/(B - 1). So outputs of "
        "independent examples are not independent: at B = 2 each is the negative of the other. The correlation is "
        "that of deviations from a mean; -1/B is a common slip. Groups without spread, as behind dead rectifiers, "
        "put out 0 and take their share from the mean square."
    ),
    answers={6: "Outputs of one batch have correlation -1/(B-1), whatever the data: each depends on its peers."},
    experiments=(
        Experiment("enumerate", part="product", channel="network", fixed={
            "population": "digits8:preactivation:0", "sizes": (2, 3), "designs": ("wor",)}),
    ),
)
