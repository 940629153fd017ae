"""The eleven claims of mini-batch folklore that the catalogue answers, each once."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CLAIMS", "Claim"]


@dataclass(frozen=True, slots=True)
class Claim:
    """One popular claim, in plain words."""

    number: int
    title: str
    text: str


CLAIMS = (
    Claim(1, "Memory and data size",
          "Full-batch descent costs memory that grows with the data; mini-batch steps cost little and train "
          "on data of any size."),
    Claim(2, "Unbiased, noisy, 1/B",
          "The mini-batch gradient is an unbiased, noisy estimate; its variance is inversely proportional to "
          "B; halving B about doubles it; a step may go slightly uphill."),
    Claim(3, "Flat minima are robust",
          "Flat minima (small Hessian eigenvalues) are robust to a shift of the landscape; sharp ones are "
          "not."),
    Claim(4, "Noise regularizes",
          "Mini-batch noise regularizes implicitly: it throws the iterate out of sharp minima and keeps it in"
          " flat ones."),
    Claim(5, "Linear scaling",
          "Multiply B and the learning rate by k and the dynamics (signal to noise) stay; past some point, "
          "large batches still end in sharper minima with a generalization gap."),
    Claim(6, "BatchNorm with small batches",
          "BatchNorm's statistics from small batches are noisy and unreliable: the training loss oscillates, "
          "an example's output depends on its random peers, and running averages open a gap between training "
          "and inference."),
    Claim(7, "Per-sample normalization",
          "Layer, Instance and Group norm use statistics of one sample: independent of B, defined at B = 1; "
          "GroupNorm's variance-estimate error does not depend on B while BatchNorm's rises steeply as B "
          "falls."),
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
