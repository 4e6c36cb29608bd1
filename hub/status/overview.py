"""What needs attention, on one page: the start page and `hub status` tell the same."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from hub.domain.documents import DocumentState
from hub.status.connections import Configured, Fares, tell_all
from hub.store import connections, dispatches, documents, incidents, lanes, plans, set_asides, units, work, workers
from hub.store.connections import Happening
from hub.store.database import Database, now
from hub.store.incidents import Incident
from hub.store.set_asides import SetAsideGroup
from hub.store.work import WorkState
from hub.store.workers import Worker

WORKER_SEEN = timedelta(seconds=60)
"""A worker that has not been heard of for this long is taken for gone (twice the lease of 30 s)."""


@dataclass(frozen=True, slots=True)
class Overview:
    """How the hub fares at one moment.

    `stranded` are lanes that somebody held and whose connection is configured no more: work waits there that nobody
    would see (`hub connections resume` lets it go). `unknown_kinds` of work wait for a worker that knows them, as in an
    upgrade host by host. `plans` are the ids of those whose runs wait for a person's approval. `dead` work has told its
    document why; it is history.
    """

    at: datetime
    connections: tuple[Fares, ...]
    documents: Mapping[DocumentState, int]
    set_aside: tuple[SetAsideGroup, ...]
    waiting: int
    dead: int
    stranded: tuple[str, ...]
    moved_today: Mapping[Happening, int]
    workers: int
    units: int
    incidents: tuple[Incident, ...] = ()
    unknown_kinds: tuple[str, ...] = ()
    plans: tuple[int, ...] = ()

    @property
    def needs_attention(self) -> bool:
        """Whether somebody should look at something."""
        troubled = any(each.told.state.needs_attention for each in self.connections)
        troubled = troubled or bool(self.incidents) or bool(self.unknown_kinds) or bool(self.plans)
        return troubled or bool(self.set_aside) or bool(self.stranded) or (self.waiting > 0 and self.workers == 0)


def look(database: Database, configured: Mapping[str, Configured], since: datetime) -> Overview:
    """How the hub fares now; `moved_today` counts from `since`."""
    fares = tell_all(database, configured)
    with database.read() as connection:
        at = now(connection)
        queued = work.counts(connection)
        seen = _seen(connection, at)
        return Overview(
            at=at,
            connections=tuple(fares),
            documents=documents.counts(connection, "invoices"),
            set_aside=tuple(set_asides.groups(connection)),
            waiting=sum(lane.get(state, 0) for lane in queued.values() for state in work.WAIT),
            stranded=tuple(_stranded(connection, queued, configured)),
            dead=sum(lane.get(WorkState.DEAD, 0) for lane in queued.values()),
            moved_today=connections.moved_since(connection, since),
            workers=len(seen),
            unknown_kinds=_unknown(connection, seen),
            units=units.count(connection),
            incidents=tuple(incidents.all_open(connection)),
            plans=tuple(each.id for each in plans.awaited(connection)),
        )


def unknown_kinds(connection: Connection, at: datetime) -> tuple[str, ...]:
    """The kinds of work that wait and that no worker seen lately knows; none while no worker is seen at all."""
    return _unknown(connection, _seen(connection, at))


def _seen(connection: Connection, at: datetime) -> list[Worker]:
    return [each for each in workers.all_workers(connection) if at - each.seen_at < WORKER_SEEN]


def _unknown(connection: Connection, seen: Collection[Worker]) -> tuple[str, ...]:
    """The kinds that wait and that none of the workers seen knows; without any worker there is more amiss than that."""
    known = {kind for each in seen for kind in each.kinds}
    return tuple(sorted(dispatches.waiting_kinds(connection) - known)) if seen else ()


def _stranded(
    connection: Connection, queued: Mapping[str, Mapping[WorkState, int]], configured: Mapping[str, Configured]
) -> Iterator[str]:
    for lane in lanes.all_lanes(connection):
        waits = sum(queued.get(lane.name, {}).get(state, 0) for state in work.WAIT)
        if lane.held_at and waits and lane.name not in configured:
            yield lane.name
