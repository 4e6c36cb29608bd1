"""The laws of carrying work out on several hosts over one PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from hub.domain.texts import Text
from hub.jobs.executors.handover import SCHEMA, prepare
from hub.jobs.executors.procrastinate import ProcrastinateExecutor
from hub.jobs.kinds import Job, Kind
from hub.jobs.schedule import Recurring
from hub.plugin.errors import Unavailable
from hub.store import dispatches, lanes, leases, work, workers
from hub.store.database import Database, open_database
from hub.store.work import Work, WorkState
from tests.jobs.waiting import eventually
from tests.postgres import Server, shown

DOWN = Text("Mottagaren svarar inte.", "The receiver does not answer.")


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    address = postgres.create()
    yield shown(address)
    postgres.drop(address)


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = open_database(url)
    yield opened
    opened.close()


def put(database: Database, lane: str = "north", kind: str = "send", **how: Any) -> int:
    with database.write() as connection:
        made = work.enqueue(connection, kind=kind, lane=lane, argument={}, **how)
    assert made is not None
    return made


def the(database: Database, work_id: int) -> Work:
    with database.read() as connection:
        found = work.find(connection, work_id)
    assert found is not None
    return found


def stands(database: Database, work_id: int, state: WorkState) -> Callable[[], bool]:
    return lambda: the(database, work_id).state is state


def handed_over(database: Database) -> int:
    with database.read() as connection:
        return int(connection.scalar(text(f"SELECT count(*) FROM {SCHEMA}.procrastinate_jobs")) or 0)


@contextmanager
def hosts(database: Database, *kinds: list[Kind], **options: Any) -> Iterator[list[ProcrastinateExecutor]]:
    """An executor for each list of kinds, as if each ran on a host of its own."""
    running = [ProcrastinateExecutor(database, each, name=f"host-{n}", **options) for n, each in enumerate(kinds)]
    with ExitStack() as stack:
        for each in running:
            each.start()
            stack.callback(each.stop)
        yield running


def test_work_of_every_host_is_done_once_and_leaves_nothing_with_procrastinate(database: Database) -> None:
    done: list[int] = []
    ids = [put(database) for _ in range(60)]
    kind = Kind("send", lambda job: done.append(job.id))
    with hosts(database, [kind], [kind]):
        eventually(lambda: len(done) >= len(ids))
        eventually(lambda: all(the(database, each).state is WorkState.DONE for each in ids))
        eventually(lambda: handed_over(database) == 0)
    assert sorted(done) == ids
