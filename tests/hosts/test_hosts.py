"""Two hosts over one PostgreSQL: a link is cut and mended, a host is lost, and everything is done exactly once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
from sqlalchemy import text

from hub.app import LEASE
from hub.jobs.leading import LEADERS_LOCK
from hub.store import lanes, work
from hub.store.database import Database, open_database
from hub.store.tables import metadata
from hub.store.work import UNENDED, WorkState
from hub.store.workers import Executor, living_workers
from tests.hosts.network import Host, NoNetwork, network, postgres_on
from tests.hosts.working import EFFECTS
from tests.jobs.waiting import eventually
from tests.postgres import NoPostgres, shown

TAKEN_OVER_WITHIN = 30.0
START = 150.0


@dataclass(frozen=True)
class Town:
    """Two hosts at work, and the database as we see it."""

    database: Database
    a: Host
    b: Host


@pytest.fixture
def town() -> Iterator[Town]:
    """Both hosts with all their processes running."""
    with ExitStack() as stack:
        try:
            wired = stack.enter_context(network())
            a, b = wired.host("a"), wired.host("b")
            ours, theirs = stack.enter_context(postgres_on(wired))
        except (NoNetwork, NoPostgres) as error:
            pytest.skip(str(error))
        database = open_database(shown(ours))
        stack.callback(database.close)
        with database.write() as connection:
            metadata.create_all(connection)
            connection.execute(text(EFFECTS))
            lanes.set_lane(connection, "north", 50)
        for each in (a, b):
            started = each.run([sys.executable, "-m", "tests.hosts.working", shown(theirs), str(LEASE.total_seconds())])
            stack.callback(end, started)
        eventually(lambda: living(database) == {"a": 2, "b": 2}, START)
        yield Town(database, a, b)


def end(started: subprocess.Popen[bytes]) -> None:
    """End a host's worker in good order."""
    started.terminate()
    started.wait(timeout=START)


def living(database: Database) -> dict[str, int]:
    with database.read() as connection:
        return dict(Counter(each.host for each in living_workers(connection, Executor.PROCRASTINATE)))


def put(database: Database, number: int) -> set[int]:
    with database.write() as connection:
        made = [work.enqueue(connection, kind="effect", lane="north", argument={}) for _ in range(number)]
    return {each for each in made if each is not None}


def effects(database: Database) -> Counter[int]:
    with database.read() as connection:
        return Counter(connection.scalars(text("SELECT work_id FROM effects")))


def done_by(database: Database, host: str) -> int:
    with database.read() as connection:
        return int(connection.scalar(text("SELECT count(*) FROM effects WHERE host = :host"), {"host": host}) or 0)


def at_work(database: Database, host: str) -> bool:
    """Whether something runs on the host now."""
    with database.read() as connection:
        running = work.page(connection, state=WorkState.RUNNING, limit=100)
    return any((each.worker or "").startswith(f"{host}:") for each in running)


def leading(database: Database) -> str | None:
    """The address of the host whose session holds the leaders' lock."""
    held = "SELECT host(client_addr) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE granted AND objid = :lock"
    with database.read() as connection:
        return connection.scalar(text(held), {"lock": LEADERS_LOCK})


def unended(database: Database) -> list[tuple[int, str, str | None]]:
    """What has no final state: where it stands, and with whom."""
    with database.read() as connection:
        found = [each for state in UNENDED for each in work.page(connection, state=state, limit=100)]
    return [(each.id, each.state.value, each.worker) for each in found]


def all_ended(database: Database) -> bool:
    return not unended(database)


def take_over(database: Database) -> float:
    """After how many seconds everything has ended."""
    began = time.monotonic()
    try:
        eventually(lambda: all_ended(database), TAKEN_OVER_WITHIN)
    except AssertionError:
        pytest.fail(f"not taken over within {TAKEN_OVER_WITHIN} s: {unended(database)}")
    return time.monotonic() - began


@pytest.mark.timeout(420)
def test_everything_is_done_once_though_the_leaders_link_is_cut_and_mended_and_then_its_successor_is_lost(
    town: Town,
) -> None:
    database, ids = town.database, put(town.database, 80)
    eventually(lambda: done_by(database, "a") > 10 and done_by(database, "b") > 10)
    first, second = (town.a, town.b) if leading(database) == town.a.address else (town.b, town.a)

    eventually(lambda: at_work(database, first.name))
    first.cut()
    ids |= put(database, 10)
    over = take_over(database)
    print(f"what the cut host had was done by the other after {over:.1f} s")
    assert set(living(database)) == {second.name}
    assert leading(database) == second.address

    first.mend()
    seen = done_by(database, first.name)
    eventually(lambda: living(database).get(first.name) == 2, TAKEN_OVER_WITHIN)

    def works_again() -> bool:
        ids.update(put(database, 4))
        return done_by(database, first.name) > seen

    eventually(works_again, TAKEN_OVER_WITHIN)

    ids |= put(database, 60)
    eventually(lambda: at_work(database, second.name))
    second.kill()
    over = take_over(database)
    print(f"what the lost host had was done by the other after {over:.1f} s")
    eventually(lambda: leading(database) == first.address)
    assert effects(database) == Counter(ids), "something was lost, or took effect twice"
