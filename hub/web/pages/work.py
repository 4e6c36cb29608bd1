"""Work: the runs of every route, one run with its sums and its like, the queue lane by lane, one piece of work."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from fastapi.responses import Response
from sqlalchemy import Connection as Reading

from hub.domain.calendar import city_day
from hub.jobs import reconciling
from hub.status import honesty
from hub.status.overview import WORKER_SEEN
from hub.store import audit, depths, runs, work, workers
from hub.store.database import now
from hub.store.depths import Depth
from hub.store.runs import Run
from hub.store.work import Attempt, CancelResult, Work, WorkState
from hub.store.workers import Worker
from hub.web.speech import N_
from hub.web.strip import Strip, strip
from hub.web.visits import FormOfSomebody, NotFound, Somebody, Visit
from hub.web.ways import ways
from hub.web.words import CAUSES, OUTCOMES

router = APIRouter(prefix="/work")
ROWS = 50
GOING = "going"
_MOST = 50
_BAR = 720


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks the list of runs for, as it stands in the address."""

    route: str = ""
    outcome: str = ""
    cause: str = ""

    @property
    def is_narrow(self) -> bool:
        """Whether anything is asked for at all."""
        return bool(self.route or self.outcome or self.cause)

    def address(self, before: int | None = None) -> str:
        """The list's address for this question, from below that run on."""
        stated = {name: getattr(self, name) for name in self.__slots__ if getattr(self, name)}
        query = urlencode(stated | ({"before": str(before)} if before else {}))
        return f"/work?{query}" if query else "/work"


@dataclass(frozen=True, slots=True)
class Bar:
    """One lane as it is drawn: how wide what runs, waits and is dead."""

    depth: Depth
    under_way: float
    waiting: float
    dead: float


@dataclass(frozen=True, slots=True)
class Queue:
    """All that the page of the queue shows."""

    at: datetime
    bars: tuple[Bar, ...]
    workers: tuple[Worker, ...]
    gone: int
    dead: tuple[Work, ...]

    @property
    def waiting(self) -> int:
        """How much waits in all lanes."""
        return sum(each.depth.waiting + each.depth.behind for each in self.bars)

    @property
    def under_way(self) -> int:
        """How much runs in all lanes."""
        return sum(each.depth.under_way for each in self.bars)

    @property
    def given_up(self) -> int:
        """How much was given up in all lanes."""
        return sum(each.depth.dead for each in self.bars)

    @property
    def oldest(self) -> datetime | None:
        """Since when the first of all that waits has waited."""
        return min((each.depth.oldest for each in self.bars if each.depth.oldest), default=None)

    @property
    def look(self) -> str:
        """The same while there is nothing new to show; ages are told by the minute."""
        shown = (self.at.replace(second=0, microsecond=0), self.bars, [each.name for each in self.workers], self.gone)
        return hashlib.sha256(repr((shown, [each.id for each in self.dead])).encode()).hexdigest()[:16]


@router.get("")
def listed(visit: Somebody, route: str = "", outcome: str = "", cause: str = "", before: str = "") -> Response:
    """The newest runs that meet the question, a page at a time."""
    asked = Asked(route, outcome if outcome in {*OUTCOMES, GOING} else "", cause if cause in CAUSES else "")
    below = int(before) if re.fullmatch(r"\d{1,15}", before) else None
    with visit.database.read() as reading:
        rows = runs.page(
            reading,
            route=asked.route or None,
            outcome=asked.outcome or None,
            cause=asked.cause or None,
            before=below,
            limit=ROWS + 1,
        )
    older = asked.address(rows[ROWS - 1].id) if len(rows) > ROWS else ""
    known = sorted(ways(visit.hub).routes)
    return visit.page("runs.html", asked=asked, rows=rows[:ROWS], older=older, below=below, routes=known)


@router.get("/runs/{run_id}")
def one(visit: Somebody, run_id: int) -> Response:
    """One run: how far it came, what it met and whether that adds up, what is usual, and the work that made it."""
    with visit.database.read() as reading:
        run = runs.find(reading, run_id)
        if run is None:
            raise NotFound
        day = city_day(run.started_at)
        seen: dict[str, Any] = {
            "run": run,
            "day": day,
            "sums": _sums(run),
            "work": work.find(reading, run.work_id) if run.work_id else None,
            "attempts": work.attempts_of(reading, run.work_id) if run.work_id else (),
            "siblings": [each for each in runs.of_work(reading, run.work_id) if each.id != run.id]
            if run.work_id
            else [],
            "strip": strip(honesty.lately(reading, run.route, run.connection, day)),
            "deeds": audit.about(reading, f"run {run.id}", _MOST),
        }
    return visit.page("run.html", **seen)


@router.post("/runs/{run_id}/normal")
def run_is_normal(visit: FormOfSomebody, run_id: int) -> Response:
    """Say that a suspicious run is as it should be: it is learned from."""
    done = reconciling.say_run_normal(visit.database, run_id, visit.who)
    return visit.go(f"/work/runs/{run_id}", visit.tongue.say(_NORMAL if done else _NOT_DOUBTED))


@router.post("/normal")
def day_is_normal(
    visit: FormOfSomebody,
    route: Annotated[str, Form()],
    connection: Annotated[str, Form()],
    day: Annotated[date, Form()],
) -> Response:
    """Say that a suspicious day is as it should be: it is learned from."""
    if connection not in visit.hub.connections:
        raise NotFound
    done = reconciling.say_day_normal(visit.database, route, connection, day, visit.who)
    return visit.go(f"/connections/{connection}", visit.tongue.say(_NORMAL if done else _NOT_DOUBTED))


@router.get("/queue")
def queue(visit: Somebody, seen: str = "", still: bool = False) -> Response:
    """The queue lane by lane. Asked again with the look it was `seen` in, says nothing while that is the same."""
    with visit.database.read() as reading:
        at = now(reading)
        found = depths.depths(reading)
        known = workers.all_workers(reading)
        dead = work.page(reading, state=WorkState.DEAD, limit=_MOST)
    alive = tuple(each for each in known if at - each.seen_at < WORKER_SEEN)
    shown = Queue(at, _bars(found), alive, len(known) - len(alive), dead)
    if seen == shown.look and visit.request.headers.get("HX-Request"):
        return Response(status_code=204)
    return visit.page("queue.html", queue=shown, still=still)


@router.get("/jobs/{work_id}")
def job(visit: Somebody, work_id: int) -> Response:
    """One piece of work and every attempt at it."""
    with visit.database.read() as reading:
        found = work.find(reading, work_id)
        if found is None:
            raise NotFound
        attempts: tuple[Attempt, ...] = work.attempts_of(reading, work_id)
        passes = runs.of_work(reading, work_id)
        deeds = audit.about(reading, f"work {work_id}", _MOST)
    return visit.page("job.html", work=found, attempts=attempts, passes=passes, deeds=deeds)


@router.post("/jobs/{work_id}/cancel")
def cancel(visit: FormOfSomebody, work_id: int) -> Response:
    """Ask that the work be cancelled."""
    with visit.database.write() as writing:
        if work.find(writing, work_id) is None:
            raise NotFound
        asked = work.cancel(writing, work_id) is CancelResult.ASKED
        if asked:
            audit.write(writing, visit.who, "cancel", f"work {work_id}")
    said = _CANCELLED if asked else N_("The work had ended already; nothing was cancelled.")
    return visit.go(f"/work/jobs/{work_id}", visit.tongue.say(said))


_CANCELLED = N_("The work is cancelled as soon as a worker sees it. What it was about is set aside, not lost.")
_NORMAL = N_("It is normal from now on, and learned from.")
_NOT_DOUBTED = N_("It was not doubted, so nothing was changed.")


@dataclass(frozen=True, slots=True)
class Sums:
    """What a source listed, what became of it, and the difference, which is nought when all is well."""

    listed: int
    parts: tuple[tuple[str, int], ...]

    @property
    def total(self) -> int:
        """What the parts add up to."""
        return sum(number for _, number in self.parts)

    @property
    def difference(self) -> int:
        """What cannot be accounted for."""
        return self.listed - self.total


def _sums(run: Run) -> Sums | None:
    """The reconciliation of a run over documents; None for other runs."""
    if "listed" not in run.counts or "landed" not in run.counts:
        return None
    return Sums(run.counts["listed"], tuple((name, run.counts.get(name, 0)) for name in honesty.ENDS))


def _bars(found: list[Depth]) -> tuple[Bar, ...]:
    most = max((each.waiting + each.behind + each.under_way + each.dead for each in found), default=0) or 1
    scale = _BAR / most

    def wide(number: int) -> float:
        return round(max(3.0, number * scale), 1) if number else 0.0

    return tuple(Bar(each, wide(each.under_way), wide(each.waiting + each.behind), wide(each.dead)) for each in found)


def days_of(visit: Visit, reading: Reading, name: str) -> tuple[str, Strip] | None:
    """The route that a connection feeds and the strip of its last days; None for one that feeds none."""
    route = next((each.name for each in ways(visit.hub).routes.values() if name in each.sources), None)
    if route is None:
        return None
    return route, strip(honesty.lately(reading, route, name, city_day(now(reading))))
