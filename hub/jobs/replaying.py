"""What is set aside: documents are judged anew with today's rules and register, or rehearsed so, or let go for good.

    replay ──first portion at once──▶ further portions as durable work ──▶ each document: handle, as when it arrived
       └── rehearsed: each portion's documents are looked at where judging is done, and nothing is written of them

However often and by however many a document is replayed at once, it goes on its way once: its state decides, under
its lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from hub.domain.documents import DocumentState, Step
from hub.jobs import handling, registers
from hub.jobs.handling import Rehearsed
from hub.jobs.kinds import FailureReport, Job
from hub.jobs.names import BY_HAND, BY_HAND_IN_BULK, HANDLE, HOUSE_LANE, JUDGING_LANE, REHEARSE, REPLAY
from hub.jobs.ways import Ways
from hub.plugin.errors import Failure
from hub.store import audit, documents, replays, set_asides, work
from hub.store.database import Database
from hub.store.replays import Outcome, Replay
from hub.store.set_asides import Chosen

DEADLINE = timedelta(minutes=30)
A_FEW = 500
"""So many at most overtake whatever waits; more than these let other people's work go first."""

_PORTION = 200
_REHEARSED_TOGETHER = 25


def replay(database: Database, chosen: Chosen, by: str, *, rehearse: bool = False, incident: int | None = None) -> int:
    """Let what was chosen of what is set aside be judged anew, or rehearse it; the replay's id.

    The first portion is on its way when this returns; what is left follows as durable work. `replays.result` tells
    how far it has come.
    """
    with database.write() as connection:
        replays.settle(connection)
        figures = set_asides.figures(connection, chosen)
        made = replays.begin(
            connection,
            chosen,
            by,
            rehearsal=rehearse,
            priority=BY_HAND if figures.number <= A_FEW else BY_HAND_IN_BULK,
            last=figures.last,
            incident=incident,
        )
        details = {"number": figures.number, "incident": incident, **chosen.as_json(most=_PORTION)}
        audit.write(connection, by, "rehearse" if rehearse else "replay", f"replay {made}", details)
        if not _portion(connection, made):
            work.enqueue(connection, kind=REPLAY, lane=HOUSE_LANE, argument={"replay": made}, priority=BY_HAND)
    return made


def replay_these(database: Database, document_ids: Iterable[int], by: str) -> int:
    """Let documents that were set aside be judged anew, with today's rules and register; how many are on their way."""
    made = replay(database, Chosen(ids=tuple(document_ids)), by)
    with database.read() as connection:
        return replays.result(connection, made).number


def dismiss(database: Database, document_id: int, by: str, why: str) -> bool:
    """A person decides that a document that was set aside shall not be delivered; whether it was set aside."""
    with database.write() as connection:
        if documents.lock(connection, document_id).state is not DocumentState.SET_ASIDE:
            return False
        set_asides.forget(connection, document_id)
        handling.let_go(connection, document_id)
        documents.move(connection, document_id, DocumentState.DISMISSED)
        replays.mark(connection, document_id, Outcome.DISMISSED)
        documents.note(connection, document_id, Step.DISMISSED, by=by, details={"why": why})
        audit.write(connection, by, "dismiss", f"document {document_id}", {"why": why})
    return True


def perform(database: Database, job: Job) -> None:
    """Put the rest of the replay on its way, a portion in each transaction."""
    replay_id, ended = int(job.argument["replay"]), False
    while not ended:
        job.beat()
        with database.write() as connection:
            ended = _portion(connection, replay_id)
            if ended:
                job.complete_in(connection)


def perform_rehearsal(ways: Ways, job: Job) -> None:
    """Look what would become of the documents that the job names, and tell their rehearsal."""
    replay_id, told = int(job.argument["replay"]), {}
    taken: dict[tuple[str, str], int] = {}
    for each in job.argument["documents"]:
        job.beat()
        told[int(each)] = _looked_at(ways, int(each), taken)
    with ways.database.write() as connection:
        job.complete_in(connection)
        for document_id, (outcome, codes, target) in told.items():
            replays.mark_rehearsed(connection, replay_id, document_id, outcome, codes, target)


def gave_up(connection: Connection, job: Job, failure: FailureReport) -> None:
    """The rest of the replay is not gathered, or these documents are not rehearsed: the replay says so and ends."""
    replay_id = int(job.argument["replay"])
    if job.kind == REPLAY:
        replays.stop_gathering(connection, replay_id, failure.as_json())
    for each in job.argument.get("documents", ()):
        code = failure.failure_class.value.upper()
        replays.mark_rehearsed(connection, replay_id, int(each), Outcome.UNKNOWN, (code,))


def _portion(connection: Connection, replay_id: int) -> bool:
    """Put one portion of the replay on its way; whether that was the last."""
    replay = replays.lock(connection, replay_id)
    if replay is None or replay.gathered_at is not None:
        return True
    found = set_asides.chosen(connection, replay.chosen, after=replay.reached, last=replay.last, limit=_PORTION)
    gathered = len(found) < _PORTION
    taken = found if replay.rehearsal else [each for each in found if _put_back(connection, replay, each)]
    replays.add(connection, replay, taken, found[-1] if found else replay.last, gathered=gathered)
    if replay.rehearsal:
        _have_rehearsed(connection, replay, taken)
    return gathered


def _put_back(connection: Connection, replay: Replay, document_id: int) -> bool:
    """Let one document be judged anew; False when somebody else has taken it in hand meanwhile."""
    if documents.lock(connection, document_id).state is not DocumentState.SET_ASIDE:
        return False
    set_asides.forget(connection, document_id)
    documents.move(connection, document_id, DocumentState.ARRIVED)
    documents.note(connection, document_id, Step.REPLAYED, by=replay.by, details={"replay": replay.id})
    argument = {"document": document_id}
    work.enqueue(connection, kind=HANDLE, lane=JUDGING_LANE, argument=argument, priority=replay.priority)
    return True


def _have_rehearsed(connection: Connection, replay: Replay, document_ids: list[int]) -> None:
    for begin in range(0, len(document_ids), _REHEARSED_TOGETHER):
        argument: Mapping[str, Any] = {
            "replay": replay.id,
            "documents": document_ids[begin : begin + _REHEARSED_TOGETHER],
        }
        work.enqueue(connection, kind=REHEARSE, lane=JUDGING_LANE, argument=argument, priority=replay.priority)


def _looked_at(
    ways: Ways, document_id: int, taken: dict[tuple[str, str], int]
) -> tuple[Outcome, tuple[str, ...], str | None]:
    with ways.database.read() as connection:
        document = documents.get(connection, document_id)
    if document is None or document.state is not DocumentState.SET_ASIDE:
        return Outcome.UNKNOWN, ("NOT-SET-ASIDE",), None
    if registers.route_of(ways, document.noun, document.connection) is not None:
        return Outcome.UNKNOWN, ("PLANNED-ANEW",), None  # hub run ROUTE --rehearse tells what would become of it
    try:
        seen: Rehearsed = handling.rehearse(ways, document, taken=taken)
    except Failure as failure:
        return Outcome.UNKNOWN, (type(failure).__name__.upper(),), None
    codes = tuple(dict.fromkeys(reason.code for reason in seen.reasons))
    return (Outcome.STOPPED if codes else Outcome.RECOVERED), codes, seen.target
