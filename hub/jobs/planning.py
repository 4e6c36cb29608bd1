"""Planning for a register: an extract is read, compared with what the target holds, and a plan is made of it.

Nothing is applied here. A plan that no guard stops goes on to be applied, in the transaction that keeps it; else it
waits for a person. Whoever dies over it leaves nothing but a plan that was never made, and it is begun anew.

What an earlier plan handed over and the target does not show is in doubt, and no plan makes it: it stays set aside
until the target shows it or a person answers. To replay it says that it is not there and may be made; to dismiss it
says that it shall not be made again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from typing import BinaryIO, TypeAlias

from sqlalchemy import Connection

from hub.domain.changes import Figures, PlanState, Stop
from hub.domain.documents import DocumentState, Step
from hub.domain.texts import Reason, Text
from hub.flow import guards, land, staging
from hub.flow.guards import FirstRun
from hub.flow.staging import Desk, OnFlaw, Read
from hub.jobs import endings, registers
from hub.jobs.handling import set_aside
from hub.jobs.kinds import FailureReport, Job
from hub.jobs.ways import Route, Ways
from hub.plugin.errors import Rejected
from hub.plugin.ports import Flaw
from hub.store import blobs, connections, documents, extracts, plans, runs, set_asides, staged
from hub.store.connections import Happening
from hub.store.database import Database
from hub.store.documents import Document
from hub.store.plans import NewPlan, StoredChange, StoredPlan
from hub.store.staged import CREATE, FAULT, Staged

ThenApply = Callable[[Connection, StoredPlan], None]
Again = Callable[[Connection, Job], None]
AtFault: TypeAlias = dict[int, tuple[Reason, ...]]
"""The parts of an extract that hold records at fault, and why; never more than MOST_PARTS."""

RECORD_STAGE, EXTRACT_STAGE = "record", "extract"
MOST_PARTS = 1000
"""So many records at fault are set aside one by one; those above are told together."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a plan is to be made of, and for whom. `document` is None for a rehearsal of what is not landed."""

    route: Route
    source: str
    name: str
    opened: Callable[[], BinaryIO]
    document: Document | None = None
    run: int | None = None
    by: str | None = None
    rehearsal: bool = False


@dataclass(frozen=True, slots=True)
class Doubts:
    """What earlier plans left in doubt at the target: what it shows by now, and what it does not."""

    there: tuple[StoredChange, ...]
    left: tuple[StoredChange, ...]


@dataclass(frozen=True, slots=True)
class Made:
    """A plan that is written down, before anybody has decided what becomes of it."""

    plan_id: int
    digest: str
    figures: Figures
    stops: tuple[Stop, ...]
    doubts: Doubts


# --- work


def perform(ways: Ways, job: Job, then: ThenApply, again: Again) -> None:
    """Plan the extract that the job names, unless that is done or a later one came. Waits while a plan is applied."""
    with ways.database.read() as connection:
        document = documents.get(connection, int(job.argument["document"]))
    if document is None or document.state is not DocumentState.ARRIVED:
        return
    route = registers.route_of(ways, document.noun, document.connection)
    if route is None:
        _without_route(ways.database, job, document)
        return
    with ways.database.write() as connection:
        if _ends_early(connection, job, route, document, again):
            return
    asked = _asked(ways, job, route, document)
    at_fault: AtFault = {}
    try:
        made = make(ways, asked, job.beat, _keeps_flaws(document, at_fault))
    except Rejected as failure:
        _unreadable(ways.database, job, asked, failure)
        return
    with ways.database.write() as connection:
        if not _ends_early(connection, job, route, document, again):
            _settle(connection, job, asked, made, at_fault, then)


def plan_anew(connection: Connection, job: Job, document: Document, then: Callable[[Connection, int], None]) -> None:
    """A record that was set aside is to be tried again: the latest extract of its source is planned anew.

    Of one in doubt a person has seen that the target does not have it.
    """
    job.complete_in(connection)
    plans.let_again(connection, document.id)
    newest = extracts.newest(connection, document.noun, document.connection)
    whole = documents.lock(connection, document.id if newest is None else newest)
    if "extract" not in document.details and document.id != whole.id:
        endings.dismiss(connection, document.id, _LATER)
    elif whole.id == document.id or whole.state is not DocumentState.ARRIVED:
        set_asides.forget(connection, whole.id)
        documents.move(connection, whole.id, DocumentState.ARRIVED)
        then(connection, whole.id)


def gave_up(connection: Connection, job: Job, failure: FailureReport, reason: Reason) -> None:
    """Planning was given up: its extract is set aside, its run has failed."""
    document = documents.get(connection, int(job.argument["document"]))
    if document is not None and document.state is DocumentState.ARRIVED:
        set_aside(connection, document.id, "work", (reason,))
    _end_run(connection, job, "failed", failure.text)


def rehearse(ways: Ways, asked: Asked) -> StoredPlan:
    """Make a plan for real and apply nothing: what was read is not landed. Raises Failure as the other sides do."""
    with ways.database.write() as connection:
        run = runs.begin(connection, asked.route.name, asked.source, "person", asked.by, rehearsal=True)
    asked = replace(asked, run=run, rehearsal=True)
    try:
        made = make(ways, asked, _nothing, _ignore)
    except BaseException:
        with ways.database.write() as connection:
            endings.end_run(connection, run, "failed")
        raise
    with ways.database.write() as connection:
        plans.hold_route(connection, asked.route.name)
        kept = _keep(connection, asked, made, PlanState.PROPOSED)
        endings.end_run(connection, run, "succeeded")
        return kept


def _asked(ways: Ways, job: Job, route: Route, document: Document) -> Asked:
    def opened() -> BinaryIO:
        return blobs.stream(ways.database, document.digest)

    run, by = job.argument.get("run"), job.argument.get("by")
    return Asked(route, document.connection, document.name, opened, document, run, by)


# --- making


def make(ways: Ways, asked: Asked, beat: Callable[[], None], on_flaw: OnFlaw) -> Made:
    """Write a plan down: the extract against what the target holds. Raises Rejected for an extract at fault."""
    with ways.database.write() as connection:
        plans.forget_unmade(connection, asked.route.name, asked.run)
        plan_id = plans.begin(connection, _new(asked))
        _stand(connection, asked, "read", plan_id)
        before = plans.latest_applied(connection, asked.route.name, asked.source, asked.route.to)
    desk = Desk(ways.database, plan_id, ways.records, beat)
    read = _compared(ways, asked, desk, on_flaw)
    doubts = _doubts(asked, desk)
    held = before.figures.held_after if before else None
    first = before is None or (before.figures.first and not (before.figures.changes or before.figures.unchanged))
    figures = staging.figures(desk, read, first=first, held_before=held)
    digest = staging.write_down(desk, asked.route.name, asked.route.to, may_remove=read.may_remove)
    with ways.database.write() as connection:
        staged.clear(connection, plan_id)
    return Made(plan_id, digest, figures, guards.stops(figures, asked.route.guards), doubts)


def _new(asked: Asked) -> NewPlan:
    return NewPlan(
        route=asked.route.name,
        noun=asked.route.noun,
        source=asked.source,
        target=asked.route.to,
        run_id=asked.run,
        document_id=asked.document.id if asked.document else None,
        by=asked.by,
        rehearsal=asked.rehearsal,
    )


def _compared(ways: Ways, asked: Asked, desk: Desk, on_flaw: OnFlaw) -> Read:
    with closing(registers.opened(ways, asked.route)) as register:
        with closing(asked.opened()) as stream:
            records = registers.records(ways, asked.route.noun, asked.name, stream)
            read = staging.stage(desk, records, register.fit, on_flaw)
        with ways.database.write() as connection:
            _stand(connection, asked, "plan", desk.plan_id)
        staging.compare(desk, register.holdings(), asked.route.guards.theirs)
    return read


def _doubts(asked: Asked, desk: Desk) -> Doubts:
    """What earlier plans left in doubt, now that the target was looked at. What it does not show is not planned."""
    with desk.database.write() as connection:
        doubted = plans.in_doubt(connection, asked.route.to, asked.route.noun)
        known = staged.find(connection, desk.plan_id, {each.change.address for each in doubted})
        there = {each.address for each in known.values() if each.met}
        unseen = [Staged(each.address, FAULT) for each in known.values() if each.kind == CREATE]
        staged.keep(connection, desk.plan_id, unseen)
    left = tuple(each for each in doubted if each.change.address not in there)
    return Doubts(tuple(each for each in doubted if each.change.address in there), left)


def _stand(connection: Connection, asked: Asked, stage: str, plan_id: int) -> None:
    if asked.run is not None:
        document_id = asked.document.id if asked.document else None
        runs.at_stage(connection, asked.run, stage, plan_id=plan_id, document_id=document_id)


def _keeps_flaws(whole: Document, at_fault: AtFault) -> OnFlaw:
    def keep(connection: Connection, number: int, flaw: Flaw) -> None:
        if number <= MOST_PARTS:
            part = land.part(connection, whole, flaw.address or f"#{number}", flaw.content)
            set_aside(connection, part, RECORD_STAGE, flaw.reasons)
            at_fault[part] = flaw.reasons

    return keep


def _ignore(_connection: Connection, _number: int, _flaw: Flaw) -> None:
    """For a rehearsal: records at fault are counted, and set aside by the run itself."""


def _nothing() -> None:
    """For whoever has no lease to keep."""


# --- deciding


def _settle(connection: Connection, job: Job, asked: Asked, made: Made, at_fault: AtFault, then: ThenApply) -> None:
    """Decide what becomes of the plan, and of the documents it was made of; all in one transaction."""
    job.complete_in(connection)
    connections.succeeded(connection, asked.route.to, Happening.DELIVERED, 0)
    plan = _keep(connection, asked, made, _state(made, asked.route))
    if asked.document is not None:
        at_fault |= _answer_for(connection, asked.document, asked.route.to, made.doubts)
        _route_documents(connection, asked.document, plan, at_fault)
        _tell_the_rest(connection, asked.document, made.figures)
    if plan.state is PlanState.APPLYING:
        then(connection, plan)
    if plan.state is PlanState.APPLIED:
        endings.finish(connection, plan, plan.figures.holdings)


def _state(made: Made, route: Route) -> PlanState:
    if made.stops:
        return PlanState.HELD
    if not made.figures.changes:
        return PlanState.APPLIED
    if made.figures.first and route.guards.first_run is FirstRun.REHEARSE:
        return PlanState.PROPOSED
    return PlanState.APPLYING


def _keep(connection: Connection, asked: Asked, made: Made, state: PlanState) -> StoredPlan:
    """Let the plan stand, or the one that waits already and says the very same; the others are superseded.

    A rehearsal takes the place of earlier rehearsals only, a run that of everything that waits. The one that waited
    keeps its approvals; the figures and what stops it are those of now, for what the target holds may have changed.
    """
    kept = made.plan_id
    for each in plans.standing(connection, asked.route.name, plans.WAITING_FOR_SOMEBODY):
        if (each.digest, each.state, each.rehearsal) == (made.digest, state, asked.rehearsal):
            kept = each.id
            endings.end_run(connection, each.run_id, "nothing", failure=_SAME_AGAIN)
        elif each.rehearsal or not asked.rehearsal:
            endings.supersede(connection, each, made.plan_id)
    if kept == made.plan_id:
        plans.made(connection, kept, made.digest, made.figures, made.stops, state)
    else:
        plans.forget(connection, made.plan_id)
        plans.fed_anew(connection, kept, asked.run, asked.document.id if asked.document else None)
        plans.weighed_anew(connection, kept, made.figures, made.stops)
        _stand(connection, asked, "plan", kept)
    if asked.run is not None:
        runs.progress(connection, asked.run, _counts(asked, made.figures))
    return plans.lock(connection, kept)


def _counts(asked: Asked, figures: Figures) -> dict[str, int]:
    return {
        "listed": figures.read + figures.flaws,
        "flaws": figures.flaws,
        "held": figures.holdings,
        "creates": figures.creates,
        "updates": figures.updates,
        "removals": figures.removals,
        "unchanged": figures.unchanged,
        "bytes": asked.document.size if asked.document else 0,
    }


def _route_documents(connection: Connection, whole: Document, plan: StoredPlan, at_fault: AtFault) -> None:
    """The extract, and what was mended of its records, go with the plan; what earlier extracts left goes no further.

    What is at fault, or in doubt since an earlier one, stays set aside.
    """
    for each in extracts.standing(connection, whole.noun, whole.connection, _OPEN):
        if each.id in at_fault:
            if each.state is not DocumentState.SET_ASIDE:
                set_aside(connection, each.id, RECORD_STAGE, at_fault[each.id])
        elif each.extract < whole.id:
            if each.of is not None or each.state is not DocumentState.ARRIVED:
                endings.dismiss(connection, each.id, _LATER)
        elif each.extract == whole.id:
            _go(connection, each.id, plan)


def _answer_for(connection: Connection, whole: Document, target: str, doubts: Doubts) -> AtFault:
    """The documents in which what is in doubt lies, and why; what came of no document lies in a part of this one."""
    for each in doubts.there:
        plans.turned_up(connection, each)
    lying: AtFault = {}
    for each in doubts.left:
        lies = each.document_id
        if lies is None:
            lies = endings.set_change_aside(connection, whole, each.change, each.reasons, target)
            plans.lies_in(connection, each, lies)
        lying[lies] = each.reasons
    return lying


def _go(connection: Connection, document_id: int, plan: StoredPlan) -> None:
    set_asides.forget(connection, document_id)
    documents.move(connection, document_id, DocumentState.ROUTED)
    details = {"plan": plan.digest, "number": str(plan.id), "state": plan.state.value}
    documents.note(connection, document_id, Step.ROUTED, connection_name=plan.target, details=details)


def _tell_the_rest(connection: Connection, whole: Document, figures: Figures) -> None:
    """Of records at fault beyond counting one by one, one document tells how many they are."""
    left = figures.flaws - MOST_PARTS
    if left <= 0:
        return
    reason = Reason(
        "RECORDS-AT-FAULT",
        Text(f"Ytterligare {left} poster i utdraget är felaktiga.", f"Another {left} records of it are at fault."),
        Text("Rätta källan och låt den lämna ett nytt utdrag.", "Mend the source and let it hand over a new extract."),
        value=str(left),
    )
    set_aside(connection, land.part(connection, whole, "rest", f"{left}\n".encode()), RECORD_STAGE, (reason,))


# --- ending before a plan is made


def _ends_early(connection: Connection, job: Job, route: Route, document: Document, again: Again) -> bool:
    """Whether this is not to be planned now, which is written down: a later extract came, or a plan is under way."""
    plans.hold_route(connection, route.name)
    if extracts.later(connection, document.noun, document.connection, document.id) is not None:
        job.complete_in(connection)
        endings.dismiss(connection, document.id, _LATER)
        _end_run(connection, job, "nothing", _LATER)
        return True
    if plans.standing(connection, route.name, plans.UNDER_WAY):
        job.complete_in(connection)
        again(connection, job)
        return True
    return False


def _without_route(database: Database, job: Job, document: Document) -> None:
    reason = Reason(
        "NO-ROUTE",
        Text(
            f"Ingen rutt till ett register tar hand om {document.noun} från {document.connection}.",
            f"No route to a register takes {document.noun} from {document.connection}.",
        ),
        Text("Lägg till rutten i inställningarna och kör igen.", "Add the route to the settings and replay."),
    )
    with database.write() as connection:
        job.complete_in(connection)
        set_aside(connection, document.id, EXTRACT_STAGE, (reason,))
        _end_run(connection, job, "rejected", reason.problem)


def _end_run(connection: Connection, job: Job, outcome: str, why: Text) -> None:
    """End the run that the work is of, unless another extract of the same fetching has it now."""
    run_id = job.argument.get("run")
    run = runs.find(connection, run_id) if run_id is not None else None
    if run is not None and run.document_id == int(job.argument["document"]):
        endings.end_run(connection, run.id, outcome, failure=why)


def _unreadable(database: Database, job: Job, asked: Asked, failure: Rejected) -> None:
    with database.write() as connection:
        job.complete_in(connection)
        plans.forget_unmade(connection, asked.route.name, asked.run)
        if asked.document is not None:
            set_aside(connection, asked.document.id, EXTRACT_STAGE, failure.reasons)
        endings.end_run(connection, asked.run, "rejected", failure=failure.text)


_OPEN = (DocumentState.ARRIVED, DocumentState.ROUTED, DocumentState.SET_ASIDE)
_LATER = Text("Ett senare utdrag gäller i stället.", "A later extract stands in its place.")
_SAME_AGAIN = Text("Ett senare utdrag gav samma plan.", "A later extract gave the same plan.")
