"""Nothing lost and nothing done twice, with several worker processes, killed at random moments."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import select, text

from hub.store import lanes, work
from hub.store.database import Database
from hub.store.tables import attempts
from hub.store.work import WorkState
from tests.jobs.peer import EFFECTS
from tests.jobs.waiting import eventually

PEER = Path(__file__).with_name("peer.py")
Process = subprocess.Popen[bytes]


@contextmanager
def peers(url: str, number: int, lease: float, threads: int) -> Iterator[list[Process]]:
    """Worker processes; whatever is in the list at the end is ended in good order."""
    running = [peer(url, lease, threads) for _ in range(number)]
    try:
        yield running
    finally:
        for each in running:
            each.communicate()


def peer(url: str, lease: float, threads: int) -> Process:
    return subprocess.Popen([sys.executable, PEER, url, str(lease), str(threads)], stdin=subprocess.PIPE)


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
    eventually(lambda: len(effects(database)) >= number, 40)


def lost(database: Database) -> int:
    with database.read() as connection:
        return len(connection.execute(select(attempts.c.id).where(attempts.c.outcome == "lost")).all())


def kill_one(running: list[Process], url: str, chance: random.Random) -> None:
    """Kill a worker where it stands, and start another in its place."""
    victim = running.pop(chance.randrange(len(running)))
    victim.kill()
    victim.communicate()
    running.append(peer(url, lease=1.5, threads=3))


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
            kill_one(running, database_url, chance)
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


ENQUEUE_ALL = """
import sys
from hub.store import work
from hub.store.database import open_database
database = open_database(sys.argv[1])
sys.stdin.read()
made = 0
for n in range(100):
    with database.write() as connection:
        made += work.enqueue(connection, kind="effect", lane="north", argument={}, key=f"k{n}") is not None
print(made)
"""


def test_equal_keys_from_two_processes_at_once_enqueue_once(database: Database, database_url: str) -> None:
    command = [sys.executable, "-c", ENQUEUE_ALL, database_url]
    both = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
    for each in both:
        assert each.stdin is not None
        each.stdin.close()
        each.stdin = None
    made = [int(each.communicate()[0]) for each in both]
    assert sum(made) == 100
    with database.read() as connection:
        assert work.counts(connection) == {"north": {WorkState.WAITING: 100}}
