"""The two writes of a claim: what is done is written off, what may begin is taken.

They are written out for each database, because nothing else runs as often: PostgreSQL does each in one round trip,
SQLite, which has none, in as many plain statements. A set of rows is handed over as one value.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Integer, Row, TextualSelect, bindparam, column, text

from hub.store.tables import Moment, work
from hub.store.work import WorkState


@dataclass(frozen=True, slots=True)
class Taker:
    """Who takes work, when, until when, and what state it gets."""

    worker: str
    at: datetime
    lease_until: datetime
    into: WorkState


def write_off(connection: Connection, held: Collection[tuple[int, int]], at: datetime) -> Sequence[Row[Any]]:
    """Mark as done what is held under these ids and tokens; the id, token, lane and order key of each that was."""
    if connection.dialect.name == "postgresql":
        ids, tokens = [id_ for id_, _ in held], [token for _, token in held]
        return connection.execute(_DONE_POSTGRES, {"ids": ids, "tokens": tokens, "at": at}).all()
    rows = connection.execute(_DONE_SQLITE, {"held": json.dumps(list(held)), "at": at}).all()
    connection.execute(_TOLD_SQLITE, {"ids": json.dumps([row.id for row in rows]), "at": at})
    return rows


def take(connection: Connection, ids: Sequence[int], taker: Taker) -> Sequence[Row[Any]]:
    """Take the work with these ids that still waits: each row as it is then, with its `losses`.

    The attempt begins now, unless it is taken for another machine, and its lane has been served.
    """
    begun = int(taker.into is WorkState.RUNNING)
    given = {"into": taker.into.value, "begun": begun, "until": taker.lease_until, "worker": taker.worker}
    if connection.dialect.name == "postgresql":
        return connection.execute(_TAKE_POSTGRES, given | {"ids": list(ids), "at": taker.at}).all()
    rows = connection.execute(_TAKE_SQLITE, given | {"ids": json.dumps(ids)}).all()
    if begun:
        connection.execute(_BEGIN_SQLITE, {"ids": json.dumps([row.id for row in rows]), "at": taker.at})
    connection.execute(_SERVE_SQLITE, {"lanes": json.dumps(list({row.lane for row in rows})), "at": taker.at})
    return rows


def begin(
    connection: Connection, given: Collection[tuple[int, int]], worker: str, lease: timedelta
) -> Sequence[Row[Any]]:
    """On PostgreSQL: let what was dispatched under these ids and tokens run; each row with its `losses`."""
    ids, tokens = [id_ for id_, _ in given], [token for _, token in given]
    told = {"ids": ids, "tokens": tokens, "worker": worker, "seconds": lease.total_seconds()}
    return connection.execute(_BEGIN_POSTGRES, told).all()


_AT = bindparam("at", type_=Moment())


_TAKEN = [work.c[name] for name in ("id", "kind", "lane", "argument", "key", "priority", "attempts", "token", "due_at")]


def _taken(said: str) -> TextualSelect:
    """With its columns told in their order, what is known of the answer is kept from one time to the next."""
    columns = (*_TAKEN, work.c.lease_until, work.c.cancel_asked_at, column("losses", Integer))
    return text(said).bindparams(bindparam("until", type_=Moment())).columns(*columns)


def _done(said: str) -> TextualSelect:
    return text(said).bindparams(_AT).columns(work.c.id, work.c.token, work.c.lane, work.c.order_key)


_DONE_POSTGRES = _done("""
WITH ended AS (
    UPDATE work SET state = 'done', ended_at = :at, lease_until = NULL, worker = NULL
    FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS bigint[])) AS held (id, token)
    WHERE work.id = held.id AND work.token = held.token AND work.state = 'running'
    RETURNING work.id, work.token, work.lane, work.order_key
), told AS (
    UPDATE attempts SET ended_at = :at, outcome = 'done' FROM ended
    WHERE attempts.work_id = ended.id AND attempts.token = ended.token
)
SELECT id, token, lane, order_key FROM ended""")
_DONE_SQLITE = _done("""
UPDATE work SET state = 'done', ended_at = :at, lease_until = NULL, worker = NULL FROM json_each(:held) AS held
WHERE work.id = json_extract(held.value, '$[0]') AND work.token = json_extract(held.value, '$[1]')
AND work.state = 'running' RETURNING id, token, lane, order_key""")
_TOLD_SQLITE = text("""
UPDATE attempts SET ended_at = :at, outcome = 'done'
WHERE work_id IN (SELECT value FROM json_each(:ids)) AND ended_at IS NULL""").bindparams(_AT)

# `state || ''` can be found by no index: PostgreSQL is to go by the ids, also when it believes that one row waits.
_TAKE_POSTGRES = _taken("""
WITH taken AS (
    UPDATE work SET state = :into, attempts = attempts + :begun, token = token + 1, lease_until = :until,
        worker = :worker, progress = NULL
    WHERE id = ANY (CAST(:ids AS bigint[])) AND state || '' = 'waiting' RETURNING *
), begun AS (
    INSERT INTO attempts (work_id, number, token, worker, started_at)
    SELECT id, attempts, token, worker, :at FROM taken WHERE :begun = 1
), served AS (
    UPDATE lanes SET served_at = :at WHERE name IN (SELECT lane FROM taken)
)
SELECT id, kind, lane, argument, key, priority, attempts, token, due_at,
    lease_until, cancel_asked_at, CASE WHEN attempts > :begun THEN (
    SELECT count(*) FROM attempts AS made WHERE made.work_id = taken.id AND made.outcome = 'lost'
) ELSE 0 END AS losses FROM taken""").bindparams(_AT)
_BEGIN_POSTGRES = text("""
WITH clock AS (SELECT clock_timestamp() AS at), begun AS (
    UPDATE work SET state = 'running', attempts = attempts + 1, worker = :worker,
        lease_until = clock.at + make_interval(secs => :seconds)
    FROM clock, unnest(CAST(:ids AS bigint[]), CAST(:tokens AS bigint[])) AS given (id, token)
    WHERE work.id = given.id AND work.token = given.token AND work.state = 'dispatched' RETURNING work.*
), tried AS (
    INSERT INTO attempts (work_id, number, token, worker, started_at)
    SELECT id, attempts, token, worker, clock.at FROM begun, clock
)
SELECT id, kind, lane, argument, key, priority, attempts, token, due_at,
    lease_until, cancel_asked_at, CASE WHEN attempts > 1 THEN (
    SELECT count(*) FROM attempts AS made WHERE made.work_id = begun.id AND made.outcome = 'lost'
) ELSE 0 END AS losses FROM begun""").columns(
    *_TAKEN, work.c.lease_until, work.c.cancel_asked_at, column("losses", Integer)
)
_TAKE_SQLITE = _taken("""
UPDATE work SET state = :into, attempts = attempts + :begun, token = token + 1, lease_until = :until,
    worker = :worker, progress = NULL
WHERE id IN (SELECT value FROM json_each(:ids)) AND state = 'waiting'
RETURNING id, kind, lane, argument, key, priority, attempts, token, due_at,
    lease_until, cancel_asked_at, CASE WHEN attempts > :begun THEN (
    SELECT count(*) FROM attempts AS made WHERE made.work_id = work.id AND made.outcome = 'lost'
) ELSE 0 END AS losses""")
_BEGIN_SQLITE = text("""
INSERT INTO attempts (work_id, number, token, worker, started_at)
SELECT id, attempts, token, worker, :at FROM work WHERE id IN (SELECT value FROM json_each(:ids))""").bindparams(_AT)
_SERVE_SQLITE = text("""
UPDATE lanes SET served_at = :at WHERE name IN (SELECT value FROM json_each(:lanes))""").bindparams(_AT)
