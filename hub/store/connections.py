"""What happened on each connection: its last success and failure, its holds, its events and its volumes by the hour.

A connection's settings stand in the settings file; here stands only what was lived through.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Row, delete, func, literal, select, tuple_, update

from hub.domain.calendar import city_day
from hub.domain.suspicions import Suspicion
from hub.domain.texts import Text
from hub.store import breakers, plans, runs, tables, volumes, workers
from hub.store.breakers import Breaker
from hub.store.database import now
from hub.store.dialects import insert, insert_once
from hub.store.tables import Moment, connection_events, connection_hours, connections, work
from hub.store.work import WorkState

NEVER = datetime(1970, 1, 1, tzinfo=UTC)


class Happening(StrEnum):
    """What can happen on a connection; every one is counted by the hour.

    ARRIVED, DELIVERED and SET_ASIDE are counted in documents, APPLIED in changes made in a register.
    """

    ARRIVED = "arrived"
    DELIVERED = "delivered"
    SET_ASIDE = "set_aside"
    APPLIED = "applied"
    UNAVAILABLE = "unavailable"
    REFUSED = "refused"
    REJECTED = "rejected"
    BUG = "bug"
    LEFT = "left"
    RECOVERED = "recovered"
    SUSPICIOUS = "suspicious"
    STRANDED = "stranded"
    CHECKED = "checked"
    PAUSED = "paused"
    RESUMED = "resumed"


@dataclass(frozen=True, slots=True)
class Lived:
    """Everything known of how a connection has fared. `failures` counts those since the last success, `left_items` what
    the source held at its last pass that the hub cannot take.

    Told of all connections together only: `rejected_because` is why what it was last asked for was rejected as a whole,
    at `rejected_at`, `suspicions` are why its latest run or day is doubted, begun at `doubted_since`, `worker_seen_at`
    is when any worker was last alive (NEVER when there was none), and `held_plans`
    are the plans from it, or for it, that wait for a person, the first since `held_since`.
    """

    name: str
    paused_at: datetime | None = None
    paused_by: str | None = None
    refused_at: datetime | None = None
    refused_because: Text | None = None
    failing_since: datetime | None = None
    failures: int = 0
    last_failure: Text | None = None
    last_ok_at: datetime | None = None
    last_moved_at: datetime | None = None
    last_check_at: datetime | None = None
    last_check: Mapping[str, Any] | None = None
    left_items: int = 0
    rejected_at: datetime | None = None
    rejected_because: Text | None = None
    suspicions: tuple[Suspicion, ...] = ()
    doubted_since: datetime | None = None
    worker_seen_at: datetime | None = None
    breaker: Breaker | None = None
    held_plans: tuple[int, ...] = ()
    held_since: datetime | None = None


@dataclass(frozen=True, slots=True)
class ConnectionEvent:
    """Something that happened on a connection."""

    id: int
    at: datetime
    kind: Happening
    number: int
    details: Mapping[str, Any]


def lived(connection: Connection, name: str) -> Lived:
    """How the connection has fared; nothing at all when it is new."""
    row = connection.execute(select(connections).where(connections.c.name == name)).one_or_none()
    return Lived(name) if row is None else _lived(row)


def all_lived(connection: Connection) -> dict[str, Lived]:
    """How every connection that was ever used has fared, by name, and what is odd about how it fares."""
    seen = _worker_seen(connection)
    known_breakers = breakers.standing(connection)
    found = {
        row.name: replace(_lived(row), worker_seen_at=seen, breaker=known_breakers.get(row.name))
        for row in connection.execute(select(connections))
    }
    yesterday = city_day(now(connection)) - timedelta(days=1)
    for name, day in volumes.doubted(connection, yesterday).items():
        known = found.get(name, Lived(name, worker_seen_at=seen))
        found[name] = replace(known, suspicions=day.suspicions, doubted_since=volumes.begins(day.day))
    for name, run in runs.doubted(connection).items():
        found[name] = replace(found[name], suspicions=run.suspicions, doubted_since=run.started_at)
    for name, (at, why) in _rejections(connection, found).items():
        known = found.get(name, Lived(name, worker_seen_at=seen))
        found[name] = replace(known, rejected_at=at, rejected_because=why)
    for plan in plans.awaited(connection, limit=None):
        for name in {plan.source, plan.target}:
            known = found.get(name, Lived(name, worker_seen_at=seen))
            waiting = (*known.held_plans, plan.id)
            found[name] = replace(known, held_plans=waiting, held_since=known.held_since or plan.state_at)
    return found


def succeeded(
    connection: Connection, name: str, kind: Happening, number: int = 1, *, left: int = 0, counted: bool = False
) -> None:
    """The connection answered, and that many documents or changes moved (0: it was asked and had nothing).

    `left` is how many items it still holds that the hub cannot take; `counted` says that they were counted one by one.
    """
    failures = connection.execute(select(connections.c.failures).where(connections.c.name == name)).scalar()
    at = now(connection)
    values: dict[str, Any] = {"last_ok_at": at, "failures": 0, "failing_since": None, "left_items": left}
    if number:
        values["last_moved_at"] = at
    if number and not counted:
        count(connection, name, kind, number)
    if failures:
        event(connection, name, Happening.RECOVERED, details={"after": failures})
    _set(connection, name, values)
    breakers.note(connection, name, succeeded=True)


def failed(connection: Connection, name: str, kind: Happening, text: Text) -> None:
    """A call on the connection failed."""
    at = now(connection)
    said = {"sv": text.sv, "en": text.en}
    values: dict[str, Any] = {
        "failures": connections.c.failures + 1,
        "failing_since": func.coalesce(connections.c.failing_since, literal(at, Moment)),
        "last_failure": said,
    }
    if kind is Happening.REFUSED:
        values |= {"refused_at": at, "refused_because": said}
    _set(connection, name, values)
    event(connection, name, kind, details=said)
    if kind is Happening.UNAVAILABLE:
        breakers.note(connection, name, succeeded=False)


def rejected(connection: Connection, name: str, text: Text) -> None:
    """What the connection was asked for was rejected as a whole; until when that stands is told from its runs."""
    insert_once(connection, connections, {"name": name, "failures": 0})
    event(connection, name, Happening.REJECTED, details={"sv": text.sv, "en": text.en})


def pause(connection: Connection, name: str, by: str) -> None:
    """A person stops the connection."""
    _set(connection, name, {"paused_at": now(connection), "paused_by": by})
    event(connection, name, Happening.PAUSED, details={"by": by})


def resume(connection: Connection, name: str, by: str) -> None:
    """A person lets the connection go on: a pause ends, a refusal is taken as mended."""
    ended = {"paused_at": None, "paused_by": None, "refused_at": None, "refused_because": None}
    _set(connection, name, ended)
    event(connection, name, Happening.RESUMED, details={"by": by})


def checked(connection: Connection, name: str, passed: bool, report: Mapping[str, Any]) -> None:
    """Keep the result of a check."""
    _set(connection, name, {"last_check_at": now(connection), "last_check": {"passed": passed, **report}})
    event(connection, name, Happening.CHECKED, details={"passed": passed})


def event(
    connection: Connection,
    name: str,
    kind: Happening,
    number: int = 1,
    details: Mapping[str, Any] | None = None,
    about: str | None = None,
) -> None:
    """Write down something that happened, and the digest of the subject that it is `about`."""
    row = {"connection": name, "at": now(connection), "kind": kind.value, "number": number, "details": details or {}}
    connection.execute(connection_events.insert().values(row | {"about": about}))
    count(connection, name, kind, number)


def event_once(connection: Connection, name: str, kind: Happening, *, about: str, details: Mapping[str, Any]) -> None:
    """Write down something that happened, unless that kind is written of that subject, whatever its length, already."""
    digest = sha256(about.encode("utf-8", "backslashreplace")).hexdigest()
    same = connection_events.c.about == digest, connection_events.c.connection == name
    told = select(connection_events.c.id).where(*same, connection_events.c.kind == kind.value).limit(1)
    if connection.execute(told).first() is None:
        event(connection, name, kind, details=details, about=digest)


def count(connection: Connection, name: str, kind: Happening, number: int) -> None:
    """Add to this hour's count."""
    hour = now(connection).replace(minute=0, second=0, microsecond=0)
    row = {"connection": name, "hour": hour, "kind": kind.value, "number": number}
    added = insert(connection, connection_hours).values(row)
    together = connection_hours.c.number + added.excluded.number
    keys = ["connection", "hour", "kind"]
    connection.execute(added.on_conflict_do_update(index_elements=keys, set_={"number": together}))


def events(connection: Connection, name: str, *, before: int | None = None, limit: int = 100) -> list[ConnectionEvent]:
    """What happened on the connection, newest first, from before the event with the id `before`."""
    wanted = select(connection_events).where(connection_events.c.connection == name)
    if before is not None:
        earlier = select(connection_events.c.at).where(connection_events.c.id == before).scalar_subquery()
        wanted = wanted.where(tuple_(connection_events.c.at, connection_events.c.id) < tuple_(earlier, before))
    found = connection.execute(
        wanted.order_by(connection_events.c.at.desc(), connection_events.c.id.desc()).limit(limit)
    )
    return [ConnectionEvent(row.id, row.at, Happening(row.kind), row.number, row.details) for row in found]


def forget_events(connection: Connection, before: datetime, limit: int) -> int:
    """Forget, at most `limit` of them, events older than that; how many it was. What was counted by the hour stays."""
    old = select(connection_events.c.id).where(connection_events.c.at < before)
    old = old.order_by(connection_events.c.id).limit(limit)
    forgotten = delete(connection_events).where(connection_events.c.id.in_(old.scalar_subquery()))
    return connection.execute(forgotten).rowcount


def hours(connection: Connection, name: str, since: datetime) -> dict[tuple[datetime, Happening], int]:
    """What was counted in each hour from `since` on."""
    wanted = select(connection_hours).where(connection_hours.c.connection == name, connection_hours.c.hour >= since)
    return {(row.hour, Happening(row.kind)): row.number for row in connection.execute(wanted)}


def all_hours(connection: Connection, since: datetime) -> dict[tuple[datetime, Happening], int]:
    """What was counted in each hour from `since` on, over all connections together."""
    summed = (
        select(connection_hours.c.hour, connection_hours.c.kind, func.sum(connection_hours.c.number))
        .where(connection_hours.c.hour >= since)
        .group_by(connection_hours.c.hour, connection_hours.c.kind)
    )
    return {(hour, Happening(kind)): int(number) for hour, kind, number in connection.execute(summed)}


def moved_since(connection: Connection, since: datetime) -> dict[Happening, int]:
    """How much was counted on all connections from `since` on."""
    summed = (
        select(connection_hours.c.kind, func.sum(connection_hours.c.number))
        .where(connection_hours.c.hour >= since)
        .group_by(connection_hours.c.kind)
    )
    return {Happening(kind): int(number) for kind, number in connection.execute(summed)}


def _rejections(connection: Connection, known: Mapping[str, Lived]) -> dict[str, tuple[datetime, Text]]:
    """By connection, when and why its last pass was rejected, and nothing has succeeded since.

    A pull is told by itself, whatever else the connection was pulled for since; of other passes the newest counts, if
    it came neither to an extract nor to a plan: those tell why by themselves.
    """
    passes = tables.runs.c
    is_rejected = select(passes.connection, passes.ended_at, passes.failure).where(passes.outcome == "rejected")
    pulled = is_rejected.join(tables.pulls, tables.pulls.c.run_id == passes.id).where(tables.pulls.c.ended_at.is_(None))
    newest = runs.newest_ended(connection)
    latest = is_rejected.where(passes.id.in_(newest), passes.document_id.is_(None), passes.plan_id.is_(None))
    found = {
        name: (at, _text(failure) or Text("Avvisad", "Rejected"))
        for name, at, failure in connection.execute(latest)
        if at > (known.get(name, Lived(name)).last_ok_at or NEVER)
    }
    for name, at, failure in connection.execute(pulled.order_by(passes.id)):
        found[name] = (at, _text(failure) or Text("Avvisad", "Rejected"))
    return found


def _worker_seen(connection: Connection) -> datetime:
    """When some worker was last alive for certain: it told so itself, or ended a piece of work before it left."""
    done = select(func.max(work.c.ended_at)).where(work.c.state == WorkState.DONE, work.c.ended_at.is_not(None))
    ended: datetime | None = connection.execute(done).scalar_one_or_none()
    return max([each.seen_at for each in workers.all_workers(connection)] + ([ended] if ended else [NEVER]))


def _set(connection: Connection, name: str, values: Mapping[str, Any]) -> None:
    insert_once(connection, connections, {"name": name, "failures": 0})
    connection.execute(update(connections).where(connections.c.name == name).values(values))


def _text(kept: Mapping[str, str] | None) -> Text | None:
    return None if kept is None else Text(kept["sv"], kept["en"])


def _lived(row: Row[Any]) -> Lived:
    values = row._asdict()
    values["refused_because"] = _text(row.refused_because)
    values["last_failure"] = _text(row.last_failure)
    return Lived(**values)
