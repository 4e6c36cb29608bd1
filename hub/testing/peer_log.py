"""What a faulty peer remembers: every request it read and every change it took, committed before it answers."""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from hub.testing.faults import CHANGING, Fault

_TABLES = (
    "CREATE TABLE IF NOT EXISTS requests (number INTEGER PRIMARY KEY, at TEXT NOT NULL, method TEXT NOT NULL,"
    " path TEXT NOT NULL, key TEXT, fault TEXT NOT NULL)",
    "CREATE INDEX IF NOT EXISTS requests_like ON requests (path, method)",
    "CREATE TABLE IF NOT EXISTS changes (number INTEGER PRIMARY KEY, at TEXT NOT NULL, method TEXT NOT NULL,"
    " path TEXT NOT NULL, key TEXT, digest TEXT NOT NULL, body BLOB NOT NULL)",
    "CREATE INDEX IF NOT EXISTS changes_at ON changes (path)",
    "CREATE INDEX IF NOT EXISTS changes_of ON changes (key)",
)
_CHANGE = "SELECT number, at, method, path, key, digest, length(body) FROM changes"


@dataclass(frozen=True, slots=True)
class Accepted:
    """One change that was taken. `number` is how the peer knows it."""

    number: int
    at: datetime
    method: str
    path: str
    key: str | None
    digest: str
    size: int


@dataclass(frozen=True, slots=True)
class Requested:
    """One request that was read, and the fault that hit it."""

    number: int
    at: datetime
    method: str
    path: str
    key: str | None
    fault: Fault


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: what is asked for, under which key, with which body."""

    method: str
    path: str
    key: str | None
    body: bytes


class KeyReused(Exception):
    """The key was used before, for something else."""


class Log:
    """The log as its one writer has it; safe for many threads."""

    def __init__(self, file: Path, naive: bool) -> None:
        self._naive = naive
        self._turn = threading.Lock()
        self._database = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        for statement in ("PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", *_TABLES):
            self._database.execute(statement)

    def earlier(self, asked: Asked) -> int:
        """How many requests with that method and path were read before."""
        counted = "SELECT count(*) FROM requests WHERE path = ? AND method = ?"
        with self._turn:
            return int(self._database.execute(counted, (asked.path, asked.method)).fetchone()[0])

    def note(self, asked: Asked, fault: Fault) -> None:
        """Keep that it was asked, and what shall become of it."""
        row = (_now(), asked.method, asked.path, asked.key, fault.value)
        with self._turn:
            self._database.execute("INSERT INTO requests (at, method, path, key, fault) VALUES (?, ?, ?, ?, ?)", row)

    def take(self, asked: Asked) -> Accepted:
        """Make the change; where keys are honoured, the earlier one of the same key. Raises KeyReused."""
        with self._turn:
            earlier = None if self._naive else self._of_key(asked)
            return earlier or self._keep(asked)

    def standing(self, path: str) -> Accepted | None:
        """The last change at that path; None when nothing stands there."""
        with self._turn:
            row = self._database.execute(f"{_CHANGE} WHERE path = ? ORDER BY number DESC LIMIT 1", (path,)).fetchone()
        return None if row is None or row[2] == "DELETE" else _accepted(row)

    def _of_key(self, asked: Asked) -> Accepted | None:
        row = self._database.execute(f"{_CHANGE} WHERE key = ?", (asked.key,)).fetchone()
        if row is None:
            return None
        found = _accepted(row)
        if (found.path, found.digest) != (asked.path, digest_of(asked.body)):
            raise KeyReused(f"key {asked.key} was used for {found.method} {found.path}")
        return found

    def _keep(self, asked: Asked) -> Accepted:
        row = (_now(), asked.method, asked.path, asked.key, digest_of(asked.body), asked.body)
        kept = "INSERT INTO changes (at, method, path, key, digest, body) VALUES (?, ?, ?, ?, ?, ?)"
        number = self._database.execute(kept, row).lastrowid
        return _accepted(self._database.execute(f"{_CHANGE} WHERE number = ?", (number,)).fetchone())


# --- for whoever looks into it


def changes(file: Path) -> list[Accepted]:
    """Every change, in order."""
    return [_accepted(row) for row in _rows(file, f"{_CHANGE} ORDER BY number")]


def requests(file: Path) -> list[Requested]:
    """Every request, in order."""
    found = _rows(file, "SELECT number, at, method, path, key, fault FROM requests ORDER BY number")
    return [
        Requested(number, datetime.fromisoformat(at), method, path, key, Fault(fault))
        for number, at, method, path, key, fault in found
    ]


def bodies(file: Path) -> dict[str, bytes]:
    """What stands there now, by path."""
    standing: dict[str, bytes] = {}
    for method, path, body in _rows(file, "SELECT method, path, body FROM changes ORDER BY number"):
        standing.pop(path, None)
        if method in CHANGING - {"DELETE"}:
            standing[path] = body
    return standing


def digest_of(body: bytes) -> str:
    """The body's SHA-256 in hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def _rows(file: Path, statement: str) -> Sequence[tuple[Any, ...]]:
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
        return database.execute(statement).fetchall()


def _accepted(row: tuple[Any, ...]) -> Accepted:
    number, at, *rest = row
    return Accepted(number, datetime.fromisoformat(at), *rest)


def _now() -> str:
    return datetime.now(UTC).isoformat()
