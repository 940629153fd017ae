"""Formulas for the terminal and the page: the checked SymPy tree itself, as text, LaTeX and MathML.

No formula is written by hand: what a page shows is printed from the expression that was checked.  The
printers only choose the order of commuting terms, so that a difference starts with its positive term.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import sympy as sp
from markupsafe import Markup, escape
from math_core import LatexToMathML
from sympy.printing.latex import LatexPrinter
from sympy.printing.str import StrPrinter

from theory import notation

__all__ = ["equation", "inline", "latex", "mathml", "plain", "prose", "symbol", "text"]

SIGNS = {"=": "=", "<=": r"\le", ">=": r"\ge"}
"""LaTeX of the relation in which the two sides of a statement stand."""

LONG = 300
"""Characters of LaTeX beyond which a statement takes two lines."""

_CONVERTER = LatexToMathML(annotation=True)


def _terms(expr: sp.Add) -> list[tuple[bool, sp.Basic]]:
    """Return the terms of a sum, nested sums opened, as (negative, term without its sign), in reading order.

    The order as written is kept, but numbers go last and a sum starts with a positive term if it has one.
    """
    opened: list[sp.Basic] = []
    for term in expr.args:
        opened += [t for t in _opened(term)]
    ordered = [t for t in opened if not t.is_Number] + [t for t in opened if t.is_Number]
    signed = [
        (negative, -t if negative else t)
        for t in ordered
        for negative in [not isinstance(t, sp.Add) and bool(t.could_extract_minus_sign())]
    ]
    for k, (negative, _) in enumerate(signed):
        if not negative:
            return [signed[k], *signed[:k], *signed[k + 1 :]]
    return signed


def _opened(term: sp.Basic) -> list[sp.Basic]:
    return [t for inner in term.args for t in _opened(inner)] if isinstance(term, sp.Add) else [term]


def _joined(printer: Any, expr: sp.Add, brackets: tuple[str, str]) -> str:
    """Print a sum term by term; a sum inside a negative term keeps its brackets."""
    out = ""
    for k, (negative, term) in enumerate(_terms(expr)):
        printed = printer._print(term)
        if negative and isinstance(term, sp.Add):
            printed = brackets[0] + printed + brackets[1]
        out += (" - " if negative else " + " if k else "") + printed
    return out.strip()


def _flat(expr: sp.Mul) -> sp.Mul:
    """Undo the nesting of a product written factor by factor, so that it prints as one fraction."""
    factors: list[sp.Basic] = []
    for factor in expr.args:
        factors += _flat(factor).args if isinstance(factor, sp.Mul) else [factor]
    return sp.Mul(*factors, evaluate=False)


class _Latex(LatexPrinter):
    """SymPy's printer with the notation's letters, one fraction a product and positive terms first."""

    def _print_Mul(self, expr: sp.Mul) -> str:
        nested = any(isinstance(factor, sp.Mul) for factor in expr.args)
        return str(super()._print_Mul(_flat(expr) if nested else expr))

    def _print_Add(self, expr: sp.Add, order: str | None = None) -> str:
        return _joined(self, expr, (r"\left(", r"\right)"))

    def _print_Pow(self, expr: sp.Pow) -> str:
        if expr.base == notation.sigma2 and expr.exp.is_Integer and expr.exp > 1:
            return rf"\sigma^{{{2 * expr.exp}}}"
        return str(super()._print_Pow(expr))


class _Text(StrPrinter):
    """Plain text: powers with a caret, the nodes of expectation as a reader says them."""

    def _print_Add(self, expr: sp.Add, order: str | None = None) -> str:
        return _joined(self, expr, ("(", ")"))

    def _print_Mul(self, expr: sp.Mul) -> str:
        nested = any(isinstance(factor, sp.Mul) for factor in expr.args)
        return str(super()._print_Mul(_flat(expr) if nested else expr))

    def _print_Pow(self, expr: sp.Pow, rational: bool = False) -> str:
        return str(super()._print_Pow(expr, rational=rational)).replace("**", "^")

    def _print_E(self, node: sp.Basic) -> str:
        size = "" if node.args[1] == notation.B else f"_{self._print(node.args[1])}"
        return f"E{size}[{self._print(node.args[0])}]"

    def _print_BatchSum(self, node: sp.Basic) -> str:
        return f"sum_batch({self._print(node.args[0])})"

    def _print_ComplementSum(self, node: sp.Basic) -> str:
        return f"sum_left_out({self._print(node.args[0])})"

    def _print_WeightedSum(self, node: sp.Basic) -> str:
        return f"sum_weighted({self._print(node.args[0])})"

    def _print_PopMean(self, node: sp.Basic) -> str:
        return f"mean({self._print(node.args[0])})"

    def _print_ByDesign(self, node: sp.Basic) -> str:
        wor, wr = (self._print(branch) for branch in node.args)
        return f"{{{wor} without replacement; {wr} with replacement}}"

    def _print_ChainMean(self, node: sp.Basic) -> str:
        return f"E[theta_{self._print(node.args[0])} - theta*]"

    def _print_ChainCov(self, node: sp.Basic) -> str:
        i, j, t = (self._print(a) for a in node.args)
        return f"Var[theta_{t}]" if i == j else f"Cov[theta_{t}({i}), theta_{t}({j})]"


def text(expr: sp.Basic) -> str:
    """Return an expression as one line of plain text."""
    if isinstance(expr, sp.Eq):
        return f"{text(expr.args[0])} = {text(expr.args[1])}"
    return str(_Text({"order": "none"}).doprint(expr))


def _branches_outside(expr: sp.Basic) -> sp.Basic:
    """Bring the choice of the sampling design to the top: each branch is then the formula that was checked."""
    if isinstance(expr, notation.ByDesign) or not expr.has(notation.ByDesign):
        return expr
    return notation.ByDesign(*(notation.resolve(expr, design) for design in notation.DESIGNS))


def latex(expr: sp.Basic) -> str:
    """Return the LaTeX of an expression in the notation's letters, one branch a sampling design."""
    expr = _branches_outside(expr)
    settings: dict[str, Any] = {"symbol_names": notation.LATEX, "order": "none", "fold_short_frac": False}
    return _Latex(settings).doprint(expr).replace("{cases}", "{dcases}")


def equation(statement: sp.Basic) -> str:
    """Return the LaTeX of a statement, an equation or a bound, on two lines where one would be too long."""
    left, right = (latex(side) for side in statement.args)
    sign = {sp.Le: SIGNS["<="], sp.Ge: SIGNS[">="]}.get(type(statement), "=")
    if len(left) + len(right) > LONG:
        return rf"\begin{{aligned}} & {left} \\ & \quad {sign} {right} \end{{aligned}}"
    return f"{left} {sign} {right}"


@lru_cache(maxsize=4096)
def mathml(source: str, *, display: bool = True) -> str:
    """Turn LaTeX into MathML that keeps its TeX as an annotation.

    Raises
    ------
    math_core.LatexError
        For a command the converter does not know; nothing is guessed.
    """
    return str(_CONVERTER.convert_with_local_state(source, displaystyle=display))


def inline(expr: sp.Basic) -> str:
    """Return an expression as MathML for a line of text."""
    return mathml(latex(expr), display=False)


def symbol(name: str) -> str:
    """Return a parameter's letter as MathML, by its name in the notation."""
    found = getattr(notation, name, None)
    return inline(found if isinstance(found, sp.Symbol) else sp.Symbol(name))


_LETTERS = {
    "sigma": "σ",
    "kappa": "κ",
    "eta": "η",
    "mu": "μ",
    "delta": "δ",
    "alpha": "α",
    "theta": "θ",
    "sqrt": "√",
}
_WORD_LETTER = re.compile(rf"(?<![A-Za-z_.])({'|'.join(_LETTERS)})(?![A-Za-z]|\.[A-Za-z])")
_POWER = re.compile(r"\^([0-9])")
# A hyphen between numbers, single letters or brackets is a minus sign; one inside a word is not.
_MINUS = re.compile(r"(?<=[0-9)\]])-(?=[0-9A-Zn(])|(?<=\b[A-Zn])-(?=[0-9(]|[A-Z]\b)")
_INDEX = re.compile(r"\b([A-Za-z\u03b1-\u03c9])_([A-Za-z0-9]{1,2})\b|\b(\u03bc)([2-4])\b")
_SINGLE = re.compile(r"(?<![A-Za-z&;.'_])([BCGN])(?![A-Za-z0-9'])")


def plain(words: str) -> str:
    """Set minus signs, Greek letters and relations inside a sentence, without markup."""
    words = _MINUS.sub("\u2212", words).replace(" - ", " \u2212 ")
    words = _WORD_LETTER.sub(lambda m: _LETTERS[m[1]], words)
    return words.replace("<=", "\u2264").replace(">=", "\u2265")


def prose(words: str) -> Markup:
    """Set the formulas inside a sentence: as `plain`, with powers, indices and the italic letters of the notation.

    Parameters
    ----------
    words : str
        Plain text of a law, such as ``"times (N-B)/(N-1)"``.

    Returns
    -------
    Markup
        Escaped, with the same words.
    """
    out = _SINGLE.sub(r"<i>\1</i>", str(escape(plain(words))))
    out = _INDEX.sub(lambda m: f"<i>{m[1] or m[3]}</i><sub>{m[2] or m[4]}</sub>", out)
    return Markup(_POWER.sub(r"<sup>\1</sup>", out))
