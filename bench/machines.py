"""Section machines: work handed out to several processes over one PostgreSQL, beside procrastinate used bare.

Bare is procrastinate as its documents show it: jobs deferred beforehand, one worker in each process with as many places
as ours has threads, a task that does nothing, every job deleted when it is done. Ours hands its work over through the
same procrastinate, as many pieces in one job as a worker has places for, and decides besides what may run where: lanes,
leases, attempts, limits, a claim for each piece of work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial

import procrastinate
import psycopg
from sqlalchemy import make_url

from bench.figures import Section
from bench.hands import Turn, hands, wait_while
from bench.postgres import NoPostgres, server
from bench.queued import THREADS, fill, latency, unended, work_off
from bench.rounds import Contender, Run, race, rate, ratio
from bench.sizes import Sizes
from hub.jobs.executors.procrastinate import ProcrastinateExecutor
from hub.store.database import Database, open_database
from hub.store.tables import metadata

WANTED_OF_BARE = 0.8
_QUEUE, _SCHEMA = "bare", "bare_procrastinate"
_NOTES = (
    f"{THREADS} places in each process; a worker of bare procrastinate fetches and deletes each job by itself",
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
        return Section(
            "machines: procrastinate",
            (*rates, *beside, *latency(database, url, sizes, told, ProcrastinateExecutor)),
            _NOTES,
        )


def _prepared(database: Database, url: str, name: str, number: int, jobs: int) -> Callable[[], object]:
    who, left = (_bare, _unended_bare) if name == "bare" else (_ours, unended)

    @contextmanager
    def prepare() -> Iterator[Run]:
        if name == "bare":
            _fill_bare(url, jobs)
        else:
            fill(database, jobs)
        with hands(number, who, url) as go:
            yield lambda: (go(), wait_while(lambda: left(database)))

    return prepare


# --- ours


_ours = partial(work_off, ProcrastinateExecutor)


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


def _fill_bare(url: str, jobs: int) -> None:
    with _app(url).open() as app:
        app.configure_task("nothing", queue=_QUEUE).batch_defer(*({} for _ in range(jobs)))


def _bare(url: str, ready: Turn, may_go: Turn, may_end: Turn) -> None:
    async def serve() -> None:
        app = _app(url)
        async with app.open_async():
            ready.set()
            await asyncio.to_thread(may_go.wait)
            options = {"queues": [_QUEUE], "concurrency": THREADS, "delete_jobs": "always"}
            working = asyncio.create_task(app.run_worker_async(**options, install_signal_handlers=False))
            await asyncio.to_thread(may_end.wait)
            working.cancel()
            await asyncio.wait([working])

    asyncio.run(serve())


def _unended_bare(database: Database) -> bool:
    with database.read() as connection:
        return connection.exec_driver_sql(f"SELECT 1 FROM {_SCHEMA}.procrastinate_jobs LIMIT 1").first() is not None
