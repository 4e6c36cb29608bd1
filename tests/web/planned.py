"""Plans for the console to show: stopped for one person or two, proposed, rehearsed, under way and at their end."""

from __future__ import annotations

import io
from datetime import UTC, datetime

from sqlalchemy import Connection

from hub.domain.changes import Change, ChangeKind, Figures, PlanState, Receipt, Stop, digest_of, key_for
from hub.domain.documents import Arrival, RetentionClass
from hub.domain.texts import Reason, Text
from hub.flow.guards import GuardLimits, stops
from hub.store import blobs, documents, plans, runs
from hub.store.database import Database
from hub.store.plans import NewPlan, StoredPlan

ROUTE, SOURCE, TARGET = "leverantorer", "leverantorsmapp", "agresso-utb"
APPLIED, HELD, TWICE, PROPOSED, APPLYING, REHEARSED, STALE, EMPTY = 1, 2, 3, 4, 5, 6, 7, 8
"""The ids of the city's plans, in the order in which they are made."""

PERSON = "6408233234"


def planned(database: Database, who: str) -> None:
    """Let these plans have been made."""
    _applied(database)
    removals = [remove(number) for number in range(60, 72)]
    found = make(database, f"{ROUTE}-a", [*_mixed(), *removals], figures=(400, 1), extract="leverantorer-11.csv")
    assert (found.id, found.state) == (HELD, PlanState.HELD)
    _half_approved(database, who)
    make(database, f"{ROUTE}-c", _mixed(), state=PlanState.PROPOSED, figures=(12, 0), first=True)
    _under_way(database)
    _rehearsed(database, who)
    stale = make(database, f"{ROUTE}-f", _mixed(), state=PlanState.STALE, figures=(400, 0))
    with database.write() as connection:
        why = Text("Mottagaren har ändrats sedan planen gjordes.", "The target has changed since the plan was made.")
        plans.move(connection, stale.id, PlanState.STALE, why)
    make(database, f"{ROUTE}-g", [], state=PlanState.APPLIED, figures=(400, 0))


def make(
    database: Database,
    route: str,
    changes: list[Change],
    *,
    state: PlanState | None = None,
    figures: tuple[int, int] = (400, 0),
    first: bool = False,
    extract: str = "",
    rehearsal: bool = False,
) -> StoredPlan:
    """A plan with those changes; `figures` are how many are unchanged and at fault. The guards say if it is held."""
    unchanged, flaws = figures
    counts = {kind: sum(each.kind is kind for each in changes) for kind in ChangeKind}
    kept = counts[ChangeKind.UPDATE] + unchanged
    read = kept + counts[ChangeKind.CREATE]
    told = Figures(
        stated=read + flaws,
        read=read,
        flaws=flaws,
        complete=True,
        holdings=kept + counts[ChangeKind.REMOVE],
        creates=counts[ChangeKind.CREATE],
        updates=counts[ChangeKind.UPDATE],
        removals=counts[ChangeKind.REMOVE],
        unchanged=unchanged,
        first=first,
        held_before=None if first else kept + counts[ChangeKind.REMOVE],
    )
    stopped = stops(told, GuardLimits())
    with database.write() as connection:
        run = runs.begin(connection, route, SOURCE, "schedule", rehearsal=rehearsal)
        document = _landed(connection, extract) if extract else None
        new = NewPlan(route, "suppliers", SOURCE, TARGET, run, document, rehearsal=rehearsal)
        plan_id = plans.begin(connection, new)
        keyed = [(number, _keyed(plan_id, number, each)) for number, each in enumerate(changes, 1)]
        plans.add(connection, plan_id, keyed)
        digest = digest_of(route, TARGET, changes)
        chosen = state or (PlanState.HELD if stopped else PlanState.APPLYING)
        plans.made(connection, plan_id, digest, told, stopped, chosen)
        if chosen in (PlanState.APPLIED, PlanState.STALE):
            runs.end(connection, run, "succeeded", {"creates": told.creates, "updates": told.updates})
        found = plans.get(connection, plan_id)
    assert found is not None
    return found


def create(number: int, **fields: str) -> Change:
    """A new record at the target."""
    said = {"name": f"Påhittade Bolaget {number} AB", "bankgiro": "991-2346", "terms": "30"}
    return Change(ChangeKind.CREATE, "", f"{number:05}", said | fields)


def edit(number: int, before: dict[str, str], after: dict[str, str]) -> Change:
    """A record at the target that would be changed."""
    said = {"name": f"Påhittade Bolaget {number} AB"}
    return Change(ChangeKind.UPDATE, "", f"{number:05}", said | after, said | before)


def remove(number: int) -> Change:
    """A record that would be removed from the target."""
    return Change(ChangeKind.REMOVE, "", f"{number:05}", {}, {"name": f"Nedlagda Bolaget {number} AB", "terms": "30"})


def _keyed(plan_id: int, number: int, change: Change) -> Change:
    key = key_for(plan_id, number, change)
    return Change(change.kind, key, change.address, change.fields, change.before, change.version)


def _landed(connection: Connection, name: str) -> int:
    content, digest = b"id;name\n", "ab" * 32
    blobs.keep(connection, digest, len(content), blobs.packed(io.BytesIO(content)), RetentionClass.ACCOUNTING)
    arrival = Arrival(SOURCE, name, name, digest, len(content), datetime.now(UTC), noun="suppliers")
    return documents.arrive(connection, arrival)[0]


def _mixed() -> list[Change]:
    return [
        create(10),
        create(11, person=PERSON, note="Ny leverantör till Utbildningsförvaltningen. " * 30),
        edit(20, {"bankgiro": "991-2346", "terms": "30"}, {"bankgiro": "5050-1055", "terms": "30"}),
        edit(21, {"person": PERSON, "city": "Provköping"}, {"person": "6408233234 ", "city": ""}),
        edit(22, {}, {"email": "faktura@bolaget.example"}),
    ]


def _applied(database: Database) -> None:
    found = make(database, f"{ROUTE}-a", [*_mixed(), remove(30)], state=PlanState.APPLYING)
    reason = Reason(
        "TERMS-UNKNOWN",
        Text("Betalningsvillkoret 30 finns inte hos mottagaren.", "The terms 30 are unknown to the target."),
        Text("Lägg upp villkoret hos mottagaren och kör igen.", "Add the terms at the target and replay."),
        value=PERSON,
    )
    with database.write() as connection:
        for each in plans.todo(connection, found.id, 100):
            if each.number == 3:
                plans.rejected(connection, each, (reason,), None)
            else:
                plans.applied(connection, each, Receipt(datetime.now(UTC), f"R-{each.number}", {"version": "7"}))
        plans.move(connection, found.id, PlanState.APPLIED)


def _half_approved(database: Database, who: str) -> None:
    removals = [remove(number) for number in range(100, 340)]
    found = make(database, f"{ROUTE}-b", [*_mixed(), *removals], figures=(60, 3))
    with database.write() as connection:
        plans.decide(connection, found, "berit", "approve", f"Stämt av med ekonomi, {PERSON} är borttagen.")
        assert found.id == TWICE
        assert who != "berit"


def _under_way(database: Database) -> None:
    changes = [create(number) for number in range(10)]
    found = make(database, f"{ROUTE}-d", changes, state=PlanState.APPLYING)
    with database.write() as connection:
        for each in plans.todo(connection, found.id, 4):
            plans.applied(connection, each, Receipt(datetime.now(UTC), f"R-{each.number}"))


def _rehearsed(database: Database, who: str) -> None:
    """A rehearsal of documents, one of which would be set aside."""
    stop = Reason("CITY-RECIPIENT", Text("Okänd mottagare.", "Unknown recipient."), Text("Rätta.", "Mend it."))
    with database.write() as connection:
        plan_id = plans.begin(connection, NewPlan("invoices", "invoices", SOURCE, "", by=who, rehearsal=True))
        for number in (1, 2, 3):
            change = Change(ChangeKind.CREATE, "", f"{SOURCE}/F-{number}.xml", {"file": f"F-{number}.xml"})
            aside = ("set_aside", (stop,)) if number == 2 else (None, ())
            plans.add_told(connection, plan_id, number, change, *aside)
        nothing: tuple[Stop, ...] = ()
        plans.made(connection, plan_id, "c3" * 32, Figures(3, 2, 1, True, creates=2), nothing, PlanState.PROPOSED)
