"""What the city has worked at: days to compare, odd ones, work that waits, failed and was given up, workers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, insert, update

from hub.domain.calendar import city_day
from hub.status import honesty
from hub.status.bands import DOCUMENTS, Learned, band, doubt
from hub.store import lanes, runs, tables, volumes, work, workers
from hub.store.database import Database
from hub.store.volumes import Volume


def worked(database: Database) -> None:
    """Days to compare, a suspicious run and day, work that waits, runs and was given up, workers."""
    today = city_day(datetime.now(UTC))
    with database.write() as connection:
        for back in range(1, 120):
            number = 212 + back * 37 % 40
            hours = tuple(min(number, number * hour // 20) for hour in range(1, 25))
            day = Volume(
                "invoices", "leverantorsmapp", today - timedelta(days=back), number, 9000 * number, hours=hours
            )
            odd = doubt(3.0, band([Learned(day.day, 210.0)] * 6, DOCUMENTS), DOCUMENTS, "monday") if back == 1 else None
            volumes.keep(connection, replace(day, documents=3, suspicions=(odd,)) if odd else day)
        fetch = work.enqueue(
            connection, kind="fetch", lane="leverantorsmapp", argument={"connection": "leverantorsmapp"}, key="f"
        )
        work.enqueue(connection, kind="deliver", lane="agresso-miljo", argument={"delivery": 1})
        work.enqueue(connection, kind="deliver", lane="agresso-utb", argument={"delivery": 2})
        lanes.hold_lane(connection, "agresso-miljo", "paused")
        _attempted(connection, fetch)
        run = runs.begin(connection, "invoices", "leverantorsmapp", "schedule", work_id=fetch)
        counts = {"listed": 9, "landed": 5, "known": 2, "left": 1, "bytes": 81_000}
        runs.at_stage(connection, run, "land")
        runs.end(connection, run, "succeeded", counts, suspicions=honesty.sums(counts))
        workers.register_worker(connection, "vard-1:4711:0", ["fetch", "handle", "deliver"])


def _attempted(connection: Connection, fetch: int | None) -> None:
    """One attempt at the work failed, and other work was given up."""
    failure = {"class": "unavailable", "sv": "Servern svarar inte.", "en": "The server does not answer."}
    at = datetime.now(UTC)
    row = {
        "work_id": fetch,
        "number": 1,
        "token": 1,
        "worker": "vard-1:4711:0",
        "started_at": at - timedelta(minutes=3),
    }
    ended = {"ended_at": at - timedelta(minutes=2), "outcome": "failed", "failure": failure}
    connection.execute(insert(tables.attempts).values(row | ended))
    due = {"attempts": 1, "due_at": at + timedelta(minutes=7), "progress": {"done": 3, "total": 9}}
    connection.execute(update(tables.work).where(tables.work.c.id == fetch).values(due))
    bug = {
        "class": "bug",
        "sv": "Fel i hubben: KeyError",
        "en": "A fault in the hub: KeyError",
        "traceback_id": "a1b2c3d4",
    }
    dead = work.enqueue(connection, kind="handle", lane="judging", argument={"document": 3}, key="dead")
    gone = {"state": "dead", "ended_at": at, "failure": bug, "attempts": 1}
    connection.execute(update(tables.work).where(tables.work.c.id == dead).values(gone))
