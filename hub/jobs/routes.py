"""Who follows whom: a source is asked, what it brings is landed, judged and planned, and the plan is applied.

    fetch ──land──▶ handle ──read, plan──▶ deliver ──apply──▶ delivered
    message ──land──▶ handle                  │
                        └── set aside ◀───────┘     replayed by a person, from `handle` on

    fetch ──land──▶ plan ──read, compare──▶ apply ──▶ applied      an extract, for a register
                      └──▶ held, proposed ──approved──▲            records at fault are set aside

Each arrow is one transaction: what follows is enqueued together with what it follows from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import partial

from sqlalchemy import Connection

from hub.domain.changes import PlanState
from hub.domain.documents import DocumentState, Step
from hub.domain.texts import Reason, Text
from hub.flow import land
from hub.jobs import (
    applying,
    approving,
    delivering,
    fetching,
    handling,
    matching,
    planning,
    pulling,
    reconciling,
    registers,
    rehearsing,
    repairing,
    replaying,
    telling,
    tidying,
    watching,
)
from hub.jobs.kinds import FailureClass, FailureReport, Job, Kind
from hub.jobs.names import (
    APPLY,
    BY_HAND,
    BY_HAND_IN_BULK,
    DELIVER,
    FETCH,
    HANDLE,
    HOUSE_LANE,
    JUDGING_LANE,
    MATCH,
    OWN_LANES,
    PLAN,
    PULL,
    RECONCILE,
    REHEARSE,
    REPAIR,
    REPLAY,
    TELL,
    TIDY,
    WATCH,
)
from hub.jobs.schedule import Recurring
from hub.jobs.ways import Route, Ways
from hub.loader import Connection as Configured
from hub.store import audit, connections, documents, invoices, plans, runs, work
from hub.store.connections import Happening
from hub.store.database import Database, now
from hub.store.documents import Document
from hub.store.plans import StoredPlan
from hub.store.stranded import OpenDelivery

_BLAMES = {
    FailureClass.UNAVAILABLE: Happening.UNAVAILABLE,
    FailureClass.OVERDUE: Happening.UNAVAILABLE,
    FailureClass.REFUSED: Happening.REFUSED,
    FailureClass.BUG: Happening.BUG,
}
_DEADLINES = {
    FETCH: timedelta(minutes=30),
    HANDLE: timedelta(minutes=10),
    DELIVER: timedelta(minutes=10),
    PLAN: timedelta(hours=2),
    APPLY: timedelta(hours=1),
    PULL: timedelta(minutes=30),
}
_PLAN_LATER = timedelta(seconds=20)


def recurring(ways: Ways) -> tuple[Recurring, ...]:
    """What is done again and again: every source that can be used is asked at its times; the house is tidied."""
    asked = (
        _asked(configured, route)
        for route in ways.routes.values()
        for name in route.sources
        if (configured := ways.connections.get(name)) is not None and configured.is_asked
    )
    looks = Recurring(kind=WATCH, lane=HOUSE_LANE, every=watching.EVERY)
    books = Recurring(kind=RECONCILE, lane=HOUSE_LANE, every=timedelta(minutes=10))
    tries = Recurring(kind=MATCH, lane=HOUSE_LANE, every=timedelta(minutes=15))
    return (*asked, Recurring(kind=TIDY, lane=HOUSE_LANE, every=timedelta(hours=1)), looks, books, tries)


def kinds(ways: Ways) -> tuple[Kind, ...]:
    """The kinds of work a worker of this hub knows."""
    return (
        Kind(
            name=FETCH,
            perform=lambda job: _fetch(ways, job),
            deadline=_DEADLINES[FETCH],
        ),
        Kind(
            name=HANDLE,
            perform=lambda job: _handle(ways, job),
            deadline=_DEADLINES[HANDLE],
            gave_up=_gave_up,
        ),
        Kind(
            name=DELIVER,
            perform=lambda job: delivering.perform(ways, job),
            deadline=_DEADLINES[DELIVER],
            gave_up=_gave_up,
        ),
        Kind(name=TIDY, perform=lambda job: tidying.perform(ways.database, job, ways.retention)),
        Kind(name=RECONCILE, perform=lambda job: reconciling.perform(ways, job, AGAIN)),
        Kind(
            name=REPLAY,
            perform=lambda job: replaying.perform(ways.database, job),
            deadline=replaying.DEADLINE,
            gave_up=replaying.gave_up,
        ),
        Kind(
            name=REHEARSE,
            perform=lambda job: replaying.perform_rehearsal(ways, job),
            deadline=replaying.DEADLINE,
            gave_up=replaying.gave_up,
        ),
        Kind(name=PULL, perform=lambda job: pulling.perform(ways, job, then_pull_on), deadline=_DEADLINES[PULL]),
        Kind(name=MATCH, perform=lambda job: matching.perform(ways, job)),
        *_kinds_of_plans(ways),
        *_kinds_of_incidents(ways),
    )


def _kinds_of_plans(ways: Ways) -> tuple[Kind, ...]:
    return (
        Kind(
            name=PLAN,
            perform=lambda job: planning.perform(ways, job, then_apply, _plan_later),
            deadline=_DEADLINES[PLAN],
            gave_up=lambda connection, job, failure: planning.gave_up(connection, job, failure, _stopped(failure)),
        ),
        Kind(
            name=APPLY,
            perform=lambda job: _apply(ways, job),
            deadline=_DEADLINES[APPLY],
            gave_up=lambda connection, job, failure: applying.gave_up(connection, job, failure, _stopped(failure)),
        ),
    )


def _kinds_of_incidents(ways: Ways) -> tuple[Kind, ...]:
    return (
        Kind(name=WATCH, perform=lambda job: watching.perform(ways, job)),
        Kind(
            name=TELL,
            perform=lambda job: telling.perform(ways.database, ways.notify, job),
            retry=telling.RETRIES,
            deadline=telling.DEADLINE,
            gave_up=telling.gave_up,
        ),
        Kind(
            name=REPAIR,
            perform=lambda job: repairing.perform(ways, job),
            deadline=repairing.DEADLINE,
            gave_up=repairing.gave_up,
        ),
    )


def receive(ways: Ways, message: land.Message, pieces: Iterable[bytes]) -> land.Landed:
    """Land a message that was pushed to us; judging follows. Raises land.TooLarge."""
    landed = land.receive(ways.database, message, pieces, largest=ways.landed, then=_then(ways, message.connection))
    with ways.database.write() as connection:
        connections.succeeded(connection, message.connection, Happening.ARRIVED, int(landed.is_new), counted=True)
    return landed


def then_handle(connection: Connection, document_id: int, order: str | None = None, priority: int = 0) -> None:
    """A landed document is to be judged; with an `order`, after those before it."""
    key, argument = f"{HANDLE}:{document_id}", {"document": document_id}
    work.enqueue(connection, kind=HANDLE, lane=JUDGING_LANE, argument=argument, key=key, priority=priority, order=order)


def then_plan(
    route: Route, connection: Connection, document_id: int, fetched_in: int | None = None, priority: int = 0
) -> None:
    """A landed extract is to be planned, in the lane of the register it is for and in the run it was fetched in."""
    document = documents.get(connection, document_id)
    if document is None:
        raise LookupError(f"document {document_id} was just landed and cannot be found")
    run = runs.hand_over(connection, route.name, document.connection, document_id, fetched_in)
    _plan(connection, route, document_id, run, priority)


def handle_again(ways: Ways, connection: Connection, document_id: int) -> None:
    """A document that no work waits for is judged after all, after those of its order that wait by now."""
    document = documents.get(connection, document_id)
    if document is None:
        raise LookupError(f"document {document_id} was just found and is gone")
    order, argument = _order_of_judging(ways, document.connection), {"document": document_id}
    work.enqueue(connection, kind=HANDLE, lane=JUDGING_LANE, argument=argument, order=order)


def deliver_again(ways: Ways, connection: Connection, delivery: OpenDelivery) -> None:
    """A delivery that no work waits for is made after all, after those of its order that wait by now."""
    document = documents.get(connection, delivery.source.document_id)
    order = _order_of(ways, connection, document) if document else None
    then_deliver(connection, delivery.id, delivery.target, order=order)


def plan_again(connection: Connection, route: Route, document_id: int) -> None:
    """An extract that no work waits for is planned after all, in the run it had; a part of one, with the latest."""
    document = documents.get(connection, document_id)
    if document is None:
        raise LookupError(f"document {document_id} was just found and is gone")
    if "extract" in document.details:
        work.enqueue(connection, kind=HANDLE, lane=JUDGING_LANE, argument={"document": document_id})
        return
    _plan(connection, route, document_id, runs.take_up(connection, route.name, document.connection, document_id))


def _plan(connection: Connection, route: Route, document_id: int, run: int, priority: int = 0) -> None:
    argument = {"document": document_id, "run": run}
    work.enqueue(connection, kind=PLAN, lane=route.to, argument=argument, priority=priority)


def then_apply(connection: Connection, plan: StoredPlan) -> None:
    """A plan is to be applied, or to be applied further; a rehearsal of documents has no one target, but a source."""
    lane = plan.target or plan.source or JUDGING_LANE
    work.enqueue(connection, kind=APPLY, lane=lane, argument={"plan": plan.id}, priority=BY_HAND_IN_BULK)


def approve(database: Database, plan_id: int, digest: str, by: str, reason: str) -> PlanState:
    """A named person approves a held plan, as it was shown; where it stands then. Raises approving.NotPossible."""
    return approving.approve(database, plan_id, digest, by, reason, then_apply)


def apply_proposed(database: Database, plan_id: int, digest: str, by: str, reason: str) -> PlanState:
    """A named person lets a proposed plan be applied; where it stands then. Raises approving.NotPossible."""
    return approving.apply(database, plan_id, digest, by, reason, then_apply)


def rehearse(ways: Ways, route: str, by: str) -> StoredPlan | None:
    """Read a route's sources for real and plan what it would do; nothing is landed or applied. Raises Failure.

    None when a register's source has no extract.
    """
    with ways.database.write() as connection:
        audit.write(connection, by, "rehearse", f"route {route}")
    return rehearsing.rehearse(ways, ways.routes[route], by)


def then_pull_on(connection: Connection, job: Job) -> None:
    """A long pull goes on in another piece of work, so that others of its lane have their turn."""
    work.enqueue(connection, kind=PULL, lane=job.lane, argument=dict(job.argument), priority=job.priority)


def then_deliver(
    connection: Connection, delivery_id: int, target: str, priority: int = 0, order: str | None = None
) -> None:
    """A planned delivery is to be made; what a person asked for overtakes what waits there too.

    With an `order` it is made after those before it, whoever asked for it.
    """
    argument = {"delivery": delivery_id}
    work.enqueue(connection, kind=DELIVER, lane=target, argument=argument, priority=priority, order=order)


def failed(connection: Connection, job: Job, failure_class: FailureClass, failure: FailureReport) -> None:
    """Work failed; where a connection is to blame, its status is told from it, and the document's journey."""
    if job.kind in {FETCH, PULL} and failure_class is FailureClass.REJECTED:
        connections.rejected(connection, job.lane, failure.text)
    happening = _BLAMES.get(failure_class)
    if job.kind not in {FETCH, PULL, DELIVER, PLAN, APPLY} or happening is None or job.lane in OWN_LANES:
        return
    connections.failed(connection, job.lane, happening, failure.text)
    document = document_of(connection, job)
    if document is not None:
        said = {"sv": failure.text.sv, "en": failure.text.en, "attempt": job.attempt}
        documents.note(connection, document, Step.RETRYING, connection_name=job.lane, details=said)


def document_of(connection: Connection, job: Job) -> int | None:
    """The document a piece of work is about."""
    if job.kind == HANDLE:
        return int(job.argument["document"])
    if job.kind == DELIVER:
        return delivering.document_of(connection, int(job.argument["delivery"]))
    if job.kind == PLAN:
        return int(job.argument["document"])
    return None


def _then(ways: Ways, source: str) -> Callable[[Connection, int], None]:
    """What follows when something from that source is landed."""
    try:
        return _after(ways.route_of(source), source)
    except LookupError:
        return then_handle


def _after(route: Route, source: str, priority: int = 0) -> Callable[[Connection, int], None]:
    """What follows when something is landed that the source brought for the route."""
    if route.to:
        return partial(then_plan, route, priority=priority)
    return partial(then_handle, order=_by_source(source) if route.order else None, priority=priority)


def _order_of_judging(ways: Ways, source: str) -> str | None:
    """In what order what the source brings is judged, where its route asks for one."""
    try:
        return _by_source(source) if ways.route_of(source).order else None
    except LookupError:
        return None


def _after_fetching(route: Route, source: str, asked: int) -> fetching.Then:
    """The same when the source was asked for it, in a run that goes on with an extract.

    What a person asked for overtakes what waits there too, as the many that it may be.
    """
    priority = min(asked, BY_HAND_IN_BULK)
    if route.to:
        return lambda connection, document_id, run: then_plan(route, connection, document_id, run, priority)
    follow = _after(route, source, priority)
    return lambda connection, document_id, _run: follow(connection, document_id)


def _by_source(name: str) -> str:
    return f"source:{name}"


def _order_of(ways: Ways, connection: Connection, document: Document) -> str | None:
    """In what order what the document was read into is delivered, where its route asks for one."""
    try:
        order = ways.route_of(document.connection).order
    except LookupError:
        return None
    seller = invoices.seller_key(connection, document.id) if order == "seller" else None
    return f"seller:{seller}" if seller else _by_source(document.connection) if order else None


def _fetch(ways: Ways, job: Job) -> None:
    """Ask a source for the route that the job names; one to be rehearsed first is, until a person applies it."""
    route = ways.routes[job.argument["route"]]
    if "plan" not in job.argument and rehearsing.is_first(ways, route, job.argument["connection"]):
        rehearsing.rehearse_first(ways, route, job)
    else:
        fetching.perform(ways, job, _after_fetching(route, job.argument["connection"], job.priority))


def _handle(ways: Ways, job: Job) -> None:
    """Judge a document; one of a register's route, which was set aside and is replayed, is planned anew."""
    with ways.database.read() as connection:
        document = documents.get(connection, int(job.argument["document"]))
    route = registers.route_of(ways, document.noun, document.connection) if document else None
    if document is None:
        return
    if route is None:
        handling.perform(ways, job, partial(_deliver, ways, job, document))
        return
    with ways.database.write() as connection:
        if documents.lock(connection, document.id).state is DocumentState.ARRIVED:
            planning.plan_anew(connection, job, document, partial(then_plan, route, priority=job.priority))


def _deliver(ways: Ways, job: Job, document: Document, connection: Connection, delivery_id: int, target: str) -> None:
    then_deliver(connection, delivery_id, target, job.priority, _order_of(ways, connection, document))


def _apply(ways: Ways, job: Job) -> None:
    """Apply a plan: at its register, or by running the route that was rehearsed."""
    with ways.database.read() as connection:
        plan = plans.get(connection, int(job.argument["plan"]))
    if plan is not None and not plan.target:
        rehearsing.apply(ways, job, _fetch_planned)
    else:
        applying.perform(ways, job, then_apply)


def _fetch_planned(connection: Connection, source: str, plan: StoredPlan) -> None:
    """A source is asked for exactly what a rehearsal met there."""
    argument = {"connection": source, "route": plan.route, "cause": "person", "by": plan.by, "plan": plan.id}
    work.enqueue(connection, kind=FETCH, lane=source, argument=argument, priority=BY_HAND)


def _plan_later(connection: Connection, job: Job) -> None:
    """A plan of the route is being applied: the extract is planned after it."""
    due_at = now(connection) + _PLAN_LATER
    argument = dict(job.argument)
    work.enqueue(connection, kind=PLAN, lane=job.lane, argument=argument, priority=job.priority, due_at=due_at)


def _asked(configured: Configured, route: Route) -> Recurring:
    argument = {"connection": configured.name, "route": route.name}
    every = configured.every or timedelta(minutes=1)
    return Recurring(
        kind=kind_of_asking(configured, route),
        lane=configured.name,
        argument=argument,
        every=every,
        timing=configured.schedule,
    )


def kind_of_asking(configured: Configured, route: Route) -> str:
    """How what the connection has is had: by pulling records page by page, or by landing documents."""
    feeds = configured.connector.feeds if configured.connector else {}
    return PULL if route.noun in feeds else FETCH


def _gave_up(connection: Connection, job: Job, failure: FailureReport) -> None:
    document = document_of(connection, job)
    if document is None:
        return
    target = job.lane if job.kind == DELIVER else None
    handling.set_aside(connection, document, "work", (_stopped(failure),), target)


def _stopped(failure: FailureReport) -> Reason:
    by_person = failure.failure_class is FailureClass.CANCELLED
    return Reason(
        "CANCELLED" if by_person else "BUG",
        failure.text,
        Text(
            "Kör dokumentet igen när orsaken är åtgärdad.",
            "Replay the document when the cause is mended.",
        ),
    )


AGAIN = reconciling.Again(handle_again, plan_again, then_apply, deliver_again)
"""How what nothing waits for is queued again."""
