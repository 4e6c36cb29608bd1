"""Reconciling: every few minutes the books are compared. What waits for work that is not there is queued again and
told; each day's volumes are counted and compared with what is usual; a day that is over is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

import structlog
from sqlalchemy import Connection

from hub.domain.calendar import CITY_TIME, city_day
from hub.domain.documents import DocumentState, Step
from hub.domain.suspicions import Suspicion
from hub.domain.texts import Text
from hub.flow.staging import batches
from hub.jobs.kinds import Job
from hub.jobs.names import APPLY, DELIVER, HANDLE, PLAN
from hub.jobs.ways import Route, Ways
from hub.status import honesty
from hub.status.bands import WEEKS
from hub.store import audit, connections, documents, plans, runs, stranded, tallies, volumes
from hub.store.connections import Happening
from hub.store.database import Database, now
from hub.store.plans import StoredPlan
from hub.store.runs import Run
from hub.store.stranded import OpenDelivery, Stranded
from hub.store.volumes import Volume

PlanAgain = Callable[[Connection, Route, int], None]
ApplyAgain = Callable[[Connection, StoredPlan], None]


@dataclass(frozen=True, slots=True)
class Again:
    """How what nothing waits for is queued again, in the caller's transaction and in the order its route asks for: a
    document to be judged, an extract to be planned, a plan to be applied, a delivery to be made.
    """

    handle: Callable[[Ways, Connection, int], None]
    plan: PlanAgain
    apply: ApplyAgain
    deliver: Callable[[Ways, Connection, OpenDelivery], None]


_log = structlog.get_logger(__name__)
_TALLIES = 5_000
_DAYS_AT_ONCE = 14
"""Days that are closed in one pass: a new hub, or one that stood still, catches up over a few passes."""

_JUDGED_BACK = timedelta(days=1)
"""How long ago a day may have been for its oddities to be told; older ones are only learned from."""

_KEPT_AT_ONCE = 200
"""Volumes that are kept in one transaction."""

_NAMED = 10
_PLANS = (PLAN, HANDLE)
"""Work that plans an extract, at once or because it is to be tried again."""


def perform(ways: Ways, job: Job, again: Again) -> None:
    """Compare the books; what nothing waits for is queued `again`."""
    _compact(ways.database, job)
    _requeue_documents(ways, job, again)
    _requeue_extracts(ways, job, again.plan)
    _requeue_plans(ways, job, again.apply)
    _requeue_deliveries(ways, job, again)
    if _close_days(ways, job):
        _mend_tallies(ways.database)
    _judge_today(ways, job)


def say_day_normal(database: Database, route: str, source: str, day: date, by: str) -> bool:
    """A person says of a suspicious day that it is as it should be: it is learned from. Whether it was doubted."""
    with database.write() as connection:
        found = volumes.say_normal(connection, route, source, day, by)
        if found:
            audit.write(connection, by, "normal", f"connection {source}", {"day": day.isoformat(), "route": route})
    return found


def say_run_normal(database: Database, run_id: int, by: str) -> bool:
    """A person says of a suspicious run that it is as it should be: it is learned from. Whether it was doubted."""
    with database.write() as connection:
        found = runs.say_normal(connection, run_id, by)
        if found:
            audit.write(connection, by, "normal", f"run {run_id}")
    return found


def _compact(database: Database, job: Job) -> None:
    full = True
    while full:
        job.beat()
        with database.write() as connection:
            full = tallies.compact(connection, _TALLIES) == _TALLIES


def _mend_tallies(database: Database) -> None:
    with database.write() as connection:
        off = tallies.mend(connection)
    if off:
        _log.error("tallies.off", by={f"{noun} {state}": number for (noun, state), number in off.items()})


def _requeue_documents(ways: Ways, job: Job, again: Again) -> None:
    with ways.database.read() as connection:
        found = stranded.arrived(connection, tuple(ways.plugins.formats), HANDLE)
    for each in found:
        job.beat()
        with ways.database.write() as connection:
            if _still(connection, each, DocumentState.ARRIVED):
                again.handle(ways, connection, each.document_id)
                _tell(connection, each)


def _requeue_extracts(ways: Ways, job: Job, plan_again: PlanAgain) -> None:
    to_registers = [each for each in ways.routes.values() if each.to]
    for route, source in ((each, name) for each in to_registers for name in each.sources):
        with ways.database.read() as connection:
            found = stranded.unplanned(connection, route.noun, source, _PLANS)
        for each in found:
            job.beat()
            with ways.database.write() as connection:
                if _still(connection, each, DocumentState.ARRIVED) and not _is_planned(connection, each):
                    plan_again(connection, route, each.document_id)
                    _tell(connection, each)


def _is_planned(connection: Connection, each: Stranded) -> bool:
    """Planning that waits for another plan goes on as work of its own: it may have come since we looked."""
    return stranded.is_named(connection, _PLANS, "document", each.document_id)


def _requeue_plans(ways: Ways, job: Job, apply_again: ApplyAgain) -> None:
    """A plan goes on at its first change without an outcome, in the run it has: whoever applies it sees to that."""
    with ways.database.read() as connection:
        found = stranded.unapplied(connection, APPLY)
    for plan_id in found:
        job.beat()
        with ways.database.write() as connection:
            plan = plans.lock(connection, plan_id)
            if plan.state in plans.UNDER_WAY and not stranded.is_named(connection, (APPLY,), "plan", plan_id):
                apply_again(connection, plan)
                _tell_of_plan(connection, ways, plan)


def _tell_of_plan(connection: Connection, ways: Ways, plan: StoredPlan) -> None:
    """Tell it of the plan's source; a rehearsal of several has no one source, and is told of each."""
    named, route = f"Plan {plan.id}", ways.routes.get(plan.route)
    for name in (plan.source,) if plan.source else route.sources if route else ():
        connections.event(connection, name, Happening.STRANDED, details={"plan": plan.id, "sv": named, "en": named})
    _log.error("plan.stranded", plan=plan.id)


def _requeue_deliveries(ways: Ways, job: Job, again: Again) -> None:
    with ways.database.read() as connection:
        found = stranded.routed(connection, DELIVER)
    for each in found:
        job.beat()
        with ways.database.write() as connection:
            if _still(connection, each.source, DocumentState.ROUTED):
                again.deliver(ways, connection, each)
                _tell(connection, each.source)


def _still(connection: Connection, each: Stranded, state: DocumentState) -> bool:
    document = documents.lock(connection, each.document_id)
    return document.state is state and document.state_at == each.state_at


def _tell(connection: Connection, each: Stranded) -> None:
    said = {"document": each.document_id}
    documents.note(connection, each.document_id, Step.REPLAYED, details={"why": "no work waited for it"})
    connections.event(connection, each.connection, Happening.STRANDED, details=said)
    _log.error("document.stranded", **said)


def _close_days(ways: Ways, job: Job) -> bool:
    """Close the days that are over and not closed; whether there were any."""
    closed = False
    with ways.database.read() as connection:
        today = city_day(now(connection))
        days = sorted({day for route in ways.routes.values() for day in _open_days(connection, route, today)})
    for day in days[-_DAYS_AT_ONCE:]:
        with ways.database.read() as connection:
            closing = list(_closing(connection, ways, day, today))
        _keep(ways.database, job, closing)
        closed = True
    return closed


def _keep(database: Database, job: Job, found: Sequence[Volume]) -> None:
    """Keep what was counted, and tell what is doubted, a batch at a time: others write between them."""
    for batch in batches(found, _KEPT_AT_ONCE):
        job.beat()
        with database.write() as connection:
            for volume in batch:
                _tell_doubts(connection, volume)
                volumes.keep(connection, volume)


def _open_days(connection: Connection, route: Route, today: date) -> Iterator[date]:
    """The days before today that are not closed, from when its sources first brought something."""
    earliest = today - timedelta(weeks=WEEKS)
    for source in route.sources:
        first = volumes.first_day(connection, source)
        if first is None:
            continue
        known = volumes.between(connection, route.name, source, earliest, today)
        closed = {each.day for each in known if each.reconciled_at}
        begin = max(first, earliest)
        every = (begin + timedelta(days=number) for number in range((today - begin).days))
        yield from (day for day in every if day not in closed)


def _counted(connection: Connection, ways: Ways, day: date) -> Iterator[Volume]:
    """What every source brought on that day, as far as it has gone."""
    passes: dict[tuple[str, str], list[Run]] = {}
    for each in runs.begun_between(connection, volumes.begins(day), volumes.begins(day + timedelta(days=1))):
        passes.setdefault((each.route, each.connection), []).append(each)
    for noun in {route.noun for route in ways.routes.values()}:
        arrived = volumes.arrived(connection, noun, day)
        for route in (each for each in ways.routes.values() if each.noun == noun):
            for source in route.sources:
                own = passes.get((route.name, source), [])
                yield _volume(Volume(route.name, source, day), arrived.get(source, volumes.Arrived()), own)


def _volume(empty: Volume, arrived: volumes.Arrived, passes: list[Run]) -> Volume:
    well = [each for each in passes if each.outcome in {"succeeded", "suspicious", "nothing"} and not each.rehearsal]
    return replace(
        empty,
        documents=arrived.documents,
        bytes=arrived.bytes,
        hours=arrived.hours,
        runs=len(well),
        seconds=sum(each.took.total_seconds() for each in well if each.took),
        removals=max((honesty.measured_of(each).removals for each in well), default=0.0),
    )


def _closing(connection: Connection, ways: Ways, day: date, today: date) -> Iterator[Volume]:
    """Every source's volume of a day that is not closed, as it is to be kept: with what is to be doubted, of late."""
    is_told, at = today - day <= _JUDGED_BACK, now(connection)
    unexplained = _unexplained(connection, ways, day) if is_told else {}
    for volume in _counted(connection, ways, day):
        if not _is_open(connection, volume):
            continue
        doubts = honesty.day_suspicions(connection, volume) if is_told else ()
        route = ways.routes[volume.route]
        found = unexplained.get((route.noun, volume.connection), []) if not route.to else []
        yield replace(volume, suspicions=(*doubts, *_doubt_of(volume, found)), reconciled_at=at)


def _is_open(connection: Connection, volume: Volume) -> bool:
    """Whether its source had begun to bring something by that day, which is not closed."""
    before = volumes.find(connection, volume.route, volume.connection, volume.day)
    first = volumes.first_day(connection, volume.connection)
    return first is not None and first <= volume.day and not (before and before.reconciled_at)


def _unexplained(connection: Connection, ways: Ways, day: date) -> dict[tuple[str, str], list[int]]:
    """Documents of that day that stand in a state that nothing bears out, by noun and source.

    Not of a register: a plan bears out what became of an extract, and its run reconciles it.
    """
    begins, until = volumes.begins(day), volumes.begins(day + timedelta(days=1))
    nouns = {route.noun for route in ways.routes.values() if not route.to and route.noun in ways.plugins.formats}
    return {
        (noun, source): found
        for noun in nouns
        for source, found in stranded.unexplained(connection, noun, begins, until).items()
    }


def _doubt_of(volume: Volume, found: Sequence[int]) -> tuple[Suspicion, ...]:
    if not found:
        return ()
    named = ", ".join(str(each) for each in found[:_NAMED])
    text = Text(
        f"Av {volume.documents} dokument som kom har {len(found)} ett läge som inget kvitto eller skäl styrker: "
        f"{named}.",
        f"Of {volume.documents} documents that came, {len(found)} stand in a state that no receipt or reason bears "
        f"out: {named}.",
    )
    return (Suspicion("unexplained", text, float(len(found)), 0.0, 0.0),)


def _judge_today(ways: Ways, job: Job) -> None:
    job.beat()
    with ways.database.read() as connection:
        judged = list(_judged(connection, ways, now(connection)))
    _keep(ways.database, job, judged)


def _judged(connection: Connection, ways: Ways, at: datetime) -> Iterator[Volume]:
    """What every source has brought today, and what is to be doubted of it."""
    hour, still = at.astimezone(CITY_TIME).hour, honesty.troubled(connection)
    for volume in _counted(connection, ways, city_day(at)):
        quiet = hour == 0 or volume.connection in still
        yield replace(volume, suspicions=() if quiet else honesty.day_suspicions(connection, volume, hour))


def _tell_doubts(connection: Connection, volume: Volume) -> None:
    """Write down once for each day and measure that it is doubted."""
    before = volumes.find(connection, volume.route, volume.connection, volume.day) if volume.suspicions else None
    known = {each.what for each in before.suspicions} if before else set()
    for each in volume.suspicions:
        if each.what not in known:
            said = {"sv": each.text.sv, "en": each.text.en, "day": volume.day.isoformat(), "what": each.what}
            connections.event(connection, volume.connection, Happening.SUSPICIOUS, details=said)
