"""Recorded figures: merged by machine, written whole, shown with what they belong to."""

from __future__ import annotations

import json
import math

import pytest

from reports import page, speed
from verify.unit.reports import figures_of_speed as figures
from verify.unit.reports.test_page import Reader, site


def test_a_file_gives_back_its_document(tmp_path):
    found = figures.document(figures.result())
    speed.write(found, tmp_path / "a" / "bench.json")
    assert speed.read(tmp_path / "a" / "bench.json") == found
    assert [p.name for p in (tmp_path / "a").iterdir()] == ["bench.json"]


def test_a_document_that_cannot_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "bench.json"
    speed.write(figures.document(figures.result()), path)
    before = path.read_text()
    with pytest.raises(ValueError, match="Out of range float"):
        speed.write(figures.document(figures.result(speedup=math.nan)), path)
    assert path.read_text() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 2, "runs": []}', '{"format": 1, "runs": [{"date": "x"}]}']
)
def test_other_files_are_refused(tmp_path, text):
    path = tmp_path / "bench.json"
    path.write_text(text)
    with pytest.raises(speed.BadRecord, match="holds no recorded figures"):
        speed.read(path)


def test_what_is_measured_again_on_the_same_machine_replaces_the_old():
    a, b = figures.result(), figures.result(setting="N=64 B=8")
    new = figures.result(speedup=9.0)
    merged = speed.merge(figures.document(a, b, date="2026-11-01"), figures.document(new))
    assert [[r["setting"] for r in run["results"]] for run in merged["runs"]] == [["N=8 B=4"], ["N=64 B=8"]]
    assert merged["runs"][0]["results"][0]["speedup"] == 9.0
    assert merged["runs"][1]["growth"] == []  # the curve was measured again
    assert speed.merge(None, figures.document(a)) == figures.document(a)


def test_what_is_left_of_the_same_day_joins_the_new_run():
    a, b, again = figures.result(), figures.result(setting="N=64 B=8"), figures.result(speedup=9.0)
    (run,) = speed.merge(figures.document(a, b), figures.document(again))["runs"]
    assert run["results"] == [b, again] and run["growth"] == [figures.CURVE]


def test_figures_of_another_machine_or_thread_count_stay():
    old = figures.document(figures.result())
    for new in (figures.document(figures.result(), kernel="Haswell"), figures.document(figures.result(threads=2))):
        merged = speed.merge(old, new)
        assert sum(len(run["results"]) for run in merged["runs"]) == 2


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.5, "2.5 s"), (0.0123, "12.3 ms"), (5.2e-6, "5.2 µs"), (3e-10, "0.3 ns")]
)
def test_times_are_read_easily(seconds, text):
    found = figures.result(floor={"words": "it", "seconds": seconds})
    assert f" {text}  it" in speed.lines(figures.document(found))[1]


def test_what_threads_gain_is_told():
    found = figures.document(figures.result(threads=2))
    row = found["runs"][0]["results"][0]["contenders"][0]
    row.update(threads=2, scaling=1.875)
    assert any("1.88 times as fast as with one thread" in line for line in speed.lines(found))
    text = page.render(site(bench=found))["speed.html"].decode()
    assert ">1.88<" in text and "2 threads" in text


def test_a_slope_of_nothing_has_no_sign():
    curve = {**figures.CURVE, "time": {"all": -1e-9, "error": 0.0, "upper": -0.004}}
    found = figures.document()
    found["runs"][0]["growth"] = [curve]
    assert "exponent 0.00 ± 0.00 (0.00 in the upper half)" in speed.lines(found)[1]


def test_the_page_shows_the_figures_with_their_machine():
    found = figures.document(figures.result(), forced={"OPENBLAS_CORETYPE": "Haswell"})
    files = page.render(site(bench=found))
    text = files["speed.html"].decode()
    for piece in ("2026-11-24: Zen, AVX-512, 2 cores, 24 GiB, Linux x86_64", "SkylakeX", "OPENBLAS_CORETYPE=Haswell",
                  "jax 0.10.2", "raw bits &lt;16 an index&gt;", "5 ns / index", "2.5", "400 MB", "not installed",
                  "1.01 ± 0.02", ">4<"):
        assert piece in text, piece
    assert Reader(text).bad == [] and "data/bench.json" in Reader(text).links
    assert json.loads(files["data/bench.json"]) == found
    assert page.render(site(bench=found)) == files
    assert 'href="speed.html"' in files["index.html"].decode()


def test_runs_come_with_the_newest_first():
    one = figures.document(figures.result(), date="2026-01-01", kernel="Old")
    two = figures.document(figures.result(), date="2026-02-02", kernel="New")
    text = page.render(site(bench={"format": 1, "runs": one["runs"] + two["runs"]}))["speed.html"].decode()
    assert text.index("2026-02-02") < text.index("2026-01-01")
    assert text.count("<table") == 4 and text.count("Old") == text.count("New") == 1


def test_without_figures_the_page_says_so():
    files = page.render(site(bench=None))
    assert "No figures are recorded in this edition." in files["speed.html"].decode()
    assert "data/bench.json" not in files


def test_the_committed_figures_are_a_document_with_agreeing_answers():
    found = speed.committed()
    for run in found["runs"] if found else ():
        assert run["machine"]["processor"] and run["date"]
        assert speed.views(found)
        for result in run["results"]:
            assert not [c for c in result["contenders"] if c["status"] in ("failed", "disagrees")]


def test_a_pinned_run_had_one_core() -> None:
    assert speed.cores({"cores": 1}) == "one core"
    assert speed.cores({"cores": 2}) == "2 cores"
