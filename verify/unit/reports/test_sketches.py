"""Every law has a picture; its line is the law, and what is drawn gray is wrong."""

from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from reports import curves, released, sketch_figures, sketches
from theory import laws

RELEASED = released.read().laws
LINES = {"gradient.variance": "B", "lms.critical_batch": "B", "norm.out.sphere": "B", "stability.two_point": "eta"}


@pytest.mark.parametrize(("name", "axis"), LINES.items())
def test_the_line_is_the_law_over_the_parameter_it_is_about(name: str, axis: str) -> None:
    law = laws.load(name)
    curve = sketches.sketch(law)
    assert curve is not None
    assert curve.axis == axis
    held = {p.name: p.typical for p in law.params}
    for series in (s for s in curve.series if s.kind == "law"):
        for x, y, *_ in series.rows:
            at = {**held, axis: int(x) if axis == "B" else x, "design": series.design or "wor"}
            assert y == pytest.approx(float(law.value(at, part=curve.quantity)), rel=1e-9)


def test_rivals_are_seen_apart_from_the_law() -> None:
    curve = sketches.sketch(laws.load("lms.critical_batch"))
    assert curve is not None
    line = dict(row[:2] for s in curve.series if s.kind == "law" for row in s.rows)
    height = max(line.values()) - min(line.values())
    rivals = [s for s in curve.series if s.kind == "rival"]
    assert rivals
    for s in rivals:
        assert max(abs(y - line[x]) for x, y, *_ in s.rows if x in line) > 0.03 * height


def test_points_outside_the_domain_are_left_out() -> None:
    law = laws.load("norm.stat.inv_std_moments")  # the mean of 1/s^2 does not exist at B = 3
    curve = sketches.sketch(law)
    assert curve is not None
    part = law.part(curve.quantity)
    smallest = min(row[0] for s in curve.series if s.kind == "law" for row in s.rows)
    assert smallest > 3
    assert part is law.part()


def test_the_batch_goes_up_to_the_population() -> None:
    law = laws.load("gradient.variance")
    curve = sketches.sketch(law)
    assert curve is not None
    (population,) = (p.typical for p in law.params if p.name == "N")
    line = next(s for s in curve.series if s.kind == "law" and s.design == "wor")
    assert line.rows[-1][0] <= population
    if population <= 400:
        assert line.rows[-1][:2] == (population, 0)


def test_a_law_without_parameters_is_shown_by_its_worlds() -> None:
    law = laws.load("fdr.pathwise")
    points = [{"lhs": 1.0, "rhs": 1.0, law.part().rivals[0].name: 2.0}, {"lhs": 400.0, "rhs": 400.0}]
    curve = sketches.worlds_curve(law, {"enumeration": {"points": points}})
    assert curve is not None
    assert curve.measured[0].rows == ((1.0, 1.0, None, None), (400.0, 400.0, None, None))
    assert [s.rows for s in curve.series if s.kind == "rival"] == [((1.0, 2.0, None, None),)]
    figure = sketch_figures.draw_worlds(curve)
    ElementTree.fromstring(figure.svg)
    assert "brute force,,400.0,400.0" in figure.data


def test_without_worlds_there_is_no_picture() -> None:
    law = laws.load("fdr.pathwise")
    assert sketches.worlds_curve(law, {"enumeration": {}}) is None
    assert sketches.worlds_curve(law, {"enumeration": {"points": [{"lhs": math.inf, "rhs": 1.0}]}}) is None


@pytest.mark.parametrize("name", ["gradient.variance", "flat.worst_shift", "norm.out.samuelson"])
def test_drawing_gives_the_same_bytes_twice_and_says_which_side_of_a_bound_is_true(name: str) -> None:
    law = laws.load(name)
    curve = sketches.sketch(law)
    assert curve is not None
    one, other = (sketch_figures.draw_sketch(law, curve) for _ in range(2))
    assert one == other
    ElementTree.fromstring(one.svg)
    side = {"=": "", "<=": "or below", ">=": "or above"}[law.part(curve.quantity).relation]
    assert side in one.caption


@pytest.mark.parametrize("name", sorted(RELEASED))
def test_every_law_of_the_edition_has_a_picture(name: str) -> None:
    law, document = laws.load(name), RELEASED[name]
    line = sketches.sketch(law)
    shown = line is not None and any(s.kind == "rival" for s in line.series)
    assert curves.curves(law, document) or shown or sketches.worlds_curve(law, document)
