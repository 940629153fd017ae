"""Laws as programs: predictions, exactness, hashing."""

import subprocess
import sys
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sympy as sp

from theory import laws
from theory.notation import B, sigma2


def test_the_advertised_numbers_are_exact():
    prediction = laws.load("gradient.variance").predict(N=8, B=3, sigma2=1)
    assert prediction.value == Fraction(5, 21)
    assert prediction.exact == "5/21"
    assert prediction.inputs["design"] == "wor"
    assert laws.load("gradient.variance").predict(N=8, B=3, sigma2=1, design="wr").exact == "1/3"
    assert laws.load("gradient.halving").predict(N=6, B=4).exact == "4"
    assert laws.load("gradient.fullbatch").predict(N=6, sigma2=5).exact == "0"
    assert laws.load("norm.stat.crossover").predict(C=256, G=32, HW=1).exact == "8"
    assert laws.load("quadratic.stationary").predict(N=8, B=3, sigma2=1, eta=1, h=1).exact == "5/21"


def test_floats_give_floats_and_arrays_give_arrays():
    law = laws.load("gradient.variance")
    prediction = law.predict(N=8, B=3, sigma2=1.0)
    assert prediction.exact is None
    assert prediction.value == pytest.approx(5 / 21, rel=1e-15)
    sizes = np.array([1, 2, 4, 8])
    np.testing.assert_allclose(law.predict(N=8, B=sizes, sigma2=1.0).value, (8 - sizes) / (7 * sizes), rtol=1e-15)


def test_shorthands_are_written_out():
    """K4 and K22 are definitions in mu2 and mu4, so the law is asked in mu2 and mu4."""
    law = laws.load("norm.stat.var_error_finite_pop")
    value = law.predict(N=4, B=4, mu2=1, mu4=1)
    assert value.exact == "0"


def test_every_part_can_be_asked():
    law = laws.load("gradient.cumulants")
    assert law.predict(part="third", N=8, B=4, mu3=1).exact == "0"
    with pytest.raises(KeyError, match="has no part 'fifth'"):
        law.predict(part="fifth", N=8, B=4)


def test_the_spec_hash_follows_meaning_and_not_prose():
    law = laws.load("gradient.variance")
    assert replace(law, words="other words").spec_hash == law.spec_hash
    part = law.parts[0]
    other = replace(part, statement=sp.Eq(part.lhs, sigma2 / B, evaluate=False))
    assert replace(law, parts=(other,)).spec_hash != law.spec_hash
    assert replace(law, version=2).spec_hash != law.spec_hash


def test_what_is_tested_does_not_depend_on_how_it_is_derived():
    law = laws.load("gradient.variance")
    part = law.parts[0]
    shorter = replace(law, parts=(replace(part, derivation=part.derivation[:1]),))
    fewer_rivals = replace(law, parts=(replace(part, rivals=part.rivals[:3]),))
    assert shorter.claim_hash() == law.claim_hash() != fewer_rivals.claim_hash()
    assert shorter.spec_hash != law.spec_hash


def test_required_channels_follow_exactness_and_experiments():
    assert laws.load("gradient.variance").requires == (
        "derivation", "enumeration", "property", "monte_carlo", "network")
    assert laws.load("norm.stat.crossover").requires == ("derivation", "enumeration", "property")


def test_unknown_laws_get_a_suggestion():
    with pytest.raises(laws.UnknownLaw, match=r"did you mean gradient\.variance"):
        laws.load("gradient.varience")


def test_a_law_is_the_same_whoever_asks_for_it_first():
    """One law may load another while it writes its own lines down unevaluated."""
    program = ("import sympy as sp; from theory import laws\n"
               "with sp.evaluate(False): print(laws.load('norm.gap.ema').spec_hash)")
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == laws.load("norm.gap.ema").spec_hash
