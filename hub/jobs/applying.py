"""Applying a plan: the target is looked at again, the changes are made one by one, and then it is looked at once more.

What has been done is kept change by change, so whoever takes over goes on where the last one stood. A plan is carried
out in slices of time: each ends by enqueuing the next, in the transaction that ends it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from hub.domain.changes import ChangeKind, PlanState
from hub.domain.suspicions import Suspicion
from hub.domain.texts import Reason, Text
from hub.flow import verifying
from hub.flow.staging import Desk
from hub.flow.verifying import Look
from hub.jobs import endings, registers
from hub.jobs.kinds import FailureReport, Job, Stopped, StopReason
from hub.jobs.pacing import pace
from hub.jobs.ways import Route, Ways
from hub.plugin.errors import Rejected
from hub.plugin.ports import Register
from hub.status import honesty
from hub.store import breakers, connections, documents, plans, runs
from hub.store.connections import Happening
from hub.store.plans import APPLIED, REJECTED, StoredChange, StoredPlan

Again = Callable[[Connection, StoredPlan], None]
SLICE = timedelta(minutes=10)
_AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class Bench:
    """Where a plan is applied: the hub, the work, the plan, its route and its register; `pace` keeps to its rate."""

    ways: Ways
    job: Job
    plan: StoredPlan
    route: Route
    register: Register[Any]
    pace: Callable[[], None]

    @property
    def desk(self) -> Desk:
        """The same, as looking at the target needs it."""
        return Desk(self.ways.database, self.plan.id, self.ways.records, self.job.beat)


def perform(ways: Ways, job: Job, again: Again, slice_: timedelta = SLICE) -> None:
    """Apply the plan that the job names, as far as a slice of time goes; nothing when that is done already."""
    with ways.database.write() as connection:
        plan = _begun(connection, job)
    if plan is None:
        return
    route = ways.routes.get(plan.route)
    if route is None or (route.to, route.noun) != (plan.target, plan.noun) or plan.source not in route.sources:
        _stale(ways, job, plan, _rerouted(plan))
        return
    with closing(registers.opened(ways, route)) as register:
        _carry_out(Bench(ways, job, plan, route, register, pace(ways.database, job)), again, slice_)


def gave_up(connection: Connection, job: Job, failure: FailureReport, reason: Reason) -> None:
    """Applying was given up: what is left of the plan is not done, and its extract is set aside."""
    plan = plans.get(connection, int(job.argument["plan"]))
    if plan is not None and plan.state in plans.UNDER_WAY:
        endings.stale(connection, plan, reason)
        endings.end_run(connection, plan.run_id, "failed", failure=failure.text)


def _begun(connection: Connection, job: Job) -> StoredPlan | None:
    plan = plans.get(connection, int(job.argument["plan"]))
    if plan is None or plan.state not in plans.UNDER_WAY:
        return None
    if plan.state is PlanState.APPROVED:
        plans.move(connection, plan.id, PlanState.APPLYING)
        if plan.rehearsal:  # its own run ended when it was made
            run = runs.begin(connection, plan.route, plan.source, "person", plan.by)
            plans.fed_anew(connection, plan.id, run, None)
    plan = plans.lock(connection, plan.id)
    if plan.run_id is not None:
        runs.at_stage(connection, plan.run_id, "apply", plan_id=plan.id)
    return plan


def _carry_out(bench: Bench, again: Again, slice_: timedelta) -> None:
    _settle_attempted(bench)
    with bench.ways.database.read() as connection:
        doubted = plans.doubted_before(connection, bench.plan)
    if doubted:
        _stale(bench.ways, bench.job, bench.plan, _in_doubt(bench.plan, doubted))
        return
    look = _look_first(bench)
    if look is not None and look.wrong:
        _stale(bench.ways, bench.job, bench.plan, _changed(bench.plan, look))
        return
    ends = time.monotonic() + slice_.total_seconds()
    if not _apply_until(bench, ends):
        with bench.ways.database.write() as connection:
            bench.job.complete_in(connection)
            again(connection, bench.plan)
        return
    _finish(bench, _look_last(bench))


def _settle_attempted(bench: Bench) -> None:
    """What a worker died over: the target tells whether it was made."""
    with bench.ways.database.read() as connection:
        begun = plans.attempted(connection, bench.plan.id)
    for each in begun:
        receipt = None
        with suppress(Rejected):  # it will be asked again when its turn comes, and then be told as rejected
            receipt = bench.register.existing(each.change)
        if receipt is not None:
            with bench.ways.database.write() as connection:
                _mine(bench, plans.attempt(connection, each, _held(bench)))
                plans.applied(connection, each, receipt)


def _look_first(bench: Bench) -> Look | None:
    """Look whether the target stands as it did; None when there is nothing left to do."""
    with bench.ways.database.read() as connection:
        left = plans.todo(connection, bench.plan.id, 1)
    if not left:
        return None
    return verifying.before_applying(bench.desk, bench.register.holdings(), bench.route.guards.theirs)


def _look_last(bench: Bench) -> Look | None:
    """Look whether everything stands as planned; None when nothing was to be applied."""
    if not bench.plan.figures.changes:
        return None
    return verifying.after_applying(bench.desk, bench.register.holdings(), bench.route.guards.theirs)


# --- change by change


def _apply_until(bench: Bench, ends: float) -> bool:
    """Make the changes that are left, in their order; False when the time was up before the last one."""
    with bench.ways.database.read() as connection:
        told, died_over = plans.progress(connection, bench.plan.id), plans.died_over(connection, bench.plan)
    done = told.total - told.left
    for each in _left(bench):
        bench.pace()
        if time.monotonic() >= ends:
            return False
        _apply(bench, each, was_begun=each.change.address in died_over)
        done += 1
        bench.job.progress(done, told.total)
    return True


def _left(bench: Bench) -> Iterator[StoredChange]:
    while True:
        with bench.ways.database.read() as connection:
            changes = plans.todo(connection, bench.plan.id, _AT_ONCE)
        if not changes:
            return
        yield from changes


def _apply(bench: Bench, each: StoredChange, *, was_begun: bool) -> None:
    """The intent, the change unless the target has it already, the receipt; or why the target will not have it.

    The target is asked first: what could not be asked of was not begun. What an earlier plan had begun is asked of
    twice, as what an earlier try of this one died over.
    """
    try:
        receipt = bench.register.existing(each.change)
        with bench.ways.database.write() as connection:
            _mine(bench, plans.attempt(connection, each, _held(bench)))
            if was_begun:
                plans.take_over(connection, bench.plan, each.change)
        if was_begun and receipt is None:
            receipt = bench.register.existing(each.change)
        receipt = receipt or bench.register.apply(each.change)
    except Rejected as failure:
        # Only what is made can be made twice: an update or a removal that is done again does no harm.
        doubted = failure.uncertain and each.change.kind is ChangeKind.CREATE
        with bench.ways.database.write() as connection:
            _mine(bench, plans.attempt(connection, each, _held(bench)))
            part = _set_aside(connection, bench, each, failure)
            plans.rejected(connection, each, failure.reasons, part, in_doubt=doubted)
            breakers.note(connection, bench.plan.target, succeeded=True)  # who rejects a record has answered
        return
    with bench.ways.database.write() as connection:
        plans.applied(connection, each, receipt)
        breakers.note(connection, bench.plan.target, succeeded=True)


def _held(bench: Bench) -> tuple[int, int]:
    return bench.job.id, bench.job.token


def _mine(bench: Bench, is_mine: bool) -> None:
    if not is_mine:
        raise Stopped(StopReason.SUPERSEDED)


def _set_aside(connection: Connection, bench: Bench, each: StoredChange, failure: Rejected) -> int | None:
    """The rejected record as a document of its own, set aside; None of a rehearsal that landed nothing."""
    whole = documents.get(connection, bench.plan.document_id) if bench.plan.document_id else None
    if whole is None:
        return None
    return endings.set_change_aside(connection, whole, each.change, failure.reasons, bench.plan.target)


# --- the end


def _finish(bench: Bench, look: Look | None) -> None:
    with bench.ways.database.write() as connection:
        bench.job.complete_in(connection)
        plan = plans.lock(connection, bench.plan.id)
        if plan.state is not PlanState.APPLYING:
            return
        done = plans.outcomes(connection, plan.id)
        doubts = (*_unlike(plan, done, look), *_withheld(plan), *_unusual(connection, plan))
        endings.finish(connection, plan, look.held if look else plan.figures.holdings, doubts)
        applied = sum(number for (_, outcome), number in done.items() if outcome == APPLIED)
        connections.succeeded(connection, plan.target, Happening.APPLIED, applied)


def _unlike(plan: StoredPlan, done: dict[tuple[ChangeKind, str | None], int], look: Look | None) -> Iterator[Suspicion]:
    """What the target holds is not what was planned: records that are not as applied, or another number of them."""
    if look is None:
        return
    if look.wrong:
        named = endings.told(look.odd, look.wrong)
        text = Text(
            f"Mottagaren har inte det som skrevs: {named}.", f"The target does not hold what was written: {named}."
        )
        yield Suspicion("target", text, float(look.wrong), 0.0, 0.0)
    added, removed = done.get((ChangeKind.CREATE, APPLIED), 0), done.get((ChangeKind.REMOVE, APPLIED), 0)
    expected = plan.figures.holdings + added - removed
    if look.held != expected:
        text = Text(
            f"Mottagaren har {look.held} poster; efter planen skulle den ha {expected}.",
            f"The target holds {look.held} records; after the plan it should hold {expected}.",
        )
        yield Suspicion("sum", text, float(look.held), float(expected), float(expected))


def _withheld(plan: StoredPlan) -> Iterator[Suspicion]:
    number = plan.figures.withheld
    if number:
        text = Text(
            f"{number} poster hos mottagaren togs inte bort, eftersom utdraget är tomt, inte är helt eller har "
            "poster utan läsbar nyckel.",
            f"{number} records of the target were not removed, since the extract is empty, is not whole or has "
            "records whose key cannot be read.",
        )
        yield Suspicion("withheld", text, float(number), 0.0, 0.0)


def _unusual(connection: Connection, plan: StoredPlan) -> tuple[Suspicion, ...]:
    """Why the run is odd beside its like; one that a person had a hand in has none."""
    run = runs.find(connection, plan.run_id) if plan.run_id is not None else None
    if run is None or run.cause != "schedule" or plan.stops or plan.figures.first:
        return ()
    figures = plan.figures
    measured = honesty.Measured(
        figures.read + figures.flaws, run.counts.get("bytes", 0), figures.removals / max(1, figures.holdings)
    )
    return honesty.run_suspicions(connection, run.id, measured)


def _stale(ways: Ways, job: Job, plan: StoredPlan, reason: Reason) -> None:
    with ways.database.write() as connection:
        job.complete_in(connection)
        if plans.lock(connection, plan.id).state in plans.UNDER_WAY:
            endings.stale(connection, plan, reason)


def _changed(plan: StoredPlan, look: Look) -> Reason:
    named = endings.told(look.odd, look.wrong)
    return Reason(
        "TARGET-CHANGED",
        Text(
            f"{plan.target} har ändrats sedan planen gjordes, eller så äger målet fler fält nu: {named}. Inget mer av "
            "planen utförs.",
            f"{plan.target} has changed since the plan was made, or more fields are its own now: {named}. Nothing more "
            "of the plan is done.",
        ),
        _PLAN_ANEW,
        value=named,
    )


def _in_doubt(plan: StoredPlan, addresses: Sequence[str]) -> Reason:
    named = endings.told(addresses, len(addresses))
    return Reason(
        "CHANGE-IN-DOUBT",
        Text(
            f"En annan plan kan redan ha skapat detta hos {plan.target}: {named}. Inget mer av planen utförs.",
            f"Another plan may have made this at {plan.target} already: {named}. Nothing more of the plan is done.",
        ),
        _PLAN_ANEW,
        value=named,
    )


def _rerouted(plan: StoredPlan) -> Reason:
    return Reason(
        "ROUTE-CHANGED",
        Text(
            f"Rutten {plan.route} leder inte längre från {plan.source} till {plan.target}.",
            f"The route {plan.route} leads from {plan.source} to {plan.target} no more.",
        ),
        _PLAN_ANEW,
        value=plan.route,
    )


_PLAN_ANEW = Text("Kör rutten igen, så görs en ny plan.", "Run the route again: a new plan is made.")

__all__ = ["APPLIED", "REJECTED", "SLICE", "gave_up", "perform"]
