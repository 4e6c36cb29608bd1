"""The start page: what needs attention, and how the last day has gone."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import Connection as Reading
from xmlrules import PackBroken, list_packs

from hub.app import Hub
from hub.domain.calendar import CITY_TIME
from hub.domain.documents import DocumentState
from hub.loader import Broken, Connection
from hub.status.connections import State, Times, Told, tell_of, times_of
from hub.status.overview import NOTHING_STANDS, Standstill, standstill
from hub.store import connections, documents, incidents, plans, set_asides
from hub.store.connections import Happening, Lived
from hub.store.database import now
from hub.store.incidents import Incident
from hub.store.plans import StoredPlan
from hub.store.set_asides import Cause
from hub.web.pages.rules import judging
from hub.web.timeline import Timeline, begins, timeline
from hub.web.visits import Somebody

router = APIRouter()
_MOST_GROUPS = 8


@dataclass(frozen=True, slots=True)
class Shown:
    """A connection as it is listed: configured, lived through, and told."""

    connection: Connection
    lived: Lived
    told: Told


@dataclass(frozen=True, slots=True)
class Start:
    """All that the start page shows."""

    at: datetime
    attention: tuple[Shown, ...]
    groups: tuple[Cause, ...]
    stopped: int
    waiting: int
    on_its_way: int
    total: int
    today: dict[Happening, int]
    day: Timeline
    superseded: tuple[str, ...]
    unreadable_packs: tuple[str, ...]
    plugins: tuple[Broken, ...]
    incidents: tuple[tuple[Incident, int], ...] = ()
    plans: tuple[StoredPlan, ...] = ()
    standstill: Standstill = NOTHING_STANDS

    @property
    def arrived(self) -> int:
        """How many documents arrived today."""
        return self.today.get(Happening.ARRIVED, 0)

    @property
    def delivered(self) -> int:
        """How many were delivered today."""
        return self.today.get(Happening.DELIVERED, 0)

    @property
    def set_aside(self) -> int:
        """How many were set aside today."""
        return self.today.get(Happening.SET_ASIDE, 0)

    @property
    def needs(self) -> int:
        """How many things need a person."""
        packs = len(self.superseded) + len(self.unreadable_packs)
        told = packs + len(self.plugins) + len(self.incidents) + len(self.plans) + self.standstill.number
        return len(self.attention) + self.stopped + told

    @property
    def look(self) -> str:
        """The same while there is nothing new to show; ages are told by the minute."""
        shown = (self.at.replace(second=0, microsecond=0), self.attention, self.groups, self.stopped, self.waiting)
        more = self.on_its_way, self.today, self.day, self.incidents, self.plans, self.standstill
        return hashlib.sha256(repr((shown, more)).encode()).hexdigest()[:16]


@router.get("/")
def start(visit: Somebody, seen: str = "", still: bool = False) -> Response:
    """What needs attention. Asked again with the look it was `seen` in, says nothing while that is the same."""
    found = look_around(visit.hub)
    if seen == found.look and visit.request.headers.get("HX-Request"):
        return Response(status_code=204)
    return visit.page("start.html", start=found, still=still)


def look_around(hub: Hub) -> Start:
    """What there is to see right now."""
    with hub.database.read() as reading:
        at = now(reading)
        states = documents.counts(reading, "invoices")
        groups = tuple(set_asides.causes(reading, _MOST_GROUPS))
        today = connections.moved_since(reading, _midnight(at))
        day = timeline(connections.all_hours(reading, begins(at)), at)
        shown = every_connection(hub, reading, at)
        superseded, unreadable = _packs(hub, reading, at)
        known = incidents.all_open(reading)
        awaited = tuple(plans.awaited(reading))
        stands = standstill(reading, hub.connections, at)
        open_now = tuple((each, incidents.count_waiting(reading, each.scope.connections, at)) for each in known)
    return Start(
        at=at,
        attention=tuple(each for each in shown if each.told.state.needs_attention),
        groups=groups,
        stopped=states[DocumentState.SET_ASIDE],
        waiting=states[DocumentState.ARRIVED],
        on_its_way=states[DocumentState.ROUTED],
        total=sum(states.values()),
        today=today,
        day=day,
        superseded=superseded,
        unreadable_packs=unreadable,
        plugins=hub.plugins.broken,
        incidents=open_now,
        plans=awaited,
        standstill=stands,
    )


def every_connection(hub: Hub, reading: Reading, at: datetime) -> list[Shown]:
    """Every configured connection with its state, the worst first."""
    lived = connections.all_lived(reading)
    times = times_of(reading, hub.connections)
    shown = [show(each, lived.get(name, Lived(name)), at, times) for name, each in sorted(hub.connections.items())]
    worst_first = list(State)
    return sorted(shown, key=lambda each: worst_first.index(each.told.state))


def show(connection: Connection, lived: Lived, at: datetime, times: Mapping[str, Times]) -> Shown:
    """One connection with its state at that time."""
    return Shown(connection, lived, tell_of(connection, lived, at, times))


def _midnight(at: datetime) -> datetime:
    here = at.astimezone(CITY_TIME)
    return here.replace(hour=0, minute=0, second=0, microsecond=0)


def _packs(hub: Hub, reading: Reading, at: datetime) -> tuple[tuple[str, ...], tuple[str, ...]]:
    broken: list[PackBroken] = []
    packs = list_packs(hub.packs, broken)
    names = judging(reading, packs, at.astimezone(CITY_TIME).date())
    superseded = tuple(pack.name for pack in packs if pack.superseded and pack.name in names)
    return superseded, tuple(each.reason for each in broken)
