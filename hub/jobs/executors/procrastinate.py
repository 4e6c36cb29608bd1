"""Work carried out on several hosts over one PostgreSQL: one scheduler decides, procrastinate hands out.

Every process of every host runs the same executor. The one that leads claims what may run now and hands it over, in one
transaction, never more than the living workers have places for. Whoever is handed work begins it under its token,
performs it in a thread of its own and settles it, exactly as on one machine: same rows, same leases, same limits.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from types import MappingProxyType

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from hub.jobs import places, worker
from hub.jobs.executors.handover import Given, Handover, HandoverLost, defer, prepare
from hub.jobs.keeper import Keeper
from hub.jobs.kinds import Job, Kind, StopReason
from hub.jobs.leading import Leadership
from hub.jobs.pool import Pool
from hub.jobs.schedule import Recurring, Timetable
from hub.jobs.scheduler import Scheduler, job_of
from hub.jobs.verdicts import Action, Verdict, overdue, tell_bug
from hub.jobs.wakeups import Bell, Watcher
from hub.jobs.worker import Listeners
from hub.store import dispatches, leases, signals, workers
from hub.store.database import Database, why
from hub.store.leases import Claimed
from hub.store.work import WorkState
from hub.store.workers import Executor

_log = structlog.get_logger(__name__)
_FALLBACK_SECONDS = 1.0
_AFTER_ERROR_SECONDS = 1.0
_GRACE_SECONDS = 1.0
_LIVING_SECONDS = 1.0
_GATHER_SECONDS = 0.005
_PATIENCE_SECONDS = 0.5
_LOST = (SQLAlchemyError, HandoverLost)


@dataclass(frozen=True, slots=True)
class _Hand:
    """What one turn writes: work that was handed to us and has a place, and work that has ended well."""

    given: tuple[Given, ...]
    excess: tuple[Given, ...]
    """Work that was handed to us and has found no place for a while: others may have one."""

    finished: tuple[Job, ...]
    freed: int
    """How many more places became free since the leader was told."""

    def __bool__(self) -> bool:
        """Whether there is anything to write."""
        return bool(self.given or self.excess or self.finished or self.freed)


class ProcrastinateExecutor:
    """Takes part in the work of all hosts over one PostgreSQL, from `start` to `stop`, once.

    `own_limits` says of which lanes this process bears so much at once; over all processes they add up.
    """

    def __init__(
        self,
        database: Database,
        kinds: Iterable[Kind],
        *,
        threads: int = 4,
        lease: timedelta = timedelta(seconds=20),
        name: str | None = None,
        recurring: Sequence[Recurring] = (),
        listeners: Listeners | None = None,
        own_limits: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        known = {kind.name: kind for kind in kinds}
        self._database, self._listeners = database, listeners or Listeners()
        self._threads, self._own_limits = threads, own_limits
        self._scheduler = Scheduler(database, known, name or workers.own_name(), lease)
        self._leadership = Leadership(database, self._scheduler.worker)
        self._timetable = Timetable(database, recurring)
        self._bell = Bell()
        self._keeper = Keeper(self._scheduler, self._overdue)
        self._pool = Pool(threads, self._run, self._place_is_free)
        self._watcher = Watcher(database, self._bell)
        self._handover = Handover(database, known, self._receive, self._scheduler.worker)
        self._given: deque[Given] = deque()
        self._finished: deque[Job] = deque()
        self._turns = 0
        self._living: tuple[float, tuple[workers.Worker, ...]] = (-_LIVING_SECONDS, ())
        self._freed: deque[None] = deque()
        self._turning, self._rooming = threading.Lock(), threading.Lock()
        self._draining, self._ended = threading.Event(), threading.Event()
        self._dispatcher = threading.Thread(target=self._dispatch, name="hub-dispatcher", daemon=True)

    def start(self) -> None:
        """Begin to take work and carry it out, and to lead when nobody else does."""
        prepare(self._database)
        with self._database.write() as connection:
            workers.register_worker(
                connection,
                self._scheduler.worker,
                self._scheduler.kinds,
                places=self._threads,
                judges=sum(self._own_limits.values()),
                executor=Executor.PROCRASTINATE,
            )
            signals.ring(connection)
        self._pool.start()
        self._keeper.start()
        self._watcher.start()
        self._handover.start()
        self._dispatcher.start()

    @property
    def draining(self) -> bool:
        """Whether it has been told to stop: it takes no more."""
        return self._draining.is_set()

    @property
    def leads(self) -> bool:
        """Whether it decides for all."""
        return self._leadership.leads

    def stop(self, drain: bool = True, timeout: timedelta = timedelta(seconds=30)) -> None:
        """Take no more, let another lead, and end.

        With `drain`, what runs may run to its end within the timeout; without, it is asked to stop at its next
        `beat`. What still runs after that is handed back to wait, fenced off from the thread that has it.
        """
        self._draining.set()
        with self._turning:
            self._leadership.resign()
        self._say(workers.worker_closes)
        self._handover.close()
        if not (drain and self._pool.wait_until_quiet(timeout.total_seconds())):
            self._hand_back_running()
        self._ended.set()
        self._bell.ring()
        self._dispatcher.join()
        self._keeper.stop()
        self._watcher.stop()
        self._pool.stop()
        self._say(self._leave)

    # --- turns: one transaction writes what ended, begins what was handed to us and, leading, hands out what may run

    def _dispatch(self) -> None:
        while not self._ended.is_set():
            began = time.monotonic()
            self._bell.wait(self._turn_safely())
            self._ended.wait(max(0.0, began + _GATHER_SECONDS - time.monotonic()))  # turn upon turn: more at a time
        self._turn_safely()

    def _turn_safely(self) -> float:
        try:
            with self._turning:
                return self._turn()
        except _LOST as error:
            _log.warning("executor.no_database", error=type(error).__name__, **why(error))
        except Exception as error:  # a thread that ended here would leave the process alive and idle for ever
            tell_bug("executor.bug", error, secrets.token_hex(6))
        return _AFTER_ERROR_SECONDS

    def _turn(self) -> float:
        """For how many seconds there is no more to do."""
        pause = min(_FALLBACK_SECONDS, self._timetable.tick()) if self._leadership.leads else _FALLBACK_SECONDS
        hand = self._hand()
        begun: tuple[Claimed, ...] = ()
        with self._deciding(hand) as (connection, leads):
            if connection is not None:
                begun = self._write(connection, hand)
            if connection is not None and not leads:
                signals.ring(connection)  # for the leader: places are free here
            if connection is not None and leads:
                pause = min(pause, self._hand_out(connection))
        self._follow(hand, begun)
        return pause

    def _hand(self) -> _Hand:
        waiting, free = tuple(self._given), self._pool.free
        long_ago = time.monotonic() - _PATIENCE_SECONDS
        excess = tuple(each for each in waiting[free:] if each.since < long_ago)
        return _Hand(waiting[:free], excess, tuple(self._finished), len(self._freed))

    @contextmanager
    def _deciding(self, hand: _Hand) -> Iterator[tuple[Connection | None, bool]]:
        """The leader's transaction; another's, not deciding, when there is something to write; else none."""
        with self._leadership.deciding() as session:
            if session is not None:
                yield session, True
                return
        if hand:
            with self._database.write() as connection:
                yield connection, False
        else:
            yield None, False

    def _write(self, connection: Connection, hand: _Hand) -> tuple[Claimed, ...]:
        ended = frozenset((job.id, job.token) for job in hand.finished)
        for work_id, token in ended - leases.complete_all(connection, ended):
            _log.warning("work.superseded", work_id=work_id, token=token)
        given = [each.held for each in hand.given]
        dispatches.give_back(connection, [each.held for each in hand.excess])
        if self.draining:
            dispatches.give_back(connection, given)
            return ()
        return leases.begin_all(connection, given, self._scheduler.worker, self._scheduler.lease)

    def _follow(self, hand: _Hand, begun: Sequence[Claimed]) -> None:
        """After the commit: start what was begun, and let go of what was not ours any more."""
        for job in hand.finished:
            self._finished.remove(job)
            self._keeper.forget(job)
        for each in (*hand.given, *hand.excess):
            self._given.remove(each)
        for _ in range(hand.freed):
            self._freed.popleft()
        for job in map(job_of, begun):
            self._keeper.watch(job)
            self._pool.submit(job)
        if hand.given or hand.excess:
            self._say_room()

    def _hand_out(self, connection: Connection) -> float:
        """Dispatch what may run and has a place somewhere; seconds until something more falls due."""
        living = self._living_now(connection)
        among = places.groups(each for each in living if each.places)
        pauses = [_FALLBACK_SECONDS]
        self._turns += 1
        for place in range(len(among)):  # they take turns in being first, for the first may take what all share
            group = among[(place + self._turns) % len(among)]
            loads = dispatches.loads(connection)
            room = places.room(group, among, living, loads)
            if room:
                rooms = places.lane_rooms(self._own_limits, living, loads)
                pauses.append(self._claim(connection, group, room, rooms))
        return min(pauses)

    def _living_now(self, connection: Connection) -> tuple[workers.Worker, ...]:
        """Who lives, asked anew every second: one that died a second ago leaves its work as dispatched until then."""
        at, living = self._living
        if time.monotonic() - at >= _LIVING_SECONDS:
            living = workers.living_workers(connection, Executor.PROCRASTINATE)
            self._living = time.monotonic(), living
        return living

    def _claim(self, connection: Connection, group: places.Group, limit: int, rooms: Mapping[str, int]) -> float:
        claim = leases.claim(
            connection,
            worker=self._scheduler.worker,
            kinds=tuple(group.kinds),
            limit=limit,
            lease=self._scheduler.lease,
            rooms=rooms,
            into=WorkState.DISPATCHED,
        )
        defer(connection, claim.taken, at_once=-(-len(claim.taken) // len(group.workers)))  # each its share
        due = _FALLBACK_SECONDS if claim.next_due is None else (claim.next_due - claim.at).total_seconds()
        return max(0.0, due)

    # --- carrying out

    def _receive(self, given: Sequence[Given]) -> None:
        """In the thread of the hand-over."""
        self._given.extend(given)
        self._say_room()
        self._bell.ring()

    def _say_room(self) -> None:
        """One at a time, so that what is said last is true."""
        with self._rooming:
            self._handover.say_room(self._pool.free > len(self._given))

    def _run(self, job: Job) -> None:
        """In a thread of the pool. What ended well is written off by the next turn."""
        kind = self._scheduler.kinds[job.kind]
        verdict = worker.perform(kind, job)
        if verdict.action is Action.DONE and not job.leash.completed:
            self._finished.append(job)
        else:
            self._settle(kind, job, verdict)
            self._keeper.forget(job)
            self._freed.append(None)

    def _overdue(self, kind: Kind, job: Job) -> None:
        self._settle(kind, job, overdue(kind, job))
        self._freed.append(None)
        self._pool.abandon(job)

    def _place_is_free(self) -> None:
        self._say_room()
        self._bell.ring()

    def _settle(self, kind: Kind, job: Job, verdict: Verdict) -> None:
        patience = self._scheduler.lease.total_seconds()
        worker.settle(self._database, kind, job, verdict, self._listeners, patience)

    # --- ending

    def _hand_back_running(self) -> None:
        for job in self._keeper.running():
            job.leash.stop = StopReason.STOPPING
        self._pool.wait_until_quiet(_GRACE_SECONDS)
        for job in self._keeper.running():
            self._settle(self._scheduler.kinds[job.kind], job, Verdict(Action.HAND_BACK))

    def _leave(self, connection: Connection, name: str) -> None:
        """The last one that knows a kind puts back what nobody is left to begin."""
        workers.worker_left(connection, name)
        left = workers.living_workers(connection, Executor.PROCRASTINATE)
        known = {kind for each in left if each.places for kind in each.kinds}
        dispatches.take_back(connection, self._scheduler.kinds.keys() - known)

    def _say(self, what: Callable[[Connection, str], None]) -> None:
        try:
            with self._database.write() as connection:
                what(connection, self._scheduler.worker)
                signals.ring(connection)
        except SQLAlchemyError as error:
            _log.warning("executor.unsaid", error=type(error).__name__, **why(error))
