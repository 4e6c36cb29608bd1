"""The one place that knows procrastinate: work handed to the workers of all hosts over PostgreSQL.

What is handed over is no more than "work N, under token T", several together where many wait, in the very transaction
that dispatches N. What becomes of N stands in our own rows; procrastinate's may be lost without loss. Therefore its
rows lie in a schema of their own, are deleted as soon as they are received, and are fetched and deleted without
waiting for the disk (`synchronous_commit=off`): a hand-over that a power cut takes away runs out with its lease, one
that it brings back comes with an old token. There is a queue for every kind, so that a worker is only handed what it
knows; it takes one hand-over at a time, and the next when it has a place for it, so that none takes what others could
begin.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import procrastinate
import psycopg
import psycopg_pool
import structlog
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Job, Status
from procrastinate.manager import JobManager
from procrastinate.schema import SchemaManager
from sqlalchemy import Connection, Engine, text

from hub.jobs.verdicts import tell_bug
from hub.store import dispatches, migrations
from hub.store.database import Database, why
from hub.store.leases import Claimed, Held

SCHEMA = "hub_procrastinate"
_TASK = "perform"
_PREFIX = "hub_"
_OPTIONS = f"-c search_path={SCHEMA} -c synchronous_commit=off"
_AGAIN_SECONDS = 1.0
_SWEEP_SECONDS = 15.0
_SILENT_SECONDS = 30.0
_LOST = (ConnectorException, psycopg.Error, psycopg_pool.PoolTimeout, psycopg_pool.PoolClosed)
_log = structlog.get_logger(__name__)
_manager = JobManager(procrastinate.SyncPsycopgConnector())
"""Only for what is given a connection of ours."""


class HandoverLost(Exception):
    """The database went away while work was handed over; nothing was."""


# --- the tables


def prepare(database: Database) -> None:
    """See that procrastinate's tables are as its installed release wants them. Two processes at once do it once."""
    with database.write() as connection:
        migrations.take_turn(connection)
        known = connection.scalar(_STANDS, {"schema": SCHEMA})
        missing = [file for file in _history() if known is None or file.stem > known]
        if not missing:
            return
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {SCHEMA}"))
        connection.execute(text(f"SET LOCAL search_path TO {SCHEMA}"))
        for statements in [SchemaManager.get_schema()] if known is None else [each.read_text() for each in missing]:
            _own(connection).execute(statements.encode())
        connection.exec_driver_sql(f"COMMENT ON SCHEMA {SCHEMA} IS '{missing[-1].stem}'")


_STANDS = text("SELECT obj_description(to_regnamespace(:schema), 'pg_namespace')")


def _history() -> list[Path]:
    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


def _own(connection: Connection) -> psycopg.Connection[Any]:
    """The driver's connection under our transaction."""
    driver = connection.connection.driver_connection
    if not isinstance(driver, psycopg.Connection):
        raise TypeError(f"procrastinate works over PostgreSQL by psycopg, not over {type(driver).__name__}")
    return driver


# --- handing over


def defer(connection: Connection, dispatched: Sequence[Claimed], at_once: int) -> None:
    """Hand the work over with the caller's transaction, in that order, so many of a kind in one. Raises HandoverLost.

    Fetching and deleting a hand-over costs procrastinate more than all we do for a piece of work: while much waits,
    one carries several.
    """
    if not dispatched:
        return
    connection.execute(_FIND_TABLES, {"schema": f", {SCHEMA}"})
    try:
        _manager.batch_defer_jobs([_job(some) for some in _bundles(dispatched, at_once)], connection=_own(connection))
    except ConnectorException as error:
        raise HandoverLost(str(error.__cause__ or error)) from error


_FIND_TABLES = text("SELECT set_config('search_path', current_setting('search_path') || :schema, true)")


def _bundles(dispatched: Sequence[Claimed], at_once: int) -> list[list[Claimed]]:
    """Pieces of one kind and priority that follow one another, at most so many together."""
    bundles: list[list[Claimed]] = []
    for each in dispatched:
        last = bundles[-1] if bundles else []
        if last and len(last) < at_once and (last[0].kind, last[0].priority) == (each.kind, each.priority):
            last.append(each)
        else:
            bundles.append([each])
    return bundles


def _job(bundle: Sequence[Claimed]) -> Job:
    return Job(
        queue=_queue(bundle[0].kind),
        task_name=_TASK,
        priority=bundle[0].priority,
        lock=None,
        queueing_lock=None,
        task_kwargs={"works": [[each.id, each.token] for each in bundle]},
    )


def _queue(kind: str) -> str:
    return _PREFIX + kind


# --- being handed


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """Work handed to this process. `since` is when it came, by a clock that nobody sets."""

    held: Held
    since: float = field(default_factory=time.monotonic)


class Handover:
    """A thread in which a worker of procrastinate takes what is handed to these kinds, while there is room for it.

    `receive` is called in it and must `say_room`. While the database is away it tries again until it is closed.
    """

    def __init__(
        self, database: Database, kinds: Iterable[str], receive: Callable[[Sequence[Given]], None], name: str
    ) -> None:
        self._database, self._receive, self._name = database, receive, name
        self._queues = [_queue(kind) for kind in sorted(kinds)]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hub-handover", daemon=True)

    def start(self) -> None:
        """Begin to take."""
        self._thread.start()

    def say_room(self, room: bool) -> None:
        """Whether there is a place for more; from any thread."""
        with suppress(RuntimeError):  # no loop any more: nothing is taken
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._room.set if room else self._room.clear)

    def close(self) -> None:
        """Take no more; what was received is the receiver's to end."""
        self._closed.set()
        with suppress(RuntimeError):  # no loop any more: it has ended by itself
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._leave)
        self._thread.join()

    def _leave(self) -> None:
        if self._serving is not None:
            self._serving.cancel()

    def _run(self) -> None:
        asyncio.run(self._serve_on())

    async def _serve_on(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._tell_loss)
        while not self._closed.is_set():
            self._serving = asyncio.create_task(self._serve())
            try:
                await self._serving
            except asyncio.CancelledError:
                return
            except _LOST as error:
                _log.warning("handover.no_database", worker=self._name, error=type(error).__name__, **why(error))
            except Exception as error:  # a thread that ended here would leave this host without work for ever
                tell_bug("handover.bug", error, secrets.token_hex(6))
            await asyncio.to_thread(self._closed.wait, _AGAIN_SECONDS)

    def _tell_loss(self, _loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        """What procrastinate could not write any more when the database went away; it is swept later."""
        _log.warning(
            "handover.lost",
            worker=self._name,
            error=type(context.get("exception")).__name__,
            **why(context.get("exception")),
        )

    async def _serve(self) -> None:
        app = self._app()
        async with app.open_async():
            sweeping = asyncio.create_task(self._sweep_on(app.job_manager))
            try:
                await app.run_worker_async(
                    queues=self._queues,
                    name=self._name,
                    concurrency=1,
                    delete_jobs="always",
                    install_signal_handlers=False,
                    shutdown_graceful_timeout=0.1,
                    update_heartbeat_interval=5.0,
                    stalled_worker_timeout=_SILENT_SECONDS,
                )
            finally:
                sweeping.cancel()

    def _app(self) -> procrastinate.App:
        app = procrastinate.App(connector=_connector(self._database.engine))

        @app.task(name=_TASK)
        async def perform(works: list[Held]) -> None:
            """Receive it, and hold the hand-over until there is a place for another."""
            self._receive([Given((work, token)) for work, token in works])
            await self._room.wait()

        return app

    async def _sweep_on(self, manager: JobManager) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            try:
                await self._sweep(manager)
            except _LOST as error:
                _log.warning("handover.unswept", worker=self._name, error=type(error).__name__, **why(error))

    async def _sweep(self, manager: JobManager) -> None:
        """Remove what workers that died had taken, and what waits under a token that is old."""
        await manager.prune_stalled_workers(_SILENT_SECONDS)
        for job in await manager.get_stalled_jobs(seconds_since_heartbeat=_SILENT_SECONDS):
            await _remove(manager, job)
        waiting = [job for job in await manager.list_jobs_async(status=Status.TODO.value) if job.queue in self._queues]
        current = await asyncio.to_thread(self._current) if waiting else frozenset()
        for job in waiting:
            if current.isdisjoint(_held(job)):
                await manager.cancel_job_by_id_async(job.id or 0, delete_job=True)

    def _current(self) -> frozenset[Held]:
        with self._database.read() as connection:
            return dispatches.current(connection)


def _connector(engine: Engine) -> procrastinate.PsycopgConnector:
    _, how = engine.dialect.create_connect_args(engine.url)
    how["options"] = f"{how.get('options', '')} {_OPTIONS}"
    return procrastinate.PsycopgConnector(
        pool_factory=_pool, kwargs=how, configure=_settle, min_size=1, max_size=3, timeout=10.0, name="hub-handover"
    )


def _pool(**how: Any) -> psycopg_pool.AsyncConnectionPool[Any]:
    """A pool that does not ask its connections before each use whether they live: one that does not is told by use."""
    return psycopg_pool.AsyncConnectionPool(**(how | {"check": None}))


async def _settle(connection: psycopg.AsyncConnection[Any]) -> None:
    """Each of procrastinate's calls is one statement, so each is sent as a transaction of its own, in one go."""
    await connection.set_autocommit(True)


async def _remove(manager: JobManager, job: Job) -> None:
    """Two may sweep at once: the second finds nothing, which procrastinate calls an error."""
    try:
        await manager.finish_job_by_id_async(job.id or 0, status=Status.ABORTED, delete_job=True)
    except ConnectorException as error:
        if not isinstance(error.__cause__, psycopg.errors.RaiseException):
            raise


def _held(job: Job) -> list[Held]:
    works: Any = job.task_kwargs["works"]
    return [(int(work), int(token)) for work, token in works]
