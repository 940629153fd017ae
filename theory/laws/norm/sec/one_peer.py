"""What one adversarial example of the batch can do to another example's normalized value."""

import sympy as sp

from theory.domain import Constraint, Integers, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.group import MEMBERS, Hat, Item, Mean, Sd, i, l
from theory.nodes.peers import Pushed, tau, u_i
from theory.notation import B, x

u = sp.Symbol(u_i.name, positive=True)
mean = Mean(Item(x, l), l)
pushed = Pushed(i, tau, 1)
value_rhs = sp.sqrt(B / (B - 1)) * (u - tau / B) / sp.sqrt(1 + tau**2 / B)
top = sp.sqrt((B * u**2 + 1) / (B - 1))
bottom = -1 / sp.sqrt(B - 1)
value = sp.Eq(pushed, value_rhs, evaluate=False)
ceiling = sp.Le(pushed, top, evaluate=False)
attained = sp.Eq(Pushed(i, -1 / u, 1), top, evaluate=False)
floor = sp.Ge(pushed, bottom, evaluate=False)
shifted = mean + tau * Sd(0) / B
spread = Sd(0) ** 2 * (B - 1) / B * (1 + tau**2 / B)
no_signal = sp.sqrt(B / (B - 1)) * (-tau / B) / sp.sqrt(1 + tau**2 / B)

LAW = Law(
    id="norm.sec.one_peer",
    version=1,
    title="How far one adversarial peer can move a batch-normalized value",
    parts=(
        Part("value", value, derivation=(
            Step("group", (Item(x, i) - shifted) / sp.sqrt(spread), "mean and variance of the batch with the stranger"),
            Step("group", value_rhs, "in the honest examples' units"),
        ), rivals=(
            Rival("unmoved", u, "what a per-sample layer gives"),
            Rival("mean only", sp.sqrt(B / (B - 1)) * (u - tau / B), "forgets that the stranger widens the spread"),
            Rival("no correction", (u - tau / B) / sp.sqrt(1 + tau**2 / B), "B - 1 honest examples among B", near=True),
            Rival("B-1", sp.sqrt(B / (B - 1)) * (u - tau / (B - 1)) / sp.sqrt(1 + tau**2 / B), "an off-by-one",
                  near=True),
        )),
        Part("ceiling", ceiling, derivation=(
            Step("law:/value", value_rhs, "where the stranger puts it"),
            Step("compared squares", top, "Cauchy-Schwarz: what is left of (1 + B u^2)(1 + tau^2/B) is (1 + u tau)^2",
                 where={"difference": (1 + u * tau) ** 2 / ((B - 1) * (1 + tau**2 / B))}),
        ), rivals=(
            Rival("unmoved", u, "a peer can raise the value"),
            Rival("stranger at the mean", sp.sqrt(B / (B - 1)) * u, "the best a peer can do without moving the mean"),
            Rival("no correction", sp.sqrt((B * u**2 + 1) / B), "B - 1 honest examples among B", near=True),
        )),
        Part("attained", attained, derivation=(
            Step("law:/value", value_rhs.xreplace({tau: -1 / u}), "the stranger at -1/u", where={tau: -1 / u}),
            Step("roots", top, "collect"),
        ), rivals=(
            Rival("unmoved", u, "a peer can raise the value"),
            Rival("largest of all", sp.sqrt(B - 1), "what no example alone against equal peers could exceed"),
            Rival("no correction", sp.sqrt((B * u**2 + 1) / B), "B - 1 honest examples among B", near=True),
        )),
        Part("floor", floor, derivation=(
            Step("law:/value", value_rhs, "where the stranger puts it"),
            Step("apart", no_signal, "u is positive", where={
                "difference": sp.sqrt(B / (B - 1)) * u / sp.sqrt(1 + tau**2 / B)}),
            Step("compared squares", bottom, "tau^2/B is less than 1 + tau^2/B", where={
                "difference": 1 / ((B - 1) * (1 + tau**2 / B))}),
        ), rivals=(
            Rival("keeps its sign", sp.S.Zero, "a distant stranger turns every honest sign"),
            Rival("-1/(B-1)", -1 / (B - 1), "a mean's part for a standard deviation's"),
            Rival("-1/sqrt(B)", -1 / sp.sqrt(B), "an off-by-one", near=True),
        )),
    ),
    params=(
        Param(B, Integers(3), 8, "batch size, the stranger included", "two honest examples at least, to have a spread"),
        Param(u, Reals(0, open=True), 1, "the honest example's normalized value among the honest; mirrored below 0"),
        Param(tau, Reals(), 2, "the stranger's place: honest standard deviations from the honest mean"),
    ),
    constraints=(
        Constraint(u**2 <= B - 2, "u_i = {u_i} is not allowed: no normalized value of B - 1 entries exceeds sqrt(B-2), "
                   "B = {B}"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("training mode", "the layer normalizes by the statistics of the batch at hand, eps = 0"),
        Assumption("spread", "the honest examples are not all equal"),
        Assumption("one stranger", "one of the B examples is free to be anything; the others do not react"),
    ),
    sources=(Source("batchlaws", read=True, note="derived here; no earlier statement is known to us"),),
    where={MEMBERS: B - 1, u: Hat(i, 0)},
    headline="value",
    words=(
        "Share a batch with one stranger, and your normalized value is at his discretion: he moves the mean by 1/B of "
        "his distance and widens the spread. An honest value u > 0 can be put anywhere above -1/sqrt(B - 1), which is "
        "approached but never reached, and up to sqrt((B u^2 + 1)/(B - 1)), which is reached when he sits at -1/u. So "
        "any sign can be turned, a little, and a value at the mean can be lifted to 1/sqrt(B - 1). The range is not "
        "symmetric. Per-sample layers, and BatchNorm with stored statistics, give him nothing."
    ),
    answers={
        11: "One peer can put an honest output u > 0 anywhere in (-1/sqrt(B-1), sqrt((B u^2+1)/(B-1))].",
        6: "The output of one example can be turned in sign by any single peer.",
    },
)
