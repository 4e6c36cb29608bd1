"""Nothing lost and nothing done twice, with several worker processes, killed at random moments."""

from __future__ import annotations

import multiprocessing
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from multiprocessing.process import BaseProcess

import pytest
from sqlalchemy import select, text

from hub.store import lanes, work
from hub.store.database import Database
from hub.store.tables import attempts
from hub.store.tables import work as work_table
from hub.store.work import WorkState
from tests.jobs.peer import EFFECTS, enqueue_keys, serve
from tests.jobs.waiting import eventually

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["tests.jobs.peer"])
PATIENCE = 40


@dataclass(frozen=True, eq=False)
class Peer:
    """A process and the line to it."""

    process: BaseProcess
    line: Pipe

    def end(self) -> None:
        """Ask it to end, and wait until it has."""
        self.line.send("end")
        self.process.join(PATIENCE)
        assert self.process.exitcode == 0


def peer(what: object, *arguments: object) -> Peer:
    ours, theirs = PROCESSES.Pipe()
    process = PROCESSES.Process(target=what, args=(*arguments, theirs))  # type: ignore[arg-type]
    process.start()
    theirs.close()
    return Peer(process, ours)


@contextmanager
def peers(url: str, number: int, lease: float, threads: int) -> Iterator[list[Peer]]:
    """Worker processes; whatever is in the list at the end is ended in good order."""
    running = [peer(serve, url, lease, threads) for _ in range(number)]
    try:
        yield running
    finally:
        for each in running:
            each.end()


def enqueue(database: Database, number: int, concurrency: int) -> set[int]:
    with database.write() as connection:
        connection.execute(text(EFFECTS))
        lanes.set_lane(connection, "north", concurrency)
        made = [work.enqueue(connection, kind="effect", lane="north", argument={"n": n}) for n in range(number)]
    return {each for each in made if each is not None}


def effects(database: Database) -> list[int]:
    with database.read() as connection:
        return list(connection.scalars(text("SELECT work_id FROM effects")))


def until_effects(database: Database, number: int) -> None:
    eventually(lambda: len(effects(database)) >= number, PATIENCE)


def lost(database: Database) -> int:
    with database.read() as connection:
        return len(connection.execute(select(attempts.c.id).where(attempts.c.outcome == "lost")).all())


def kill_one(running: list[Peer], database: Database, url: str, chance: random.Random) -> None:
    """Kill a worker that has work in hand, where it stands, and start another in its place."""
    eventually(lambda: bool(at_work(running, database)), PATIENCE)
    victim = chance.choice(at_work(running, database) or running)
    running.remove(victim)
    victim.process.kill()
    victim.process.join(PATIENCE)
    running.append(peer(serve, url, 1.5, 3))


def at_work(running: list[Peer], database: Database) -> list[Peer]:
    """The processes that hold a lease now; a worker's name holds its process id."""
    with database.read() as connection:
        names = connection.scalars(select(work_table.c.worker).where(work_table.c.state == WorkState.RUNNING)).all()
    busy = {name.split(":")[1] for name in names}
    return [each for each in running if str(each.process.pid) in busy]


@pytest.mark.timeout(120)
def test_every_job_takes_effect_exactly_once_though_workers_are_killed(database: Database, database_url: str) -> None:
    seed = random.randrange(10_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    ids = enqueue(database, 300, concurrency=5)
    with peers(database_url, 2, lease=1.5, threads=3) as running:
        for kills in range(1, 5):
            target = kills * 45 + chance.randrange(20)
            until_effects(database, target)
            kill_one(running, database, database_url, chance)
        until_effects(database, len(ids))
    found = effects(database)
    assert sorted(found) == sorted(ids)
    with database.read() as connection:
        assert work.counts(connection, tuple(WorkState)) == {"north": {WorkState.DONE: len(ids)}}
    assert lost(database) > 0, "no kill hit a running job: the test has shown nothing"


@pytest.mark.timeout(60)
def test_two_processes_together_never_exceed_a_lanes_concurrency_and_reach_it(
    database: Database, database_url: str
) -> None:
    ids = enqueue(database, 120, concurrency=3)
    with peers(database_url, 2, lease=30, threads=4):
        until_effects(database, len(ids))
    with database.read() as connection:
        spans = [(row.began, row.ended) for row in connection.execute(text("SELECT began, ended FROM effects"))]
    assert at_once(spans) == 3


def at_once(spans: list[tuple[float, float]]) -> int:
    """The greatest number of spans that overlap."""
    steps = sorted([(began, 1) for began, _ in spans] + [(ended, -1) for _, ended in spans])
    level = highest = 0
    for _, step in steps:
        level += step
        highest = max(highest, level)
    return highest


def test_equal_keys_from_two_processes_at_once_enqueue_once(database: Database, database_url: str) -> None:
    both = [peer(enqueue_keys, database_url, 100) for _ in range(2)]
    for each in both:
        each.line.send("begin")
    made = [int(each.line.recv()) for each in both]
    for each in both:
        each.process.join(PATIENCE)
    assert sum(made) == 100
    with database.read() as connection:
        assert work.counts(connection) == {"north": {WorkState.WAITING: 100}}
