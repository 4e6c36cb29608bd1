"""What the end of a plan means: for the run it was of, and for the documents it was made of."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from hub.domain.changes import Change, PlanState
from hub.domain.documents import DocumentState, Step
from hub.domain.suspicions import Suspicion
from hub.domain.texts import Reason, Text
from hub.flow import land
from hub.jobs.handling import set_aside
from hub.store import connections, documents, extracts, plans, replays, runs, set_asides
from hub.store.connections import Happening
from hub.store.documents import Document
from hub.store.plans import StoredPlan
from hub.store.replays import Outcome

PLAN_STAGE, TARGET_STAGE = "plan", "target"
HUB = "hub"
"""By whom is done what no person asked for."""


def finish(connection: Connection, plan: StoredPlan, held: int, suspicions: Iterable[Suspicion] = ()) -> None:
    """Everything that could be applied is; the target holds so many records now."""
    told = plans.progress(connection, plan.id)
    plans.move(connection, plan.id, PlanState.APPLIED)
    plans.counted(connection, plan.id, replace(plan.figures, held_after=held))
    details = {"reference": f"plan {plan.id}", "applied": told.applied, "rejected": told.rejected}
    delivered = routed(connection, plan)
    for each in delivered:
        documents.move(connection, each, DocumentState.DELIVERED)
        replays.mark(connection, each, Outcome.RECOVERED)
        documents.note(connection, each, Step.DELIVERED, connection_name=plan.target, details=details)
    if delivered:
        connections.count(connection, plan.target, Happening.DELIVERED, len(delivered))
    counts = {"applied": told.applied, "rejected": told.rejected}
    end_run(connection, plan.run_id, "succeeded" if told.applied else "nothing", counts, suspicions=suspicions)


def supersede(connection: Connection, plan: StoredPlan, later: int) -> None:
    """A later plan stands in its place."""
    why = Text(f"Plan {later} gäller i stället.", f"Plan {later} stands in its place.")
    plans.move(connection, plan.id, PlanState.SUPERSEDED, why)
    end_run(connection, plan.run_id, "nothing", failure=why)


def refuse(connection: Connection, plan: StoredPlan, by: str, reason: str) -> None:
    """A person decided that it shall not be applied: what it was made of is dismissed."""
    why = Text(f"Avslagen av {by}: {reason}", f"Refused by {by}: {reason}")
    plans.move(connection, plan.id, PlanState.REFUSED, why)
    for each in routed(connection, plan):
        dismiss(connection, each, why, by)
    end_run(connection, plan.run_id, "rejected", failure=why)


def stale(connection: Connection, plan: StoredPlan, reason: Reason) -> None:
    """It can be applied no more: what it was made of is set aside, so that it can be planned anew."""
    plans.move(connection, plan.id, PlanState.STALE, reason.problem)
    for each in routed(connection, plan):
        set_aside(connection, each, PLAN_STAGE, (reason,), plan.target)
    end_run(connection, plan.run_id, "rejected", failure=reason.problem)


def routed(connection: Connection, plan: StoredPlan) -> list[int]:
    """The documents that the plan was made of and that wait for it; none of a rehearsal that landed nothing."""
    if plan.document_id is None:
        return []
    return [each.id for each in extracts.standing(connection, plan.noun, plan.source, (DocumentState.ROUTED,))]


def set_change_aside(
    connection: Connection, whole: Document, change: Change, reasons: Sequence[Reason], target: str
) -> int:
    """The one change as a document of its own, set aside as a part of the extract that it came of; its id."""
    said = {
        "kind": change.kind,
        "address": change.address,
        "fields": dict(change.fields),
        "before": dict(change.before),
    }
    content = json.dumps(said, ensure_ascii=False, indent=1).encode("utf-8", "backslashreplace")
    part = land.part(connection, whole, change.address, content)
    set_aside(connection, part, TARGET_STAGE, reasons, target)
    return part


def dismiss(connection: Connection, document_id: int, why: Text, by: str = HUB) -> None:
    """Nothing more is done with the document, and it says why."""
    set_asides.forget(connection, document_id)
    documents.move(connection, document_id, DocumentState.DISMISSED)
    replays.mark(connection, document_id, Outcome.DISMISSED)
    documents.note(connection, document_id, Step.DISMISSED, by=by, details={"why": why.en, "sv": why.sv})


def end_run(
    connection: Connection,
    run_id: int | None,
    outcome: str,
    counts: Mapping[str, int] | None = None,
    failure: Text | None = None,
    suspicions: Iterable[Suspicion] = (),
) -> None:
    """End the run, with what was counted added to what it has counted before."""
    run = runs.find(connection, run_id) if run_id is not None else None
    if run is None:
        return
    said = {"sv": failure.sv, "en": failure.en} if failure else None
    runs.end(connection, run.id, outcome, {**run.counts, **(counts or {})}, said, suspicions)


def told(addresses: Sequence[str], number: int) -> str:
    """The first addresses in a row, and how many more there are."""
    named = ", ".join(addresses[:10])
    return f"{named} (+{number - 10})" if number > 10 else named
