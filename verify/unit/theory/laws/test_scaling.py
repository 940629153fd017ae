"""Numbers of the exact scaling rule."""

from fractions import Fraction

from theory import laws


def test_the_exact_rule_at_a_half():
    """At eta h = 1/2 two steps are one of 3/4 with 9/5 of the batch; the linear rule says 1 and 2."""
    law = laws.load("scaling.linear.exact")
    point = {"N": 100, "B": 10, "eta": Fraction(1, 2), "h": 1, "k": 2, "design": "wr"}
    assert law.predict(part="rate", **point).value == Fraction(3, 4)
    assert law.predict(**point).value == 18
    assert law.predict(**{**point, "design": "wor"}).value == Fraction(18000, 1080)


def test_the_exact_batch_can_be_less_than_one_example():
    law = laws.load("scaling.linear.exact")
    assert law.predict(N=100, B=1, eta=Fraction(3, 2), h=1, k=2, design="wr").value == Fraction(1, 5)


def test_one_curvature_twice_is_no_second_curvature():
    law = laws.load("scaling.linear.no_go")
    assert law.predict(h1=1, h2=1).value == 1
    assert law.predict(h1=1, h2=2).value == 0
