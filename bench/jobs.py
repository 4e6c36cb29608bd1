"""Section jobs: work that does nothing, as fast as it goes, and how long a piece waits before it begins.

Beside it runs a bare loop of plain driver statements on a table of its own: one row claimed and committed, one row
completed and committed. It has no lanes, leases, attempts, retries or limits; it is what the database itself gives.
Both databases keep what they have committed through a power cut: SQLite with synchronous=FULL, PostgreSQL with fsync.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

import psycopg
from sqlalchemy import make_url

from bench.figures import Figure, Section
from bench.hands import Turn, hands, wait_while
from bench.postgres import NoPostgres, server
from bench.queued import LANES, THREADS, fill, latency, unended, work_off
from bench.rounds import Contender, Race, Run, race, rate, ratio
from bench.sizes import Sizes
from hub.jobs.executors.local import LocalExecutor
from hub.store.database import Database, open_database, sqlite_url
from hub.store.tables import metadata

WANTED_OF_BARE = 0.5


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
        return Section(f"jobs: {name}", (*_figures(run), *latency(database, url, sizes, told, LocalExecutor)), _NOTES)


_NOTES = (
    f"ours: LocalExecutor, {THREADS} threads in each process, {LANES} lanes; bare: one loop in each process",
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
        with hands(processes, who, url) as go:

            def run() -> None:
                go()
                wait_while(lambda: (_unended_bare if who is _bare else unended)(database))

            yield run

    return Contender(name, jobs, prepare)


_ours = partial(work_off, LocalExecutor)


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
    fill(database, jobs)
    with database.write() as connection:
        connection.exec_driver_sql("DROP TABLE IF EXISTS bare")
        connection.exec_driver_sql("CREATE TABLE bare (id INTEGER PRIMARY KEY, state TEXT NOT NULL)")
        connection.exec_driver_sql("CREATE INDEX bare_waiting ON bare (state, id)")
        rows = ", ".join(f"({number}, 'waiting')" for number in range(1, jobs + 1))
        connection.exec_driver_sql(f"INSERT INTO bare (id, state) VALUES {rows}")


def _unended_bare(database: Database) -> bool:
    with database.read() as connection:
        return connection.exec_driver_sql("SELECT 1 FROM bare WHERE state != 'done' LIMIT 1").first() is not None
