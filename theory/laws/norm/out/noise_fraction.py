"""How much of the variance of a normalized activation is noise from its peers."""

import sympy as sp

from theory.domain import Integers, Param
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.chi import fidelity
from theory.nodes.kernel import Hyper
from theory.nodes.shared import Shared
from theory.notation import B
from theory.parameters import IID

own = fidelity(B) ** 2 * Hyper((B + 1) / 2, (B + 1) / 2, (1 - 1 / B) ** 2)
share = sp.Eq(1 - Shared(B), 1 - own, evaluate=False)
pair = sp.Eq(1 - Shared(2), sp.Rational(2, 3), evaluate=False)
ceiling = sp.Le(1 - Shared(B), 1 - fidelity(B) ** 2, evaluate=False)

LAW = Law(
    id="norm.out.noise_fraction",
    version=1,
    title="The share of an output's variance that is noise from its peers",
    parts=(
        Part("share", share, derivation=(
            Step("common entry", share.args[1], "the same entry in two groups, the peers drawn anew"),
        ), rivals=(
            Rival("gap", 2 * (1 - fidelity(B)), "the mean squared distance to the population's normalization"),
            Rival("linear part", 1 - fidelity(B) ** 2, "as if an output were a multiple of its input plus noise"),
            Rival("1/B", 1 / B, "the noise of the mean alone"),
            Rival("3/(2B)", sp.Rational(3, 2) / B, "the limit of large batches", near=True),
            Rival("B/2", 1 - fidelity(B) ** 2 * Hyper(B / 2, B / 2, (1 - 1 / B) ** 2), "an off-by-one", near=True),
        )),
        Part("pair", pair, derivation=(
            Step("signs of differences", sp.Rational(2, 3), "1 - 2 arcsin(1/2)/pi"),
        ), rivals=(
            Rival("half", sp.Rational(1, 2), "as if a comparison said half of it all"),
            Rival("linear part", 1 - 1 / sp.pi, "as if the sign were linear in its input", near=True),
            Rival("3/4", sp.Rational(3, 4), "3/(2B) at B = 2", near=True),
        )),
        Part("ceiling", ceiling, derivation=(
            Step("law:/share", share.args[1], "exactly"),
            Step("first term of 3F2", ceiling.args[1], "the linear part of what an output says of its input"),
        ), rivals=(
            Rival("1/B", 1 / B, "the noise of the mean alone"),
            Rival("half the gap", 1 - fidelity(B), "half of the distance to the population's normalization"),
            Rival("1/(B-1)", 1 / (B - 1) ** 2 + 1 / (B + 1), "too small for large batches", near=True),
        )),
    ),
    params=(
        Param(B, Integers(2), 8, "entries that share the statistics (BatchNorm: batch size times positions)",
              "a single entry is its own mean"),
        IID,
    ),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("Gaussian", "the entries are independent Gaussians of one mean and standard deviation"),
        Assumption("no regularizer", "eps = 0"),
    ),
    uses=("norm.hybrid.alpha_gaussian",),
    sources=(
        Source("teye2018", note="outputs of BatchNorm as random variables given the input"),
        Source("batchlaws", read=True, note="the share is derived here; no earlier statement is known to us"),
    ),
    headline="share",
    words=(
        "Fix one activation and draw its peers anew: how much of the output's variance is that? Exactly two thirds "
        "at B = 2, 45 percent at B = 3, 34 at B = 4, 17 at B = 8, 9 at B = 16, and about 3/(2B) beyond. It is "
        "neither the noise of the mean alone, 1/B, nor the squared distance to the population's normalization, 2(1 "
        "- c_B), which counts a bias as well. One minus the squared fidelity is a bound: it counts as noise what an "
        "output says of its input in a curved way. The rest of the variance, and only that, is a function of the "
        "example itself."
    ),
    answers={6: "Of an output's variance the peers' draw makes 2/3 at B = 2, 0.17 at B = 8 and 3/(2B) for large B."},
)
