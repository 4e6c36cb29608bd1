"""Incidents: what is in trouble, what waits behind it, what changed before, how it went; to repair and to close."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import Response
from sqlalchemy import Connection as Reading

from hub.domain.texts import Text
from hub.jobs import repairing, telling, watching
from hub.notify.wording import deed_said, how_closed, waiting_said
from hub.status.incidents import changed_before, is_in_repair
from hub.store import incidents
from hub.store.database import now
from hub.store.incidents import Incident, IncidentEvent, IncidentEventKind, Waiting
from hub.web.course import Course, course
from hub.web.speech import N_
from hub.web.visits import FormOfSomebody, NotFound, Somebody, Visit

router = APIRouter(prefix="/incidents")
_ROWS = 30
_MOST_FAILURES = 20_000


@dataclass(frozen=True, slots=True)
class Listed:
    """An incident in the list, with what waits behind it in words."""

    incident: Incident
    waits: Text


@dataclass(frozen=True, slots=True)
class Seen:
    """All that one incident's page shows."""

    incident: Incident
    waiting: Waiting
    events: tuple[IncidentEvent, ...]
    course: Course
    changes: tuple[str, ...]
    in_repair: bool

    @property
    def waits(self) -> Text:
        """What waits, in words."""
        return waiting_said(self.waiting)

    @property
    def reasons(self) -> dict[str, IncidentEvent]:
        """Why each connection is part of it, by name."""
        joined = (each for each in self.events if each.kind is IncidentEventKind.JOINED)
        return {each.connection: each for each in joined if each.connection}

    @property
    def look(self) -> str:
        """The same while there is nothing new to show."""
        shown = self.incident.seen_at, self.incident.failures, self.incident.closed_at, len(self.events), self.waiting
        return hashlib.sha256(repr(shown).encode()).hexdigest()[:16]


@router.get("")
def listed(visit: Somebody, before: int | None = None) -> Response:
    """The open ones first, then those that closed, the latest first."""
    with visit.database.read() as reading:
        opened = [_listed(reading, each) for each in incidents.all_open(reading)]
        closed = incidents.closed(reading, before=before, limit=_ROWS + 1)
    older = closed[_ROWS - 1].id if len(closed) > _ROWS else None
    return visit.page("incidents.html", opened=opened, closed=closed[:_ROWS], older=older, before=before)


@router.get("/{number}")
def one(visit: Somebody, number: int, seen: str = "") -> Response:
    """One incident. Asked again with the look it was `seen` in, says nothing while that is the same."""
    found = _seen(visit, number)
    if seen == found.look and visit.request.headers.get("HX-Request"):
        return Response(status_code=204)
    return _page(visit, found)


@router.post("/{number}/repair")
def repair(visit: FormOfSomebody, number: int) -> Response:
    """Let the workers check, let go, replay and follow it."""
    _open(visit, number)
    begun = repairing.ask(visit.database, number, visit.who) is not None
    said = N_("The repair has begun. Its steps show below as they are taken.")
    there = N_("It is being repaired already.")
    return visit.go(f"/incidents/{number}", visit.tongue.say(said if begun else there))


@router.post("/{number}/close")
def close(visit: FormOfSomebody, number: int, reason: Annotated[str, Form(max_length=1000)] = "") -> Response:
    """A person closes it, with a reason."""
    _open(visit, number)
    if not reason.strip():
        return _page(visit, _seen(visit, number), status=422, wrong=True)
    watching.close(visit.database, visit.hub.notify, number, visit.who, reason.strip())
    return visit.go(f"/incidents/{number}", visit.tongue.say(N_("The incident is closed.")))


def _page(visit: Visit, seen: Seen, status: int = 200, *, wrong: bool = False) -> Response:
    return visit.page("incident.html", status, seen=seen, incident=seen.incident, how_closed=how_closed, wrong=wrong)


def _listed(reading: Reading, incident: Incident) -> Listed:
    return Listed(incident, waiting_said(telling.behind(reading, incident)))


def _open(visit: Visit, number: int) -> Incident:
    with visit.database.read() as reading:
        found = incidents.get(reading, number)
    if found is None or found.closed_at is not None:
        raise NotFound
    return found


def _seen(visit: Visit, number: int) -> Seen:
    with visit.database.read() as reading:
        found = incidents.get(reading, number)
        if found is None:
            raise NotFound
        events = incidents.events(reading, number)
        return Seen(
            incident=found,
            waiting=telling.behind(reading, found),
            events=tuple(events),
            course=_course(reading, found, events),
            changes=tuple(deed_said(each, visit.language) for each in changed_before(reading, found)),
            in_repair=found.closed_at is None and is_in_repair(events),
        )


def _course(reading: Reading, incident: Incident, events: Sequence[IncidentEvent]) -> Course:
    until = incident.closed_at or now(reading)
    failed = incidents.failure_times(reading, incident.scope.connections, incident.since, until, _MOST_FAILURES)
    return course(incident.since, until, failed, events)
