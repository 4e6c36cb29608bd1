"""A worker process of its own, for the tests that kill it: `peer.py URL LEASE-SECONDS THREADS`.

Each job writes one row into `effects`, with the times its body began and ended on the machine's common clock, in
the transaction that completes it. Ends in good order when its standard input is closed.
"""

from __future__ import annotations

import sys
import threading
import time
from datetime import timedelta

from sqlalchemy import Connection, text

from hub.jobs.executors.local import LocalExecutor
from hub.jobs.kinds import Job, Kind
from hub.store.database import Database, open_database

EFFECTS = "CREATE TABLE effects (work_id BIGINT NOT NULL, began DOUBLE PRECISION, ended DOUBLE PRECISION)"
_EFFECT = text("INSERT INTO effects (work_id, began, ended) VALUES (:work_id, :began, :ended)")
_BODY_SECONDS = 0.02


def kind(database: Database) -> Kind:
    """Work that leaves a row behind."""
    pause = threading.Event()

    def perform(job: Job) -> None:
        began = time.monotonic()
        pause.wait(_BODY_SECONDS)
        with database.write() as connection:
            _leave_effect(connection, job, began)

    return Kind("effect", perform)


def _leave_effect(connection: Connection, job: Job, began: float) -> None:
    connection.execute(_EFFECT, {"work_id": job.id, "began": began, "ended": time.monotonic()})
    job.complete_in(connection)


def main() -> None:
    url, lease, threads = sys.argv[1:]
    database = open_database(url)
    executor = LocalExecutor(database, [kind(database)], threads=int(threads), lease=timedelta(seconds=float(lease)))
    executor.start()
    sys.stdin.read()
    executor.stop()


if __name__ == "__main__":
    main()
