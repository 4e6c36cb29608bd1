"""Volumes: the documents each route brought from each source, day by day in the city's time.

They are counted from the documents. What is usual for a day is learned from them; what is usual for a run, from runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, select, update

from hub.domain.calendar import CITY_TIME
from hub.domain.suspicions import Suspicion
from hub.store.database import now
from hub.store.dialects import upsert
from hub.store.tables import documents, volumes

HOURS = 24


@dataclass(frozen=True, slots=True)
class Volume:
    """What one route brought from one source on one day. `hours` is how many had come by the end of each hour.

    `seconds` is the time its runs took, `removals` the largest share of the register that one of them removed.
    `normal_by` is who said that a suspicious day is as it should be; `reconciled_at` when the day was closed.
    """

    route: str
    connection: str
    day: date
    documents: int = 0
    bytes: int = 0
    seconds: float = 0.0
    removals: float = 0.0
    runs: int = 0
    hours: tuple[int, ...] = (0,) * HOURS
    suspicions: tuple[Suspicion, ...] = ()
    normal_by: str | None = None
    normal_at: datetime | None = None
    reconciled_at: datetime | None = None

    @property
    def is_doubted(self) -> bool:
        """Whether it is suspicious and nobody has said that it is as it should be."""
        return bool(self.suspicions) and self.normal_by is None


@dataclass(frozen=True, slots=True)
class Arrived:
    """What arrived from one source in a day: by the end of each hour, and in bytes."""

    hours: tuple[int, ...] = (0,) * HOURS
    bytes: int = 0

    @property
    def documents(self) -> int:
        """How many documents."""
        return self.hours[-1]


def begins(day: date) -> datetime:
    """When the day begins in the city."""
    return datetime.combine(day, time(), CITY_TIME)


def arrived(connection: Connection, noun: str, day: date) -> dict[str, Arrived]:
    """What arrived of that noun on that day, by source, counted from the documents."""
    counted: dict[str, tuple[list[int], int]] = {}
    at, end = begins(day).timestamp(), begins(day + timedelta(days=1)).timestamp()
    while at < end:
        since = datetime.fromtimestamp(at, CITY_TIME)
        for source, number, size in connection.execute(_in_hour(noun, since)):
            hours, total = counted.get(source, ([0] * HOURS, 0))
            hours[since.hour] += number
            counted[source] = hours, total + int(size)
        at += 3600
    return {source: Arrived(_summed(hours), size) for source, (hours, size) in counted.items()}


def latest_of(connection: Connection, source: str) -> int:
    """The id of the newest document from that source, 0 when there is none."""
    newest = select(func.coalesce(func.max(documents.c.id), 0)).where(documents.c.connection == source)
    found: int = connection.execute(newest).scalar_one()
    return found


def landed_after(connection: Connection, source: str, after: int) -> int:
    """How many documents from that source stand above that id."""
    above = select(func.count()).where(documents.c.connection == source, documents.c.id > after)
    found: int = connection.execute(above).scalar_one()
    return found


def first_day(connection: Connection, source: str) -> date | None:
    """The day on which the first document came from that source."""
    first = select(documents.c.arrived_at).where(documents.c.connection == source).order_by(documents.c.id).limit(1)
    at = connection.execute(first).scalar_one_or_none()
    return None if at is None else at.astimezone(CITY_TIME).date()


def keep(connection: Connection, volume: Volume) -> None:
    """Keep what was counted of a day; what a person said of it stays."""
    row = {
        "route": volume.route,
        "connection": volume.connection,
        "day": volume.day.isoformat(),
        "documents": volume.documents,
        "bytes": volume.bytes,
        "seconds": volume.seconds,
        "removals": volume.removals,
        "runs": volume.runs,
        "hours": list(volume.hours),
        "suspicions": [each.as_json() for each in volume.suspicions] or None,
        "reconciled_at": volume.reconciled_at,
    }
    upsert(connection, volumes, row, ("route", "connection", "day"))


def find(connection: Connection, route: str, source: str, day: date) -> Volume | None:
    """What was counted of that day."""
    this = select(volumes).where(*_is(route, source), volumes.c.day == day.isoformat())
    row = connection.execute(this).one_or_none()
    return None if row is None else _volume(row)


def between(connection: Connection, route: str, source: str, since: date, until: date) -> list[Volume]:
    """The days from `since` on and before `until` that were counted, oldest first."""
    wanted = select(volumes).where(*_is(route, source), volumes.c.day >= since.isoformat())
    wanted = wanted.where(volumes.c.day < until.isoformat()).order_by(volumes.c.day)
    return [_volume(row) for row in connection.execute(wanted)]


def doubted(connection: Connection, since: date) -> dict[str, Volume]:
    """By connection, its latest day from `since` on that is suspicious and of which nobody has said it is normal."""
    wanted = select(volumes).where(volumes.c.day >= since.isoformat(), volumes.c.normal_by.is_(None))
    found = (_volume(row) for row in connection.execute(wanted.order_by(volumes.c.day)))
    return {each.connection: each for each in found if each.suspicions}


def say_normal(connection: Connection, route: str, source: str, day: date, by: str) -> bool:
    """A person says of a suspicious day that it is as it should be: it is learned from. Whether it was doubted."""
    found = find(connection, route, source, day)
    if found is None or not found.is_doubted:
        return False
    this = update(volumes).where(*_is(route, source), volumes.c.day == day.isoformat())
    connection.execute(this.values(normal_by=by, normal_at=now(connection)))
    return True


def forget_before(connection: Connection, before: date) -> int:
    """Forget days before that one; how many rows it was."""
    return connection.execute(delete(volumes).where(volumes.c.day < before.isoformat())).rowcount


def _in_hour(noun: str, since: datetime) -> Any:
    until = datetime.fromtimestamp(since.timestamp() + 3600, CITY_TIME)
    counted = select(documents.c.connection, func.count(), func.sum(documents.c.size)).where(documents.c.noun == noun)
    within = counted.where(documents.c.arrived_at >= since, documents.c.arrived_at < until)
    return within.group_by(documents.c.connection)


def _summed(hours: Sequence[int]) -> tuple[int, ...]:
    return tuple(sum(hours[: hour + 1]) for hour in range(HOURS))


def _is(route: str, source: str) -> tuple[Any, Any]:
    return volumes.c.route == route, volumes.c.connection == source


def _volume(row: Row[Any]) -> Volume:
    values: Mapping[str, Any] = row._asdict()
    doubts = tuple(Suspicion.read(each) for each in row.suspicions or ())
    changed = {"day": date.fromisoformat(row.day), "hours": tuple(row.hours), "suspicions": doubts}
    return Volume(**{**values, **changed})
