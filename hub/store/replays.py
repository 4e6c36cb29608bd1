"""Replays: what a person chose to run again, rehearsed or for real, and what became of every document of it.

A replay is gathered in portions: `reached` is the highest document id that was looked at, `last` where it ends. Every
document of it is marked in the transaction that delivers it, dismisses it or sets it aside again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, literal, select, update

from hub.store.database import now
from hub.store.forgetting import forget
from hub.store.set_asides import Chosen
from hub.store.tables import Moment, replay_items, replays


class Outcome(StrEnum):
    """What became of one document of a replay; one that is still on its way has none.

    unseen     waits to be rehearsed
    recovered  delivered; in a rehearsal: would be delivered
    stopped    set aside again; in a rehearsal: would be
    dismissed  a person decided meanwhile that it shall not be delivered
    unknown    could not be rehearsed
    """

    UNSEEN = "unseen"
    RECOVERED = "recovered"
    STOPPED = "stopped"
    DISMISSED = "dismissed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay as it is listed."""

    id: int
    by: str
    at: datetime
    chosen: Chosen
    rehearsal: bool
    number: int
    priority: int
    reached: int
    last: int
    gathered_at: datetime | None
    failure: Mapping[str, Any] | None
    counts: Mapping[str, int] | None
    ended_at: datetime | None
    incident_id: int | None


@dataclass(frozen=True, slots=True)
class Result:
    """How far a replay has come. Every document is counted once; `waiting` ones are still on their way.

    In a rehearsal `recovered` would be delivered and `stopped` would be set aside again.
    """

    number: int
    recovered: int
    stopped: int
    waiting: int
    dismissed: int = 0
    unknown: int = 0
    gathered: bool = True

    @property
    def is_ended(self) -> bool:
        """Whether every document of it has come to an end."""
        return self.gathered and not self.waiting

    @property
    def is_whole(self) -> bool:
        """Whether every document of it was recovered."""
        return self.is_ended and self.recovered == self.number

    def __str__(self) -> str:
        return f"{self.recovered} of {self.number} recovered"


@dataclass(frozen=True, slots=True)
class Stop:
    """Documents of one replay that were stopped again for the same codes; `sample` is one of them."""

    codes: tuple[str, ...]
    number: int
    sample: int


@dataclass(frozen=True, slots=True)
class Item:
    """One document of a replay. A rehearsal tells the `target` it would be delivered to."""

    document_id: int
    outcome: Outcome | None
    codes: tuple[str, ...]
    target: str | None
    at: datetime


def begin(
    connection: Connection,
    chosen: Chosen,
    by: str,
    *,
    rehearsal: bool,
    priority: int,
    last: int,
    incident: int | None = None,
) -> int:
    """Write down that this shall be run again, up to the document id `last`; the replay's id."""
    row = {
        "by": by,
        "at": now(connection),
        "chosen": chosen.as_json(),
        "rehearsal": rehearsal,
        "number": 0,
        "priority": priority,
        "reached": 0,
        "last": last,
        "incident_id": incident,
    }
    made: int = connection.execute(replays.insert().values(row).returning(replays.c.id)).scalar_one()
    return made


def get(connection: Connection, replay_id: int) -> Replay | None:
    """The replay with that id."""
    row = connection.execute(select(replays).where(replays.c.id == replay_id)).one_or_none()
    return None if row is None else _replay(row)


def lock(connection: Connection, replay_id: int) -> Replay | None:
    """The replay, held against others who gather it until the transaction ends."""
    row = connection.execute(select(replays).where(replays.c.id == replay_id).with_for_update()).one_or_none()
    return None if row is None else _replay(row)


def page(connection: Connection, *, before: int | None = None, limit: int = 50) -> list[Replay]:
    """Replays and rehearsals, newest first, from below the id `before`."""
    wanted = select(replays).order_by(replays.c.id.desc()).limit(limit)
    if before is not None:
        wanted = wanted.where(replays.c.id < before)
    return [_replay(row) for row in connection.execute(wanted)]


def of_incident(connection: Connection, incident: int) -> list[Replay]:
    """The replays that were made to repair that incident, oldest first."""
    wanted = select(replays).where(replays.c.incident_id == incident).order_by(replays.c.id)
    return [_replay(row) for row in connection.execute(wanted)]


def add(connection: Connection, replay: Replay, document_ids: Sequence[int], reached: int, *, gathered: bool) -> None:
    """These documents are of the replay, which has been gathered up to the document id `reached`."""
    at = now(connection)
    outcome = Outcome.UNSEEN.value if replay.rehearsal else None
    rows = [{"replay_id": replay.id, "document_id": each, "outcome": outcome, "at": at} for each in document_ids]
    if rows:
        connection.execute(replay_items.insert(), rows)
    come = {"number": replay.number + len(rows), "reached": reached, "gathered_at": at if gathered else None}
    connection.execute(update(replays).where(replays.c.id == replay.id).values(come))


def stop_gathering(connection: Connection, replay_id: int, failure: Mapping[str, Any]) -> None:
    """No more documents come to the replay, because of that failure; those that are of it go on."""
    first = func.coalesce(replays.c.gathered_at, literal(now(connection), Moment()))
    values = {"gathered_at": first, "failure": dict(failure)}
    connection.execute(update(replays).where(replays.c.id == replay_id).values(values))


def mark(connection: Connection, document_id: int, outcome: Outcome, codes: Sequence[str] = ()) -> None:
    """Tell the replay that the document is on its way in, if it is in one, what became of it."""
    row = {"this": document_id, "ended": outcome.value, "why": list(codes), "then": now(connection)}
    connection.execute(_MARK, row)


def mark_rehearsed(
    connection: Connection,
    replay_id: int,
    document_id: int,
    outcome: Outcome,
    codes: Sequence[str] = (),
    target: str | None = None,
) -> None:
    """Tell the rehearsal what would become of the document, unless it has been told."""
    row = {"replay": replay_id, "this": document_id, "ended": outcome.value, "why": list(codes), "to": target}
    connection.execute(_REHEARSED, {**row, "then": now(connection)})


def result(connection: Connection, replay_id: int) -> Result:
    """How far the replay has come. Raises LookupError."""
    found = get(connection, replay_id)
    if found is None:
        raise LookupError(f"there is no replay {replay_id}")
    return result_of(connection, found)


def result_of(connection: Connection, replay: Replay) -> Result:
    """How far the replay has come: from what was settled when it ended, else counted."""
    counts = replay.counts if replay.counts is not None else _counted(connection, replay.id)
    waiting = counts.get("", 0) + counts.get(Outcome.UNSEEN, 0)
    ended = {
        each: counts.get(each, 0) for each in (Outcome.RECOVERED, Outcome.STOPPED, Outcome.DISMISSED, Outcome.UNKNOWN)
    }
    return Result(
        number=replay.number,
        recovered=ended[Outcome.RECOVERED],
        stopped=ended[Outcome.STOPPED],
        waiting=waiting,
        dismissed=ended[Outcome.DISMISSED],
        unknown=ended[Outcome.UNKNOWN],
        gathered=replay.gathered_at is not None,
    )


def stops(connection: Connection, replay_id: int, outcome: Outcome = Outcome.STOPPED) -> list[Stop]:
    """The documents of the replay that were stopped again, by the codes of their reasons, the most first."""
    number = func.count().label("number")
    grouped = (
        select(replay_items.c.codes, number, func.min(replay_items.c.document_id).label("sample"))
        .where(replay_items.c.replay_id == replay_id, replay_items.c.outcome == outcome.value)
        .group_by(replay_items.c.codes)
        .order_by(number.desc(), func.min(replay_items.c.document_id))
    )
    return [Stop(tuple(row.codes or ()), row.number, row.sample) for row in connection.execute(grouped)]


def items(
    connection: Connection,
    replay_id: int,
    *,
    outcomes: Sequence[Outcome | None] | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[Item]:
    """The documents of the replay, oldest first, from above the id `after`; those with such outcomes alone."""
    of_it = select(replay_items).where(replay_items.c.replay_id == replay_id, replay_items.c.document_id > after)
    if outcomes is not None:
        named = replay_items.c.outcome.in_([each.value for each in outcomes if each])
        of_it = of_it.where(named | replay_items.c.outcome.is_(None) if None in outcomes else named)
    return [_item(row) for row in connection.execute(of_it.order_by(replay_items.c.document_id).limit(limit))]


def settle(connection: Connection, limit: int = 100) -> int:
    """Write down what the replays came to whose last document has ended; how many they were."""
    open_ones = select(replays).where(replays.c.ended_at.is_(None), replays.c.gathered_at.is_not(None)).limit(limit)
    ended = [each for each in map(_replay, connection.execute(open_ones)) if _settled(connection, each)]
    return len(ended)


def forget_before(connection: Connection, before: datetime, limit: int) -> int:
    """Forget replays that ended before then, their documents first, at most `limit` rows; how many it was."""
    old = select(replays.c.id).where(replays.c.ended_at < before)
    of_old = select(replay_items.c.replay_id, replay_items.c.document_id).where(replay_items.c.replay_id.in_(old))
    return forget(connection, limit, (replay_items, of_old), (replays, old))


def _settled(connection: Connection, replay: Replay) -> bool:
    if _has_open(connection, replay.id):
        return False
    latest = select(func.max(replay_items.c.at)).where(replay_items.c.replay_id == replay.id)
    at = connection.execute(latest).scalar_one() or replay.gathered_at
    values = {"ended_at": at, "counts": _counted(connection, replay.id)}
    connection.execute(update(replays).where(replays.c.id == replay.id).values(values))
    return True


def _has_open(connection: Connection, replay_id: int) -> bool:
    of_it = select(replay_items.c.document_id).where(replay_items.c.replay_id == replay_id)
    asked = (replay_items.c.outcome.is_(None), replay_items.c.outcome == Outcome.UNSEEN.value)
    return any(connection.execute(of_it.where(each).limit(1)).first() is not None for each in asked)


def _counted(connection: Connection, replay_id: int) -> dict[str, int]:
    of_it = select(replay_items.c.outcome, func.count()).where(replay_items.c.replay_id == replay_id)
    return {outcome or "": number for outcome, number in connection.execute(of_it.group_by(replay_items.c.outcome))}


_ENDED: dict[str, Any] = {"outcome": bindparam("ended"), "codes": bindparam("why"), "at": bindparam("then")}
_MARK = (
    update(replay_items)
    .where(replay_items.c.document_id == bindparam("this"), replay_items.c.outcome.is_(None))
    .values(_ENDED)
)
_REHEARSED = (
    update(replay_items)
    .where(
        replay_items.c.replay_id == bindparam("replay"),
        replay_items.c.document_id == bindparam("this"),
        replay_items.c.outcome == Outcome.UNSEEN.value,
    )
    .values({**_ENDED, "target": bindparam("to")})
)


def _replay(row: Row[Any]) -> Replay:
    values = row._asdict() | {"chosen": Chosen.from_json(row.chosen)}
    return Replay(**{each.name: values[each.name] for each in fields(Replay)})


def _item(row: Row[Any]) -> Item:
    outcome = Outcome(row.outcome) if row.outcome else None
    return Item(row.document_id, outcome, tuple(row.codes or ()), row.target, row.at)
