"""One distant example wipes out the differences between all others of its batch."""

from fractions import Fraction

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.group import MEMBERS, Hat, Item, Mean, Sd, i, l
from theory.nodes.peers import Pushed, h, tau, u_i
from theory.nodes.series import Taylor
from theory.notation import B, k, x

pushed = Pushed(i, tau, k)
far = Pushed(i, 1 / h, k)
mean = Mean(Item(x, l), l) + k * tau * Sd(0) / B
spread = Sd(0) ** 2 * (B - k) / B * (1 + k * tau**2 / B)


def value_at(where: sp.Expr) -> sp.Expr:
    """Value of the honest entry with the strangers somewhere."""
    return sp.sqrt(B / (B - k)) * (u_i - k * where / B) / sp.sqrt(1 + k * where**2 / B)


flat = (h * u_i - k / B) * sp.sqrt(B / (B - k))
with sp.evaluate(False):
    width_rhs = (B / (B - k)) / (1 + k * tau**2 / B)
limit_rhs = -sp.sqrt(k / (B - k)) + h * u_i * B / sp.sqrt(k * (B - k))
value = sp.Eq(pushed, value_at(tau), evaluate=False)
width = sp.Eq(Mean(pushed**2, i) - Mean(pushed, i) ** 2, width_rhs, evaluate=False)
limit = sp.Eq(Taylor(far, h, 1), limit_rhs, evaluate=False)
own_width = Mean(value_at(tau) ** 2, i) - Mean(value_at(tau), i) ** 2

LAW = Law(
    id="norm.sec.breakdown",
    version=1,
    title="BatchNorm's breakdown point is one example",
    parts=(
        Part("value", value, derivation=(
            Step("group", (Item(x, i) - mean) / sp.sqrt(spread), "mean and variance of the batch with the strangers"),
            Step("group", value.args[1], "in the honest examples' units"),
        ), rivals=(
            Rival("unmoved", u_i, "what a per-sample layer gives"),
            Rival("one stranger", sp.sqrt(B / (B - k)) * (u_i - tau / B) / sp.sqrt(1 + tau**2 / B),
                  "as if one of them counted"),
            Rival("no correction", (u_i - k * tau / B) / sp.sqrt(1 + k * tau**2 / B), "B - k honest examples among B",
                  near=True),
            Rival("mean only", sp.sqrt(B / (B - k)) * (u_i - k * tau / B), "forgets that the spread widens too"),
        )),
        Part("width", width, derivation=(
            Step("law:/value", own_width, "every honest value"),
            Step("group", width_rhs, "the honest values have mean 0 and mean square 1"),
        ), rivals=(
            Rival("kept", sp.S.One, "the differences between honest examples are not kept"),
            Rival("no correction", 1 / (1 + k * tau**2 / B), "B - k honest examples among B", near=True),
            Rival("first power", (B / (B - k)) / (1 + k * sp.Abs(tau) / B), "distance for squared distance"),
            Rival("1/(k tau^2)", B**2 / ((B - k) * (B + 1 + k * tau**2)), "an off-by-one", near=True),
        )),
        Part("limit", limit, derivation=(
            Step("law:/value", Taylor(value_at(1 / h), h, 1), "the strangers at distance 1/h", where={tau: 1 / h}),
            Step("roots", Taylor(flat * (h**2 + k / B) ** sp.Rational(-1, 2), h, 1), "multiply through by h > 0"),
            Step("series", flat * (k / B) ** sp.Rational(-1, 2), "through first order in h"),
            Step("roots", limit_rhs, "collect"),
        ), rivals=(
            Rival("-1/B", -k / B + h * u_i, "a mean's part for a standard deviation's"),
            Rival("spread kept", -sp.sqrt(k / (B - k)) + u_i, "the differences vanish with h"),
            Rival("k/B", -sp.sqrt(k / B) + h * u_i * B / sp.sqrt(k * (B - k)), "B - k honest examples among B",
                  near=True),
            Rival("one stranger", -1 / sp.sqrt(B - 1) + h * u_i * B / sp.sqrt(B - 1) + h / 2,
                  "the value that one of them reaches", near=True),
        )),
    ),
    params=(
        Param(B, Integers(3), 8, "batch size, strangers included", "two honest examples at least, to have a spread"),
        Param(k, Integers(1), 1, "strangers, all at one place"),
        Param(u_i, Reals(), 1, "an honest example's normalized value among the honest ones"),
        Param(tau, Reals(), 2, "the strangers' place: honest standard deviations from the honest mean"),
        Param(h, Reals(0, open=True), Fraction(1, 100), "one over that distance"),
    ),
    constraints=(
        Constraint(k <= B - 2, "k = {k} is not allowed: two of the B = {B} examples at least must be honest"),
        Constraint(u_i**2 <= B - k - 1, "u_i = {u_i} is not allowed: no normalized value of B - k entries exceeds "
                   "sqrt(B-k-1), B = {B}, k = {k}"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("training mode", "the layer normalizes by the statistics of the batch at hand, eps = 0"),
        Assumption("spread", "the honest examples are not all equal"),
        Assumption("together", "the strangers sit at one place; the part `limit` is for tau = 1/h to plus infinity, "
                   "with error of order h^2"),
    ),
    sources=(
        Source("donohohuber1983", note="the breakdown point: the share of bad entries that can carry a statistic away"),
        Source("batchlaws", read=True, note="the values behind the layer derived here"),
    ),
    where={MEMBERS: B - k, u_i: Hat(i, 0)},
    headline="width",
    words=(
        "Put one example of the batch far away and let it go further. The standard deviation goes with it, and all "
        "honest outputs meet at one value, -1/sqrt(B - 1): not at zero, and without their differences, whose variance "
        "falls as B^2/((B - 1) tau^2). k strangers drive them to -sqrt(k/(B - k)). One example out of B is enough, so "
        "the layer's breakdown point is 1/B, the worst there is: mean and standard deviation are not robust, and the "
        "layer inherits it. A corrupt record, an overflow or an attack all do."
    ),
    answers={
        11: "One example far away makes all honest outputs -1/sqrt(B-1): the breakdown point is 1/B.",
        6: "A single outlier takes the signal from all other examples of its batch.",
    },
)
