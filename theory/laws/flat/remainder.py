"""How far the quadratic picture of a minimum can be off."""

from fractions import Fraction

import sympy as sp

from theory.domain import Param, Reals
from theory.law import Assumption, Exactness, Law, Part, Rival, Source, Step
from theory.nodes.remainder import AgainstThird, Excess, distance, lipschitz, place

s, rho, q = distance, lipschitz, place
statement = sp.Le(sp.Abs(Excess(s)), rho * s**3 / 6, evaluate=False)

LAW = Law(
    id="flat.remainder",
    version=1,
    title="A quadratic picture of the loss is off by at most a sixth of the Hessian's change",
    parts=(
        Part("remainder", statement, derivation=(
            Step("integral remainder", sp.Abs(AgainstThird((s - q) ** 2 / 2, q, s)), "Taylor's theorem"),
            Step("lipschitz", rho * s**3 / 6, "integrate the kernel"),
        ), rivals=(
            Rival("1/24", rho * s**3 / 24, "the constant of the fourth order"),
            Rival("1/12", rho * s**3 / 12, "the mean of the kernel for its integral"),
            Rival("1/7", rho * s**3 / 7, "the constant cannot be lowered", near=True),
            Rival("fourth order", rho * s**4 / 24, "as if odd orders averaged out"),
        )),
    ),
    params=(
        Param(s, Reals(0), Fraction(1), "length of the shift"),
        Param(rho, Reals(0), Fraction(1), "Lipschitz constant of the Hessian: |H(a) - H(b)| <= rho_H |a - b|"),
    ),
    exactness=Exactness.BOUND,
    assumptions=(
        Assumption("Lipschitz Hessian", "along the way the Hessian changes by at most rho_H per length; f is the loss "
                   "along the shift, f'' its curvature there, f''' exists almost everywhere and is at most rho_H in "
                   "size; at a minimum f'(0) = 0"),
    ),
    sources=(
        Source("nesterov2006", locator="Lemma 1", note="the bound for Lipschitz Hessians; derived here"),
        Source("batchlaws", read=True, note="the derivation"),
    ),
    words=(
        "Statements on flat minima replace the loss by its quadratic part. If the Hessian changes by at most rho per "
        "unit length, that is off by at most rho/6 times the third power of the shift, whatever the dimension, and a "
        "cubic attains it. So a minimum counts as flat only for shifts well below 3 h/rho, where the error reaches the "
        "quadratic part itself: a small Hessian at a point says nothing by itself about shifts of a given size. For "
        "random shifts of a smooth loss odd orders average out and the error is of fourth order; for one shift it is "
        "not."
    ),
    answers={3: "Flatness by the Hessian holds for shifts of length s up to an error of rho s^3/6, and no better."},
)
