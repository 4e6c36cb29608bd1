"""What needs attention, on one page: the start page and `hub status` tell the same."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from hub.domain.documents import DocumentState
from hub.status.connections import Configured, Fares, tell_all
from hub.store import connections, dispatches, documents, incidents, lanes, plans, set_asides, units, work, workers
from hub.store.connections import Happening
from hub.store.database import Database, now
from hub.store.incidents import Incident
from hub.store.set_asides import Cause
from hub.store.work import WorkState
from hub.store.workers import Worker

WORKER_SEEN = timedelta(seconds=60)
"""A worker that has not been heard of for this long is taken for gone: long after its work is another's."""


@dataclass(frozen=True, slots=True)
class Standstill:
    """Work that waits and that nobody will begin, however long it waits, until a person does something.

    `lanes` are those that somebody held and whose connection is configured no more: nobody would see what waits there
    (`hub connections resume` lets it go). `unknown_kinds` of work wait for a worker that knows them, as in an upgrade
    host by host. `unattended` is how much work waits while no worker is seen at all.
    """

    lanes: tuple[str, ...] = ()
    unknown_kinds: tuple[str, ...] = ()
    unattended: int = 0

    @property
    def number(self) -> int:
        """How many things somebody should see to."""
        return len(self.lanes) + len(self.unknown_kinds) + (self.unattended > 0)


NOTHING_STANDS = Standstill()


@dataclass(frozen=True, slots=True)
class Overview:
    """How the hub fares at one moment.

    `standstill` is what waits for nothing that will come by itself. `plans` are the ids of those whose runs wait for a
    person's approval. `dead` work has told its document why; it is history.
    """

    at: datetime
    connections: tuple[Fares, ...]
    documents: Mapping[DocumentState, int]
    set_aside: tuple[Cause, ...]
    waiting: int
    dead: int
    moved_today: Mapping[Happening, int]
    workers: int
    units: int
    standstill: Standstill = NOTHING_STANDS
    incidents: tuple[Incident, ...] = ()
    plans: tuple[int, ...] = ()

    @property
    def needs_attention(self) -> bool:
        """Whether somebody should look at something."""
        troubled = any(each.told.state.needs_attention for each in self.connections)
        troubled = troubled or bool(self.incidents) or bool(self.plans)
        return troubled or bool(self.set_aside) or self.standstill.number > 0


def look(database: Database, configured: Mapping[str, Configured], since: datetime) -> Overview:
    """How the hub fares now; `moved_today` counts from `since`."""
    fares = tell_all(database, configured)
    with database.read() as connection:
        at = now(connection)
        queued = work.counts(connection)
        waiting = sum(map(_waits, queued.values()))
        return Overview(
            at=at,
            connections=tuple(fares),
            documents=documents.counts(connection, "invoices"),
            set_aside=tuple(set_asides.causes(connection)),
            waiting=waiting,
            dead=sum(lane.get(WorkState.DEAD, 0) for lane in queued.values()),
            moved_today=connections.moved_since(connection, since),
            workers=len(_seen(connection, at)),
            units=units.count(connection),
            standstill=standstill(connection, configured, at, waiting),
            incidents=tuple(incidents.all_open(connection)),
            plans=tuple(each.id for each in plans.awaited(connection)),
        )


def standstill(
    connection: Connection, configured: Collection[str], at: datetime, waiting: int | None = None
) -> Standstill:
    """The work that waits and that nobody will begin; `configured` are the names of all connections.

    `waiting` is how much work waits, where that has been counted; else it is only where nobody is there to do it.
    """
    held = (lane.name for lane in lanes.all_lanes(connection) if lane.held_at)
    seen = _seen(connection, at)
    if waiting is None and not seen:
        waiting = work.waiting(connection)
    return Standstill(
        lanes=tuple(name for name in held if name not in configured and work.waits_in(connection, name)),
        unknown_kinds=_unknown(connection, seen),
        unattended=0 if seen else waiting or 0,
    )


def _seen(connection: Connection, at: datetime) -> list[Worker]:
    return [each for each in workers.all_workers(connection) if at - each.seen_at < WORKER_SEEN]


def _unknown(connection: Connection, seen: Collection[Worker]) -> tuple[str, ...]:
    """The kinds that wait and that none of the workers seen knows; without any worker there is more amiss than that."""
    known = {kind for each in seen for kind in each.kinds}
    return tuple(sorted(dispatches.waiting_kinds(connection) - known)) if seen else ()


def _waits(states: Mapping[WorkState, int]) -> int:
    return sum(states.get(state, 0) for state in work.WAIT)
