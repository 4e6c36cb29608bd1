"""Section jobs: work that does nothing, as fast as it goes, and how long a piece waits before it begins.

Beside it runs a bare loop of plain driver statements on a table of its own: one row claimed and committed, one row
completed and committed. It has no lanes, leases, attempts, retries or limits; it is what the database itself gives.
Both databases keep what they have committed through a power cut: SQLite with synchronous=FULL, PostgreSQL with fsync.
"""

from __future__ import annotations

import multiprocessing
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import quantiles
from typing import Any, Protocol

import psycopg
from sqlalchemy import delete, insert, make_url, select

from bench.figures import Figure, Section, plain
from bench.postgres import NoPostgres, server
from bench.rounds import Contender, Race, Run, race, rate, ratio
from bench.sizes import Sizes
from hub.jobs.executors.local import LocalExecutor
from hub.jobs.kinds import Job, Kind
from hub.jobs.names import BY_HAND
from hub.store import lanes, work
from hub.store.database import Database, now, open_database, sqlite_url
from hub.store.tables import metadata
from hub.store.tables import work as work_table

WANTED_OF_BARE = 0.5
MEDIAN_WANTED, WORST_WANTED = 20.0, 50.0
"""Milliseconds from enqueue to start, of the median and of all but one in a hundred: the aim, not a bound."""

_THREADS, _LANES = 8, 4
_FORKS = multiprocessing.get_context("forkserver")  # a process of its own, without importing everything each time
_FORKS.set_forkserver_preload([__name__])
_PATIENCE = 300.0
_LOOK = 0.005


class Turn(Protocol):
    """What a process is told and tells: it is ready, it may go, it is to end."""

    def set(self) -> None: ...
    def wait(self, timeout: float | None = None) -> bool: ...
    def is_set(self) -> bool: ...


def measure(_place: Path, sizes: Sizes, told: Callable[[str], None]) -> Iterator[Section]:
    """The section on each database that can be had."""
    with ExitStack() as opened:
        folder = opened.enter_context(tempfile.TemporaryDirectory())
        yield _section("SQLite", sqlite_url(Path(folder) / "hub.db"), sizes, told)
        try:
            address = opened.enter_context(server()).create()
        except NoPostgres as error:
            yield Section("jobs: PostgreSQL", (), (f"not measured: {error}",))
            return
        yield _section("PostgreSQL", address, sizes, told)


def _section(name: str, url: str, sizes: Sizes, told: Callable[[str], None]) -> Section:
    with closing(open_database(url)) as database:
        with database.write() as connection:
            metadata.create_all(connection)
        contenders = [_contender(database, url, name, who, number, sizes.jobs) for name, who, number in _RACERS]
        run = race(contenders, sizes.rounds, told)
        return Section(f"jobs: {name}", (*_figures(run), *_latency(database, url, sizes, told)), _NOTES)


_NOTES = (
    f"ours: LocalExecutor, {_THREADS} threads in each process, {_LANES} lanes; bare: one loop in each process",
    "a job of ours writes its attempt besides; both commit the claim before the work and its end after it",
)


def _figures(run: Race) -> Iterator[Figure]:
    for name, *_ in _RACERS:
        yield rate(run, name)
    for number in ("1 process", "2 processes"):
        title = f"ours beside the bare loop, {number}"
        yield ratio(title, run, f"ours, {number}", f"bare, {number}", lambda one: one.rate, WANTED_OF_BARE)


# --- who runs


def _contender(
    database: Database, url: str, name: str, who: Callable[..., None], processes: int, jobs: int
) -> Contender:
    @contextmanager
    def prepare() -> Iterator[Run]:
        _fill(database, jobs)
        with _hands(who, url, processes) as go:

            def run() -> None:
                go()
                _until_done(database, who)

            yield run

    return Contender(name, jobs, prepare)


@contextmanager
def _hands(who: Callable[..., None], *given: Any) -> Iterator[Callable[[], None]]:
    """Processes that are ready to begin; what is given begins them."""
    *told, number = given
    may_go, may_end = _FORKS.Event(), _FORKS.Event()
    ready = [_FORKS.Event() for _ in range(number)]
    hands = [_FORKS.Process(target=who, args=(*told, each, may_go, may_end)) for each in ready]
    for each in hands:
        each.start()
    try:
        assert all(each.wait(_PATIENCE) for each in ready)
        yield may_go.set
    finally:
        may_end.set()
        for each in hands:
            each.join()


def _ours(url: str, ready: Turn, may_go: Turn, may_end: Turn) -> None:
    with closing(open_database(url)) as database:
        executor = LocalExecutor(database, [Kind("nothing", _nothing)], threads=_THREADS)
        ready.set()
        may_go.wait()
        executor.start()
        may_end.wait()
        executor.stop()


def _nothing(_job: Job) -> None:
    return


def _bare(url: str, ready: Turn, may_go: Turn, _may_end: Turn) -> None:
    if url.startswith("sqlite"):
        _bare_sqlite(url, ready, may_go)
    else:
        _bare_postgres(url, ready, may_go)


def _bare_sqlite(url: str, ready: Turn, may_go: Turn) -> None:
    with closing(sqlite3.connect(make_url(url).database or "", timeout=30, isolation_level=None)) as connection:
        connection.execute("PRAGMA synchronous=FULL")
        ready.set()
        may_go.wait()
        while True:
            connection.execute("BEGIN IMMEDIATE")
            found = connection.execute(_CLAIM_SQLITE).fetchone()
            connection.execute("COMMIT")
            if found is None:
                return
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("UPDATE bare SET state = 'done' WHERE id = ?", found)
            connection.execute("COMMIT")


def _bare_postgres(url: str, ready: Turn, may_go: Turn) -> None:
    with psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(False)) as connection:
        ready.set()
        may_go.wait()
        while (found := connection.execute(_CLAIM_POSTGRES).fetchone()) is not None:
            connection.commit()
            connection.execute("UPDATE bare SET state = 'done' WHERE id = %s", found)
            connection.commit()


_FIRST = "SELECT id FROM bare WHERE state = 'waiting' ORDER BY id LIMIT 1"
_CLAIM_SQLITE = f"UPDATE bare SET state = 'running' WHERE id = ({_FIRST}) RETURNING id"
_CLAIM_POSTGRES = f"UPDATE bare SET state = 'running' WHERE id = ({_FIRST} FOR UPDATE SKIP LOCKED) RETURNING id"
_RACERS: Sequence[tuple[str, Callable[..., None], int]] = (
    ("bare, 1 process", _bare, 1),
    ("bare, 2 processes", _bare, 2),
    ("ours, 1 process", _ours, 1),
    ("ours, 2 processes", _ours, 2),
)


# --- what there is to do


def _fill(database: Database, jobs: int) -> None:
    with database.write() as connection:
        connection.execute(delete(work_table))
        for lane in range(_LANES):
            lanes.set_lane(connection, f"lane-{lane}", _THREADS * 2)
        if jobs:
            connection.execute(insert(work_table), list(_backlog(jobs, now(connection))))
        connection.exec_driver_sql("DROP TABLE IF EXISTS bare")
        connection.exec_driver_sql("CREATE TABLE bare (id INTEGER PRIMARY KEY, state TEXT NOT NULL)")
        connection.exec_driver_sql("CREATE INDEX bare_waiting ON bare (state, id)")
        rows = ", ".join(f"({number}, 'waiting')" for number in range(1, jobs + 1))
        if rows:
            connection.exec_driver_sql(f"INSERT INTO bare (id, state) VALUES {rows}")


def _backlog(number: int, at: Any, lane: str = "", kind: str = "nothing") -> Iterator[dict[str, Any]]:
    same = {"kind": kind, "argument": {}, "state": work.WorkState.WAITING, "priority": 0}
    same |= {"due_at": at, "enqueued_at": at, "attempts": 0, "token": 0}
    for each in range(number):
        yield same | {"lane": lane or f"lane-{each % _LANES}"}


def _until_done(database: Database, who: Callable[..., None]) -> None:
    left = select(work_table.c.id).where(work_table.c.state.in_(work.UNENDED)).limit(1)
    ends = time.monotonic() + _PATIENCE
    while time.monotonic() < ends:
        with database.read() as connection:
            if who is _bare:
                found = connection.exec_driver_sql(
                    "SELECT 1 FROM bare WHERE state IN ('waiting', 'running') LIMIT 1"
                ).first()
            else:
                found = connection.execute(left).first()
        if found is None:
            return
        time.sleep(_LOOK)
    raise TimeoutError("the jobs were not done in time")


# --- how long it waits


def _latency(database: Database, url: str, sizes: Sizes, told: Callable[[str], None]) -> Iterator[Figure]:
    for title, waiting in (("nothing else waiting", 0), (f"{sizes.waiting} waiting", sizes.waiting)):
        told(f"latency, {title}")
        _fill(database, 0)
        with database.write() as connection:
            if waiting:
                connection.execute(insert(work_table), list(_backlog(waiting, now(connection), "backlog", "slow")))
        waited = _waited(database, url, sizes.latencies)
        cut = quantiles(waited, n=100)
        yield plain(f"enqueue to start, {title}: median (aim {MEDIAN_WANTED:g})", cut[49], "ms")
        yield plain(f"enqueue to start, {title}: p99 (aim {WORST_WANTED:g})", cut[98], "ms")


def _waited(database: Database, url: str, number: int) -> Sequence[float]:
    """Milliseconds of each piece of work, enqueued here and begun in a process of its own."""
    with _FORKS.Manager() as shared, _hands(_begins, url, begun := shared.dict(), 1) as go:
        go()
        waited = []
        for each in range(number + 1):
            with database.write() as connection:
                work.enqueue(connection, kind="probe", lane="lane-0", argument={"n": each}, priority=BY_HAND)
            enqueued = time.time()
            while each not in begun:
                time.sleep(_LOOK)
            waited.append((begun[each] - enqueued) * 1000)
    return waited[1:]  # the first waits for the executor to start


def _begins(url: str, begun: dict[int, float], ready: Turn, may_go: Turn, may_end: Turn) -> None:
    def probe(job: Job) -> None:
        begun[job.argument["n"]] = time.time()

    with closing(open_database(url)) as database:
        kinds = [Kind("probe", probe), Kind("slow", lambda _job: time.sleep(0.02))]
        executor = LocalExecutor(database, kinds, threads=_THREADS)
        ready.set()
        may_go.wait()
        executor.start()
        may_end.wait()
        executor.stop(drain=False)
