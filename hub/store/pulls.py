"""Pulls: how far each noun of each connection was read, and from where the next pull asks.

The mark moves only in the transaction that ends a pull, the cursor in each that keeps a page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, select, update

from hub.store.database import now
from hub.store.dialects import insert_once
from hub.store.tables import pulls, runs

READ, READ_ALL = "!", "="
"""What the cursor begins with once the last page is kept, the second when it said that everything came; the mark
follows it."""


@dataclass(frozen=True, slots=True)
class Pull:
    """The latest pull. `number` counts them; `whole` says that it reads everything, not what changed.

    `ended_at` is None while it goes on: then `cursor` says where, and `run_id` in which run. `complete_at` is when
    one, this or one before, was last read to its end. One that is `rejected` ended without that.
    """

    connection: str
    noun: str
    number: int = 0
    mark: str = ""
    cursor: str = ""
    whole: bool = True
    run_id: int | None = None
    counts: Mapping[str, int] | None = None
    ended_at: datetime | None = None
    complete_at: datetime | None = None
    rejected: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether it was begun and has not ended."""
        return self.number > 0 and self.ended_at is None

    @property
    def is_read(self) -> bool:
        """Whether its last page is kept."""
        return self.cursor.startswith((READ, READ_ALL))


def get(connection: Connection, source: str, noun: str) -> Pull:
    """The latest pull of that noun from there; number 0 where there never was one."""
    these = (pulls.c.connection == source) & (pulls.c.noun == noun)
    row = connection.execute(select(pulls).where(these)).one_or_none()
    return Pull(source, noun) if row is None else Pull(**row._asdict())


def every(connection: Connection) -> list[Pull]:
    """The latest pull of each noun of each connection, as it is told: one whose run was rejected has ended with it."""
    ended = select(runs.c.ended_at).where(runs.c.id == pulls.c.run_id, runs.c.outcome == "rejected").scalar_subquery()
    wanted = select(pulls, ended.label("rejected_at")).order_by(pulls.c.connection, pulls.c.noun)
    return [_told(**row._asdict()) for row in connection.execute(wanted)]


def ended_last(connection: Connection, noun: str) -> datetime | None:
    """When that noun was last pulled to the end, from wherever."""
    wanted = select(pulls.c.complete_at).where(pulls.c.noun == noun, pulls.c.complete_at.is_not(None))
    return connection.execute(wanted.order_by(pulls.c.complete_at.desc()).limit(1)).scalar_one_or_none()


def begin(connection: Connection, last: Pull, run_id: int, *, whole: bool) -> Pull:
    """A new pull begins after the last one, from its mark or, when it reads the whole, from nothing."""
    key = {"connection": last.connection, "noun": last.noun}
    fresh: dict[str, Any] = {
        "number": last.number + 1,
        "cursor": "",
        "whole": whole or not last.mark,
        "run_id": run_id,
        "counts": {},
        "ended_at": None,
    }
    if not insert_once(connection, pulls, key | fresh | {"mark": ""}):
        _set(connection, last, fresh)
    return get(connection, last.connection, last.noun)


def go_on(connection: Connection, pull: Pull, run_id: int) -> Pull:
    """A pull that was broken off goes on from its cursor, in a run of its own."""
    _set(connection, pull, {"run_id": run_id})
    return get(connection, pull.connection, pull.noun)


def advance(connection: Connection, before: str, pull: Pull, cursor: str, counts: Mapping[str, int]) -> bool:
    """A page is kept: go on from there after it. False, and nothing written, when somebody else has gone further."""
    step = update(pulls).where(_is_open(pull), pulls.c.cursor == before)
    return connection.execute(step.values(cursor=cursor, counts=dict(counts))).rowcount == 1


def end(connection: Connection, pull: Pull, mark: str) -> bool:
    """Everything is kept: the next pull asks from that mark. False when that one goes on no more."""
    at = now(connection)
    values = {"mark": mark or pull.mark, "cursor": "", "ended_at": at, "complete_at": at}
    return connection.execute(update(pulls).where(_is_open(pull)).values(values)).rowcount == 1


def _told(*, rejected_at: datetime | None, **values: Any) -> Pull:
    pull = Pull(**values)
    return replace(pull, ended_at=rejected_at, rejected=rejected_at is not None) if pull.goes_on else pull


def _is_open(pull: Pull) -> ColumnElement[bool]:
    """That it is this very pull, and has not ended."""
    this = pulls.c.connection == pull.connection, pulls.c.noun == pull.noun, pulls.c.number == pull.number
    return and_(*this, pulls.c.ended_at.is_(None))


def _set(connection: Connection, pull: Pull, values: Mapping[str, Any]) -> None:
    these = (pulls.c.connection == pull.connection) & (pulls.c.noun == pull.noun)
    connection.execute(update(pulls).where(these).values(values))
