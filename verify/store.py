"""The store: SQLite, one row for each (cell, block), checksummed, never overwritten.

A row is evidence.  Its payload is canonical JSON; the checksum covers the key and the payload.  Dates, durations and
the environment stand in columns of their own: they may differ between two computations of the same block, the payload
may not.  Verdicts are not stored; they are recomputed from the rows.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import sqlite3
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from verify import canonical

__all__ = [
    "CorruptRecord",
    "NotAStore",
    "NotDeterministic",
    "Record",
    "Store",
    "StoreError",
    "StoreMissing",
    "StoreTooNew",
    "StoreUnwritable",
    "Totals",
]

SCHEMA = 1
"""Version of the tables, kept in SQLite's ``user_version``."""

_TABLES = """
CREATE TABLE cells (id TEXT PRIMARY KEY, law TEXT NOT NULL, record TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX cells_of_law ON cells (law);
CREATE TABLE blocks (cell TEXT NOT NULL, block INTEGER NOT NULL, payload TEXT NOT NULL, checksum TEXT NOT NULL,
    draws INTEGER NOT NULL, seconds REAL NOT NULL, created TEXT NOT NULL, environment TEXT NOT NULL,
    PRIMARY KEY (cell, block)) WITHOUT ROWID;
CREATE TABLE corrupt (cell TEXT NOT NULL, block INTEGER NOT NULL, payload TEXT, checksum TEXT, draws INTEGER,
    seconds REAL, created TEXT, environment TEXT, found TEXT NOT NULL, reason TEXT NOT NULL);
"""


class StoreError(RuntimeError):
    """Something is wrong with the store; the message says what and where."""


class NotAStore(StoreError):
    """The file is not a store of this project, or SQLite finds it damaged."""


class StoreMissing(StoreError):
    """There is no store at the path and none was to be made."""


class StoreTooNew(StoreError):
    """A later version of the program wrote this store."""


class StoreUnwritable(StoreError):
    """The store cannot be written: read-only file or folder, or a full disk."""


class NotDeterministic(StoreError):
    """A block was computed twice with different content."""


class CorruptRecord(UserWarning):
    """A stored block fails its checksum; it is set aside and never used."""


@dataclass(frozen=True, slots=True)
class Record:
    """One stored block.

    Parameters
    ----------
    block : int
        Number of the block; plans and other single records of a cell use the numbers their channel gives them.
    payload : dict
        What was found.
    environment : dict
        Versions under which it was found.
    """

    block: int
    payload: Mapping[str, Any]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Totals:
    """What a law has cost so far: counted draws, seconds of computation, and the date (UTC) of its last record."""

    draws: int
    seconds: float
    last: str | None
    records: int


def _checksum(cell: str, block: int, payload: str) -> str:
    return hashlib.sha256(f"{cell}\n{block}\n{payload}".encode()).hexdigest()


class Store:
    """A store at a path, made on first use.

    Parameters
    ----------
    path : path-like
        The SQLite file.
    create : bool
        Make the file (and its folder) if it is not there.

    Raises
    ------
    StoreError
        A subclass naming the path and the trouble.
    """

    def __init__(self, path: Path | str, *, create: bool = True) -> None:
        self.path = Path(path)
        if not create and not self.path.exists():
            raise StoreMissing(f"there is no store at {self.path}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise StoreUnwritable(f"the folder {self.path.parent} cannot be made: {problem.strerror}") from None
        try:
            self._db = sqlite3.connect(self.path, timeout=60, isolation_level=None)
        except sqlite3.Error as problem:
            raise StoreUnwritable(f"the store {self.path} cannot be opened: {problem}") from None
        try:
            with self._translated():
                self._open()
        except BaseException:
            self._db.close()
            raise

    def _open(self) -> None:
        (found,) = self._db.execute("PRAGMA user_version").fetchone()
        if found > SCHEMA:
            raise StoreTooNew(f"the store {self.path} has version {found}, this program knows versions up to {SCHEMA}; "
                              "nothing was changed: use a newer program or another store")
        tables = {name for (name,) in self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if found == 0 and tables:
            raise NotAStore(f"{self.path} is a database of something else (tables {', '.join(sorted(tables))}); "
                            "nothing was changed")
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        if found == 0:
            with self._transaction():
                (again,) = self._db.execute("PRAGMA user_version").fetchone()
                if again == 0:
                    for statement in _TABLES.split(";"):
                        self._db.execute(statement)
                    self._db.execute(f"PRAGMA user_version = {SCHEMA}")

    @contextlib.contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn SQLite's errors into sentences."""
        try:
            yield
        except sqlite3.OperationalError as problem:
            text = str(problem)
            if "readonly" in text or "unable to open" in text:
                raise StoreUnwritable(f"the store {self.path} is read-only or its folder is: {text}") from None
            if "full" in text:
                raise StoreUnwritable(f"no space left for the store {self.path} ({text}); what was stored before "
                                      "is kept") from None
            if "locked" in text:
                raise StoreUnwritable(f"the store {self.path} is held by another program ({text})") from None
            raise StoreError(f"the store {self.path}: {text}") from None
        except sqlite3.DatabaseError as problem:
            raise NotAStore(f"{self.path} is not a store or is damaged: {problem}") from None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # SQLite rolls back by itself on a full disk; a second rollback would hide the first error.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; further calls fail."""
        self._db.close()

    def put(self, record: Mapping[str, Any], blocks: Sequence[tuple[int, Mapping[str, Any], float]], *,
            environment: Mapping[str, str]) -> None:
        """Store blocks of one cell in one transaction.

        Parameters
        ----------
        record : mapping
            The cell; its digest is its id, and ``record["law"]`` is its law.
        blocks : sequence of (int, mapping, float)
            Number, payload and seconds of each block.
        environment : mapping of str to str
            Versions of what computed them.

        Raises
        ------
        NotDeterministic
            If a block is there already with other content; nothing of the call is stored.
        StoreUnwritable
            If the file cannot be written.
        """
        text = canonical.dumps(record)
        cell = hashlib.sha256(text.encode()).hexdigest()
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        known = canonical.dumps(environment)
        with self._translated(), self._transaction():
            self._db.execute("INSERT OR IGNORE INTO cells VALUES (?, ?, ?)", (cell, record["law"], text))
            for block, payload, seconds in blocks:
                body = canonical.dumps(payload)
                draws = int(payload.get("n", 0)) if block >= 0 else 0
                row = (cell, block, body, _checksum(cell, block, body), draws, float(seconds), now, known)
                done = self._db.execute("INSERT OR IGNORE INTO blocks VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
                if done.rowcount == 0:
                    self._same_as_stored(record["law"], cell, block, body)

    def _same_as_stored(self, law: str, cell: str, block: int, body: str) -> None:
        (old,) = self._db.execute("SELECT payload FROM blocks WHERE cell = ? AND block = ?", (cell, block)).fetchone()
        if old != body:
            raise NotDeterministic(f"{law}, cell {cell[:12]}, block {block}: computed again with other content; "
                                   "the stored block is kept. The same cell and block must always give the same data")

    def records(self, cell: str) -> dict[int, Record]:
        """Return the sound blocks of a cell by number; blocks that fail their checksum are set aside.

        Parameters
        ----------
        cell : str
            Its id.

        Warns
        -----
        CorruptRecord
            Naming law, cell and block of every record set aside.
        """
        out: dict[int, Record] = {}
        with self._translated():
            rows = self._db.execute("SELECT block, payload, checksum, environment FROM blocks WHERE cell = ? "
                                    "ORDER BY block", (cell,)).fetchall()
            for block, payload, checksum, environment in rows:
                try:
                    if checksum != _checksum(cell, block, payload):
                        raise canonical.BadJson("the checksum does not match the content")
                    out[block] = Record(block, canonical.loads(payload), canonical.loads(environment))
                except (canonical.BadJson, TypeError) as problem:
                    self._set_aside(cell, block, str(problem))
        return out

    def timings(self, cell: str) -> tuple[tuple[int, int, float], ...]:
        """Return (block, draws, seconds) of every block of a cell, in order."""
        with self._translated():
            return tuple(self._db.execute("SELECT block, draws, seconds FROM blocks WHERE cell = ? ORDER BY block",
                                          (cell,)))

    def _set_aside(self, cell: str, block: int, reason: str) -> None:
        now = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with self._transaction():
            self._db.execute("INSERT INTO corrupt SELECT *, ?, ? FROM blocks WHERE cell = ? AND block = ?",
                             (now, reason, cell, block))
            self._db.execute("DELETE FROM blocks WHERE cell = ? AND block = ?", (cell, block))
        warnings.warn(CorruptRecord(f"cell {cell[:12]}, block {block} of {self.path} is corrupt ({reason}); it is set "
                                    "aside and will be computed again"), stacklevel=4)

    def corrupt(self) -> tuple[tuple[str, int, str], ...]:
        """Return (cell, block, reason) of every record set aside."""
        with self._translated():
            return tuple(self._db.execute("SELECT cell, block, reason FROM corrupt ORDER BY cell, block, found"))

    def cells(self, law: str) -> dict[str, dict[str, Any]]:
        """Return the cells of a law that have records, by id."""
        with self._translated():
            rows = self._db.execute("SELECT id, record FROM cells WHERE law = ? ORDER BY id", (law,)).fetchall()
        return {cell: canonical.loads(text) for cell, text in rows}

    def totals(self, law: str) -> Totals:
        """Return what a law has cost so far, over all its cells, current and stale."""
        with self._translated():
            draws, seconds, last, count = self._db.execute(
                "SELECT COALESCE(SUM(draws), 0), COALESCE(SUM(seconds), 0), MAX(created), COUNT(*) FROM blocks "
                "JOIN cells ON cells.id = blocks.cell WHERE law = ?", (law,)).fetchone()
        return Totals(int(draws), float(seconds), last, int(count))
