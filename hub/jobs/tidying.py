"""Tidying: rows that nobody will ask for again are forgotten, a handful at a time. Documents are never among them.

The times are the hub's own choice (2026-11): long enough to look into what happened, short enough that lists stay
quick. Those of `Retention` can be set. A document's journey, verdicts and deliveries live as long as the document.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from hub.domain.calendar import city_day
from hub.jobs.kinds import Job
from hub.jobs.names import APPLY, FETCH, PLAN, TELL
from hub.store import connections, incidents, messages, plans, replays, runs, users, volumes, work, workers
from hub.store.database import Database, now
from hub.store.work import WorkState

DONE_WORK = timedelta(days=2)
DEAD_WORK = timedelta(days=90)
RUNS = timedelta(days=180)
EVENTS = timedelta(days=400)
SESSIONS = timedelta(days=3)
WORKERS = timedelta(days=1)
VOLUMES = timedelta(days=800)
UNMADE_PLANS = timedelta(days=2)
"""Longer than planning may take: whoever made them is dead, and nobody has planned for their route since."""
UNENDED_RUN = timedelta(hours=1)
"""Longer than an attempt at a run may take: what has not ended by then, and waits for nothing, is dead."""

_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Retention:
    """How long what has ended is kept. Nothing that is open, held or waiting is ever old."""

    plans: timedelta = timedelta(days=400)
    incidents: timedelta = timedelta(days=400)
    messages: timedelta = timedelta(days=180)
    replays: timedelta = timedelta(days=400)


_Forget = Callable[[Connection, datetime], int]


def perform(database: Database, job: Job, kept: Retention) -> None:
    """Forget what is old enough."""
    for forget, age in (*_FORGETS, *_forgets(kept)):
        _all(database, job, forget, age)


def _forgets(kept: Retention) -> tuple[tuple[_Forget, timedelta], ...]:
    """Messages go before the incidents that they tell of."""
    return (
        (_plans, kept.plans),
        (_messages, kept.messages),
        (_incidents, kept.incidents),
        (_replays, kept.replays),
    )


def _all(database: Database, job: Job, forget: _Forget, age: timedelta) -> None:
    """Again and again, each time in a transaction of its own, until less than a full handful was found."""
    while True:
        job.beat()
        with database.write() as connection:
            found = forget(connection, now(connection) - age)
        if found < _AT_ONCE:
            return


def _done_work(connection: Connection, before: datetime) -> int:
    return work.forget_ended(connection, before, _AT_ONCE, (WorkState.DONE, WorkState.CANCELLED))


def _dead_work(connection: Connection, before: datetime) -> int:
    return work.forget_ended(connection, before, _AT_ONCE, (WorkState.DEAD,))


def _runs(connection: Connection, before: datetime) -> int:
    return runs.forget_before(connection, before, _AT_ONCE)


def _unended_runs(connection: Connection, before: datetime) -> int:
    return runs.interrupt(connection, before, (PLAN,))


def _events(connection: Connection, before: datetime) -> int:
    return connections.forget_events(connection, before, _AT_ONCE)


def _volumes(connection: Connection, before: datetime) -> int:
    return volumes.forget_before(connection, city_day(before))


def _settled_replays(connection: Connection, _before: datetime) -> int:
    return replays.settle(connection)


def _replays(connection: Connection, before: datetime) -> int:
    return replays.forget_before(connection, before, _AT_ONCE)


def _plans(connection: Connection, before: datetime) -> int:
    return plans.forget_before(connection, before, _AT_ONCE, (APPLY, FETCH))


def _unmade_plans(connection: Connection, before: datetime) -> int:
    return plans.forget_all_unmade(connection, before, _AT_ONCE)


def _messages(connection: Connection, before: datetime) -> int:
    return messages.forget_before(connection, before, _AT_ONCE, TELL)


def _incidents(connection: Connection, before: datetime) -> int:
    return incidents.forget_before(connection, before, _AT_ONCE)


def _once(forget: _Forget) -> _Forget:
    """For what is few: forgotten in one go."""

    def forget_all(connection: Connection, before: datetime) -> int:
        forget(connection, before)
        return 0

    return forget_all


_FORGETS: tuple[tuple[_Forget, timedelta], ...] = (
    (_done_work, DONE_WORK),
    (_dead_work, DEAD_WORK),
    (_runs, RUNS),
    (_events, EVENTS),
    (_once(_unended_runs), UNENDED_RUN),
    (_once(_volumes), VOLUMES),
    (_once(users.forget_sessions), SESSIONS),
    (_once(workers.forget_workers), WORKERS),
    (_once(_settled_replays), timedelta(0)),
    (_unmade_plans, UNMADE_PLANS),
)
