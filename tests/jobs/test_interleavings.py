"""Any interleaving of enqueue, claim, end, cancel and lost leases keeps the invariants of work, order and rate."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule
from sqlalchemy import Row, select, update

from hub.store import lanes, leases, work
from hub.store.database import Database, now, open_database, sqlite_url
from hub.store.leases import Superseded
from hub.store.tables import attempts, metadata
from hub.store.tables import work as work_table
from hub.store.work import CancelResult, WorkState

LANES = {"north": 1, "south": 3, "paced": 5}
BURST = 4
"""How many the lane `paced` begins in all: its tokens come too seldom to count."""
LEASE = timedelta(hours=1)
FAILURE = {"class": "unavailable"}


class Interleavings(RuleBasedStateMachine):
    """The database beside a model of it: what state each piece of work is in, and who holds it by what token."""

    held = Bundle("held")

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="hubwork"))
        self.database: Database = open_database(sqlite_url(self.folder / "hub.db"))
        self.states: dict[int, WorkState] = {}
        self.tokens: dict[int, int] = {}
        self.keys: set[str] = set()
        self.asked: set[int] = set()
        self.ending: set[int] = set()
        self.orders: dict[int, tuple[str, str]] = {}
        self.begun: list[int] = []
        self.paced = 0

    @initialize()
    def begin(self) -> None:
        with self.database.write() as connection:
            metadata.create_all(connection)
            for name, concurrency in LANES.items():
                lanes.set_lane(connection, name, concurrency, *((1e-6, BURST) if name == "paced" else ()))

    def teardown(self) -> None:
        self.database.close()
        shutil.rmtree(self.folder)

    @rule(
        lane=st.sampled_from(sorted(LANES)),
        priority=st.integers(-1, 1),
        key=st.none() | st.sampled_from("abcdef"),
        order=st.none() | st.sampled_from("xy"),
    )
    def enqueue(self, lane: str, priority: int, key: str | None, order: str | None) -> None:
        with self.database.write() as connection:
            made = work.enqueue(connection, kind="k", lane=lane, argument={}, key=key, priority=priority, order=order)
        assert (made is None) is (key in self.keys)
        if made is not None:
            behind = order is not None and any(self._unended((lane, order)))
            self.states[made], self.tokens[made] = WorkState.BEHIND if behind else WorkState.WAITING, 0
            if order is not None:
                self.orders[made] = (lane, order)
        self.keys |= {key} if key else set()

    def _unended(self, order: tuple[str, str]) -> list[int]:
        return [each for each, its in self.orders.items() if its == order and self.states[each] not in work.ENDED]

    def _ended(self, work_id: int, state: WorkState) -> None:
        """It ended: when nothing of its order may run now, the first that is behind may."""
        self.states[work_id] = state
        left = self._unended(self.orders[work_id]) if work_id in self.orders else []
        if left and all(self.states[each] is WorkState.BEHIND for each in left):
            self.states[min(left)] = WorkState.WAITING

    @rule(target=held, limit=st.integers(0, 5))
    def claim(self, limit: int) -> object:
        with self.database.write() as connection:
            claim = leases.claim(connection, worker="w", kinds=["k"], limit=limit, lease=LEASE)
        assert len(claim.taken) <= limit
        for claimed in claim.taken:
            assert self.states[claimed.id] is WorkState.WAITING
            assert claimed.token > self.tokens[claimed.id]
            assert claimed.cancel_asked is (claimed.id in self.asked)
            self.states[claimed.id], self.tokens[claimed.id] = WorkState.RUNNING, claimed.token
            self.ending |= {claimed.id} if claimed.cancel_asked else set()
            self.begun += [] if claimed.cancel_asked else [claimed.id]
            self.paced += claimed.lane == "paced" and not claimed.cancel_asked
        return multiple(*((claimed.id, claimed.token) for claimed in claim.taken))

    @rule(mine=held, verb=st.sampled_from(["complete", "retry_later", "hand_back", "bury", "end_cancelled"]))
    def end(self, mine: tuple[int, int], verb: str) -> None:
        current = self.states[mine[0]] is WorkState.RUNNING and self.tokens[mine[0]] == mine[1]
        assert self._ends(mine, verb) is current
        if current and ENDS[verb] in work.ENDED:
            self._ended(mine[0], ENDS[verb])
        elif current:
            self.states[mine[0]] = ENDS[verb]

    def _ends(self, mine: tuple[int, int], verb: str) -> bool:
        try:
            with self.database.write() as connection:
                told: dict[str, dict[str, Any]] = {
                    "bury": {"failure": FAILURE},
                    "retry_later": {"failure": FAILURE, "due_at": now(connection)},
                }
                getattr(leases, verb)(connection, *mine, **told.get(verb, {}))
        except Superseded:
            return False
        return True

    @rule(mine=consumes(held))
    def finish_with_a_claim(self, mine: tuple[int, int]) -> None:
        current = self.states[mine[0]] is WorkState.RUNNING and self.tokens[mine[0]] == mine[1]
        with self.database.write() as connection:
            claim = leases.claim(connection, worker="w", kinds=["k"], limit=0, lease=LEASE, finished=[mine])
        assert (mine in claim.superseded) is not current
        if current:
            self._ended(mine[0], WorkState.DONE)

    @rule(mine=held)
    def lose(self, mine: tuple[int, int]) -> None:
        """The holder vanishes: its lease runs out and is reclaimed."""
        running = self.states[mine[0]] is WorkState.RUNNING
        with self.database.write() as connection:
            past = now(connection) - LEASE
            this = update(work_table).where(work_table.c.id == mine[0], work_table.c.lease_until.is_not(None))
            connection.execute(this.values(lease_until=past))
            assert leases.reclaim_expired(connection) == ((mine[0],) if running else ())
        if running:
            self.states[mine[0]] = WorkState.WAITING

    @rule(mine=held)
    def beat(self, mine: tuple[int, int]) -> None:
        current = self.states[mine[0]] is WorkState.RUNNING and self.tokens[mine[0]] == mine[1]
        with self.database.write() as connection:
            told = leases.heartbeat(connection, [mine], LEASE)
        assert (mine in told.current) is current
        assert (mine in told.cancel_asked) is (current and mine[0] in self.asked)

    @rule(number=st.integers(1, 30))
    def cancel(self, number: int) -> None:
        state = self.states.get(number)
        with self.database.write() as connection:
            result = work.cancel(connection, number)
        if state in {WorkState.BEHIND, WorkState.WAITING, WorkState.RUNNING}:
            assert result is CancelResult.ASKED
            self.asked.add(number)
            self.states[number] = WorkState.WAITING if state is WorkState.BEHIND else state
        else:
            assert result is CancelResult.ENDED

    @rule()
    def mend(self) -> None:
        with self.database.write() as connection:
            assert work.promote_stranded(connection) == 0

    @invariant()
    def what_has_an_order_is_begun_in_it_and_what_has_a_rate_within_it(self) -> None:
        assert self.paced <= BURST
        for order in set(self.orders.values()):
            began = [each for each in self.begun if self.orders.get(each) == order]
            assert began == sorted(began)
            running = [each for each in self._unended(order) if self.states[each] is WorkState.RUNNING]
            assert len(set(running) - self.ending) <= 1

    @invariant()
    def every_work_is_in_exactly_the_state_it_was_brought_to(self) -> None:
        with self.database.read() as connection:
            if not connection.dialect.has_table(connection, "work"):
                return
            rows = connection.execute(select(work_table)).all()
            open_attempts = connection.execute(select(attempts.c.work_id).where(attempts.c.ended_at.is_(None))).all()
        assert {row.id: WorkState(row.state) for row in rows} == self.states
        assert {row.id: row.token for row in rows} == self.tokens
        running = [row for row in rows if row.state == WorkState.RUNNING]
        assert sorted(row.id for row in running) == sorted(work_id for (work_id,) in open_attempts)
        carried_out = Counter(row.lane for row in running if row.id not in self.ending)
        assert all(number <= LANES[lane] for lane, number in carried_out.items())
        assert all((row.lease_until is not None) is _is_to_have_a_time(row) for row in rows)
        assert all((row.ended_at is not None) is (WorkState(row.state) in work.ENDED) for row in rows)


def _is_to_have_a_time(row: Row[Any]) -> bool:
    """Running work has a lease; work that waits to be cancelled has the time it was asked."""
    asked = row.state == WorkState.WAITING and row.cancel_asked_at is not None
    return asked or row.state == WorkState.RUNNING


ENDS = {
    "complete": WorkState.DONE,
    "retry_later": WorkState.WAITING,
    "hand_back": WorkState.WAITING,
    "bury": WorkState.DEAD,
    "end_cancelled": WorkState.CANCELLED,
}

TestInterleavings = Interleavings.TestCase
TestInterleavings.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
