"""A database as full as a large city's after some months: everything but bytes, written by the database itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from hub.domain.calendar import city_day
from hub.store import tallies
from hub.store.database import Database

DAYS = 120
SOURCES, TARGETS, UNITS, SELLERS = 16, 4, 300, 2_000
_EVENTS, _RUNS = 100_000, 200_000
_REASONS = json.dumps(
    [{"code": "BR-1", "sv": "fel", "en": "wrong", "sv_do": "rätta", "en_do": "mend", "location": "", "value": ""}]
)
_CHANGE = json.dumps({"kind": "create", "key": "k", "address": "k.xml", "fields": {}, "before": {}})

_STATE = (
    "CASE WHEN i > {waits} THEN 'arrived' WHEN i % 20 = 3 THEN 'set_aside' WHEN i % 1000 = 7 THEN 'dismissed' "
    "WHEN i % 500 = 9 THEN 'routed' ELSE 'delivered' END"
)
_VERDICT = (
    "CASE WHEN i > {waits} THEN NULL WHEN i % 20 = 3 THEN 'invalid' WHEN i % 10007 = 0 THEN 'not_judged' "
    "ELSE 'valid' END"
)
_DIGEST = "'" + "0" * 64 + "'"


def fill(database: Database, number: int) -> None:
    """So many documents over 120 days: one in twenty is set aside, as many wait to be judged, the rest have gone on."""
    for statement in _statements(database, number):
        with database.write() as connection:
            connection.execute(text(statement))
    with database.write() as connection:
        _volumes(connection)
    _compact(database)
    _settle(database)


def _compact(database: Database) -> None:
    full = True
    while full:
        with database.write() as connection:
            full = tallies.compact(connection, 100_000) == 100_000


def _settle(database: Database) -> None:
    """Let the database know what it holds, as autovacuum does, and pick up the sequences that ids were given past."""
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)" if database.is_sqlite else "VACUUM ANALYZE")
        if not database.is_sqlite:
            # Its few rows were updated a million times in one transaction, which no hub does: nothing could be reused.
            connection.exec_driver_sql("VACUUM FULL tallies")


def _statements(database: Database, number: int) -> Iterator[str]:
    waits, lite = number - number // 20, database.is_sqlite
    counted = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {number}) "
    begun = int(datetime.now(UTC).timestamp()) - DAYS * 86_400
    at = _moment(lite, f"{begun} + i * {DAYS * 86_400 / number}")
    state, verdict = _STATE.format(waits=waits), _VERDICT.format(waits=waits)
    empty = "'{}'"
    yield f"INSERT INTO blobs VALUES ({_DIGEST}, 4000, 'accounting', {_moment(lite, str(begun))})"
    yield (
        f"INSERT INTO documents (id, noun, connection, external_id, name, digest, size, arrived_at, details, state, "
        f"state_at, times_seen, format, verdict, unit) {counted} SELECT i, 'invoices', 'kalla-' || (i % {SOURCES}), "
        f"'m-' || i, 'faktura-' || i || '.xml', {_DIGEST}, 4000 + i % 9000, {at}, {empty}, {state}, {at}, 1, "
        f"'peppol-bis-3', {verdict}, 'u-' || (i % {UNITS}) FROM n"
    )
    yield (
        f"INSERT INTO invoices {counted} SELECT i, CASE WHEN i % 25 = 0 THEN 'credit_note' ELSE 'invoice' END, "
        f"'F-' || i, '2026-10-01', '2026-11-01', 'SEK', {'CAST(i % 90000 AS TEXT)' if lite else 'i % 90000'}, "
        f"'s' || (i % {SELLERS}), 'Leverantör ' || (i % {SELLERS}) || ' AB', '556999-0004', 'Storstad', '212000-0142', "
        f"'1302', 'B-' || (i % 400000), '', 1 + i % 60 FROM n WHERE i <= {waits}"
    )
    for term in ("'ab'", "'b' || (i % 400000)", "'f' || i", "'leverantör'", f"'s' || (i % {SELLERS})", "'storstad'"):
        yield f"INSERT INTO terms {counted} SELECT {term}, i FROM n WHERE i <= {waits}"
    yield (
        f"INSERT INTO deliveries (document_id, route, connection, key, plan_digest, change, intended_at, attempted_at, "
        f"delivered_at) {counted} SELECT i, 'fakturor', 'mal-' || (i % {TARGETS}), 'k-' || i, {_DIGEST}, '{_CHANGE}', "
        f"{at}, {at}, {at} FROM n WHERE ({state}) = 'delivered'"
    )
    yield (
        f"INSERT INTO set_asides (document_id, at, stage, fingerprint, code, reasons, since, arrived_at, source, unit, "
        f"seller, currency, hundredths, inexact, due_date) {counted} SELECT i, {at}, 'rules', 'f' || (i % 37), 'BR-1', "
        f"'{_REASONS}', {at}, {at}, 'kalla-' || (i % {SOURCES}), 'u-' || (i % {UNITS}), 'Leverantör', 'SEK', "
        f"i % 90000, {'0' if lite else 'false'}, '2026-11-01' FROM n WHERE ({state}) = 'set_aside'"
    )
    yield from _work(counted, at, waits, lite)
    yield from _lived(begun, number, lite)


def _work(counted: str, at: str, waits: int, lite: bool) -> Iterator[str]:
    argument = "json_object('document', i)" if lite else "jsonb_build_object('document', i)"
    columns = "kind, lane, argument, key, state, priority, due_at, enqueued_at, attempts, token, ended_at"
    for lane in ("judging", "house", *(f"kalla-{each}" for each in range(SOURCES))):
        yield f"INSERT INTO lanes (name, concurrency) VALUES ('{lane}', 4)"
    yield (
        f"INSERT INTO work ({columns}) {counted} SELECT 'handle', 'judging', {argument}, 'handle:' || i, 'waiting', 0, "
        f"{at}, {at}, 0, 0, NULL FROM n WHERE i > {waits}"
    )
    yield (
        f"INSERT INTO work ({columns}) {counted} SELECT 'handle', 'judging', {argument}, 'handle:' || i, "
        f"CASE WHEN i % 1000 = 1 THEN 'dead' ELSE 'done' END, 0, {at}, {at}, 1, 1, {at} FROM n "
        f"WHERE i <= {waits} AND i > {waits} - {waits} / 10"
    )


def _lived(begun: int, number: int, lite: bool) -> Iterator[str]:
    share = min(1.0, number / 1_000_000)
    for table, rows in (("connection_events", int(_EVENTS * share)), ("runs", int(_RUNS * share))):
        counted = f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {max(20, rows)}) "
        at = _moment(lite, f"{begun} + i * {DAYS * 86_400 / max(20, rows)}")
        if table == "runs":
            outcome = "CASE WHEN i % 97 = 0 THEN 'suspicious' WHEN i % 50 = 0 THEN 'unavailable' ELSE 'succeeded' END"
            counts = '\'{"listed": 5, "landed": 5, "bytes": 20000}\''
            yield (
                f"INSERT INTO runs (route, connection, cause, started_at, ended_at, outcome, counts, rehearsal) "
                f"{counted} SELECT 'fakturor', 'kalla-' || (i % {SOURCES}), 'schedule', {at}, {at}, {outcome}, "
                f"{counts}, {'0' if lite else 'false'} FROM n"
            )
        else:
            yield (
                f"INSERT INTO connection_events (connection, at, kind, number, details) {counted} SELECT "
                f"'kalla-' || (i % {SOURCES}), {at}, 'unavailable', 1, '{{}}' FROM n"
            )
    hours = f"WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {DAYS * 24 * SOURCES - 1}) "
    at = _moment(lite, f"{begun - begun % 3600} + (i / {SOURCES}) * 3600")
    for kind in ("arrived", "delivered", "set_aside"):
        yield f"INSERT INTO connection_hours {hours} SELECT 'kalla-' || (i % {SOURCES}), {at}, '{kind}', 20 FROM n"
    for each in range(SOURCES):
        yield (
            f"INSERT INTO connections (name, failures, last_ok_at, last_moved_at) VALUES ('kalla-{each}', 0, "
            f"{_moment(lite, str(begun + DAYS * 86_400))}, {_moment(lite, str(begun + DAYS * 86_400))})"
        )


def _volumes(connection: Connection) -> None:
    """The days of every source, as they are counted."""
    today = city_day(datetime.now(UTC))
    rows = [
        {
            "source": f"kalla-{each}",
            "day": str(today.fromordinal(today.toordinal() - back)),
            "hours": json.dumps([9] * 24),
        }
        for each in range(SOURCES)
        for back in range(DAYS)
    ]
    connection.execute(
        text(
            "INSERT INTO volumes (route, connection, day, documents, bytes, seconds, removals, runs, hours) "
            "VALUES ('fakturor', :source, :day, 520, 4000000, 90, 0, 40, :hours)"
        ),
        rows,
    )


def _moment(lite: bool, seconds: str) -> str:
    """A time as the database keeps it."""
    if lite:
        return f"strftime('%Y-%m-%dT%H:%M:%S', CAST({seconds} AS INTEGER), 'unixepoch') || '.000000+00:00'"
    return f"to_timestamp({seconds})"
