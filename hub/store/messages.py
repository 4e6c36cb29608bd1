"""Messages to people: written in the transaction of what they tell, sent after it, each with a key of its own.

A message that was held for a digest points to it by `digest_of` and is sent in it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, func, or_, select, update

from hub.store.database import now
from hub.store.dialects import insert_once
from hub.store.forgetting import forget
from hub.store.tables import incidents, messages, work
from hub.store.work import UNENDED


class MessageKind(StrEnum):
    """What a message tells."""

    OPENED = "opened"
    CLOSED = "closed"
    DIGEST = "digest"


@dataclass(frozen=True, slots=True)
class Message:
    """A message to one channel. Its `body` holds its id from the first, a digest's rest when it is sent first."""

    id: int
    key: str
    channel: str
    kind: MessageKind
    incident_id: int | None
    body: Mapping[str, Any]
    made_at: datetime
    due_at: datetime
    sent_at: datetime | None
    digest_of: int | None


def write(
    connection: Connection,
    *,
    key: str,
    channel: str,
    kind: MessageKind,
    due_at: datetime,
    incident_id: int | None = None,
    body: Mapping[str, Any] | None = None,
    digest_of: int | None = None,
) -> int | None:
    """Write a message that is to be sent; its id, or None when one with that key was written already."""
    row = {
        "key": key,
        "channel": channel,
        "kind": kind.value,
        "incident_id": incident_id,
        "body": dict(body or {}),
        "made_at": now(connection),
        "due_at": due_at,
        "digest_of": digest_of,
    }
    if not insert_once(connection, messages, row):
        return None
    made = by_key(connection, key)
    return made.id if made else None


def get(connection: Connection, message_id: int) -> Message | None:
    """The message with that id."""
    row = connection.execute(select(messages).where(messages.c.id == message_id)).one_or_none()
    return None if row is None else _message(row)


def by_key(connection: Connection, key: str) -> Message | None:
    """The message with that key."""
    row = connection.execute(select(messages).where(messages.c.key == key)).one_or_none()
    return None if row is None else _message(row)


def of_incident(connection: Connection, incident_id: int) -> list[Message]:
    """What was written about the incident, first to last."""
    wanted = select(messages).where(messages.c.incident_id == incident_id).order_by(messages.c.id)
    return [_message(row) for row in connection.execute(wanted)]


def gathered(connection: Connection, digest_id: int) -> list[Message]:
    """What a digest tells, first to last."""
    wanted = select(messages).where(messages.c.digest_of == digest_id).order_by(messages.c.id)
    return [_message(row) for row in connection.execute(wanted)]


def awaited(connection: Connection, lane: str, keys: Collection[str]) -> frozenset[str]:
    """Which of the messages with those keys work of that lane is still to send."""
    named = work.c.argument["message"].as_string()
    unended = select(named).where(work.c.lane == lane, work.c.state.in_(UNENDED), named.in_(keys))
    return frozenset(connection.execute(unended).scalars()) if keys else frozenset()


def keep_body(connection: Connection, message_id: int, body: Mapping[str, Any]) -> None:
    """What the message says from now on, however often it is tried."""
    connection.execute(update(messages).where(messages.c.id == message_id).values(body=dict(body)))


def sent(connection: Connection, message_id: int) -> bool:
    """The message was sent, and with it all it gathered. False when that was written already."""
    unsent = messages.c.sent_at.is_(None)
    those = or_(messages.c.id == message_id, messages.c.digest_of == message_id)
    return bool(connection.execute(update(messages).where(those, unsent).values(sent_at=now(connection))).rowcount)


def withdraw(connection: Connection, incident_id: int, kind: MessageKind) -> int:
    """Take back what was written of that kind and not yet sent: it is true no longer. How many it was."""
    mine = messages.c.incident_id == incident_id, messages.c.kind == kind.value, messages.c.sent_at.is_(None)
    return connection.execute(delete(messages).where(*mine)).rowcount


def forget_before(connection: Connection, before: datetime, limit: int, kind: str) -> int:
    """Forget messages that were sent before then, or were rejected for good, at most `limit`; how many it was.

    What work of that kind may still send stays, and all that was told of an incident that is open or closed later.
    """
    named = select(work.c.argument["message"].as_string()).where(work.c.kind == kind, work.c.state.in_(UNENDED))
    waiting = [each for each in connection.execute(named).scalars() if each is not None]
    digest = messages.alias("digest")
    in_a_digest = exists().where(digest.c.id == messages.c.digest_of, digest.c.key.in_(waiting))
    may_be_sent = messages.c.sent_at.is_(None) & (messages.c.key.in_(waiting) | in_a_digest)
    going = or_(incidents.c.closed_at.is_(None), incidents.c.closed_at >= before)
    of_one = exists().where(incidents.c.id == messages.c.incident_id, going)
    ended = func.coalesce(messages.c.sent_at, messages.c.due_at) < before
    return forget(connection, limit, (messages, select(messages.c.id).where(ended, ~may_be_sent, ~of_one)))


def count_since(connection: Connection, channel: str, kind: MessageKind, since: datetime) -> int:
    """How many messages of that kind, held for no digest, were written to the channel from that time on."""
    mine = messages.c.channel == channel, messages.c.kind == kind.value, messages.c.digest_of.is_(None)
    counted = select(func.count()).select_from(messages).where(*mine, messages.c.made_at >= since)
    return connection.execute(counted).scalar_one()


def _message(row: Row[Any]) -> Message:
    return Message(**(row._asdict() | {"kind": MessageKind(row.kind)}))
