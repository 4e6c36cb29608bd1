"""What runs on each host of the tests: as `hub worker --processes 2` with the executor procrastinate.

Each job leaves one row in `effects`, in the transaction that completes it, with the host that did it.
"""

from __future__ import annotations

import logging
import signal
import socket
import sys
import threading
from datetime import timedelta

from sqlalchemy import text

from hub.jobs.executors.processes import Processes
from hub.jobs.executors.procrastinate import ProcrastinateExecutor
from hub.jobs.kinds import Job, Kind
from hub.jobs.retries import RetryPolicy
from hub.store.database import Database, open_database

EFFECTS = "CREATE TABLE effects (work_id BIGINT NOT NULL, host TEXT NOT NULL)"
_BODY_SECONDS = 0.1


def kind(database: Database) -> Kind:
    """Work that leaves a row behind."""
    pause, host = threading.Event(), socket.gethostname()

    def perform(job: Job) -> None:
        pause.wait(_BODY_SECONDS)
        with database.write() as connection:
            effect = {"work_id": job.id, "host": host}
            connection.execute(text("INSERT INTO effects (work_id, host) VALUES (:work_id, :host)"), effect)
            job.complete_in(connection)

    return Kind("effect", perform, retry=RetryPolicy(base=timedelta(milliseconds=100)))


def serve(url: str, lease: float, told: threading.Event) -> None:
    """One of the host's processes."""
    for library in ("procrastinate", "psycopg.pool"):  # as the program does
        logging.getLogger(library).setLevel(logging.CRITICAL)
    database = open_database(url)
    executor = ProcrastinateExecutor(database, [kind(database)], threads=2, lease=timedelta(seconds=lease))
    executor.start()
    told.wait()
    executor.stop()
    database.close()


def main() -> None:
    """The host's worker."""
    told = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: told.set())
    with Processes(2, serve, sys.argv[1], float(sys.argv[2])) as kept:
        while not told.is_set():
            kept.watch(0.5)


if __name__ == "__main__":
    main()
