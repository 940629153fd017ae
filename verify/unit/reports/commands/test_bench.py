"""The verb bench: what it runs, tells, records and refuses; the race itself is replaced by a fixed result."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from reports import cli, speed
from sim import bench
from sim.bench import growth, machine
from verify.unit.reports import figures_of_speed as figures


def run(*arguments):
    return CliRunner().invoke(cli.cli, ["bench", *map(str, arguments)], prog_name="batchlaws")


@pytest.fixture(autouse=True)
def fixed(monkeypatch):
    """Replace what takes time; return the calls that were made."""
    calls = []

    def measure(name, setting, **options):
        options.pop("tell")("being measured")
        calls.append((name, setting, options))
        return figures.result(workload=name, setting=setting, threads=options["threads"])

    monkeypatch.setattr(bench, "measure", measure)
    monkeypatch.setattr(machine, "describe", lambda: dict(figures.MACHINE))
    monkeypatch.setattr(machine, "held_back", lambda: None)
    return calls


def test_it_runs_what_is_asked_for(fixed):
    done = run("sampler", "--setting", "N=64 ", "--setting", "N=8 ", "--engine", "numpy", "--threads", 2, "--peers",
               "--repeats", 3, "--clock", "wall")
    assert done.exit_code == 0, done.stderr
    assert [(name, setting) for name, setting, _ in fixed] == [("sampler", "N=8 B=4"), ("sampler", "N=64 B=8")]
    assert fixed[0][2] == {"engines": ("numpy",), "threads": 2, "peers": True, "repeats": 3, "clock": "wall"}


def test_it_tells_times_floors_memory_kernels_and_the_best_peer():
    done = run("sampler", "--setting", "N=8 ")
    shown = done.stdout
    for piece in ("sampler, N=8 B=4: one index, 1 thread, cpu time", "2 ns  raw bits", "5 ns     2.5 x floor",
                  "40 MB", "openblas SkylakeX", "20 ns", "batchlaws (numpy) against JAX: 4 times as fast",
                  "torch                        not installed: No module named 'torch'"):
        assert piece in shown, piece
    assert "Zen, AVX-512, 2 cores, linear algebra kernels: SkylakeX" in done.stderr and "being measured" in done.stderr


def test_json_is_the_document_alone():
    found = json.loads(run("sampler", "--setting", "N=8 ", "--json").stdout)
    assert found["format"] == 1 and found["runs"][0]["machine"] == figures.MACHINE
    assert found["runs"][0]["results"] == [figures.result(workload="sampler", setting="N=8 B=4")]


def test_forced_kernels_are_warned_of(monkeypatch):
    monkeypatch.setattr(machine, "held_back", lambda: "OPENBLAS_CORETYPE=Haswell makes it slow")
    assert "warning: OPENBLAS_CORETYPE=Haswell" in run("sampler", "--setting", "N=8 ").stderr


def test_records_are_merged(tmp_path):
    path = tmp_path / "new folder" / "bench.json"
    for setting in ("N=8 ", "N=64 ", "N=8 "):
        assert run("sampler", "--setting", setting, "--record", path).exit_code == 0
    found = speed.read(path)
    assert [r["setting"] for each in found["runs"] for r in each["results"]] == ["N=64 B=8", "N=8 B=4"]
    assert len(found["runs"]) == 1


def test_a_file_of_something_else_is_left_alone(tmp_path):
    path = tmp_path / "letter.json"
    path.write_text('{"dear": "reader"}')
    done = run("sampler", "--record", path)
    assert done.exit_code == 2 and "holds no recorded figures" in done.stderr
    assert path.read_text() == '{"dear": "reader"}'


def test_a_workload_that_breaks_down_does_not_take_the_others_with_it(monkeypatch, tmp_path):
    def measure(name, setting, **options):
        if setting == "N=8 B=4":
            raise bench.ContenderFailed("sampler, N=8 B=4: it broke")
        return figures.result(workload=name, setting=setting)

    monkeypatch.setattr(bench, "measure", measure)
    path = tmp_path / "bench.json"
    done = run("sampler", "--record", path)
    assert done.exit_code == 1 and "problem: sampler, N=8 B=4: it broke" in done.stderr
    assert len(speed.read(path)["runs"][0]["results"]) == len(bench.settings("sampler")) - 1


def test_a_peer_that_disagrees_ends_with_1(monkeypatch):
    row = {"name": "JAX", "ours": False, "status": "disagrees", "reason": "its answer differs from ours by 0.1"}
    result = figures.result()
    result["contenders"][1] = row
    result.update(best_peer=None, speedup=None)
    monkeypatch.setattr(bench, "measure", lambda *names, **options: result)
    done = run("sampler", "--setting", "N=8 ")
    assert done.exit_code == 1 and "JAX disagrees: its answer differs" in done.stderr
    assert "disagrees: its answer differs from ours by 0.1" in done.stdout


def test_growth(monkeypatch):
    monkeypatch.setattr(growth, "measure", lambda name, repeats, engine: {**figures.CURVE, "curve": name})
    done = run("--growth", "R")
    assert done.exit_code == 0
    assert "time grows with exponent 1.01 ± 0.02 (1.00 in the upper half), memory with 0.99" in done.stdout
    found = json.loads(run("--growth", "all", "--json").stdout)
    assert [curve["curve"] for curve in found["runs"][0]["growth"]] == list(growth.CURVES)


@pytest.mark.parametrize(("arguments", "says"), [
    (["juggling"], "no workload 'juggling'; the workloads are"),
    (["sampler", "--setting", "N=7"], "no setting contains 'N=7'"),
    (["--growth", "hope"], "no curve 'hope'; the curves are R, B"),
    (["sampler", "--growth", "R"], "leave out workloads"),
    (["--repeats", "0"], "0 is not in the range"), (["--clock", "sun"], "'sun' is not one of"),
])  # fmt: skip
def test_refusals(arguments, says):
    done = run(*arguments)
    assert done.exit_code == 2 and says in done.stderr, done.stderr


@pytest.mark.parametrize("error", [ValueError("threads must be"), bench.LibraryMissing("pip install batchlaws[fast]")])
def test_what_the_race_refuses_is_refused(monkeypatch, error):
    def measure(*names, **options):
        raise error

    monkeypatch.setattr(bench, "measure", measure)
    done = run("sampler")
    assert done.exit_code == 2 and str(error) in done.stderr
