"""Second moment and correlation of two inputs from layer to layer of a wide rectifier network."""

import sympy as sp

from theory.domain import Constraint, Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.rectified import PairMean, Relu, StandardMean, kappa1, y1, y2, z

q = sp.Symbol("q", positive=True)
weights, biases = sp.symbols("sigma_w2 sigma_b2", nonnegative=True)
c = sp.Symbol("c", real=True)
pi = sp.pi

own = weights * StandardMean(Relu(sp.sqrt(q) * z) ** 2) + biases
joint = weights * q * PairMean(Relu(y1) * Relu(y2), sp.acos(c)) + biases
length, overlap = weights * q / 2 + biases, weights * q * kappa1(c) / 2 + biases
second = sp.Eq(own, length, evaluate=False)
kernel = sp.Eq(joint, overlap, evaluate=False)
correlation = sp.Eq(joint / own, overlap / length, evaluate=False)

LAW = Law(
    id="norm.depth.relu_recursion",
    version=1,
    title="Length and correlation of two inputs, layer by layer",
    parts=(
        Part("second_moment", second, derivation=(
            Step("half lines", length, "a rectifier keeps half of a symmetric second moment"),
        ), rivals=(
            Rival("kept", weights * q + biases, "as without the rectifier"),
            Rival("variance", weights * q * (pi - 1) / (2 * pi) + biases, "the mean counts as well", near=True),
            Rival("no bias", weights * q / 2, "biases add to every layer"),
        )),
        Part("kernel", kernel, derivation=(
            Step("wedge", overlap, "both are positive in a wedge of angle pi - arccos c"),
        ), rivals=(
            Rival("kept", weights * q * c / 2 + biases, "as if the correlation stayed"),
            Rival("other angle", weights * q * (sp.sqrt(1 - c**2) + c * sp.acos(c)) / (2 * pi) + biases,
                  "the angle itself in place of its complement", near=True),
            Rival("both positive", weights * q * (pi - sp.acos(c)) / (2 * pi) + biases, "the chance of the wedge"),
        )),
        Part("correlation", correlation, derivation=(
            Step("wedge", overlap / own, "the product"),
            Step("half lines", correlation.args[1], "the square"),
        ), rivals=(
            Rival("kept", c, "a random layer is no isometry"),
            Rival("rectified variance", (overlap - weights * q / (2 * pi)) / (length - weights * q / (2 * pi)),
                  "means are not subtracted", near=True),
            Rival("no bias", kappa1(c), "a common bias draws all inputs together", near=True),
        )),
    ),
    params=(
        Param(q, Reals(0, open=True), 1, "second moment of a preactivation, the same for both inputs"),
        Param(weights, Reals(0, open=True), 2, "width times the variance of a weight (He initialization: 2)"),
        Param(biases, Reals(0), 0, "variance of a bias"),
        Param(c, Reals(-1, 1), 0, "correlation of the preactivations of two inputs", "it is a cosine"),
    ),
    constraints=(Constraint(c**2 <= 1, "c = {c} is not allowed: a correlation lies between -1 and 1"),),
    exactness=Exactness.MODEL,
    assumptions=(
        Assumption("wide", "the width is infinite: a mean over the units of a layer is the mean over a Gaussian "
                   "preactivation; weights and biases are independent and centered"),
        Assumption("no norm", "no normalization between the layers"),
    ),
    sources=(
        Source("chosaul2009", note="the arc-cosine kernel"),
        Source("poole2016", note="its iteration over layers"),
        Source("schoenholz2017", note="fixed points and their rates"),
        Source("batchlaws", read=True, note="the integral over the wedge"),
    ),
    headline="correlation",
    words=(
        "Without norms the second moment of a rectifier network is multiplied by sigma_w^2/2 a layer and gains "
        "sigma_b^2: only sigma_w^2 = 2 without biases keeps it, and a standardized input does not help with any other "
        "value. The correlation of two inputs moves even then: orthogonal inputs have correlation 1/pi = 0.318 behind "
        "one layer, and all correlations go to 1, slowly: with He initialization the angle loses theta^2/(3 pi) a "
        "layer, so that 1 - c falls like 9 pi^2/(2 l^2). All inputs come to look alike, to the network's output and to "
        "every statistic over them. People check the variance, find it kept, and take the distribution as kept."
    ),
    answers={8: "The input's statistics do not last: second moments change layer by layer, and correlations rise."},
)
