"""Every shared symbol once: its domain and meaning, in the papers' letters, and the nodes of expectation.

Statements are SymPy trees over these nodes.  The nodes carry no automatic simplification, so what is
printed is what is checked:

`BatchSum(f)`       sum of f over the examples of the batch (WR: over the B draws)
`OtherSum(f)`       the same over a second batch of that size, disjoint from the first (WR: independent of it)
`WeightedSum(f)`    sum over the population of random exchangeable weights times f
`ComplementSum(f)`  sum of f over the examples left out of the batch
`PopMean(f)`        population mean, divisor N
`E(expr, B)`        expectation over a random batch of size B
`ByDesign(a, b)`    a without replacement, b with replacement
`ChainMean(t)`, `ChainCov(i, j, t)`   moments of SGD on a quadratic after t steps
`ChainVarMixed(t)`  variance after t steps when the examples' curvatures differ (`u`), from the minimum
`At(f, s, value, ...)`   f with parameters set to other values
`Root(f, b)`        the value of b in the domain at which f vanishes

``f`` is a polynomial in per-example symbols (`u`, `v`, `w`, `g`, `x`) and their deviations from the
population mean (`du`, ..., whose population mean is zero by definition).
"""

from __future__ import annotations

from typing import Any

import sympy as sp

__all__ = [
    "BATCH_STATISTICS",
    "DESIGNS",
    "DEVIATION_OF",
    "LATEX",
    "MEANING",
    "MEAN_OF",
    "NODES",
    "ROOT_OF",
    "At",
    "BatchSum",
    "ByDesign",
    "CenteredRandom",
    "ChainCov",
    "ChainMean",
    "ChainVarMixed",
    "ComplementSum",
    "Deviation",
    "E",
    "Node",
    "OtherSum",
    "PerExample",
    "PopMean",
    "RandomSymbol",
    "Root",
    "WeightedSum",
    "resolve",
]

DESIGNS = {"wor": "without replacement", "wr": "with replacement"}


class PerExample(sp.Symbol):
    """A quantity with one value per example of the population."""


class Deviation(PerExample):
    """A per-example quantity minus its population mean; its population mean is zero."""

    def _latex(self, printer: Any) -> str:
        return rf"\tilde {{{self.name.removeprefix('d')}}}"


class RandomSymbol(sp.Symbol):
    """A random number independent of the batch."""


class CenteredRandom(RandomSymbol):
    """A random number of mean zero, independent of the batch."""


class _Unevaluated(sp.Function):
    """A function that stays as it is written."""

    is_commutative = True

    def _eval_is_extended_real(self) -> bool:
        return True


class Node(_Unevaluated):
    """A node of the statement language: its value is measured, not given.

    Families of nodes beside those here live in `theory.nodes`.  A transparent node of one batch's sums speaks of that
    batch.
    """

    transparent = False


class BatchSum(Node):
    """Sum over the examples of the batch; see the module docstring."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _power(rf"\sum_{{i\in\mathcal{{B}}}}{_indexed(printer, self.args[0])}", exp)


class ComplementSum(Node):
    """Sum over the examples not in the batch."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _power(rf"\sum_{{i\notin\mathcal{{B}}}}{_indexed(printer, self.args[0])}", exp)


class OtherSum(Node):
    """Sum over the examples of a second batch; see the module docstring."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _power(rf"\sum_{{i\in\mathcal{{B}}'}}{_indexed(printer, self.args[0])}", exp)


class WeightedSum(Node):
    """Sum over the population of a random exchangeable weight times the argument."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _power(rf"\sum_i \omega_i{_indexed(printer, self.args[0])}", exp)


class PopMean(Node):
    """Population mean, divisor N."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _power(rf"\overline{{{printer._print(self.args[0])}}}", exp, wrap=False)


class E(Node):
    """Expectation over a random batch; the second argument is the batch size."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        size = "" if self.args[1] == B else rf"_{{{printer._print(self.args[1])}}}"
        head = r"\operatorname{E}" + size
        body = rf"\left[{printer._print(self.args[0])}\right]"
        return _power(head + body, exp, wrap=False)


class ByDesign(_Unevaluated):
    """First argument without replacement, second with replacement."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        wor, wr = (printer._print(a) for a in self.args)
        body = (rf"\begin{{cases}}{wor} & \text{{without replacement}}\\ "
                rf"{wr} & \text{{with replacement}}\end{{cases}}")
        return _power(body, exp)


class ChainMean(Node):
    """Mean error after t SGD steps on a quadratic of curvature h_i."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        t = printer._print(self.args[0])
        return _power(rf"\operatorname{{E}}\left[\theta_{{{t}}}-\theta_*\right]", exp, wrap=False)


class ChainCov(Node):
    """Covariance of two modes (i, j) after t SGD steps on a quadratic; i = j is the variance."""

    nargs = 3

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        i, j, t = self.args
        if i == j:
            return _power(rf"\operatorname{{Var}}\left[\theta_{{{printer._print(t)}}}\right]", exp, wrap=False)
        inner = ",".join(rf"\theta_{{{printer._print(t)}}}^{{({k})}}" for k in (i, j))
        return _power(rf"\operatorname{{Cov}}\left[{inner}\right]", exp, wrap=False)


class ChainVarMixed(Node):
    """Variance after t SGD steps from the minimum, with per-example curvatures u and noise g."""

    nargs = 1

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        return _power(rf"\operatorname{{Var}}\left[\theta_{{{printer._print(self.args[0])}}}\right]", exp, wrap=False)


class At(Node):
    """The first argument with parameters (second, fourth, ...) set to values (third, fifth, ...)."""

    nargs = (3, 5, 7)
    transparent = True

    @property
    def settings(self) -> dict[sp.Basic, sp.Basic]:
        """Parameter to value."""
        return dict(zip(self.args[1::2], self.args[2::2], strict=True))

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        shown = r",\,".join(f"{printer._print(k)}={printer._print(v)}" for k, v in self.settings.items())
        return _power(rf"\left.{printer._print(self.args[0])}\right|_{{{shown}}}", exp)


class Root(Node):
    """The value of the second argument, in its domain, at which the first argument vanishes."""

    nargs = 2

    def _latex(self, printer: Any, exp: str | None = None) -> str:
        body, variable = (printer._print(a) for a in self.args)
        return _power(rf"\operatorname{{root}}_{{{variable}}}\left\{{{body}=0\right\}}", exp, wrap=False)


def _indexed(printer: Any, expr: sp.Basic) -> str:
    """Print a per-example expression with its index i."""
    if expr == 1:
        return " 1"
    index = {s: _Indexed(s) for s in expr.free_symbols if isinstance(s, PerExample)}
    text = printer._print(expr.xreplace(index))
    return rf"\left({text}\right)" if isinstance(expr, sp.Add) else " " + text


class _Indexed(sp.Symbol):
    """Printing stand-in for a per-example symbol with its index."""

    def __new__(cls, inner: sp.Symbol) -> _Indexed:
        obj = sp.Symbol.__new__(cls, f"{inner.name}_i")
        obj.inner = inner
        return obj

    def _latex(self, printer: Any) -> str:
        return rf"{printer._print(self.inner)}_i"


def _power(body: str, exp: str | None, *, wrap: bool = True) -> str:
    if not exp:
        return body
    return rf"\left({body}\right)^{{{exp}}}" if wrap else f"{body}^{{{exp}}}"


# Per-example quantities and their deviations from the population mean.
u, v, w, g, x = (PerExample(n, real=True) for n in ("u", "v", "w", "g", "x"))
du, dv, dw, dg, dx = (Deviation(n, real=True) for n in ("du", "dv", "dw", "dg", "dx"))
DEVIATION_OF = {du: u, dv: v, dw: w, dg: g, dx: x}

# Design of a batch.
N, B = sp.symbols("N B", integer=True, positive=True)
b, k = sp.symbols("b k", integer=True, positive=True)
design = sp.Symbol("design")

# Population facts.
ubar, vbar, wbar, gbar, mu = sp.symbols("ubar vbar wbar gbar mu", real=True)
sigma2, mu2, mu4, sigma = sp.symbols("sigma2 mu2 mu4 sigma", positive=True)
mu3, kappa, gamma3 = sp.symbols("mu3 kappa gamma3", real=True)
cov_uv, mu_uvw, sigma12 = sp.symbols("cov_uv mu_uvw sigma12", real=True)

# Random exchangeable weights: mean, variance, pair covariance of the weights, variance of their sum.
w_mean, w_cov = sp.symbols("w_mean w_cov", real=True)
w_var, w_sumvar = sp.symbols("w_var w_sumvar", nonnegative=True)

MEAN_OF = {u: ubar, v: vbar, w: wbar, g: gbar, x: mu}

# Statistics of one batch: mean, biased standard deviation, its regularized form sqrt(s^2 + eps).
m, s, r = sp.Symbol("m", real=True), sp.Symbol("s", positive=True), sp.Symbol("r", positive=True)
sigma_hat, eps = sp.Symbol("sigma_hat", positive=True), sp.Symbol("eps", nonnegative=True)
BATCH_STATISTICS = {
    m: BatchSum(x) / B,
    s: sp.sqrt(BatchSum(x**2) / B - (BatchSum(x) / B) ** 2),
    r: sp.sqrt(BatchSum(x**2) / B - (BatchSum(x) / B) ** 2 + eps),
}
ROOT_OF = {sigma: PopMean(dx**2)}

# Dynamics on quadratics.
eta, h, h1, h2 = sp.symbols("eta h h1 h2", positive=True)
delta0 = sp.Symbol("delta0", real=True)
# Per-example curvatures: their population mean is hbar, their variance s2, c2 = s2/hbar^2.
hbar, c2 = sp.symbols("hbar c2", positive=True)
s2 = sp.Symbol("s2", nonnegative=True)
t = sp.Symbol("t", integer=True, nonnegative=True)
e, e1, e2 = (RandomSymbol(n, real=True) for n in ("e", "e1", "e2"))
ec = CenteredRandom("ec", real=True)

# Normalization groups.
C, G, HW, n = sp.symbols("C G HW n", integer=True, positive=True)
M = sp.Symbol("M", positive=True)
rho = sp.Symbol("rho", nonnegative=True)
K2, K4, K22 = sp.symbols("K2 K4 K22", real=True)

NODES = (Node, sp.Limit)
"""What `has` and `atoms` look for: anything whose value is measured, not given."""

LATEX = {
    ubar: r"\bar u", vbar: r"\bar v", wbar: r"\bar w", gbar: "G", sigma2: r"\sigma^2", mu2: r"\mu_2",
    mu3: r"\mu_3", mu4: r"\mu_4", gamma3: r"\gamma_1", cov_uv: r"\operatorname{Cov}_N(u,v)",
    mu_uvw: r"\overline{\tilde u\tilde v\tilde w}", sigma12: r"\Sigma_{12}", w_mean: r"\operatorname{E}\omega_1",
    w_var: r"\operatorname{Var}\omega_1", w_cov: r"\operatorname{Cov}(\omega_1,\omega_2)",
    w_sumvar: r"\operatorname{Var}\textstyle\sum_i\omega_i", s: r"\hat\sigma", r: r"\sqrt{\hat\sigma^2+\varepsilon}",
    sigma_hat: r"\operatorname{E}\hat\sigma", eps: r"\varepsilon", delta0: r"\delta_0",
    hbar: r"\bar h", s2: "s^2", c2: "c^2",
    ec: r"\delta", e: r"\delta", e1: r"\delta_1", e2: r"\delta_2", HW: r"HW",
    K2: "K_2", K4: "K_4", K22: "K_{22}",
}

MEANING = {
    "N": "population size: number of examples the batches are drawn from",
    "B": "batch size: examples a batch",
    "b": "a second, smaller batch size",
    "k": "scale factor of the linear rule",
    "design": "sampling design: wor without replacement, wr with replacement (iid draws)",
    "sigma2": "per-example variance, divisor N",
    "mu2": "second central moment of the population, divisor N",
    "mu3": "third central moment of the population, divisor N",
    "mu4": "fourth central moment of the population, divisor N",
    "kappa": "excess kurtosis mu4/mu2^2 - 3",
    "gamma3": "skewness mu3/mu2^(3/2)",
    "gbar": "full gradient G: population mean of the per-example gradients",
    "ubar": "population mean of u",
    "vbar": "population mean of v",
    "cov_uv": "population covariance of u and v, divisor N",
    "mu_uvw": "population mean of the product of the three deviations",
    "eta": "step size (learning rate)",
    "h": "curvature of the loss",
    "hbar": "mean curvature over the examples",
    "s2": "variance of the per-example curvatures, divisor N",
    "c2": "squared relative non-uniformity of the curvatures, s2/hbar^2",
    "t": "number of steps",
    "delta0": "distance of the start from the minimum",
    "n": "number of entries a normalization statistic pools",
    "C": "channels",
    "G": "groups of channels",
    "HW": "spatial positions",
    "sigma": "population standard deviation",
    "sigma_hat": "expected batch standard deviation E[sigma_hat]",
    "M": "relative mean square error MSE/sigma^4 of the competing variance estimate",
}


def resolve(expr: sp.Basic, sampling: str) -> sp.Basic:
    """Replace every `ByDesign` node by the branch of one sampling design.

    Raises
    ------
    ValueError
        If the design is neither "wor" nor "wr".
    """
    if sampling not in DESIGNS:
        raise ValueError(f"design = {sampling!r} is not allowed; design must be one of {', '.join(DESIGNS)}")
    pick = 0 if sampling == "wor" else 1
    if not expr.has(ByDesign):
        return expr
    return expr.replace(ByDesign, lambda *branches: branches[pick])
