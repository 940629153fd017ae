"""Published formulas that a law refutes as one of its rivals, with what of the publication was read."""

from __future__ import annotations

from dataclasses import dataclass

from theory.law import Source

__all__ = ["ERRATA", "FAULTS", "Erratum"]

FAULTS = {
    "wrong": "Wrong as it stands there",
    "first order": "Right to first order, and quoted without its next",
    "outside": "Right under its own conditions, and quoted outside them",
}
"""In which sense a published formula fails."""


@dataclass(frozen=True, slots=True)
class Erratum:
    """One formula that stands in the literature, or is quoted from it, and the rival that it is.

    Parameters
    ----------
    law, part, rival : str
        Where it is refuted.
    fault : str
        One of `FAULTS`.
    source : Source
        The publication; `read` only if the formula was read there, and its note says what was read and what was not.
    said : str
        What stands there, and what holds instead.
    """

    law: str
    part: str
    rival: str
    fault: str
    source: Source
    said: str


ERRATA = (
    Erratum("norm.out.eps", "square", "no root", "wrong",
            Source("tensorflow2020layer", locator="tf.keras.layers.BatchNormalization, release 2.4", read=True,
                   note="a copy of the page was read, not the code behind it"),
            "The layer is said to return (batch - mean(batch))/(var(batch) + epsilon) times gamma plus beta, in "
            "training and with moving statistics alike. The root is missing: outputs would have mean square "
            "v/(v + eps)^2."),
    Erratum("norm.out.eps", "square", "eps outside", "wrong",
            Source("tensorflow2020backend", locator="tf.keras.backend.batch_normalization, releases 1.15 to 2.3",
                   read=True, note="the pages of releases 1.15, 2.0, 2.2 and 2.3 were read, not the code behind them"),
            "The output is said to be (x - mean)/(sqrt(var) + epsilon) times gamma plus beta. With eps beside the "
            "variance under the root the mean square is v/(v + eps)."),
    Erratum("norm.grad.smoothing", "at_zero", "1/sqrt(B)", "wrong",
            Source("santurkar2018", locator="theorem on the Lipschitzness of the loss",
                   note="from memory: the printed theorem was not read; a public question about its proof, which was "
                        "read, has 1/m in both terms"),
            "As remembered, the theorem bounds the squared gradient with 1/sqrt(m) before the product with the "
            "outputs. It is 1/m there too, and the bound is an equality."),
    Erratum("noise_scale.estimators", "signal", "unbiased", "outside",
            Source("mccandlish2018", locator="appendix on measuring the noise scale",
                   note="from memory: the formula was not read there"),
            "The estimate of the squared gradient norm from two batch sizes is called unbiased. It is for independent "
            "draws; on N examples without replacement it is low by tr Sigma/(N - 1)."),
    Erratum("implicit.iid_none", "mean", "with spread", "outside",
            Source("smith2021", note="from memory: the paper states the term for random shuffling; it was not read"),
            "The penalty on the spread of the batch gradients belongs to reshuffled epochs. It is often quoted for "
            "SGD as such; with independent batches it is absent."),
    Erratum("noise.loss_curvature", "entry", "loss x curvature", "first order",
            Source("mori2022", note="from memory: the approximation near a minimum, where the gradient is small"),
            "The noise is taken as loss times Hessian. For Gaussian least squares that leaves out the gradient with "
            "itself, at every point that is not the minimum."),
    Erratum("quadratic.stationary", "variance", "small step", "first order",
            Source("mandt2017", note="from memory: the stationary law of the continuous-time limit"),
            "The stationary variance has eta over 2h. At finite steps the denominator is h(2 - eta h), and it ends at "
            "the edge of stability."),
    Erratum("quadratic.excess", "excess", "first order", "first order",
            Source("mandt2017", note="from memory: the continuous-time limit"),
            "The excess loss is eta/4 tr Sigma_B at small steps, independent of the curvature; exactly it is not."),
    Erratum("scaling.linear.kstep", "ratio", "equal", "first order",
            Source("goyal2017", locator="the linear scaling rule",
                   note="from memory: the argument by k small steps against one large"),
            "One step at (k eta, k B) stands for k steps at (eta, B). Its variance is larger, by 1 + (k-1) eta h at "
            "first order."),
    Erratum("norm.scale.equilibrium", "fixed", "first order", "first order",
            Source("vanlaarhoven2017", note="from memory: the balance of growth and decay"),
            "The weight norm settles where its fourth power is eta G^2/(2 lambda). At finite steps it is eta "
            "G^2/(lambda (2 - eta lambda))."),
    Erratum("norm.scale.equilibrium", "rate", "first order", "first order",
            Source("wan2021", note="from memory: the angular update sqrt(2 eta lambda) at equilibrium"),
            "The effective step is sqrt(2 eta lambda)/G. Exactly its square is eta lambda (2 - eta lambda)/G^2, and "
            "the cosine of the angle of a step is 1 - eta lambda."),
    Erratum("norm.train.gamma_shrinkage", "loss", "ridge", "outside",
            Source("luo2019", note="from memory: batch normalization as a decay of gamma; the paper was not read"),
            "The noise of the statistics is read as a penalty on gamma^2. With a linear target the whole effect on "
            "the loss is linear in gamma, and the penalty doubles the shrinkage."),
    Erratum("norm.depth.bn_explosion", "relu", "large batch", "outside",
            Source("yang2019", note="from memory: the limit of large batches; the paper was not read, and may have a "
                                    "form at finite batches"),
            "Gradients behind BatchNorm and a rectifier grow by pi/(pi - 1) = 1.467 a layer in large batches. It is "
            "1.79 at B = 8 and 3.08 at B = 4."),
)
