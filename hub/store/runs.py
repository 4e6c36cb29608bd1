"""Runs: each pass of a route over one source, with what it brought, how far it came and what is odd about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, select, union_all, update

from hub.domain.calendar import city_day
from hub.domain.suspicions import Suspicion
from hub.store import work
from hub.store.database import now
from hub.store.plans import OPEN
from hub.store.tables import connections, plans, runs

LANDED = "land"
"""The stage of a pass whose extract is landed and waits to be planned."""

SUSPICIOUS = "suspicious"
"""The outcome that is told as: succeeded, suspicious."""

_LOOKED_BACK = 5_000
OUTCOMES = ("succeeded", SUSPICIOUS, "nothing", "unavailable", "refused", "rejected", "failed", "interrupted")


@dataclass(frozen=True, slots=True)
class Run:
    """One pass. `outcome` is None while it goes on, then one of OUTCOMES; `stage` is how far it has come.

    A rehearsal applies nothing. `plan_id` and `document_id` are the plan and the landed extract of a register's run.
    `normal_by` is who said of a suspicious one that it is as it should be.
    """

    id: int
    route: str
    connection: str
    cause: str
    by: str | None
    started_at: datetime
    ended_at: datetime | None
    outcome: str | None
    counts: Mapping[str, int]
    failure: Mapping[str, str] | None
    rehearsal: bool = False
    stage: str | None = None
    document_id: int | None = None
    plan_id: int | None = None
    suspicions: tuple[Suspicion, ...] = ()
    normal_by: str | None = None
    normal_at: datetime | None = None
    work_id: int | None = None

    @property
    def is_doubted(self) -> bool:
        """Whether it is suspicious and nobody has said that it is as it should be."""
        return self.outcome == SUSPICIOUS and self.normal_by is None

    @property
    def took(self) -> timedelta | None:
        """How long it took; None while it goes on."""
        return self.ended_at - self.started_at if self.ended_at else None


def begin(
    connection: Connection,
    route: str,
    source: str,
    cause: str,
    by: str | None = None,
    rehearsal: bool = False,
    work_id: int | None = None,
) -> int:
    """A pass begins; its id. `cause` is schedule, person or message, `work_id` the work that carries it out."""
    row: dict[str, Any] = {
        "route": route,
        "connection": source,
        "cause": cause,
        "by": by,
        "started_at": now(connection),
        "counts": {},
        "rehearsal": rehearsal,
        "work_id": work_id,
    }
    made = connection.execute(runs.insert().values(row).returning(runs.c.id))
    return int(made.scalar_one())


def at_stage(
    connection: Connection, run_id: int, stage: str, plan_id: int | None = None, document_id: int | None = None
) -> None:
    """The pass has come to that stage; a plan or a landed document that is named stays with it."""
    named = {"plan_id": plan_id, "document_id": document_id}
    values = {"stage": stage} | {name: value for name, value in named.items() if value is not None}
    connection.execute(update(runs).where(runs.c.id == run_id).values(values))


def hand_over(connection: Connection, route: str, source: str, document_id: int, fetched_in: int | None) -> int:
    """The pass that has just landed that extract goes on with it, and is no more its fetching's to end; its id.

    An extract that came by itself, as a message or by a replay, was fetched in none and gets a pass of its own; so does
    one that is fetched in a pass that goes on with an earlier one already.
    """
    landing = runs.c.ended_at.is_(None), runs.c.stage.is_(None) | (runs.c.stage == LANDED)
    wanted = select(runs.c.id).where(runs.c.id == fetched_in, *landing)
    found: int | None = connection.execute(wanted).scalar_one_or_none()
    run_id = begin(connection, route, source, "message") if found is None else found
    at_stage(connection, run_id, LANDED, document_id=document_id)
    return run_id


def take_up(connection: Connection, route: str, source: str, document_id: int) -> int:
    """The pass over that landed extract that has not ended, else one that begins now; its id."""
    going = runs.c.route == route, runs.c.connection == source, runs.c.ended_at.is_(None)
    wanted = select(runs.c.id).where(*going, runs.c.document_id == document_id).order_by(runs.c.id.desc()).limit(1)
    found: int | None = connection.execute(wanted).scalar_one_or_none()
    run_id = begin(connection, route, source, "message") if found is None else found
    at_stage(connection, run_id, LANDED, document_id=document_id)
    return run_id


def find(connection: Connection, run_id: int) -> Run | None:
    """The pass with that id."""
    row = connection.execute(select(runs).where(runs.c.id == run_id)).one_or_none()
    return None if row is None else _run(row)


def latest(connection: Connection) -> int:
    """The id of the newest pass, 0 when there was none."""
    newest: int = connection.execute(select(func.coalesce(func.max(runs.c.id), 0))).scalar_one()
    return newest


def forget(connection: Connection, run_id: int) -> None:
    """Leave no trace of a pass."""
    connection.execute(delete(runs).where(runs.c.id == run_id))


def forget_before(connection: Connection, before: datetime, limit: int) -> int:
    """Forget, at most `limit` of them, passes that began before that time and have ended; how many it was."""
    ended = runs.c.started_at < before, runs.c.ended_at.is_not(None)
    old = select(runs.c.id).where(*ended).order_by(runs.c.id).limit(limit)
    return connection.execute(delete(runs).where(runs.c.id.in_(old.scalar_subquery()))).rowcount


def interrupt(connection: Connection, begun_before: datetime, kinds: Collection[str]) -> int:
    """End passes that began before that time and never ended: their process died. How many there were.

    A pass that unended work of those kinds names has not died, nor one whose plan is open: it waits for its lane, for
    its target or for a person, however long.
    """
    open_plans = select(plans.c.run_id).where(plans.c.state.in_(OPEN), plans.c.run_id.is_not(None))
    alive = runs.c.id.in_(work.named(connection, kinds, "run")) | runs.c.id.in_(open_plans)
    dead = update(runs).where(runs.c.ended_at.is_(None), runs.c.started_at < begun_before, ~alive)
    return connection.execute(dead.values(ended_at=now(connection), outcome="interrupted")).rowcount


def progress(connection: Connection, run_id: int, counts: Mapping[str, int]) -> None:
    """How far the pass has come."""
    connection.execute(update(runs).where(runs.c.id == run_id).values(counts=dict(counts)))


def end(
    connection: Connection,
    run_id: int,
    outcome: str,
    counts: Mapping[str, int],
    failure: Mapping[str, str] | None = None,
    suspicions: Iterable[Suspicion] = (),
) -> None:
    """The pass is over. One that succeeded, or had nothing to do, is suspicious when there are suspicions."""
    doubts = [each.as_json() for each in suspicions]
    told = SUSPICIOUS if doubts and outcome in {"succeeded", "nothing"} else outcome
    values = {"ended_at": now(connection), "outcome": told, "counts": dict(counts), "failure": failure}
    connection.execute(update(runs).where(runs.c.id == run_id).values(**values, suspicions=doubts or None))


def page(
    connection: Connection,
    *,
    route: str | None = None,
    source: str | None = None,
    outcome: str | None = None,
    cause: str | None = None,
    before: int | None = None,
    limit: int = 50,
) -> list[Run]:
    """Runs, newest first, from below the id `before`. The outcome `going` asks for those that have not ended."""
    wanted = select(runs)
    for column, value in ((runs.c.route, route), (runs.c.connection, source), (runs.c.cause, cause)):
        if value is not None:
            wanted = wanted.where(column == value)
    if outcome is not None:
        wanted = wanted.where(runs.c.outcome.is_(None) if outcome == "going" else runs.c.outcome == outcome)
    if before is not None:
        wanted = wanted.where(runs.c.id < before)
    return [_run(row) for row in connection.execute(wanted.order_by(runs.c.id.desc()).limit(limit))]


def of_work(connection: Connection, work_id: int) -> list[Run]:
    """The passes that a piece of work made, one for each attempt, newest first."""
    wanted = select(runs).where(runs.c.work_id == work_id).order_by(runs.c.id.desc()).limit(50)
    return [_run(row) for row in connection.execute(wanted)]


def begun_between(connection: Connection, since: datetime, until: datetime) -> list[Run]:
    """Every pass that began in that time, oldest first."""
    wanted = select(runs).where(runs.c.started_at >= since, runs.c.started_at < until)
    return [_run(row) for row in connection.execute(wanted.order_by(runs.c.started_at, runs.c.id))]


def comparable(
    connection: Connection, route: str, source: str, times: Sequence[datetime], apart: timedelta
) -> list[Run]:
    """Of each of those times, one a day, the pass that began nearest to it on its day, at most that far apart.

    It is of that route over that source, ended well and is doubted by nobody. One that a person has called normal goes
    before a nearer one. Rehearsals are not among them, nor what a person asked for.
    """
    if not times:
        return []
    wanted = {city_day(each): each for each in times}
    nearest: dict[date, tuple[bool, timedelta, int]] = {}
    near = (_well_between(route, source, each - apart, each + apart) for each in times)
    for row in connection.execute(union_all(*near)):
        day = city_day(row.started_at)
        if day in wanted:
            told = (row.normal_by is None, abs(row.started_at - wanted[day]), row.id)
            nearest[day] = min(told, nearest.get(day, told))
    if not nearest:
        return []
    found = select(runs).where(runs.c.id.in_([run_id for *_, run_id in nearest.values()]))
    return [_run(row) for row in connection.execute(found.order_by(runs.c.started_at))]


def _well_between(
    route: str, source: str, since: datetime, until: datetime
) -> Select[tuple[int, datetime, str | None]]:
    begun = select(runs.c.id, runs.c.started_at, runs.c.normal_by).where(
        runs.c.connection == source, runs.c.started_at.between(since, until)
    )
    well = runs.c.outcome.in_(("succeeded", "nothing")) | runs.c.normal_by.is_not(None)
    return begun.where(runs.c.route == route, runs.c.cause == "schedule", runs.c.rehearsal.is_(False), well)


def is_alone(connection: Connection, run: Run) -> bool:
    """Whether no other pass over the same source was under way at any time since that one began."""
    others = select(runs.c.id).where(runs.c.connection == run.connection, runs.c.id != run.id)
    others = others.where(runs.c.id > run.id - _LOOKED_BACK)
    beside = others.where(runs.c.ended_at.is_(None) | (runs.c.ended_at >= run.started_at))
    return connection.execute(beside.limit(1)).first() is None


def doubted(connection: Connection) -> dict[str, Run]:
    """By connection, its latest pass where that is suspicious and nobody has said that it is as it should be."""
    these = select(runs).where(runs.c.id.in_(newest_ended(connection)))
    odd = these.where(runs.c.normal_by.is_(None), func.coalesce(runs.c.outcome, "") == SUSPICIOUS)
    return {row.connection: _run(row) for row in connection.execute(odd)}


def newest_ended(connection: Connection) -> list[int]:
    """The newest pass of each connection that has ended.

    By `between` and its order it is found through the index of connections alone: asked for by equality, PostgreSQL
    goes back through all passes for a connection that has none.
    """
    name = connections.c.name
    ended = select(runs.c.id).where(runs.c.connection.between(name, name), runs.c.outcome.is_not(None))
    newest = ended.order_by(runs.c.connection.desc(), runs.c.id.desc()).limit(1).correlate(connections)
    found = connection.execute(select(newest.scalar_subquery()).select_from(connections)).scalars()
    return [each for each in found if each is not None]


def say_normal(connection: Connection, run_id: int, by: str) -> bool:
    """A person says of a suspicious pass that it is as it should be; whether it was doubted."""
    this = update(runs).where(runs.c.id == run_id, runs.c.outcome == SUSPICIOUS, runs.c.normal_by.is_(None))
    return connection.execute(this.values(normal_by=by, normal_at=now(connection))).rowcount == 1


def _run(row: Row[Any]) -> Run:
    values = row._asdict()
    values["suspicions"] = tuple(Suspicion.read(each) for each in row.suspicions or ())
    return Run(**values)
