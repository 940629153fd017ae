"""Formulas: what is printed is the checked tree, and it becomes MathML without loss."""

import re

import math_core
import pytest
import sympy as sp

from reports import maths
from theory import laws
from theory import notation as nt


def test_a_product_written_in_factors_prints_as_one_fraction_with_the_positive_term_first():
    with sp.evaluate(False):
        expr = (nt.sigma2 / nt.B) * ((nt.N - nt.B) / (nt.N - 1))
    assert maths.latex(expr) == r"\frac{\sigma^2 \left(N - B\right)}{B \left(N - 1\right)}"
    assert maths.text(expr) == "sigma2*(N - B)/(B*(N - 1))"


def test_printing_keeps_the_value():
    expr = nt.mu4 * (nt.B - 2 * nt.N) / (nt.N - nt.B) - nt.kappa / nt.n**2
    plain = maths.text(expr).replace("^", "**")
    names = {s.name: s for s in expr.free_symbols}
    assert sp.simplify(sp.sympify(plain, locals=names) - expr) == 0


def test_nodes_have_words():
    expr = nt.E((nt.BatchSum(nt.g) / nt.B) ** 2, nt.B)
    assert maths.text(expr) == "E[sum_batch(g)^2/B^2]"


@pytest.mark.parametrize("law_id", laws.ids())
def test_every_formula_of_every_law_becomes_mathml(law_id):
    law = laws.load(law_id)
    expressions = [side for part in law.parts for side in part.statement.args]
    expressions += [step.expr for step in law.derivation] + [rival.expr for _, rival in law.rivals]
    for expr in expressions:
        shown = maths.mathml(maths.latex(expr))
        assert shown.startswith("<math") and "<merror" not in shown
        assert "BatchSum" not in shown and "operatorname{Chain" not in shown and "PREV" not in shown
        assert maths.text(expr)
    for part in law.parts:
        assert f" {maths.SIGNS[part.relation]} " in maths.equation(part.statement)


def test_the_tex_is_kept_beside_the_mathml():
    source = maths.latex(nt.sigma2 / nt.B)
    assert f'<annotation encoding="application/x-tex">{source}</annotation>' in maths.mathml(source)


def test_an_unknown_command_is_an_error():
    with pytest.raises(math_core.LatexError):
        maths.mathml(r"\nosuchcommand{x}")


def test_branches_are_set_in_display_size():
    shown = maths.mathml(maths.latex(nt.ByDesign(nt.sigma2, nt.sigma2 / nt.B)))
    assert 'displaystyle="true"' in shown
    assert "4pt" not in re.sub(r"<annotation.*?</annotation>", "", shown)


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("times (N-B)/(N-1)", "times (<i>N</i>\u2212<i>B</i>)/(<i>N</i>\u22121)"),
        ("a mini-batch of C/G", "a mini-batch of <i>C</i>/<i>G</i>"),
        ("sigma^2/B", "\u03c3<sup>2</sup>/<i>B</i>"),
        ("B <= N & <script>", "<i>B</i> \u2264 <i>N</i> &amp; &lt;script&gt;"),
        ("GroupNorm and BatchNorm", "GroupNorm and BatchNorm"),
    ],
)
def test_sentences_are_set_and_escaped(words, shown):
    assert maths.prose(words) == shown
