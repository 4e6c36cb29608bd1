"""One scheduler decides for all machines: it leads as long as its session holds an advisory lock of PostgreSQL.

Whoever leads decides in the very session that holds the lock. When the session ends, because the process died, its
host vanished or the link was cut, the lock is free and the next one who asks takes it; what the old leader was
writing cannot be committed any more. A leader takes a turn every second; the session of one that stands still for
long is ended by PostgreSQL. Should two ever believe they lead, no harm is done either: claims are made one at a time
under the claimers' lock, so nothing is dispatched twice and no limit is passed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import structlog
from sqlalchemy import Connection, bindparam, func, select
from sqlalchemy.exc import SQLAlchemyError

from hub.store.database import Database

_log = structlog.get_logger(__name__)
LEADERS_LOCK = 7_204_063
"""The key of the advisory lock: whose session holds it, leads."""

STANDS_STILL = "10s"
"""How long the leader may say nothing before PostgreSQL (14 or later) ends its session; our own choice, 2026-11."""

_AGAIN_SECONDS = 1.0


class Leadership:
    """The wish to lead, of one process; used by one thread at a time."""

    def __init__(self, database: Database, name: str) -> None:
        self._database, self._name = database, name
        self._session: Connection | None = None
        self._resigned = False
        self._next = 0.0

    @property
    def leads(self) -> bool:
        """Whether it led when it last looked."""
        return self._session is not None

    @contextmanager
    def deciding(self) -> Iterator[Connection | None]:
        """A transaction in the leader's session; None when another leads. Whatever is raised ends the leadership."""
        session = self._session or self._ask()
        if session is None:
            yield None
            return
        try:
            with session.begin():
                yield session
        except BaseException:
            self._let_go()
            raise

    def resign(self) -> None:
        """Lead no more, and never again."""
        self._resigned = True
        self._let_go()

    def _ask(self) -> Connection | None:
        if self._resigned or time.monotonic() < self._next:
            return None
        self._next = time.monotonic() + _AGAIN_SECONDS
        session = self._database.engine.connect()
        try:
            with session.begin():
                leads = session.scalar(select(func.pg_try_advisory_lock(LEADERS_LOCK)))
                if leads:
                    session.execute(_END_WHEN_STILL, {"after": STANDS_STILL})
        except BaseException:
            _end(session)
            raise
        if not leads:
            session.close()
            return None
        _log.info("leading.begun", worker=self._name)
        self._session = session
        return session

    def _let_go(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            _end(session)
            _log.info("leading.ended", worker=self._name)


_END_WHEN_STILL = select(
    func.set_config("idle_session_timeout", bindparam("after"), False),
    func.set_config("idle_in_transaction_session_timeout", bindparam("after"), False),
)


def _end(session: Connection) -> None:
    """Close the session itself and not only our use of it: with it goes the lock."""
    with suppress(SQLAlchemyError):
        session.invalidate()
    with suppress(SQLAlchemyError):
        session.close()
