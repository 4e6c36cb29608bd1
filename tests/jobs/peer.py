"""What a worker process of its own does, for the tests that kill it.

Each job writes one row into `effects`, with the times its body began and ended on the machine's common clock, in
the transaction that completes it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from datetime import timedelta
from multiprocessing.connection import Connection as Pipe

from sqlalchemy import Connection, text

from hub.jobs.executors.local import LocalExecutor
from hub.jobs.kinds import Job, Kind
from hub.store import work
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


def serve(url: str, lease: float, threads: int, told: Pipe) -> None:
    """Work until something is said, or nobody is left to say it."""
    database = open_database(url)
    executor = LocalExecutor(database, [kind(database)], threads=threads, lease=timedelta(seconds=lease))
    executor.start()
    with contextlib.suppress(EOFError):
        told.recv()
    executor.stop()
    database.close()


def enqueue_keys(url: str, number: int, told: Pipe) -> None:
    """Once told to, enqueue that many equal keys, and answer how many were new."""
    database = open_database(url)
    told.recv()
    made = 0
    for n in range(number):
        with database.write() as connection:
            made += work.enqueue(connection, kind="effect", lane="north", argument={}, key=f"k{n}") is not None
    told.send(str(made))
    database.close()
