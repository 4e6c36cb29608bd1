"""How a worker learns at once that there may be work: a bell, and what rings it from other processes."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from typing import Any

import psycopg
import structlog
from sqlalchemy import Engine

from hub.store.database import Database, why
from hub.store.signals import CHANNEL

_log = structlog.get_logger(__name__)
_LOOK_SECONDS = 0.01
_LISTEN_SECONDS = 0.2
_AGAIN_SECONDS = 1.0


class Bell:
    """Rung by anyone, heard by one. A ring while nobody waits is heard by the next wait."""

    def __init__(self) -> None:
        self._rung = threading.Event()

    def ring(self) -> None:
        """Wake whoever waits, or will."""
        self._rung.set()

    def wait(self, seconds: float) -> bool:
        """Wait for a ring, at most so long; whether it rang."""
        rang = self._rung.wait(seconds)
        self._rung.clear()
        return rang


class Watcher:
    """A thread that rings the bell when another process may have made work ready."""

    def __init__(self, database: Database, bell: Bell) -> None:
        self._database, self._bell = database, bell
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="hub-watcher", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def stop(self) -> None:
        """Watch no more."""
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        watch = _watch_file if self._database.is_sqlite else _listen
        while not self._ended.is_set():
            try:
                watch(self._database.engine, self._bell, self._ended)
            except (sqlite3.Error, psycopg.Error) as error:
                _log.warning("wakeups.lost", error=type(error).__name__, **why(error))
                self._ended.wait(_AGAIN_SECONDS)
            self._bell.ring()


def _watch_file(engine: Engine, bell: Bell, ended: threading.Event) -> None:
    with closing(sqlite3.connect(engine.url.database or "")) as connection:
        seen: Any = None
        while not ended.wait(_LOOK_SECONDS):
            version = connection.execute("PRAGMA data_version").fetchone()
            if version != seen:
                bell.ring()
            seen = version


def _listen(engine: Engine, bell: Bell, ended: threading.Event) -> None:
    _, how = engine.dialect.create_connect_args(engine.url)
    with psycopg.connect(**how, autocommit=True) as connection:
        connection.execute(f"LISTEN {CHANNEL}")
        bell.ring()
        while not ended.is_set():
            for _ in connection.notifies(timeout=_LISTEN_SECONDS, stop_after=1):
                bell.ring()
