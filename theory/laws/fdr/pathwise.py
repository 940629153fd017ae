"""What the norm of the parameters says of the gradients met on the way, on every path and any loss."""

import sympy as sp

from theory.domain import Integers, Param
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.path_rules import Along, Dot, End, Start, T, after, full, grad, point, rate, theta
from theory.notation import eta
from theory.parameters import BATCH, FITS, POPULATION, RATE


def gained(vector: sp.Expr) -> sp.Expr:
    """Squared length at the end minus that at the start."""
    return End(Dot(vector, vector)) - Start(Dot(vector, vector))


def along(a: sp.Expr, b: sp.Expr) -> sp.Expr:
    """Sum of an inner product over the steps."""
    return Along(Dot(a, b))


def differences(shift: sp.Expr) -> sp.Expr:
    """Squared lengths after each step minus those before, with the parameters measured from a point."""
    return Along(Dot(after - shift, after - shift) - Dot(theta - shift, theta - shift))


def written_out(size: sp.Expr, shift: sp.Expr) -> sp.Expr:
    """The same with the step inserted."""
    moved = theta - size * grad - shift
    return Along(Dot(moved, moved) - Dot(theta - shift, theta - shift))


zero = sp.S.Zero
work, power = along(theta, grad), along(grad, grad)
norm = sp.Eq(gained(theta), -2 * eta * work + eta**2 * power, evaluate=False)
distance = sp.Eq(gained(theta - point), -2 * eta * along(theta - point, grad) + eta**2 * power, evaluate=False)
schedule = sp.Eq(gained(theta), Along(rate**2 * Dot(grad, grad) - 2 * rate * Dot(theta, grad)), evaluate=False)
average = sp.Eq(work / T, eta / 2 * power / T - gained(theta) / (2 * eta * T), evaluate=False)

LAW = Law(
    id="fdr.pathwise",
    version=1,
    title="The norm of the parameters keeps the books of every SGD run",
    parts=(
        Part("norm", norm, derivation=(
            Step("telescope", differences(zero), "the change of the squared norm is the sum of its changes"),
            Step("update", written_out(eta, zero), "theta <- theta - eta g"),
            Step("update", norm.args[1], "expand the square"),
        ), rivals=(
            Rival("no eta^2", -2 * eta * work, "gradient flow: the discrete term dropped"),
            Rival("eta for eta^2", -2 * eta * work + eta * power, "a missing factor"),
            Rival("noise only", -2 * eta * work + eta**2 * along(grad - full, grad - full),
                  "the covariance of the batch gradient for its second moment"),
            Rival("full gradient", -2 * eta * along(theta, full) + eta**2 * along(full, full), "gradient descent"),
            Rival("after the step", -2 * eta * along(after, grad) + eta**2 * power, "parameters taken after the step",
                  near=True),
        )),
        Part("distance", distance, derivation=(
            Step("telescope", differences(point), "the same for the distance from any fixed point c"),
            Step("update", written_out(eta, point), "theta <- theta - eta g"),
            Step("update", distance.args[1], "expand the square"),
        ), rivals=(
            Rival("no eta^2", -2 * eta * along(theta - point, grad), "gradient flow"),
            Rival("from the origin", norm.args[1], "the wrong point"),
            Rival("half", -eta * along(theta - point, grad) + eta**2 * power, "a factor", near=True),
        )),
        Part("schedule", schedule, derivation=(
            Step("telescope", differences(zero), "any step sizes"),
            Step("update", written_out(rate, zero), "theta <- theta - eta_s g"),
            Step("update", schedule.args[1], "expand the square"),
        ), rivals=(
            Rival("one step size", -2 * eta * work + eta**2 * power, "the step size of one step for all"),
            Rival("no square", Along(rate * Dot(grad, grad) - 2 * rate * Dot(theta, grad)), "a missing factor"),
            Rival("half", Along(rate**2 * Dot(grad, grad) - rate * Dot(theta, grad)), "a factor", near=True),
        )),
        Part("average", average, derivation=(
            Step("update", Along(Dot(theta, theta) - Dot(after, after) + eta**2 * Dot(grad, grad)) / (2 * eta * T),
                 "theta.g from the squared norms before and after a step"),
            Step("telescope", average.args[1], "the sum of the changes leaves the ends"),
        ), rivals=(
            Rival("stationary", eta / 2 * power / T, "without the ends: exact only once the run is stationary"),
            Rival("no half", eta * power / T - gained(theta) / (2 * eta * T), "a factor"),
            Rival("sign", eta / 2 * power / T + gained(theta) / (2 * eta * T), "the ends the other way", near=True),
        )),
    ),
    params=(POPULATION, BATCH, RATE, Param(T, Integers(1), 10, "number of steps")),
    constraints=(FITS,),
    exactness=Exactness.IDENTITY,
    assumptions=(
        Assumption("plain SGD", "theta <- theta - eta g: no momentum, no weight decay, no preconditioner"),
        Assumption("any gradient", "g is whatever was used in the step: of any loss, network and batch, biased or not"),
    ),
    sources=(
        Source("yaida2019", note="the stationary average of the same relation; abstract read"),
        Source("batchlaws", note="the pathwise form with its ends", read=True),
    ),
    headline="norm",
    words=(
        "|theta_T|^2 - |theta_0|^2 = -2 eta sum theta.g + eta^2 sum |g|^2, for every run of plain SGD: any network, "
        "any loss, any batches, stable or not, to rounding. It is one line of algebra, and the sharpest test of a "
        "training loop there is: a wrong step size, a gradient summed in place of averaged, hidden weight decay or "
        "momentum breaks it at once. The same holds for the distance from any fixed point. Divided by the number of "
        "steps it says how fast the stationary relation 2 E[theta.g] = eta E|g|^2 is reached: the gap is exactly "
        "the change of the squared norm over 2 eta T."
    ),
    answers={4: "On every path the squared gradients push the parameters out, by eta^2 |g|^2 a step: noise included."},
)
