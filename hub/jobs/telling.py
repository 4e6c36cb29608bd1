"""Telling people of incidents: a message is written with what it tells of, and sent as durable work of its own lane.

    opened ──▶ message ──due──▶ tell ──▶ sent
    closed ──▶ message ──due──▶ tell ──▶ sent          one each per incident and channel
                  └─ quiet hours, or too many at once ─▶ held for a digest, which is told as one message

A message is tried until the other side takes it or rejects it. Its id is its own, so what was sent a second time,
because the worker died before it could write that down, can be told by whoever receives it.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection

from hub.domain.calendar import city_day
from hub.domain.texts import Text
from hub.jobs.kinds import FailureReport, Job
from hub.jobs.names import TELL
from hub.jobs.retries import RetryPolicy
from hub.notify import mail, webhook, wording
from hub.notify.channels import MAIL, Notify, lane_of
from hub.plugin.errors import Rejected
from hub.status.incidents import REOPENS_WITHIN, Cause, changed_before
from hub.store import incidents, messages, work
from hub.store.database import Database, now
from hub.store.incidents import Incident, IncidentEventKind, Waiting
from hub.store.messages import Message, MessageKind

_log = structlog.get_logger(__name__)

RETRIES = RetryPolicy(base=timedelta(seconds=5), cap=timedelta(minutes=10))
DEADLINE = timedelta(minutes=2)
FLOOD_WITHIN = timedelta(minutes=10)
_DIGEST_LATEST = timedelta(hours=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def opened(connection: Connection, notify: Notify, incident: Incident) -> None:
    """Write to every channel that the incident has opened."""
    waiting = behind(connection, incident)
    joined = incidents.events(connection, incident.id)
    body = wording.opened(notify, incident, joined, waiting, changed_before(connection, incident))
    urgent = notify.urgent and waiting.pressing and Cause(incident.kind).needs_a_person
    for channel in notify.channels:
        _write(connection, notify, channel, MessageKind.OPENED, incident.id, body, urgent=urgent)


def closed(connection: Connection, notify: Notify, incident: Incident) -> None:
    """Write to every channel that the incident has closed.

    One that closed by itself is told of when it can no longer open again, so that coming and going is told once.
    """
    events = incidents.events(connection, incident.id)
    details = next((each.details for each in reversed(events) if each.kind is IncidentEventKind.CLOSED), {})
    body = wording.closed(notify, incident, behind(connection, incident), details)
    delay = timedelta(0) if incident.closed_by else REOPENS_WITHIN
    for channel in notify.channels:
        _write(connection, notify, channel, MessageKind.CLOSED, incident.id, body, delay=delay)


def reopened(connection: Connection, notify: Notify, incident: Incident) -> None:
    """The incident is open again: its closing is not told, or, where it was, its opening is told again."""
    messages.withdraw(connection, incident.id, MessageKind.CLOSED)
    if messages.of_incident(connection, incident.id):
        opened(connection, notify, incident)


def daily(connection: Connection, notify: Notify) -> None:
    """Write the day's digest when its time has come and something is open still."""
    at = now(connection)
    due = notify.hours.digest_due(at)
    if due is None or at - due > _DIGEST_LATEST:
        return
    if any(each.opened_at < due for each in incidents.all_open(connection)):
        for channel in notify.channels:
            if messages.by_key(connection, _digest_key(channel, due, 0)) is None:
                _digest(connection, channel, due)


def behind(connection: Connection, incident: Incident) -> Waiting:
    """What waits behind the incident's connections now."""
    today = city_day(now(connection)).isoformat()
    return incidents.waiting_behind(connection, incident.scope.connections, today)


# --- writing


def _write(
    connection: Connection,
    notify: Notify,
    channel: str,
    kind: MessageKind,
    incident_id: int,
    body: Mapping[str, Any],
    *,
    urgent: bool = False,
    delay: timedelta = timedelta(0),
) -> None:
    due_at, told = now(connection) + delay, messages.of_incident(connection, incident_id)
    mine = [each for each in told if each.channel == channel]
    turn = sum(each.kind is MessageKind.CLOSED and each.sent_at is not None for each in mine)
    key = f"incident:{incident_id}:{kind}:{turn}:{channel}"
    if any(each.key == key for each in mine):
        return
    held_until = _with_the_opening(mine, due_at) or _held_until(connection, notify, channel, kind, due_at, urgent)
    digest = _digest(connection, channel, held_until) if held_until else None
    messages.write(
        connection,
        key=key,
        channel=channel,
        kind=kind,
        due_at=held_until or due_at,
        incident_id=incident_id,
        body={**body, "id": _new_id()},
        digest_of=digest,
    )
    if digest is None:
        _enqueue(connection, channel, key, due_at)


def _with_the_opening(mine: Sequence[Message], due_at: datetime) -> datetime | None:
    """When the digest is told that holds the incident's opening: its closing is not told before that."""
    held = (each.due_at for each in mine if each.sent_at is None and each.digest_of is not None)
    return max((each for each in held if each > due_at), default=None)


def _held_until(
    connection: Connection, notify: Notify, channel: str, kind: MessageKind, due_at: datetime, urgent: bool
) -> datetime | None:
    if notify.hours.is_quiet(due_at) and not urgent:
        return notify.hours.digest_after(due_at)
    lately = messages.count_since(connection, channel, kind, now(connection) - FLOOD_WITHIN)
    if lately < notify.flood:
        return None
    return _EPOCH + ((due_at - _EPOCH) // FLOOD_WITHIN + 1) * FLOOD_WITHIN


def _digest(connection: Connection, channel: str, due_at: datetime) -> int:
    """The digest that is told to the channel at that moment; another is written once that one was sent."""
    number = 0
    while True:
        key, body = _digest_key(channel, due_at, number), {"id": _new_id()}
        made = messages.write(connection, key=key, channel=channel, kind=MessageKind.DIGEST, due_at=due_at, body=body)
        if made is not None:
            _enqueue(connection, channel, key, due_at)
            return made
        there = messages.by_key(connection, key)
        if there is not None and "subject" not in there.body:
            return there.id
        number += 1


def _digest_key(channel: str, due_at: datetime, number: int) -> str:
    return f"digest:{channel}:{due_at.isoformat()}:{number}"


def _new_id() -> str:
    """What a message is known by at whoever receives it: kept with it, and the same in every try."""
    return secrets.token_hex(16)


def _enqueue(connection: Connection, channel: str, key: str, due_at: datetime) -> None:
    work.enqueue(connection, kind=TELL, lane=lane_of(channel), argument={"message": key}, due_at=due_at)


# --- sending


def perform(database: Database, notify: Notify, job: Job) -> None:
    """Send the message that the job names, and first what is still to be told of the same incident before it."""
    key = str(job.argument["message"])
    for message in _to_send(database, key):
        job.beat()
        try:
            _send(database, notify, message)
        except Rejected as failure:
            if message.key == key:
                raise
            with database.write() as connection:  # an earlier one keeps no later one back
                _note_untold(connection, message, failure.text)


def gave_up(connection: Connection, job: Job, failure: FailureReport) -> None:
    """A message was rejected for good: its incident says so."""
    message = messages.by_key(connection, str(job.argument["message"]))
    for each in (message, *messages.gathered(connection, message.id)) if message else ():
        _note_untold(connection, each, failure.text)


def try_out(notify: Notify, channel: str, at: datetime, by: str) -> None:
    """Send a message that only proves that the channel works. Raises Unavailable, Refused or Rejected."""
    _pass_on(notify, channel, _new_id(), wording.trial(notify, at, by), at)


def _to_send(database: Database, key: str) -> list[Message]:
    with database.read() as connection:
        asked = messages.by_key(connection, key)
        if asked is None or asked.sent_at is not None or asked.due_at > now(connection):
            return []
        if asked.incident_id is None:
            return [asked]
        told = [each for each in messages.of_incident(connection, asked.incident_id) if each.channel == asked.channel]
        if any(each.id > asked.id and each.sent_at is not None for each in told):
            return []  # it was rejected when that one was told: an opening after its closing says nothing true
        earlier = [each for each in told if each.id < asked.id]
        unsent = [each for each in earlier if each.sent_at is None and each.digest_of is None]
        awaited = messages.awaited(connection, lane_of(asked.channel), [each.key for each in unsent])
    return [*(each for each in unsent if each.key in awaited), asked]


def _send(database: Database, notify: Notify, message: Message) -> None:
    if message.channel not in notify.channels:
        _log.warning("message.no_channel", channel=message.channel, key=message.key)
        with database.write() as connection:
            _note_untold(connection, message, _NO_CHANNEL)
        return
    with database.write() as connection:
        at = now(connection)
        body = message.body if "subject" in message.body else _composed(connection, notify, message)
    if body["subject"]:
        _pass_on(notify, message.channel, str(body["id"]), body, at)
    with database.write() as connection:
        if messages.sent(connection, message.id):
            for each in (message, *messages.gathered(connection, message.id)):
                _note(connection, each, IncidentEventKind.TOLD)


def _composed(connection: Connection, notify: Notify, message: Message) -> Mapping[str, Any]:
    """The digest's body, kept before it is sent, so that every try says the same; without subject when it is empty."""
    incidents.lock(connection)  # whoever adds to the digest has done so, or will find that it is told
    told = messages.gathered(connection, message.id)
    still = [(each, behind(connection, each)) for each in incidents.all_open(connection)]
    body = wording.digest(notify, message.due_at, told, still) if told or still else {"subject": ""}
    body["id"] = message.body["id"]
    messages.keep_body(connection, message.id, body)
    return body


def _pass_on(notify: Notify, channel: str, name: str, body: Mapping[str, Any], at: datetime) -> None:
    if channel == MAIL and notify.mail is not None:
        domain = notify.mail.sender.rpartition("@")[2]
        refused = mail.send(notify.mail, f"<{name}@{domain}>", body["mail_subject"], body["text"], at)
        if refused:
            _log.warning("message.some_refused", number=len(refused), codes=sorted(set(refused.values())))
        return
    to = notify.webhook(channel)
    if to is not None:
        webhook.post(to, f"msg_{name}", body["payload"], at)


_NO_CHANNEL = Text("Kanalen finns inte längre.", "There is no such channel any more.")


def _note_untold(connection: Connection, message: Message, why: Text) -> None:
    _note(connection, message, IncidentEventKind.UNTOLD, {"sv": why.sv, "en": why.en})


def _note(
    connection: Connection, message: Message, kind: IncidentEventKind, more: Mapping[str, Any] | None = None
) -> None:
    if message.incident_id is not None:
        details = {"channel": message.channel, "message": message.kind.value, **(more or {})}
        incidents.note(connection, message.incident_id, kind, details=details)
