"""Incidents: one trouble told once, open to closed, with all that happened in it.

Exactly one is open for a fingerprint: `open_key` is unique and empty once an incident is closed. Which connections an
incident is about stands in its events too, so that a connection's last incident is found by an index.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, exists, func, or_, select, text, update

from hub.domain.documents import DocumentState
from hub.domain.texts import Text
from hub.store import plans
from hub.store.connections import Happening
from hub.store.database import now
from hub.store.dialects import insert_once
from hub.store.forgetting import forget
from hub.store.tables import (
    connection_events,
    deliveries,
    documents,
    incident_events,
    incidents,
    invoices,
    messages,
    replays,
    set_asides,
)

FAILURES = (Happening.UNAVAILABLE, Happening.REFUSED, Happening.BUG)
_LOCK = 4_711_202_611


class IncidentEventKind(StrEnum):
    """What can happen in an incident."""

    OPENED = "opened"
    JOINED = "joined"
    REOPENED = "reopened"
    TOLD = "told"
    UNTOLD = "untold"
    REPAIR_BEGUN = "repair_begun"
    REPAIR_CHECKED = "repair_checked"
    REPAIR_RELEASED = "repair_released"
    REPAIR_REPLAYED = "repair_replayed"
    REPAIR_ENDED = "repair_ended"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Scope:
    """What an incident is about: its connections, their hosts, and the causes that were met."""

    connections: tuple[str, ...]
    hosts: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()

    def with_more(self, connection: str, host: str, cause: str) -> Scope:
        """The scope with one more connection in it."""
        return Scope(
            _with(self.connections, connection),
            _with(self.hosts, host) if host else self.hosts,
            _with(self.causes, cause),
        )


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as it stands. `since` is when its first failure began, `seen_at` when it last was in trouble.

    `closed_by` is empty when it closed by itself.
    """

    id: int
    fingerprint: str
    kind: str
    title: Text
    scope: Scope
    since: datetime
    opened_at: datetime
    seen_at: datetime
    failures: int
    closed_at: datetime | None = None
    closed_by: str | None = None


@dataclass(frozen=True, slots=True)
class IncidentEvent:
    """Something that happened in an incident."""

    id: int
    at: datetime
    kind: IncidentEventKind
    connection: str | None
    details: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits behind connections: how many invoices, how many of them due that day and before, and their value.

    `worth` is by currency, credit notes left out; `by_connection` tells how many wait for each.
    """

    invoices: int = 0
    due_today: int = 0
    overdue: int = 0
    worth: Mapping[str, Decimal] = field(default_factory=dict)
    by_connection: Mapping[str, int] = field(default_factory=dict)

    @property
    def pressing(self) -> bool:
        """Whether something waits that is due already."""
        return bool(self.due_today or self.overdue)


@dataclass(frozen=True, slots=True)
class Failures:
    """How many failures there were, and when the last was."""

    number: int
    last: datetime | None


# --- one at a time


def lock(connection: Connection) -> None:
    """Let nobody else look for incidents until this transaction ends; SQLite has one writer at a time anyway."""
    if connection.dialect.name != "sqlite":
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})


def begin(connection: Connection, fingerprint: str, kind: str, title: Text, scope: Scope, since: datetime) -> Incident:
    """Open an incident; the one that is open under that fingerprint already, if any is."""
    at = now(connection)
    row = {
        "fingerprint": fingerprint,
        "open_key": fingerprint,
        "kind": kind,
        "title": _written(title),
        "scope": _scope_written(scope),
        "since": since,
        "opened_at": at,
        "seen_at": at,
        "failures": 0,
    }
    is_new = insert_once(connection, incidents, row)
    found = _one(connection, select(incidents).where(incidents.c.open_key == fingerprint))
    if found is None:
        raise LookupError(f"the incident {fingerprint} was neither opened nor open")
    if is_new:
        note(connection, found.id, IncidentEventKind.OPENED)
    return found


def widen(connection: Connection, incident_id: int, scope: Scope, title: Text) -> None:
    """The incident is about more than it was."""
    _set(connection, incident_id, scope=_scope_written(scope), title=_written(title))


def seen(connection: Connection, incident_id: int, at: datetime, failures: int) -> None:
    """The incident was in trouble at that time, after so many failures in all."""
    _set(connection, incident_id, seen_at=at, failures=failures)


def close(connection: Connection, incident_id: int, by: str = "", details: Mapping[str, Any] | None = None) -> bool:
    """Close the incident; `by` is empty when it closes by itself. False when it was closed already."""
    this = update(incidents).where(incidents.c.id == incident_id, incidents.c.closed_at.is_(None))
    if not connection.execute(this.values(closed_at=now(connection), closed_by=by, open_key=None)).rowcount:
        return False
    note(connection, incident_id, IncidentEventKind.CLOSED, details={"by": by, **(details or {})})
    return True


def reopen(connection: Connection, incident: Incident) -> None:
    """The same trouble is back: the incident is open again."""
    _set(
        connection, incident.id, closed_at=None, closed_by=None, open_key=incident.fingerprint, seen_at=now(connection)
    )
    note(connection, incident.id, IncidentEventKind.REOPENED)


def note(
    connection: Connection,
    incident_id: int,
    kind: IncidentEventKind,
    connection_name: str | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """Write down something that happened in the incident."""
    row = {"incident_id": incident_id, "at": now(connection), "kind": kind.value, "connection": connection_name}
    connection.execute(incident_events.insert().values(row | {"details": dict(details or {})}))


def forget_before(connection: Connection, before: datetime, limit: int) -> int:
    """Forget incidents that were closed before then, their events first, at most `limit` rows; how many it was.

    One that messages tell of stays as long as they do.
    """
    told = exists().where(messages.c.incident_id == incidents.c.id)
    old = select(incidents.c.id).where(incidents.c.closed_at < before, ~told)
    of_old = select(incident_events.c.id).where(incident_events.c.incident_id.in_(old))
    return forget(connection, limit, (incident_events, of_old), (incidents, old))


# --- looking


def get(connection: Connection, incident_id: int) -> Incident | None:
    """The incident with that id."""
    return _one(connection, select(incidents).where(incidents.c.id == incident_id))


def all_open(connection: Connection) -> list[Incident]:
    """Every open incident, the oldest first."""
    wanted = select(incidents).where(incidents.c.closed_at.is_(None)).order_by(incidents.c.id)
    return [_incident(row) for row in connection.execute(wanted)]


def closed(connection: Connection, *, before: int | None = None, limit: int = 50) -> list[Incident]:
    """Closed incidents, the latest opened first, from before the one with the id `before`."""
    wanted = select(incidents).where(incidents.c.closed_at.is_not(None))
    if before is not None:
        wanted = wanted.where(incidents.c.id < before)
    return [_incident(row) for row in connection.execute(wanted.order_by(incidents.c.id.desc()).limit(limit))]


def last_of(connection: Connection, connection_name: str) -> Incident | None:
    """The latest incident that the connection was part of."""
    met = select(func.max(incident_events.c.incident_id)).where(incident_events.c.connection == connection_name)
    return _one(connection, select(incidents).where(incidents.c.id == met.scalar_subquery()))


def last_under(connection: Connection, fingerprint: str) -> Incident | None:
    """The latest incident with that fingerprint."""
    same = select(incidents).where(incidents.c.fingerprint == fingerprint)
    return _one(connection, same.order_by(incidents.c.id.desc()).limit(1))


def events(connection: Connection, incident_id: int) -> list[IncidentEvent]:
    """All that happened in the incident, first to last."""
    wanted = select(incident_events).where(incident_events.c.incident_id == incident_id).order_by(incident_events.c.id)
    return [
        IncidentEvent(row.id, row.at, IncidentEventKind(row.kind), row.connection, row.details)
        for row in connection.execute(wanted)
    ]


def failures_of(connection: Connection, names: Collection[str], since: datetime) -> Failures:
    """The failures of those connections from that time on."""
    counted = select(func.count(), func.max(connection_events.c.at)).where(*_failing(names, since))
    number, last = connection.execute(counted).one()
    return Failures(number, last)


def failure_times(
    connection: Connection, names: Collection[str], since: datetime, until: datetime, limit: int
) -> Iterator[datetime]:
    """When those connections failed, from the first time on, at most so many."""
    wanted = select(connection_events.c.at).where(*_failing(names, since), connection_events.c.at <= until)
    yield from connection.execute(wanted.order_by(connection_events.c.at).limit(limit)).scalars()


def last_failure_kind(connection: Connection, connection_name: str) -> Happening | None:
    """What sort of failure the connection's last was."""
    kinds = [kind.value for kind in FAILURES]
    wanted = select(connection_events.c.kind).where(
        connection_events.c.connection == connection_name, connection_events.c.kind.in_(kinds)
    )
    last = wanted.order_by(connection_events.c.at.desc(), connection_events.c.id.desc()).limit(1)
    found = connection.execute(last).scalar_one_or_none()
    return None if found is None else Happening(found)


# --- what waits behind it


def waiting_behind(connection: Connection, names: Collection[str], today: str) -> Waiting:
    """What is planned to those connections and not yet delivered; `today` is a date as 2026-11-22."""
    wanted = (
        select(deliveries.c.connection, invoices.c.due_date, invoices.c.currency, invoices.c.payable, invoices.c.kind)
        .join(documents, documents.c.id == deliveries.c.document_id)
        .outerjoin(invoices, invoices.c.document_id == deliveries.c.document_id)
        .where(*_undelivered(names))
    )
    number, due, late = 0, 0, 0
    worth: dict[str, Decimal] = {}
    shares: dict[str, int] = {}
    for row in connection.execute(wanted):
        number += 1
        due += row.due_date == today
        late += bool(row.due_date) and row.due_date < today
        shares[row.connection] = shares.get(row.connection, 0) + 1
        if row.kind == "invoice":
            worth[row.currency] = worth.get(row.currency, Decimal(0)) + row.payable
    return Waiting(number, due, late, worth, shares)


def count_waiting(connection: Connection, names: Collection[str], until: datetime) -> int:
    """How many deliveries to those connections, intended up to that time, are still to be made."""
    counted = select(func.count()).select_from(deliveries).join(documents, documents.c.id == deliveries.c.document_id)
    return connection.execute(counted.where(*_undelivered(names), deliveries.c.intended_at <= until)).scalar_one()


def count_stopped(connection: Connection, names: Collection[str], since: datetime) -> int:
    """How many documents on their way to those connections at that time were set aside after it."""
    aside = select(func.count(deliveries.c.document_id.distinct())).select_from(deliveries)
    aside = aside.join(set_asides, set_asides.c.document_id == deliveries.c.document_id)
    mine = deliveries.c.connection.in_(list(names)), deliveries.c.intended_at <= since, set_asides.c.at > since
    return connection.execute(aside.where(*mine)).scalar_one()


def replays_of(connection: Connection, incident_id: int, since: datetime) -> list[int]:
    """The replays that were made for the incident from that time on, by id."""
    wanted = select(replays.c.id).where(replays.c.incident_id == incident_id, replays.c.at >= since)
    return list(connection.execute(wanted.order_by(replays.c.id)).scalars())


def set_aside_since(
    connection: Connection, names: Collection[str], since: datetime, stages: Sequence[str]
) -> list[int]:
    """Documents on their way to those connections that were set aside at those stages from that time on.

    Those whose delivery, or whose change of a plan, is in doubt are left out: a person looks at each of them.
    """
    wanted = select(set_asides.c.document_id).where(set_asides.c.at >= since, set_asides.c.stage.in_(stages))
    planned = select(deliveries.c.document_id).where(deliveries.c.connection.in_(list(names)))
    doubted = select(deliveries.c.document_id).where(
        deliveries.c.attempted_at.is_not(None),
        deliveries.c.withdrawn_at.is_not(None),
        deliveries.c.delivered_at.is_(None),
    )
    theirs = or_(set_asides.c.target.in_(list(names)), set_asides.c.document_id.in_(planned))
    sure = and_(set_asides.c.document_id.not_in(doubted), ~plans.holds_doubt(set_asides.c.document_id))
    return list(connection.execute(wanted.where(theirs, sure).order_by(set_asides.c.document_id)).scalars())


def _undelivered(names: Collection[str]) -> tuple[Any, ...]:
    return (
        deliveries.c.connection.in_(list(names)),
        deliveries.c.delivered_at.is_(None),
        deliveries.c.withdrawn_at.is_(None),
        documents.c.state == DocumentState.ROUTED.value,
    )


def _failing(names: Collection[str], since: datetime) -> tuple[Any, ...]:
    kinds = [kind.value for kind in FAILURES]
    events_of = connection_events.c
    return events_of.connection.in_(list(names)), events_of.kind.in_(kinds), events_of.at >= since


def _set(connection: Connection, incident_id: int, **values: Any) -> None:
    connection.execute(update(incidents).where(incidents.c.id == incident_id).values(values))


def _with(those: tuple[str, ...], one: str) -> tuple[str, ...]:
    return those if one in those else (*those, one)


def _written(title: Text) -> dict[str, str]:
    return {"sv": title.sv, "en": title.en}


def _scope_written(scope: Scope) -> dict[str, list[str]]:
    return {"connections": list(scope.connections), "hosts": list(scope.hosts), "causes": list(scope.causes)}


def _one(connection: Connection, wanted: Select[Any]) -> Incident | None:
    row = connection.execute(wanted).one_or_none()
    return None if row is None else _incident(row)


def _incident(row: Row[Any]) -> Incident:
    return Incident(
        id=row.id,
        fingerprint=row.fingerprint,
        kind=row.kind,
        title=Text(row.title["sv"], row.title["en"]),
        scope=Scope(tuple(row.scope["connections"]), tuple(row.scope["hosts"]), tuple(row.scope["causes"])),
        since=row.since,
        opened_at=row.opened_at,
        seen_at=row.seen_at,
        failures=row.failures,
        closed_at=row.closed_at,
        closed_by=row.closed_by,
    )
