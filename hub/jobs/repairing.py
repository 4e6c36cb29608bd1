"""Repairing an incident: check its connections, let what waits go, replay what it set aside, follow it, close.

    ask ──▶ check ──passed──▶ release, replay ──▶ follow ──▶ "38 of 38 recovered", closed
              └── failed: says which, and the incident stays open

Each step stands in the incident. A repair that is killed goes on where it was: what it released and replayed is known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from hub.domain.texts import Text
from hub.jobs import replaying, telling
from hub.jobs.kinds import FailureReport, Job
from hub.jobs.names import BY_HAND, HOUSE_LANE, REPAIR
from hub.jobs.ways import Ways
from hub.loader import Connection as Configured
from hub.plugin.ports import Check
from hub.status.checks import check_and_keep
from hub.status.connections import State, tell_all
from hub.status.incidents import is_in_repair
from hub.store import audit, breakers, connections, incidents, lanes, replays, work
from hub.store.connections import Happening
from hub.store.database import Database, now
from hub.store.incidents import Incident, IncidentEvent, IncidentEventKind
from hub.store.set_asides import Chosen

DEADLINE = timedelta(minutes=30)
STILL = timedelta(minutes=10)
"""When nothing of what waited has moved for so long, the repair ends and says what is left."""

_LOOK_AGAIN = timedelta(seconds=2)
_JUST_BEFORE = timedelta(minutes=1)
"""What the first failure set aside was written in the same breath, and a moment before it."""

_STAGES = ("work", "target", "plan")
"""Where a failing target sets documents aside."""

_PAUSED = Text("Kopplingen är pausad av en person.", "The connection is paused by a person.")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How far a repair has come: what it set out to recover, what was, what was set aside again and what is left."""

    total: int
    recovered: int
    stopped: int
    left: int


def ask(database: Database, incident_id: int, by: str) -> int | None:
    """A person asks for the incident to be repaired; the work's id, or None when it is closed or in repair already."""
    with database.write() as connection:
        incidents.lock(connection)
        found = incidents.get(connection, incident_id)
        if found is None or found.closed_at is not None or is_in_repair(incidents.events(connection, incident_id)):
            return None
        incidents.note(connection, incident_id, IncidentEventKind.REPAIR_BEGUN, details={"by": by})
        audit.write(connection, by, "repair", f"incident {incident_id}")
        argument = {"incident": incident_id, "by": by}
        return work.enqueue(connection, kind=REPAIR, lane=HOUSE_LANE, argument=argument, priority=BY_HAND)


def perform(ways: Ways, job: Job) -> None:
    """Carry the repair one step on; what follows is work of its own."""
    with ways.database.read() as connection:
        incident = incidents.get(connection, int(job.argument["incident"]))
    if incident is None or incident.closed_at is not None:
        return
    if "released" in job.argument:
        _follow(ways, job, incident)
    else:
        _check(ways, job, incident)


def gave_up(connection: Connection, job: Job, failure: FailureReport) -> None:
    """The repair itself was given up or cancelled: the incident says so, and can be repaired again."""
    said = {"sv": failure.text.sv, "en": failure.text.en}
    incidents.note(connection, int(job.argument["incident"]), IncidentEventKind.REPAIR_ENDED, details=said)


# --- checking


def _check(ways: Ways, job: Job, incident: Incident) -> None:
    failed = []
    for name in incident.scope.connections:
        job.beat()
        why = _why_not(ways, name)
        with ways.database.write() as connection:
            said = {"passed": why is None} | ({"sv": why.sv, "en": why.en} if why else {})
            incidents.note(connection, incident.id, IncidentEventKind.REPAIR_CHECKED, name, said)
        failed += [name] if why else []
    if failed:
        with ways.database.write() as connection:
            job.complete_in(connection)
            names = ", ".join(failed)
            _end(connection, incident, Text(f"Fungerar ännu inte: {names}", f"Does not work yet: {names}"))
        return
    _release(ways, job, incident)


def _why_not(ways: Ways, name: str) -> Text | None:
    """Why the connection cannot be let go, None when it can. One that left the settings stands in nobody's way."""
    configured = ways.connections.get(name)
    if configured is None:
        return None
    with ways.database.read() as connection:
        if connections.lived(connection, name).paused_at is not None:
            return _PAUSED
    done = check_and_keep(ways.database, configured)
    return next((_said(each) for each in done if not each.passed), None)


def _said(check: Check) -> Text:
    return Text(f"{check.name.sv}: {check.detail.sv}", f"{check.name.en}: {check.detail.en}")


# --- letting go


def _release(ways: Ways, job: Job, incident: Incident) -> None:
    """Let everything go, replay what was set aside, and follow it from there."""
    with ways.database.write() as connection:
        if paused := _paused(connection, ways, incident):
            job.complete_in(connection)
            names = ", ".join(paused)
            _end(connection, incident, Text(f"{names}: {_PAUSED.sv}", f"{names}: {_PAUSED.en}"))
            return
        begun, waited = _released(connection, ways, incident, str(job.argument["by"]))
    job.beat()
    _replay(ways.database, incident, begun, str(job.argument["by"]))
    with ways.database.write() as connection:
        job.complete_in(connection)
        argument = {**job.argument, "released": begun.isoformat(), "waited": waited}
        _look_again(connection, argument)


def _paused(connection: Connection, ways: Ways, incident: Incident) -> list[str]:
    """What a person has paused, while the checks were made perhaps: that is theirs to let go."""
    names = [name for name in incident.scope.connections if name in ways.connections]
    return [name for name in names if connections.lived(connection, name).paused_at is not None]


def _released(connection: Connection, ways: Ways, incident: Incident, by: str) -> tuple[datetime, int]:
    """Since when what waits is followed, and how much that is; the same when this repair did so before."""
    last = _last_step(connection, incident)
    if last.kind is not IncidentEventKind.REPAIR_BEGUN:
        return datetime.fromisoformat(last.details["begun"]), int(last.details["waited"])
    names = [name for name in incident.scope.connections if name in ways.connections]
    begun = now(connection)
    waited = incidents.count_waiting(connection, names, begun)
    for name in names:
        _let_go(connection, ways.connections[name], by)
    details = {"begun": begun.isoformat(), "waited": waited}
    incidents.note(connection, incident.id, IncidentEventKind.REPAIR_RELEASED, details=details)
    return begun, waited


def _let_go(connection: Connection, configured: Configured, by: str) -> None:
    """The check has shown that the connection answers: nothing of its work is held or put off any more."""
    name = configured.name
    known = connections.lived(connection, name)
    if known.refused_at is not None:
        lanes.release_lane(connection, name)
        connections.resume(connection, name, by)
    breakers.close(connection, name)
    connections.succeeded(connection, name, Happening.CHECKED, 0, left=known.left_items)
    work.hurry(connection, name)


def _replay(database: Database, incident: Incident, begun: datetime, by: str) -> None:
    with database.read() as connection:
        aside = incidents.set_aside_since(
            connection, incident.scope.connections, incident.since - _JUST_BEFORE, _STAGES
        )
    if not aside:
        return
    made = replaying.replay(database, Chosen(ids=tuple(aside)), by, incident=incident.id)
    with database.write() as connection:
        details = {
            **_last_step(connection, incident).details,
            "begun": begun.isoformat(),
            "replay": made,
            "number": len(aside),
        }
        incidents.note(connection, incident.id, IncidentEventKind.REPAIR_REPLAYED, details=details)


def _last_step(connection: Connection, incident: Incident) -> IncidentEvent:
    steps = {IncidentEventKind.REPAIR_BEGUN, IncidentEventKind.REPAIR_RELEASED, IncidentEventKind.REPAIR_REPLAYED}
    return next(each for each in reversed(incidents.events(connection, incident.id)) if each.kind in steps)


# --- following


def _follow(ways: Ways, job: Job, incident: Incident) -> None:
    begun = datetime.fromisoformat(job.argument["released"])
    names = incident.scope.connections
    failing = _failing_anew(ways, names, begun)
    with ways.database.write() as connection:
        job.complete_in(connection)
        outcome = outcome_of(connection, incident, begun, int(job.argument["waited"]))
        if failing:
            said = ", ".join(failing)
            _end(connection, incident, Text(f"Felar på nytt: {said}", f"Fails again: {said}"), outcome)
        elif outcome.left == 0:
            _recovered(connection, ways, incident, outcome, str(job.argument["by"]))
        elif _is_still(connection, job, outcome):
            left = Text(f"{outcome.left} väntar ännu", f"{outcome.left} still wait")
            _end(connection, incident, left, outcome)
        else:
            _look_again(connection, _marked(connection, job, outcome))


def outcome_of(connection: Connection, incident: Incident, begun: datetime, waited: int) -> Outcome:
    """How far the repair that began then has come with the `waited` that waited, and with what it replayed."""
    names = incident.scope.connections
    left = incidents.count_waiting(connection, names, begun)
    stopped = incidents.count_stopped(connection, names, begun)
    results = [replays.result(connection, each) for each in incidents.replays_of(connection, incident.id, begun)]
    total = waited + sum(each.number for each in results)
    left += sum(each.waiting or int(not each.gathered) for each in results)
    stopped += sum(each.number - each.waiting - each.recovered for each in results)
    return Outcome(total, max(0, total - left - stopped), stopped, left)


def _failing_anew(ways: Ways, names: Sequence[str], begun: datetime) -> list[str]:
    grave = {State.BROKEN, State.REFUSED, State.FAILING}
    return [
        each.name
        for each in tell_all(ways.database, ways.connections)
        if each.name in names and each.told.state in grave and (each.told.since or begun) >= begun
    ]


def _recovered(connection: Connection, ways: Ways, incident: Incident, outcome: Outcome, by: str) -> None:
    incidents.lock(connection)
    _end(connection, incident, None, outcome)
    details = {"recovered": outcome.recovered, "total": outcome.total, "stopped": outcome.stopped}
    if incidents.close(connection, incident.id, by, details):
        now_closed = incidents.get(connection, incident.id)
        if now_closed is not None:
            telling.closed(connection, ways.notify, now_closed)


def _is_still(connection: Connection, job: Job, outcome: Outcome) -> bool:
    if outcome.left != job.argument.get("left"):
        return False
    return now(connection) - datetime.fromisoformat(job.argument["moved"]) > STILL


def _marked(connection: Connection, job: Job, outcome: Outcome) -> dict[str, Any]:
    if outcome.left == job.argument.get("left"):
        return dict(job.argument)
    return {**job.argument, "left": outcome.left, "moved": now(connection).isoformat()}


def _look_again(connection: Connection, argument: dict[str, Any]) -> None:
    due_at = now(connection) + _LOOK_AGAIN
    work.enqueue(connection, kind=REPAIR, lane=HOUSE_LANE, argument=argument, priority=BY_HAND, due_at=due_at)


def _end(connection: Connection, incident: Incident, why: Text | None, outcome: Outcome | None = None) -> None:
    details: dict[str, Any] = {"sv": why.sv, "en": why.en} if why else {}
    if outcome is not None:
        details |= {"recovered": outcome.recovered, "total": outcome.total, "stopped": outcome.stopped}
    incidents.note(connection, incident.id, IncidentEventKind.REPAIR_ENDED, details=details)
