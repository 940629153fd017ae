"""The driver: one answer whatever the engine, the interruptions and the faults."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from verify import ledger, run
from verify.channels.drawn import DesignError
from verify.store import Store
from verify.unit.verify import house
from verify.unit.verify.house import HOUSE

ROOT = Path(run.__file__).resolve().parents[1]


def _verify(tmp_path: Path, *ids: str, **more: object) -> tuple[run.Evidence, ...]:
    options: dict[str, object] = {"engine": "serial", "store": tmp_path / "s", **HOUSE, **more}
    return run.verify(ids, **options)  # type: ignore[arg-type]


def test_a_true_law_is_verified_with_all_its_evidence(tmp_path: Path) -> None:
    (found,) = _verify(tmp_path, "toy.variance")
    assert found["verdict"] == "verified", found["reason"]
    assert {name: c["verdict"] for name, c in found["channels"].items()} == dict.fromkeys(
        ("derivation", "enumeration", "property", "monte_carlo", "network"), "verified")
    assert [row["grade"] for row in found["cells"]] == ["rigorous", "rigorous", "exact"]
    for row in found["cells"][:2]:
        assert abs(row["estimate"] / row["low"] - 1) < 0.06 and row["low"] < row["high"]
    assert all(r["refuted"] and set(r["by"]) == {"enumeration", "monte_carlo", "network"} for r in found["rivals"])
    assert found["environment"]["numpy"] and found["exact"][0]["equal"] == 4


@pytest.mark.parametrize(("law", "verdict", "reason"), [
    ("toy.wrong", "refuted", "bets against it paid"), ("toy.outside", "refuted", "outside the proved range"),
    ("toy.biased", "refuted", "bets against it paid|outside the proved range"),
    ("toy.escapes", "refuted", "outside the proved range"), ("toy.repeats", "refuted", "a stream is used twice"),
    ("toy.above", "inconclusive", "it uses toy.wrong, which is refuted"), ("toy.floats", "verified", ""),
])
def test_verdicts(tmp_path: Path, law: str, verdict: str, reason: str) -> None:
    import re

    (found,) = _verify(tmp_path, law)
    assert found["verdict"] == verdict, found["reason"]
    assert re.search(reason, found["reason"])


def test_every_engine_writes_the_same_ledger(tmp_path: Path) -> None:
    texts = set()
    for engine, jobs in (("serial", 1), ("threads", 3), ("processes", 2)):
        (found,) = _verify(tmp_path / engine, "toy.variance", engine=engine, jobs=jobs)
        texts.add(ledger.dumps(found))
    assert len(texts) == 1


def test_a_second_run_computes_nothing(tmp_path: Path) -> None:
    first = _verify(tmp_path, "toy.variance")
    with Store(tmp_path / "s") as store:
        before = store.totals("toy.variance")
    assert _verify(tmp_path, "toy.variance") == first
    with Store(tmp_path / "s") as store:
        assert store.totals("toy.variance") == before


def test_another_salt_draws_other_data(tmp_path: Path) -> None:
    (a,), (b,) = _verify(tmp_path, "toy.drawn"), _verify(tmp_path, "toy.drawn", salt="again")
    assert b["verdict"] == "verified" and b["salt"] == "again"
    assert not {row["id"] for row in a["cells"]} & {row["id"] for row in b["cells"]}
    assert [row["estimate"] for row in a["cells"][:2]] != [row["estimate"] for row in b["cells"][:2]]


def test_an_interrupted_run_keeps_its_blocks_and_goes_on_to_the_same_ledger(tmp_path: Path) -> None:
    (whole,) = _verify(tmp_path / "a", "toy.drawn")
    for stop_after in (1, 2, 4, 5, 6):
        calls = 0

        def progress(done: int, total: int, text: str, stop_after: int = stop_after) -> None:
            nonlocal calls
            calls += 1
            if calls > stop_after:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            _verify(tmp_path / f"b{stop_after}", "toy.drawn", progress=progress)
        with Store(tmp_path / f"b{stop_after}" / "s") as store:
            assert store.totals("toy.drawn").records >= stop_after - 1
        (again,) = _verify(tmp_path / f"b{stop_after}", "toy.drawn")
        assert ledger.dumps(again) == ledger.dumps(whole)


def test_blocks_beyond_the_look_and_out_of_order_change_nothing(tmp_path: Path) -> None:
    (whole,) = _verify(tmp_path / "a", "toy.drawn")
    # Three jobs draw ahead; the same law with one block removed from the middle must heal to the same bytes.
    _verify(tmp_path / "b", "toy.drawn", engine="threads", jobs=3)
    with Store(tmp_path / "b" / "s") as store:
        cell = whole["cells"][0]["id"]
        assert len(store.records(cell)) > 4
        store._db.execute("DELETE FROM blocks WHERE cell = ? AND block = 2", (cell,))
    (healed,) = _verify(tmp_path / "b", "toy.drawn")
    assert ledger.dumps(healed) == ledger.dumps(whole)


def test_a_spent_time_budget_is_inconclusive_and_resumable(tmp_path: Path) -> None:
    (found,) = _verify(tmp_path, "toy.variance", budget=1e-9)
    assert found["verdict"] == "untested"
    (later,) = _verify(tmp_path, "toy.variance")
    assert later["verdict"] == "verified"


def test_progress_counts_cells_up_to_all(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    _verify(tmp_path, "toy.variance", progress=lambda done, total, text: seen.append((done, total)))
    assert seen[0] == (0, 7) and seen[-1] == (7, 7) and seen == sorted(seen)


def test_a_design_that_cannot_tell_a_rival_apart_is_refused_before_any_draw(tmp_path: Path) -> None:
    # At B = N the law and its near rivals all claim 0.
    with pytest.raises(DesignError, match=r"toy\.blind, part variance: no monte_carlo cell separates the rival 'N"):
        _verify(tmp_path, "toy.blind")
    with Store(tmp_path / "s") as store:
        assert store.totals("toy.blind").records == 0


def test_a_short_profile_may_leave_a_rival_to_a_longer_one(tmp_path: Path) -> None:
    (found,) = _verify(tmp_path, "toy.smoke", profile="smoke")
    assert len(found["cells"]) == 1 and found["profile"] == "smoke"


def test_a_failing_task_is_named_after_the_rest_is_stored(tmp_path: Path) -> None:
    with pytest.raises(run.TaskFailed, match=r"toy\.raises monte_carlo .*blocks? 0.*ValueError: a fault to order") as e:
        _verify(tmp_path, "toy.raises", "toy.drawn")
    assert [found["verdict"] for found in e.value.evidence] == ["untested", "verified"]


def test_a_task_that_kills_its_worker_is_named(tmp_path: Path) -> None:
    with pytest.raises(run.WorkerKilled, match=r"toy\.dies monte_carlo .*the worker was killed 4 times"):
        _verify(tmp_path, "toy.dies", engine="processes", jobs=2)


@pytest.mark.parametrize(("options", "says"), [
    ({"profile": "quick"}, "unknown profile"), ({"engine": "steam"}, "unknown engine"),
    ({"budget": 0.0}, "budget = 0.0"), ({"jobs": 0, "engine": "threads"}, "jobs = 0"),
])
def test_bad_input_is_refused_before_a_store_is_made(tmp_path: Path, options: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        _verify(tmp_path, "toy.drawn", **options)
    assert not (tmp_path / "s").exists()


def test_laws_in_a_circle_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"circle: toy\.circle -> toy\.circle"):
        _verify(tmp_path, "toy.circle")


_SCRIPT = """
import os, signal, sys, threading
from verify import run
from verify.store import Store

def die():
    os.killpg(os.getpgid(0), signal.SIGKILL)

put, left = Store.put, [int(sys.argv[3])]

def counted(self, *args, **more):
    left[0] -= 1
    if left[0] == 0:
        die()
    put(self, *args, **more)

if __name__ == "__main__":
    Store.put = counted
    threading.Timer(float(sys.argv[4]), die).start()
    run.verify(sys.argv[6:], store=sys.argv[1], engine=sys.argv[2], jobs=2, laws=sys.argv[5], probes=sys.argv[5],
               populations=sys.argv[5])
    os._exit(0)
"""


def _killed(script: Path, store: Path, engine: str, *, puts: int, seconds: float, names: tuple[str, ...]) -> bool:
    """Run the script, which kills its whole process group before a put or after some seconds; say whether it did."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    arguments = [str(store), engine, str(puts), str(seconds), house.NAME, *names]
    done = subprocess.run([sys.executable, str(script), *arguments], env=environment, start_new_session=True,
                          capture_output=True, timeout=120, check=False)
    return done.returncode == -signal.SIGKILL


def test_kill_minus_nine_at_any_moment_leaves_no_trace(tmp_path: Path) -> None:
    script = tmp_path / "drive.py"
    script.write_text(_SCRIPT)
    names = ("toy.drawn", "toy.slow", "toy.floats")
    whole = [ledger.dumps(found) for found in _verify(tmp_path / "whole", *names)]
    rng, store = random.Random(20261124), tmp_path / "killed" / "s"
    before_a_put = [_killed(script, store, "serial", puts=k, seconds=60, names=names) for k in (2, 4)]
    before_a_put.append(_killed(script, store, "processes", puts=2, seconds=60, names=names))
    assert all(before_a_put)
    at_some_moment = [_killed(script, tmp_path / f"{k}" / "s", "serial", puts=10**6, seconds=rng.uniform(0.05, 0.2),
                              names=names) for k in range(2)]
    assert any(at_some_moment)
    for folder in (store.parent, tmp_path / "0", tmp_path / "1"):
        assert [ledger.dumps(found) for found in _verify(folder, *names)] == whole


def test_documents_are_the_same_whatever_was_asked_with_them(tmp_path: Path) -> None:
    together = _verify(tmp_path, "toy.variance", "toy.drawn")
    alone = _verify(tmp_path, "toy.drawn")
    assert together[1] == alone[0]
