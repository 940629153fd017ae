"""The error of a batch and of what it leaves out are antiparallel, path by path."""

import sympy as sp

from theory.domain import Constraint
from theory.law import Exactness, Experiment, Law, Part, Rival, Source, Step
from theory.notation import B, BatchSum, ComplementSum, N, PopMean, g, gbar
from theory.parameters import BATCH, FITS, FROZEN, POPULATION, UNIFORM_BATCH

statement = sp.Eq(B * (BatchSum(g) / B - gbar), -(N - B) * (ComplementSum(g) / (N - B) - gbar), evaluate=False)
left_out = ComplementSum(g) / (N - B) - gbar

LAW = Law(
    id="gradient.complement",
    version=1,
    title="The errors of a batch and of its complement cancel",
    parts=(
        Part("identity", statement, derivation=(
            Step("algebra", BatchSum(g) - B * gbar, "the batch sum against its mean"),
            Step("definition", N * gbar - ComplementSum(g) - B * gbar, "batch and complement add up to N gbar"),
            Step("algebra", statement.args[1], "collect the complement's mean"),
        ), rivals=(
            Rival("same sign", (N - B) * left_out, "the errors are opposite, not equal"),
            Rival("N for N-B", -N * left_out, "the complement has N-B examples", near=True),
            Rival("equal sizes", -B * left_out, "right only at B = N/2"),
        )),
    ),
    params=(POPULATION, BATCH),
    constraints=(
        FITS,
        Constraint(B < N, "B = {B} is not allowed: at B = N = {N} the batch leaves nothing out", "wor"),
    ),
    exactness=Exactness.IDENTITY,
    assumptions=(UNIFORM_BATCH, FROZEN),
    sources=(Source("cochran1977", note="the sum over all examples is fixed"),),
    where={gbar: PopMean(g)},
    words=(
        "What the batch overestimates, the examples it leaves out underestimate: B times the error of the batch is "
        "minus N-B times the error of the rest, for every single batch and not only on average. So noise laws are "
        "symmetric under swapping a batch with its complement, and the last batches of an epoch undo the first."
    ),
    answers={2: "Every batch error is undone by the examples left out."},
    experiments=(
        Experiment("enumerate", channel="network", grid={"population": (
            "digits8:gradient:coordinate:30", "digits8:gradient:direction:0")}),
    ),
)
