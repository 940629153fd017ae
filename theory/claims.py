"""The eleven claims of mini-batch folklore that the catalogue answers, each once."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CLAIMS", "VERDICTS", "Claim"]

VERDICTS = ("holds exactly", "holds under stated conditions", "holds asymptotically", "fails", "open")


@dataclass(frozen=True, slots=True)
class Claim:
    """One popular claim, in plain words.

    Parameters
    ----------
    number, title, text
        The claim as it is usually put.
    verdict : str
        One of `VERDICTS`; it stands only while every law of `rests_on` is verified.
    finding : str
        What holds, under which conditions, what fails, with the counterexample.
    rests_on : tuple of str
        Laws the verdict follows from.
    """

    number: int
    title: str
    text: str
    verdict: str = "open"
    finding: str = ""
    rests_on: tuple[str, ...] = ()


CLAIMS = (
    Claim(1, "Memory and data size",
          "Full-batch descent costs memory that grows with the data; mini-batch steps cost little and train "
          "on data of any size.",
          "holds under stated conditions",
          "A step's arithmetic and the layer outputs it stores grow with the batch and not at all with the data; "
          "parameters, gradients and optimizer state depend on neither. Full-batch descent need not hold more: "
          "accumulating micro-batches gives its gradient exactly in the memory of one of them. The statements are "
          "exact for a multilayer perceptron with biases and entry-wise operations left out of the count.",
          ("cost.mlp", "accumulate.identity")),
    Claim(2, "Unbiased, noisy, 1/B",
          "The mini-batch gradient is an unbiased, noisy estimate; its variance is inversely proportional to "
          "B; halving B about doubles it; a step may go slightly uphill.",
          "holds under stated conditions",
          "Unbiased: exactly, at frozen parameters. Inversely proportional to B: exactly for draws with "
          "replacement; without, the factor (N-B)/(N-1) enters and the noise is zero at B = N. Halving B "
          "about doubles it: exactly 2 with replacement, 2 + B/(N-B) without, which is 4 at N = 6, B = 4 "
          "and has no bound. The order holds for every convex measure of noise. A step may point uphill, with "
          "probability at most V/(V + |G|^4), V the noise along the gradient. Inside a reshuffled epoch the batches "
          "after the first are biased, given those before.",
          ("gradient.unbiased", "gradient.variance", "gradient.halving", "gradient.fullbatch", "gradient.uphill",
           "sampling.convex_order", "reshuffle.conditional_bias")),
    Claim(3, "Flat minima are robust",
          "Flat minima (small Hessian eigenvalues) are robust to a shift of the landscape; sharp ones are "
          "not.",
          "holds under stated conditions",
          "At fixed parameters of a network, exactly: a random shift of covariance C costs tr(HC)/2 on average, the "
          "worst of length r costs r^2/2 times the largest eigenvalue, and beyond quadratics the error has a bound. "
          "But the eigenvalues are no property of the function: rescaling two layers of a relu network leaves it as "
          "it is and makes trace and largest eigenvalue as large as one likes.",
          ("flat.random_shift", "flat.worst_shift", "flat.remainder", "flat.reparam")),
    Claim(4, "Noise regularizes",
          "Mini-batch noise regularizes implicitly: it throws the iterate out of sharp minima and keeps it in"
          " flat ones.",
          "holds under stated conditions",
          "In mean square: what decides is the sharpness together with how unlike the examples' curvatures are, and a "
          "smaller batch is never more stable. Not for sharpness alone: a sharper minimum whose examples agree can be "
          "kept and a flatter one whose examples differ left, at the same step and batch. Not almost surely: "
          "single-example steps can converge where full-batch descent diverges, and stability is not monotone in B. "
          "An explicit penalty on the gradients' spread is there when the data are reshuffled and absent when batches "
          "are independent.",
          ("stability.meansquare", "stability.nested", "stability.lyapunov", "stability.thresholds", "select.minimum",
           "select.counterexample", "select.counterexample_as", "implicit.epoch_mean", "implicit.iid_none")),
    Claim(5, "Linear scaling",
          "Multiply B and the learning rate by k and the dynamics (signal to noise) stay; past some point, "
          "large batches still end in sharper minima with a generalization gap.",
          "holds asymptotically",
          "To first order in eta h and for B far below N, the stationary cloud and the mean path stay. "
          "Exactly, the variance changes by (2 - eta h)/(2 - k eta h) times (N - kB)/(N - B), one large "
          "step is noisier than k small ones, and the squared signal-to-noise ratio of a step is not kept "
          "at all: it grows by k. An exact rule exists for one curvature and for no two. On Gaussian least squares in "
          "d dimensions the rule ends at B = d + 1. Sharper minima: large batches admit them at a fixed step size; "
          "along the rule the ceiling falls. A generalization gap that grows with B: linear models have none, their "
          "in-sample gap does not depend on B at all.",
          ("scaling.linear.ratio", "scaling.linear.snr", "scaling.linear.kstep", "scaling.linear.exact",
           "scaling.linear.no_go", "lms.critical_batch", "stability.sharpness_ceiling", "gap.optimism")),
    Claim(6, "BatchNorm with small batches",
          "BatchNorm's statistics from small batches are noisy and unreliable: the training loss oscillates, "
          "an example's output depends on its random peers, and running averages open a gap between training "
          "and inference.",
          "holds under stated conditions",
          "The statistics: noisy, with relative variance 2/(B-1) + kappa/B of the variance estimate. The "
          "gap between training and inference: there, but not because running averages are noisy; with "
          "perfect averages it is 2(1 - E[s]/sigma). The oscillating loss and the dependence on peers: no "
          "law yet.",
          ("norm.stat.mean_error", "norm.stat.var_error", "norm.gap.identity")),
    Claim(7, "Per-sample normalization",
          "Layer, Instance and Group norm use statistics of one sample: independent of B, defined at B = 1; "
          "GroupNorm's variance-estimate error does not depend on B while BatchNorm's rises steeply as B "
          "falls.",
          "holds under stated conditions",
          "Independent of B: exactly. Smaller error than BatchNorm's below B = C/G, larger above, exactly "
          "there when the channels are alike; with unlike channels a bias stays that no batch size removes "
          "(no law yet).",
          ("norm.stat.batch_independence", "norm.stat.var_error", "norm.stat.crossover")),
    Claim(8, "Normalizing the input is not enough",
          "Layers distort the statistics; normalization at each depth keeps restoring them."),
    Claim(9, "Capacity and overfitting",
          "Per-sample normalization limits capacity and so overfits less on scarce data, where BatchNorm is "
          "especially unreliable."),
    Claim(10, "Hybrid layers",
          "A hybrid layer with learned alpha (alpha from batch statistics, 1-alpha from the sample's) learns "
          "alpha near 1 for large batches and near 0 for very small ones."),
    Claim(11, "Language models, security, science",
          "These choices matter for language-model architectures, for the security of AI systems, and for "
          "science."),
)
