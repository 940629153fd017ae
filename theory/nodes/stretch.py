"""How SGD stretches perturbations: the second-moment operator of a step and its spectral radius.

The operator T_B maps a matrix C to E[A_B C A_B'], A_B = I - eta H_B.  Coordinates are orthonormal, the first axis is
the perturbation x; y = (y1, y2) is the direction in which its image is measured, in the plane of x and y.  There
example i has the Hessian ``[[u, v], [v, w]]``.

`stretch(B)`           y' T_B(x x') y, written out as an expectation
`SpectralRadius(B)`    spectral radius of T_B on symmetric 2 x 2 matrices: the mean-square factor of one step
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import flint
import sympy as sp

from theory import notation as nt
from theory import registry
from theory.balls import BITS, Ball
from theory.equality import PROVED, UNDECIDED, Check
from theory.evaluation import evaluate
from theory.registry import Situation
from theory.world import Context, Number, batches

__all__ = ["SpectralRadius", "form", "stretch", "y1", "y2"]

y1, y2 = sp.symbols("y1 y2", real=True)


class SpectralRadius(nt.Node):
    """Largest absolute eigenvalue of the second-moment operator."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return nt._power(rf"\rho\left(\mathcal{{T}}_{{{printer._print(self.args[0])}}}\right)", exp)


def form(u: sp.Expr, v: sp.Expr) -> sp.Expr:
    """Return y'Hx for a Hessian with the first column (u, v)."""
    return y1 * u + y2 * v


def stretch(size: sp.Expr) -> sp.Expr:
    """Return E[(y' A_B x)^2], A_B = I - eta H_B."""
    return nt.E((y1 - nt.eta * form(nt.BatchSum(nt.u), nt.BatchSum(nt.v)) / size) ** 2, size)


@registry.means(SpectralRadius)
def _radius(node: SpectralRadius, world: Context) -> Number:
    size, eta = int(evaluate(node.args[0], world)), evaluate(nt.eta, world)
    pool = list(batches(world.size, size, world.design))
    total = sum(outcomes for outcomes, _ in pool)
    matrix = [[Fraction(0)] * 3 for _ in range(3)]
    for outcomes, batch in pool:
        here = replace(world, batch=batch)
        a, b, c = (evaluate(nt.BatchSum(q), here) / size for q in (nt.u, nt.v, nt.w))
        step = [[1 - eta * a, -eta * b], [-eta * b, 1 - eta * c]]
        for column, basis in enumerate(([[1, 0], [0, 0]], [[0, 1], [1, 0]], [[0, 0], [0, 1]])):
            image = _times(_times(step, basis), step)
            for row, (i, j) in enumerate(((0, 0), (0, 1), (1, 1))):
                matrix[row][column] += Fraction(outcomes, total) * image[i][j]
    exact = flint.fmpq_mat(3, 3, [flint.fmpq(x.numerator, x.denominator) for row in matrix for x in row])
    with flint.ctx.workprec(BITS):
        found: Any = exact.charpoly().numer().complex_roots()
        return max(Ball(abs(z)) for z, _ in found)


def _times(left: list[list[Any]], right: list[list[Any]]) -> list[list[Any]]:
    return [[sum(left[i][k] * right[k][j] for k in range(2)) for j in range(2)] for i in range(2)]


@registry.rule("positive maps", "T >= S >= 0 on the cone of positive semidefinite matrices gives T^n >= S^n there for "
               "every n, so the spectral radii are ordered alike", bound=True,
               theorem="the spectral radius of a positive map is its growth rate on the cone (Krein and Rutman 1948)")
def _positive_maps(at: Situation) -> Check:
    """Prove ``SpectralRadius(a) <= SpectralRadius(b)`` from ``stretch(b) - stretch(a) >= 0``, an earlier part."""
    if not (isinstance(at.left, SpectralRadius) and isinstance(at.right, SpectralRadius)):
        raise ValueError("both lines must be spectral radii")
    names = [p.name for p in at.law.parts]
    name = str(at.step.where.get("part", ""))
    if name not in names or names.index(name) >= names.index(at.part.name):
        raise ValueError(f"{name or 'no part'} does not order the operators before this part")
    cited = at.law.part(name)
    ordered = (cited.lhs, cited.rhs) == (stretch(at.right.args[0]) - stretch(at.left.args[0]), 0)
    told = ordered and (cited.relation, at.part.relation) == (">=", "<=")
    return Check(PROVED if told else UNDECIDED, {"part": name})
