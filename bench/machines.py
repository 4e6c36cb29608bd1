"""Section machines: work handed out to several processes over one PostgreSQL, beside procrastinate used bare.

Bare is procrastinate as its documents show it: jobs deferred beforehand, one worker in each process with as many places
as ours has threads, a task that does nothing, every job deleted when it is done. Ours hands its work over through the
same procrastinate, as many pieces in one job as a worker has places for, and decides besides what may run where: lanes,
leases, attempts, limits, a claim for each piece of work.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from statistics import quantiles

import procrastinate
import psycopg
from sqlalchemy import delete, insert, make_url, select

from bench.figures import Figure, Section, plain
from bench.jobs import _FORKS, _PATIENCE, _THREADS, MEDIAN_WANTED, WORST_WANTED, Turn, _backlog, _hands, _nothing
from bench.postgres import NoPostgres, server
from bench.rounds import Contender, Run, race, rate, ratio
from bench.sizes import Sizes
from hub.jobs.executors.procrastinate import ProcrastinateExecutor
from hub.jobs.kinds import Job, Kind
from hub.store import lanes, work
from hub.store.database import Database, now, open_database
from hub.store.tables import metadata
from hub.store.tables import work as work_table

WANTED_OF_BARE = 0.8
_LANES, _LOOK, _QUEUE, _SCHEMA = 4, 0.005, "bare", "bare_procrastinate"
_NOTES = (
    f"{_THREADS} places in each process; a worker of bare procrastinate fetches and deletes each job by itself",
    "ours hands over several pieces of work in one job, and deletes it without waiting for the disk",
)


def measure(_place: object, sizes: Sizes, told: Callable[[str], None]) -> Iterator[Section]:
    """The section, where a PostgreSQL can be had."""
    try:
        with server() as here:
            yield _section(here.create(), sizes, told)
    except NoPostgres as error:
        yield Section("machines", (), (f"not measured: {error}",))


def _section(url: str, sizes: Sizes, told: Callable[[str], None]) -> Section:
    with closing(open_database(url)) as database:
        with database.write() as connection:
            metadata.create_all(connection)
        _prepare_bare(url)
        contenders = [
            Contender(f"{name}, {number} processes", sizes.jobs, _prepared(database, url, name, number, sizes.jobs))
            for name in ("bare", "ours")
            for number in (1, 2)
        ]
        run = race(contenders, sizes.rounds, told)
        beside = (
            ratio(
                f"ours beside procrastinate bare, {number} processes",
                run,
                f"ours, {number} processes",
                f"bare, {number} processes",
                lambda one: one.rate,
                WANTED_OF_BARE,
            )
            for number in (1, 2)
        )
        rates = (rate(run, each.name) for each in contenders)
        return Section("machines: procrastinate", (*rates, *beside, *_latency(database, url, sizes, told)), _NOTES)


def _prepared(database: Database, url: str, name: str, number: int, jobs: int) -> Callable[[], object]:
    who, fill, until = (_bare, _fill_bare, _until_bare) if name == "bare" else (_ours, _fill_ours, _until_ours)

    @contextmanager
    def prepare() -> Iterator[Run]:
        fill(database, url, jobs)
        with _hands(who, url, number) as go:
            yield lambda: (go(), until(database))

    return prepare


# --- ours


def _fill_ours(database: Database, _url: str, jobs: int) -> None:
    with database.write() as connection:
        connection.execute(delete(work_table))
        for lane in range(_LANES):
            lanes.set_lane(connection, f"lane-{lane}", _THREADS * 2)
        if jobs:
            connection.execute(insert(work_table), list(_backlog(jobs, now(connection))))


def _ours(url: str, ready: Turn, may_go: Turn, may_end: Turn) -> None:
    with closing(open_database(url)) as database:
        executor = ProcrastinateExecutor(database, [Kind("nothing", _nothing)], threads=_THREADS)
        ready.set()
        may_go.wait()
        executor.start()
        may_end.wait()
        executor.stop()


def _until_ours(database: Database) -> None:
    left = select(work_table.c.id).where(work_table.c.state.in_(work.UNENDED)).limit(1)

    def some() -> bool:
        with database.read() as connection:
            return connection.execute(left).first() is not None

    _until_not(some)


def _until_not(true: Callable[[], bool]) -> None:
    ends = time.monotonic() + _PATIENCE
    while true():
        if time.monotonic() > ends:
            raise TimeoutError("the jobs were not done in time")
        time.sleep(_LOOK)


# --- procrastinate used bare


def _app(url: str) -> procrastinate.App:
    address = make_url(url)
    how = {"host": str(address.query["host"]), "user": address.username, "dbname": address.database}
    kwargs = {**how, "options": f"-c search_path={_SCHEMA}"}
    app = procrastinate.App(connector=procrastinate.PsycopgConnector(kwargs=kwargs))

    @app.task(name="nothing", queue=_QUEUE)
    async def nothing() -> None:
        return

    return app


def _prepare_bare(url: str) -> None:
    with psycopg.connect(make_url(url).set(drivername="postgresql").render_as_string(False)) as connection:
        connection.execute(f"CREATE SCHEMA {_SCHEMA}")
    with _app(url).open() as app:
        app.schema_manager.apply_schema()


def _fill_bare(_database: Database, url: str, jobs: int) -> None:
    with _app(url).open() as app:
        app.configure_task("nothing", queue=_QUEUE).batch_defer(*({} for _ in range(jobs)))


def _bare(url: str, ready: Turn, may_go: Turn, may_end: Turn) -> None:
    async def serve() -> None:
        app = _app(url)
        async with app.open_async():
            ready.set()
            await asyncio.to_thread(may_go.wait)
            options = {"queues": [_QUEUE], "concurrency": _THREADS, "delete_jobs": "always"}
            working = asyncio.create_task(app.run_worker_async(**options, install_signal_handlers=False))
            await asyncio.to_thread(may_end.wait)
            working.cancel()
            await asyncio.wait([working])

    asyncio.run(serve())


def _until_bare(database: Database) -> None:
    def some() -> bool:
        with database.read() as connection:
            return connection.exec_driver_sql(f"SELECT 1 FROM {_SCHEMA}.procrastinate_jobs LIMIT 1").first() is not None

    _until_not(some)


# --- how long it waits


def _latency(database: Database, url: str, sizes: Sizes, told: Callable[[str], None]) -> Iterator[Figure]:
    for title, waiting in (("nothing else waiting", 0), (f"{sizes.waiting} waiting", sizes.waiting)):
        told(f"latency, {title}")
        _fill_ours(database, url, 0)
        with database.write() as connection:
            if waiting:
                connection.execute(insert(work_table), list(_backlog(waiting, now(connection), "backlog", "slow")))
        cut = quantiles(_waited(database, url, sizes.latencies), n=100)
        yield plain(f"enqueue to start, {title}: median (aim {MEDIAN_WANTED:g})", cut[49], "ms")
        yield plain(f"enqueue to start, {title}: p99 (aim {WORST_WANTED:g})", cut[98], "ms")


def _waited(database: Database, url: str, number: int) -> Sequence[float]:
    """Milliseconds of each piece of work, enqueued here and begun in a process of its own."""
    heard, begins = _FORKS.Pipe(duplex=False)
    waited = []
    with _hands(_begins, url, begins, 1) as go:
        go()
        for each in range(number + 1):
            with database.write() as connection:
                work.enqueue(connection, kind="probe", lane="lane-0", argument={"n": each}, priority=100)
            enqueued = time.time()
            _, began = heard.recv()
            waited.append((began - enqueued) * 1000)
    return waited[1:]  # the first waits for the executor to start


def _begins(url: str, begins: object, ready: Turn, may_go: Turn, may_end: Turn) -> None:
    lock = threading.Lock()

    def probe(job: Job) -> None:
        began = time.time()
        with lock:
            begins.send((job.argument["n"], began))  # type: ignore[attr-defined]

    with closing(open_database(url)) as database:
        kinds = [Kind("probe", probe), Kind("slow", lambda _job: time.sleep(0.02))]
        executor = ProcrastinateExecutor(database, kinds, threads=_THREADS)
        ready.set()
        may_go.wait()
        executor.start()
        may_end.wait()
        executor.stop(drain=False)
