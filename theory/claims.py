"""The eleven claims of mini-batch folklore that the catalogue answers, each once."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CLAIMS", "VERDICTS", "Claim"]

VERDICTS = ("holds exactly", "holds under stated conditions", "holds asymptotically", "fails", "open")


@dataclass(frozen=True, slots=True)
class Claim:
    """One popular claim, in plain words, and what the laws make of it.

    Parameters
    ----------
    number, title, text
        The claim as it is usually put.
    verdict : str
        One of `VERDICTS`; it and what follows stand only while every law of `rests_on` is verified.
    holds, conditions, fails, example, undecided : str
        What holds, under which conditions, what fails, a counter-example with its numbers, and what no law says.
    rests_on : tuple of str
        Laws the verdict follows from, the one whose figure shows it best first.
    """

    number: int
    title: str
    text: str
    verdict: str = "open"
    holds: str = ""
    conditions: str = ""
    fails: str = ""
    example: str = ""
    undecided: str = ""
    rests_on: tuple[str, ...] = ()


CLAIMS = (
    Claim(1, "Memory and data size",
          "Full-batch descent costs memory that grows with the data; mini-batch steps cost little and train "
          "on data of any size.",
          "holds under stated conditions",
          "A step's arithmetic and the layer outputs it stores grow with the batch and not at all with the data; "
          "parameters, gradients and optimizer state depend on neither.",
          "A multilayer perceptron with biases; entry-wise operations are left out of the count.",
          "Full-batch descent need not hold more: accumulating micro-batches gives its gradient exactly in the memory "
          "of one of them.",
          "Accumulated in micro-batches of one example, the exact gradient of N examples needs the layer outputs of "
          "one example only.",
          rests_on=("cost.mlp", "accumulate.identity")),
    Claim(2, "Unbiased, noisy, 1/B",
          "The mini-batch gradient is an unbiased, noisy estimate; its variance is inversely proportional to "
          "B; halving B about doubles it; a step may go slightly uphill.",
          "holds under stated conditions",
          "Unbiased: exactly. Inversely proportional to B, and doubled by halving it: exactly for draws with "
          "replacement. The order holds for every convex measure of noise. A step may point uphill, with probability "
          "at most V/(V + |G|^4), V the noise along the gradient.",
          "A loss that is a mean over examples, parameters that do not depend on the batch, batches drawn uniformly.",
          "Without replacement the factor (N-B)/(N-1) enters: the noise is zero at B = N, and halving B multiplies it "
          "by 2 + B/(N-B). Inside a reshuffled epoch the batches after the first are biased, given those before. With "
          "batch normalization the loss is no mean over examples, and the gradient is biased however many batches "
          "are averaged; its noise does not vanish at a perfect fit.",
          "Halving B = 4 of N = 6 multiplies the variance by 4, and the factor has no bound. With batch normalization "
          "one unit with a linear target of slope a has a gradient in its gain that is off by a(1 - E[s]/sigma), at "
          "least about a/(2B).",
          rests_on=("gradient.variance", "gradient.unbiased", "gradient.halving", "gradient.fullbatch",
                    "gradient.uphill", "sampling.convex_order", "reshuffle.conditional_bias",
                    "norm.train.gradient_bias", "norm.train.gradient_noise_floor")),
    Claim(3, "Flat minima are robust",
          "Flat minima (small Hessian eigenvalues) are robust to a shift of the landscape; sharp ones are "
          "not.",
          "holds under stated conditions",
          "A random shift of covariance C costs tr(HC)/2 on average, the worst of length r costs r^2/2 times the "
          "largest eigenvalue.",
          "At fixed parameters of a network, for quadratics exactly; beyond them the error has a bound.",
          "The eigenvalues are no property of the function that a network computes.",
          "Rescaling two layers of a relu network leaves the function as it is and makes trace and largest eigenvalue "
          "as large as one likes.",
          rests_on=("flat.random_shift", "flat.worst_shift", "flat.remainder", "flat.reparam")),
    Claim(4, "Noise regularizes",
          "Mini-batch noise regularizes implicitly: it throws the iterate out of sharp minima and keeps it in"
          " flat ones.",
          "holds under stated conditions",
          "What decides is the sharpness together with how unlike the examples' curvatures are, and a smaller batch is "
          "never more stable. An explicit penalty on the gradients' spread is there when the data are reshuffled.",
          "Stability in mean square, near a minimum; small steps for the penalty.",
          "Not for sharpness alone, and not almost surely: stability of single paths is not monotone in B. There is no "
          "penalty when batches are independent.",
          "A sharper minimum whose examples agree can be kept and a flatter one whose examples differ left, at the "
          "same step and batch. Single-example steps can converge where full-batch descent diverges.",
          rests_on=("stability.meansquare", "stability.nested", "stability.lyapunov", "stability.thresholds",
                    "select.minimum", "select.counterexample", "select.counterexample_as", "implicit.epoch_mean",
                    "implicit.iid_none")),
    Claim(5, "Linear scaling",
          "Multiply B and the learning rate by k and the dynamics (signal to noise) stay; past some point, "
          "large batches still end in sharper minima with a generalization gap.",
          "holds asymptotically",
          "The stationary cloud and the mean path stay. Sharper minima: large batches admit them at a fixed step size.",
          "To first order in eta h, and for B far below N.",
          "The squared signal-to-noise ratio of a step is not kept at all: it grows by k. One large step is noisier "
          "than k small ones, and along the rule the ceiling on sharpness falls. An exact rule exists for one "
          "curvature and for no two. A generalization gap that grows with B: linear models have none, their in-sample "
          "gap does not depend on B at all.",
          "Exactly, the variance changes by (2 - eta h)/(2 - k eta h) times (N - kB)/(N - B). On Gaussian least "
          "squares in d dimensions the rule ends at B = d + 1.",
          rests_on=("scaling.linear.ratio", "scaling.linear.snr", "scaling.linear.kstep", "scaling.linear.exact",
                    "scaling.linear.no_go", "lms.critical_batch", "stability.sharpness_ceiling", "gap.optimism")),
    Claim(6, "BatchNorm with small batches",
          "BatchNorm's statistics from small batches are noisy and unreliable: the training loss oscillates, "
          "an example's output depends on its random peers, and running averages open a gap between training "
          "and inference.",
          "holds under stated conditions",
          "Noisy: the variance estimate has relative variance 2/(B-1) + kappa/B. The loss oscillates even at a perfect "
          "fit, with an amplitude like 1/B: halving B about doubles it. The output depends on its peers: two outputs "
          "of a batch have correlation -1/(B-1) for any data, and of an output's variance the draw of the peers makes "
          "2/3 at B = 2, 0.17 at B = 8 and 3/(2B) for large B. At B = 2 an output is a sign and passes no gradient.",
          "Independent draws; oscillation, learned gain and gradient noise are those of one unit with a linear "
          "target; the share of the peers is for Gaussian activations.",
          "Running averages do not open the gap: with perfect averages it is 2(1 - E[s]/sigma), no stored statistics "
          "take it below 1 - (E[s]/sigma)^2, and Bessel's correction does not close it. An average with weight alpha "
          "on the new batch is worth (2 - alpha)/alpha batches and adds little. Nor is it a matter of the step size "
          "or of accumulation: accumulated micro-batches keep gap, bias and gain of the micro-batch.",
          "Large batches are no cure by themselves: in batches of one class the statistics miss the spread between "
          "the classes at every batch size. Under batch statistics the learned gain is E[s]/sigma of the right one, "
          "44 percent short at B = 2 and 10 percent at B = 8 for Gaussian activations.",
          "Deep trained networks: what the oscillation costs there no law says.",
          ("norm.stat.var_error", "norm.stat.mean_error", "norm.gap.identity", "norm.gap.train_eval", "norm.gap.ema",
           "norm.gap.bessel", "norm.gap.class_pure", "norm.out.exchangeable", "norm.out.noise_fraction",
           "norm.out.degenerate", "norm.train.loss_oscillation", "norm.train.gamma_shrinkage",
           "norm.train.accumulation")),
    Claim(7, "Per-sample normalization",
          "Layer, Instance and Group norm use statistics of one sample: independent of B, defined at B = 1; "
          "GroupNorm's variance-estimate error does not depend on B while BatchNorm's rises steeply as B "
          "falls.",
          "holds under stated conditions",
          "Independent of B, and defined on one sample: exactly. A smaller error than BatchNorm's below B = C/G, a "
          "larger one above: exactly there, at B = 8 for 256 channels in 32 groups, whatever the number of positions.",
          "Channels that are alike, in mean and variance; Gaussian activations for the order of the errors.",
          "Over unlike channels the pooled variance is off by the variance between their means, a bias that neither "
          "batch nor group size removes: BatchNorm wins from some batch size on. Per-sample layers degenerate as "
          "BatchNorm does: groups of one entry give 0, groups of two a sign.",
          "Independent channels of variance 1 whose means have variance 1: the mean squared error of a group of n is "
          "1 + 4/n - 1/n^2, above 1 for every n; BatchNorm's is (2B - 1)/B^2, 3/4 at B = 2 and 0.12 at B = 16.",
          rests_on=("norm.stat.crossover", "norm.stat.batch_independence", "norm.stat.var_error",
                    "norm.stat.group_heterogeneous", "norm.out.degenerate", "norm.llm.decode_b1")),
    Claim(8, "Normalizing the input is not enough",
          "Layers distort the statistics; normalization at each depth keeps restoring them.",
          "holds under stated conditions",
          "One rectifier turns mean 0 and variance 1 into 0.399 and 0.341. Behind a normalized input the squared "
          "length at layer L of width n has relative variance (1 + 5/n)^L - 1, which no gain repairs, and correlations "
          "of inputs rise to 1. A norm at each layer resets the second moment to v/(v + eps) at any depth, for every "
          "sample and all weights.",
          "The reset is exact for any network. The laws of distortion and of gradients are for random Gaussian "
          "weights; those of gradients and correlations for wide layers.",
          "What is restored is the second moment going forward, and with BatchNorm the price is paid going back: for "
          "large batches the mean squared gradient grows by E[phi'^2]/Var[phi] a layer, which is above 1 for every "
          "activation that is not affine, whatever the gain of the weights; small batches make it worse. Where the "
          "norm stands matters more than its kind.",
          "Rectifiers under BatchNorm: 1.467 a layer for large batches, 1.79 at B = 8, 3.08 at B = 4, infinite on "
          "average at B <= 3. LayerNorm before the rectifier: exactly 1; behind it: 1.467 again.",
          "Trained weights, orthogonal weights, and what the norms do to correlations between inputs.",
          ("norm.depth.reset", "norm.depth.distortion", "norm.depth.relu_recursion", "norm.depth.log_width",
           "norm.depth.bn_explosion", "norm.depth.bn_poincare", "norm.depth.ln_gradient")),
    Claim(9, "Capacity and overfitting",
          "Per-sample normalization limits capacity and so overfits less on scarce data, where BatchNorm is "
          "especially unreliable.",
          "open",
          "It limits capacity, by little: LayerNorm removes 2 of a sample's n dimensions and RMSNorm 1, and a linear "
          "reader behind LayerNorm separates half of all labelings of 2d points instead of 2(d + 1). BatchNorm is "
          "unreliable on scarce data: a new point normalized by n training points has an infinite mean square error up "
          "to n = 3, and 0.393 at n = 8, twice that of a training point; per-sample statistics have no such step.",
          "The counts hold for points in general position at eps = 0; the errors are for Gaussian activations.",
          "It does not only limit: LayerNorm is a nonlinearity and adds to what a network can say. And BatchNorm takes "
          "dimensions too, 2C of a batch of B examples with C channels, where LayerNorm takes 2B.",
          "Affine, LayerNorm, affine computes XOR, which affine maps cannot. On the other side, a label in the mean or "
          "the length of the sample is unlearnable behind LayerNorm: accuracy one half for every head.",
          "Overfits less: no law bears on it. A count of dimensions or labelings is no bound on a generalization gap "
          "of trained networks, and none is derived here.",
          ("norm.capacity.dof", "norm.capacity.cover", "norm.capacity.info_loss", "norm.capacity.ln_xor",
           "norm.gap.student")),
    Claim(10, "Hybrid layers",
          "A hybrid layer with learned alpha (alpha from batch statistics, 1-alpha from the sample's) learns "
          "alpha near 1 for large batches and near 0 for very small ones.",
          "holds under stated conditions",
          "Mixing outputs, SGD takes alpha on average exactly to 1/2 + (r_B - r_L)/(2(1 - q)), by how well each output "
          "follows the target and how far they agree: on Gaussian activations in 64 channels of one level 0.018 at "
          "B = 2, 0.096 at B = 8, one half at B = 64 and 0.89 at B = 512. Mixing statistics, as the claim puts it, the "
          "weight that estimates a channel's mean best rises with B to 1 and is one half at B = 1/(V + 1/d), V the "
          "variance of the channels' levels.",
          "Squared loss on the signal that the activations carry; channels of one level and no offsets of the "
          "examples, for both ends. In training with the statistics of the batch.",
          "Near 1 for large batches: not where examples carry offsets or gains of their own, and not where the task "
          "does without what the sample's norm removes. Near 0 for small ones: not where channels differ in level; a "
          "label in what the sample's norm removes pulls alpha to 1. Nothing keeps the best alpha between 0 and 1. The "
          "learned alpha is best for the training loss only: at inference with perfect statistics it costs "
          "2(1 - alpha)^2(1 - r_L), and plain BatchNorm nothing.",
          "Mixing outputs of 64 channels: with offsets of the signal's variance alpha is 0.03 at B = 2000; with levels "
          "of that variance 0.39 at B = 2. Mixing statistics at V = 1: 0.504 at B = 1. In trained networks with one "
          "hidden layer that mix outputs, a random gain of the examples holds alpha below 0.1 at B = 4, 32 and 128, a "
          "label in the sample's length above 0.9 at B = 32 and 128, and the side of a plane, learned by "
          "classification, below 0.05 at B = 4 and 128; a bias before the norm takes it below 0.5 at B = 128.",
          "What alpha a network learns that mixes statistics: the law there is on estimating mean or variance, not on "
          "a training loss.",
          ("norm.hybrid.alpha_gaussian", "norm.hybrid.alpha_identity", "norm.hybrid.alpha_sgd",
           "norm.hybrid.alpha_stats", "norm.hybrid.train_eval", "norm.capacity.info_loss")),
    Claim(11, "Language models, security, science",
          "These choices matter for language-model architectures, for the security of AI systems, and for "
          "science.",
          "holds under stated conditions",
          "Language models: with the statistics of its batch, BatchNorm puts out its shift for every token when one "
          "sequence is decoded, and LayerNorm does not; the last block's gradient under pre-norm is "
          "sqrt((1 + v)/(1 + Lv)) of that under post-norm. Security: behind BatchNorm one example far away makes all "
          "honest outputs -1/sqrt(B-1), one peer can turn the sign of any output, and one record changes a clipped "
          "sum of gradients by up to 2CB where the privacy proof needs 2C. Per-sample layers have none of these.",
          "Statistics of the batch at hand; with running statistics other examples have no effect at inference. "
          "Pre-norm and post-norm are compared at initialization, in wide layers.",
          "Not every choice matters: LayerNorm is RMSNorm behind centered weights, and their outputs on one vector "
          "have the cosine sqrt(1 - f), f of mean 1/n where signs are fair.",
          "At width 768 LayerNorm and RMSNorm differ by a thousandth. A peer moves an honest output u > 0 within "
          "(-1/sqrt(B-1), sqrt((B u^2 + 1)/(B-1))] and no further.",
          "Trained language models, attacks through more than one layer, and the part on science.",
          ("norm.sec.one_peer", "norm.llm.decode_b1", "norm.llm.pre_post", "norm.llm.rms_vs_ln", "norm.sec.breakdown",
           "norm.sec.dp_sensitivity", "norm.grad.cross_sample")),
)
