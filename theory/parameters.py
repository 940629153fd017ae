"""Parameters, constraints and assumptions that many laws share."""

from fractions import Fraction

from theory import notation as nt
from theory.domain import Choice, Constraint, Integers, Param, Reals
from theory.law import Assumption

__all__ = ["BATCH", "CURVATURE", "DESIGN", "FITS", "FROZEN", "IID", "NOISE_LEFT", "POPULATION", "RATE", "RATE_BEFORE",
           "SCALE", "SCALED_FITS", "STEP_INDEPENDENCE", "UNIFORM_BATCH", "VARIANCE"]

POPULATION = Param(nt.N, Integers(2), 16, "population size: examples the batches are drawn from")
BATCH = Param(nt.B, Integers(1), 4, "batch size")
VARIANCE = Param(nt.sigma2, Reals(0), Fraction(1), "per-example variance, divisor N")
DESIGN = Param(nt.design, Choice(("wor", "wr")), "wor", "sampling design: without (wor) or with (wr) replacement")
IID = Param(nt.design, Choice(("wr",)), "wr", "independent draws (wr)")
CURVATURE = Param(nt.h, Reals(0, open=True), Fraction(1), "curvature of the quadratic")
RATE = Param(nt.eta, Reals(0, open=True), Fraction(1, 2), "step size (learning rate)")
RATE_BEFORE = Param(nt.eta, Reals(0, open=True), Fraction(1, 8), "step size (learning rate) before scaling")
SCALE = Param(nt.k, Integers(2), 2, "scale factor of the linear rule", "k = 1 changes nothing")

FITS = Constraint(nt.B <= nt.N, "the batch of {B} exceeds the {N} samples; without replacement B must be <= N", "wor")
SCALED_FITS = Constraint(nt.k * nt.B <= nt.N,
                         "the scaled batch of k*B exceeds the {N} samples (k = {k}, B = {B})", "wor")
NOISE_LEFT = Constraint(nt.B < nt.N, "B = {B} is not allowed: at B = N = {N} there is no noise to compare", "wor")

UNIFORM_BATCH = Assumption("uniform batch", "every batch of B examples is equally likely (wor), or the B examples are "
                           "independent uniform draws (wr)")
FROZEN = Assumption("frozen", "the parameters do not depend on the batch; false for later batches of an epoch")
STEP_INDEPENDENCE = Assumption("fresh batches", "the batches of different steps are independent")
