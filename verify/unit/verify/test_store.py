"""The store: nothing is overwritten, nothing corrupt is used, nothing is lost, and errors say what is wrong."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from verify import canonical
from verify.store import (
    CorruptRecord,
    NotAStore,
    NotDeterministic,
    Store,
    StoreMissing,
    StoreTooNew,
    StoreUnwritable,
)

RECORD = {"law": "toy.variance", "channel": "monte_carlo"}
CELL = canonical.digest(RECORD)
PLACE = {"numpy": "2"}


def _payload(n: int) -> dict[str, Any]:
    return {"kind": "tally", "n": n, "values": [n], "counts": [n]}


def test_blocks_come_back_as_they_went_in(tmp_path: Path) -> None:
    with Store(tmp_path / "deep" / "s.sqlite") as store:
        store.put(RECORD, [(1, _payload(5), 0.25), (0, _payload(3), 0.5)], environment=PLACE)
    with Store(tmp_path / "deep" / "s.sqlite") as store:
        found = store.records(CELL)
        assert list(found) == [0, 1]
        assert found[1].payload == _payload(5) and found[1].environment == PLACE
        assert store.cells("toy.variance") == {CELL: RECORD} and store.cells("other") == {}


def test_a_second_put_with_the_same_content_changes_nothing(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        store.put(RECORD, [(0, _payload(3), 0.5)], environment=PLACE)
        before = store.totals("toy.variance")
        store.put(RECORD, [(0, _payload(3), 9.5)], environment={"numpy": "3"})
        assert store.totals("toy.variance") == before
        assert store.records(CELL)[0].environment == PLACE


def test_a_second_put_with_other_content_is_an_error_and_stores_nothing(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        store.put(RECORD, [(0, _payload(3), 0.5)], environment=PLACE)
        with pytest.raises(NotDeterministic, match=rf"toy.variance, cell {CELL[:12]}, block 0"):
            store.put(RECORD, [(1, _payload(7), 0.5), (0, _payload(4), 0.5)], environment=PLACE)
        assert {b: r.payload for b, r in store.records(CELL).items()} == {0: _payload(3)}


@pytest.mark.parametrize(("column", "value"), [
    ("payload", '{"kind":"tally","n":4,"values":[3],"counts":[4]}'), ("checksum", "0" * 64), ("payload", "{"),
    ("environment", '{"a":1,"a":2}'),
])
def test_a_corrupt_record_is_set_aside_named_and_may_be_computed_again(tmp_path: Path, column: str, value: str) -> None:
    path = tmp_path / "s"
    with Store(path) as store:
        store.put(RECORD, [(0, _payload(3), 0.5), (1, _payload(5), 0.5)], environment=PLACE)
    with sqlite3.connect(path) as db:
        db.execute(f"UPDATE blocks SET {column} = ? WHERE block = 0", (value,))
    db.close()
    with Store(path) as store:
        with pytest.warns(CorruptRecord, match=f"cell {CELL[:12]}, block 0"):
            assert list(store.records(CELL)) == [1]
        assert [entry[:2] for entry in store.corrupt()] == [(CELL, 0)]
        store.put(RECORD, [(0, _payload(3), 0.5)], environment=PLACE)
        assert list(store.records(CELL)) == [0, 1]
        assert len(store.corrupt()) == 1


def test_a_newer_store_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "s"
    with Store(path) as store:
        store.put(RECORD, [(0, _payload(3), 0.5)], environment=PLACE)
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 2")
    db.close()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew, match="version 2, this program knows versions up to 1"):
        Store(path)
    assert path.read_bytes() == before


def test_what_is_not_a_store_is_refused_and_kept(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to look like a file of some kind" * 20)
    with pytest.raises(NotAStore, match=r"notes\.txt"):
        Store(text)
    other = tmp_path / "other"
    with sqlite3.connect(other) as db:
        db.execute("CREATE TABLE songs (title TEXT)")
    db.close()
    with pytest.raises(NotAStore, match="tables songs"):
        Store(other)
    assert text.read_text().startswith("not a database")


def test_places_that_cannot_hold_a_store(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnwritable, match="cannot be made"):
        Store(tmp_path / "file" / "under" / "s")
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreUnwritable, match="folder"):
        Store(tmp_path / "folder")
    with pytest.raises(StoreMissing, match="no store at"):
        Store(tmp_path / "absent", create=False)
    assert not (tmp_path / "absent").exists()


def test_a_full_disk_is_said_and_loses_nothing(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        store.put(RECORD, [(0, _payload(3), 0.5)], environment=PLACE)
        (pages,) = store._db.execute("PRAGMA page_count").fetchone()
        store._db.execute(f"PRAGMA max_page_count = {pages + 1}")
        big = {"kind": "tally", "n": 1, "values": list(range(20_000)), "counts": [1] * 20_000}
        with pytest.raises(StoreUnwritable, match=r"no space left.*what was stored before is kept"):
            store.put(RECORD, [(1, big, 0.5)], environment=PLACE)
        assert list(store.records(CELL)) == [0]
        store._db.execute("PRAGMA max_page_count = 100000")
        store.put(RECORD, [(1, big, 0.5)], environment=PLACE)
        assert list(store.records(CELL)) == [0, 1]


def test_a_read_only_file_is_said(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        store._db.execute("PRAGMA query_only = 1")
        with pytest.raises(StoreUnwritable, match="read-only"):
            store.put(RECORD, [(0, _payload(3), 0.5)], environment=PLACE)


def test_a_payload_with_nan_is_not_stored(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        with pytest.raises(ValueError, match="not JSON compliant"):
            store.put(RECORD, [(0, {"n": 1, "sum": float("nan")}, 0.5)], environment=PLACE)
        assert store.records(CELL) == {}


def test_totals_count_draws_but_not_plans(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        assert store.totals("toy.variance").last is None
        store.put(RECORD, [(-1, {"kind": "plan", "n": 4096}, 1.0), (0, _payload(3), 0.5)], environment=PLACE)
        store.put({**RECORD, "salt": "x"}, [(0, _payload(4), 0.25)], environment=PLACE)
        got = store.totals("toy.variance")
    assert (got.draws, got.seconds, got.records) == (7, 1.75, 3)
    assert got.last is not None and got.last.endswith("Z")


def test_timings_are_those_of_the_cell_in_order(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as store:
        store.put(RECORD, [(0, _payload(3), 0.5), (-1, {"kind": "plan", "n": 4096}, 1.0)], environment=PLACE)
        store.put({**RECORD, "salt": "x"}, [(0, _payload(4), 0.25)], environment=PLACE)
        assert store.timings(CELL) == ((-1, 0, 1.0), (0, 3, 0.5))
        assert store.timings("0" * 64) == ()


def test_two_writers_of_one_store_agree(tmp_path: Path) -> None:
    with Store(tmp_path / "s") as one, Store(tmp_path / "s") as two:
        one.put(RECORD, [(0, _payload(3), 0.5)], environment=PLACE)
        two.put(RECORD, [(0, _payload(3), 0.5), (1, _payload(4), 0.5)], environment=PLACE)
        assert list(one.records(CELL)) == list(two.records(CELL)) == [0, 1]


class StoreMachine(RuleBasedStateMachine):
    """Put, put again, put something else, reopen: the store always holds the first content of every block."""

    @initialize(folder=st.just(None))
    def begin(self, folder: None) -> None:
        import tempfile

        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "s"
        self.store = Store(self.path)
        self.model: dict[int, int] = {}

    @rule(block=st.integers(-1, 4), n=st.integers(1, 3))
    def put(self, block: int, n: int) -> None:
        if self.model.get(block, n) == n:
            self.store.put(RECORD, [(block, _payload(n), 0.0)], environment=PLACE)
            self.model[block] = n
        else:
            with pytest.raises(NotDeterministic):
                self.store.put(RECORD, [(block, _payload(n), 0.0)], environment=PLACE)

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store(self.path)

    @invariant()
    def holds_the_first_content(self) -> None:
        if hasattr(self, "store"):
            found = {block: r.payload["n"] for block, r in self.store.records(CELL).items()}
            assert found == dict(sorted(self.model.items()))

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            self.folder.cleanup()


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)
