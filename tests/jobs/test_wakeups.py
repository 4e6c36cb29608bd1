"""The laws of being woken."""

from __future__ import annotations

import pytest

from hub.jobs.wakeups import Bell, Watcher
from hub.store import lanes, work
from hub.store.database import Database, open_database

PATIENCE = 10.0


def settle(bell: Bell) -> None:
    """Until the watcher has rung for having begun, and for nothing since."""
    assert bell.wait(PATIENCE)
    while bell.wait(0.1):
        continue


def test_a_ring_before_the_wait_is_heard_once() -> None:
    bell = Bell()
    bell.ring()
    assert bell.wait(0)
    assert not bell.wait(0)


@pytest.mark.parametrize("what", ["enqueue", "release", "set"])
def test_what_another_process_makes_ready_rings_the_bell(database: Database, database_url: str, what: str) -> None:
    bell = Bell()
    watcher = Watcher(database, bell)
    watcher.start()
    settle(bell)
    other = open_database(database_url)
    with other.write() as connection:
        if what == "enqueue":
            work.enqueue(connection, kind="send", lane="north", argument={})
        elif what == "release":
            lanes.release_lane(connection, "north")
            lanes.ensure_lane(connection, "north")
        else:
            lanes.set_lane(connection, "north", 2)
    assert bell.wait(PATIENCE)
    other.close()
    watcher.stop()


def test_what_is_rolled_back_wakes_nobody(database: Database, database_url: str) -> None:
    bell = Bell()
    watcher = Watcher(database, bell)
    watcher.start()
    settle(bell)
    other = open_database(database_url)

    def fail() -> None:
        with other.write() as connection:
            work.enqueue(connection, kind="send", lane="north", argument={})
            raise LookupError

    with pytest.raises(LookupError):
        fail()
    assert not bell.wait(0.3)
    other.close()
    watcher.stop()
