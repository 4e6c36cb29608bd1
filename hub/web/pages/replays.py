"""Replays and rehearsals: how far each has come, what stopped again and why, and every document of it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import Connection

from hub.domain.texts import Text
from hub.jobs import replaying
from hub.store import invoices, replays, set_asides
from hub.store.invoices import InvoiceRow
from hub.store.replays import Item, Outcome, Replay, Result, Stop
from hub.store.set_asides import Chosen
from hub.web.visits import FormOfSomebody, NotFound, Somebody, Visit

router = APIRouter(prefix="/set-aside/replays")
_ROWS = 50
_MOST_AT_ONCE = 100_000


@dataclass(frozen=True, slots=True)
class Told:
    """Why some were stopped again: the codes, the first one's words, and the group they are in now, if they are."""

    stop: Stop
    problem: Text
    group: str


@dataclass(frozen=True, slots=True)
class Line:
    """One document of a replay with its invoice's row."""

    item: Item
    row: InvoiceRow


@router.get("")
def listed(visit: Somebody, before: int | None = None) -> Response:
    """Replays and rehearsals, newest first."""
    with visit.database.read() as reading:
        found = replays.page(reading, before=before, limit=_ROWS + 1)
        shown = [(each, replays.result_of(reading, each)) for each in found[:_ROWS]]
    older = found[_ROWS - 1].id if len(found) > _ROWS else None
    return visit.page("replays.html", shown=shown, older=older, before=before)


@router.get("/{replay_id}")
def one(visit: Somebody, replay_id: int, after: int = 0, outcome: str = "", seen: str = "") -> Response:
    """How far it has come. Asked again with the look it was `seen` in, says nothing while that is the same."""
    with visit.database.read() as reading:
        replay = _found(reading, replay_id)
        result = replays.result_of(reading, replay)
        look = _look(result)
        if seen == look and visit.request.headers.get("HX-Request"):
            return Response(status_code=204)
        told = tuple(_told(visit, reading, replay, each) for each in replays.stops(reading, replay_id))
        lines = _lines(reading, replay_id, outcome, after)
    return visit.page(
        "replay.html",
        replay=replay,
        result=result,
        look=look,
        told=told,
        lines=lines[:_ROWS],
        outcome=outcome,
        further=lines[_ROWS - 1].item.document_id if len(lines) > _ROWS else None,
    )


@router.post("/{replay_id}/replay")
def for_real(visit: FormOfSomebody, replay_id: int) -> Response:
    """Let those be judged anew that a rehearsal found would be delivered."""
    with visit.database.read() as reading:
        rehearsed = _found(reading, replay_id)
        would = replays.items(reading, replay_id, outcomes=(Outcome.RECOVERED,), limit=_MOST_AT_ONCE)
    if not rehearsed.rehearsal or not would:
        return visit.go(f"/set-aside/replays/{replay_id}")
    ids = tuple(each.document_id for each in would)
    made = replaying.replay(visit.database, Chosen(ids=ids), visit.who)
    with visit.database.read() as reading:
        number = replays.result(reading, made).number
    said = visit.tongue.say_number("%(num)s document queued again.", "%(num)s documents queued again.", number)
    return visit.go(f"/set-aside/replays/{made}", said)


def _found(reading: Connection, replay_id: int) -> Replay:
    found = replays.get(reading, replay_id)
    if found is None:
        raise NotFound
    return found


def _look(result: Result) -> str:
    return hashlib.sha256(repr(result).encode()).hexdigest()[:16]


def _told(visit: Visit, reading: Connection, replay: Replay, stop: Stop) -> Told:
    """In the words of the sample's own reason while it is set aside for it, else in those of its code."""
    aside = set_asides.of(reading, stop.sample)
    known = aside.reasons[0] if aside and stop.codes and aside.reasons[0].code == stop.codes[0] else None
    group = aside.fingerprint if aside and known and not replay.rehearsal else ""
    if known is not None:
        return Told(stop, visit.hub.plugins.in_general(known).problem, group)
    return Told(stop, visit.hub.plugins.explain(stop.codes[0] if stop.codes else "").problem, group)


def _lines(reading: Connection, replay_id: int, outcome: str, after: int) -> list[Line]:
    wanted: tuple[Outcome | None, ...] | None = next(((each,) for each in Outcome if each == outcome), None)
    if outcome == "waiting":
        wanted = (None, Outcome.UNSEEN)
    items = replays.items(reading, replay_id, outcomes=wanted, after=after, limit=_ROWS + 1)
    rows = {each.document_id: each for each in invoices.rows(reading, [each.document_id for each in items])}
    return [Line(each, rows[each.document_id]) for each in items if each.document_id in rows]
