"""The hyperbola of steps and examples at the next orders in the size of a step."""

from fractions import Fraction

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.series import Taylor
from theory.notation import B
from theory.parameters import BATCH

c, R, noise = sp.Symbol("c", positive=True), sp.Symbol("R", positive=True), sp.Symbol("B_noise", positive=True)
y = 1 + noise / B
steps = -sp.log(R) / sp.log(1 - c / y)
fewest = -sp.log(R) / sp.log(1 - c)
cheapest = sp.log(R) * noise / c
series = sp.Eq(Taylor(c * steps, c, sp.Integer(2)), sp.log(R) * (y - c / 2 - c**2 / (12 * y)), evaluate=False)
product = sp.Eq(Taylor((steps / fewest - 1) * (B * steps / cheapest - 1), c, sp.Integer(3)), 1 + c**2 / 12 + c**3 / 12,
                evaluate=False)

LAW = Law(
    id="tradeoff.next_order",
    version=1,
    title="Steps and examples to a goal, beyond small steps",
    parts=(
        Part("steps", series, derivation=(
            Step("series", series.args[1], "-1/ln(1 - z) = 1/z - 1/2 - z/12 - ... at z = c/(1 + noise scale/B)"),
        ), rivals=(
            Rival("hyperbola", sp.log(R) * y, "the first order alone"),
            Rival("plus half", sp.log(R) * (y + c / 2 - c**2 / (12 * y)), "a sign", near=True),
            Rival("half of y", sp.log(R) * (y - c * y / 2 - c**2 / (12 * y)),
                  "the correction is the same at every batch size"),
            Rival("no third term", sp.log(R) * (y - c / 2), "one order short", near=True),
        )),
        Part("product", product, derivation=(
            Step("series", product.args[1], "the batch size drops out"),
        ), rivals=(
            Rival("first order", 1 + c / 2, "a correction at first order"),
            Rival("exact", sp.S.One, "no correction at all", near=True),
            Rival("with the batch", 1 + c**2 / (12 * y), "a correction that depends on the batch", near=True),
        )),
    ),
    params=(
        BATCH,
        Param(noise, Reals(0, open=True), Fraction(100), "noise scale, constant on the way"),
        Param(c, Reals(0, 1, open=True), Fraction(1, 10), "share of the distance that a noiseless step covers"),
        Param(R, Reals(1, open=True), Fraction(100), "factor by which the distance is to fall"),
    ),
    exactness=Exactness.ASYMPTOTIC,
    assumptions=(
        Assumption("progress model", "a step of batch B makes the share 1/(1 + noise scale/B) of the noiseless one's "
                   "progress"),
        Assumption("constant noise scale", "the noise scale does not change on the way"),
    ),
    sources=(
        Source("mccandlish2018", note="the hyperbola, at first order"),
        Source("batchlaws", read=True, note="next orders"),
    ),
    headline="steps",
    words=(
        "The hyperbola of steps and examples is a law of small steps. When a noiseless step covers the share c of "
        "the distance, the number of steps is ln R/c times 1 + noise scale/B, minus ln R/2 at every batch size, "
        "minus terms of order c. One might expect the hyperbola to be off by c then; it is not. Fewest steps and "
        "fewest examples change as well, and the product (steps/fewest - 1)(examples/fewest - 1) is 1 + c^2/12 + "
        "c^3/12 at any batch size: at c = 1/2 it is about 1.04. Only steps that cover most of the distance leave the "
        "hyperbola; see tradeoff.greedy."
    ),
    answers={5: "The hyperbola of steps and examples holds to one part in twelve of c^2, not just of c."},
)
