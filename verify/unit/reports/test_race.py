"""The figure of speed: every measured contender once, in its row, with its data."""

import csv
import io

from reports import race
from verify.unit.reports import figures_of_speed as figures

RESULTS = [figures.result(), figures.result(setting="N=64 B=8", threads=2)]


def test_every_measured_contender_is_in_the_data_once():
    rows = list(csv.DictReader(io.StringIO(race.draw("speed", RESULTS).data)))
    assert [(r["setting"], r["contender"], float(r["over the floor"])) for r in rows] == [
        ("N=8 B=4", "batchlaws (numpy)", 2.5),
        ("N=8 B=4", "JAX", 10.0),
        ("N=64 B=8, 2 threads", "batchlaws (numpy)", 2.5),
        ("N=64 B=8, 2 threads", "JAX", 10.0),
    ]


def test_libraries_look_different_and_ours_is_filled():
    jax, torch, other = (race._look({"ours": False, "versions": {name: "1"}}) for name in ("jax", "torch", "numpy"))
    ours = race._look({"ours": True})
    assert len({marker for marker, _, _ in (jax, torch, other, ours)}) == 4
    assert [word for _, _, word in (ours, jax, other)] == ["batchlaws", "JAX", "others"]


def test_the_same_figures_give_the_same_bytes_with_words():
    figure = race.draw("speed", RESULTS)
    assert figure == race.draw("speed", RESULTS)
    assert figure.svg.startswith("<svg") and len(figure.alt) > 40
    assert "Time over the floor of 2 contenders" in figure.alt
