"""Figures: same evidence, same bytes; the drawn line is the law; the data file holds what is drawn."""

import csv
import io

import pytest

from reports import curves, figures
from verify.unit.reports import fake


@pytest.fixture(scope="module")
def trace():
    return curves.trace_curve(fake.law(), fake.document())


def test_the_line_is_the_law_and_passes_the_ledgers_values(trace):
    (line,) = [s for s in trace.series if s.kind == "law"]
    by_x = {row[0]: row[1] for row in line.rows}
    for cell in fake.document()["cells"]:
        assert by_x[float(cell["params"]["B"])] == pytest.approx(float(cell["theta"]), rel=1e-9, abs=1e-15)
    assert len(line.rows) > 60, "the law is evaluated between the measured points"
    assert [row[0] for row in line.rows] == sorted(by_x)


def test_measured_points_carry_their_intervals(trace):
    (points,) = trace.measured
    assert [row[0] for row in points.rows] == [1, 4, 16, 64, 256, 1024, 1797]
    assert all(low <= y <= high for _, y, low, high in points.rows)


def test_the_front_picture_shows_one_rival_and_is_small(trace):
    drawn = figures.front(trace)
    assert [s.name for s in trace.series if s.kind == "rival"] == ["1/B without correction"]
    assert len(drawn.svg) < 100_000
    assert (
        drawn.svg.startswith("<svg") and "metadata" not in drawn.svg and "http://matplotlib" not in drawn.svg
    )


def test_same_curve_same_bytes(trace):
    assert figures.front(trace) == figures.front(trace)
    assert figures.draw_curve(trace) == figures.draw_curve(trace)
    rows = curves.ratios(fake.document())
    assert figures.draw_ratios(rows) == figures.draw_ratios(rows)


def test_the_data_file_holds_every_point(trace):
    drawn = figures.draw_curve(trace)
    rows = list(csv.DictReader(io.StringIO(drawn.data)))
    assert len(rows) == sum(len(s.rows) for s in trace.series)
    assert {row["kind"] for row in rows} >= {"law", "measured"}
    measured = [row for row in rows if row["kind"] == "measured"]
    assert float(measured[1]["value"]) == pytest.approx(float(fake.document()["cells"][1]["estimate"]))


def test_figures_have_a_text_alternative(trace):
    assert "7 measured points" in figures.draw_curve(trace).alt
    assert "7 cells" not in figures.draw_ratios(curves.ratios(fake.document())).alt


def test_a_prediction_of_zero_has_no_ratio():
    rows = curves.ratios(fake.document())
    assert len(rows) == 6
    assert all(row.ratio == pytest.approx(1.01) and row.low < row.ratio < row.high for row in rows)


def test_a_negative_prediction_keeps_the_interval_in_order():
    cell = {**fake.document()["cells"][0], "theta": "-2", "estimate": -1.9, "low": -2.1, "high": -1.8}
    (row,) = curves.ratios({**fake.document(), "cells": [cell]})
    assert (
        row.low == pytest.approx(0.9) and row.ratio == pytest.approx(0.95) and row.high == pytest.approx(1.05)
    )


def test_too_few_cells_make_no_front_picture():
    assert curves.trace_curve(fake.law(), fake.document(cells=[])) is None
    assert curves.curves(fake.law(), fake.document(cells=[])) == ()


def test_where_the_population_moves_with_the_axis_the_line_joins_the_ledgers_values():
    cells = fake.document()["cells"][:3]
    cells[1] = {**cells[1], "theta": "0.9"}
    (curve,) = curves.curves(fake.law(), fake.document(cells=cells))
    (line,) = [s for s in curve.series if s.kind == "law"]
    assert [row[:2] for row in line.rows] == [
        (1.0, float(cells[0]["theta"])),
        (4.0, 0.9),
        (16.0, float(cells[2]["theta"])),
    ]


def test_the_front_picture_says_only_what_the_cells_say():
    def caption(**changes):
        cells = [{**cell, **changes} for cell in fake.document()["cells"]]
        return figures.front(curves.trace_curve(fake.law(), fake.document(cells=cells))).caption

    assert "falls on the law and is exactly zero at the full batch. The popular 1/B is refuted." in caption()
    assert "is held against the law" in caption(verdict="inconclusive")
    alive = {name: {**r, "refuted": False} for name, r in fake.document()["cells"][0]["rivals"].items()}
    assert "not refuted yet" in caption(rivals=alive)
    some = fake.document(cells=fake.document()["cells"][:4])
    assert "exactly zero" not in figures.front(curves.trace_curve(fake.law(), some)).caption
