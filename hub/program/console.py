"""The console served from a thread, so that signals stay with whoever started it and everything ends in order."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

import uvicorn
from rich.live import Live
from sqlalchemy.exc import SQLAlchemyError

from hub.app import Hub
from hub.cli.output import Wrong, err
from hub.jobs.executors import Executor
from hub.store import dispatches, work, workers
from hub.store.database import now
from hub.store.work import WorkState
from hub.web.app import create_app

_LONGEST_END = 10
_LOOK_SECONDS = 1.0
_MINUTE = timedelta(minutes=1)


def quiet() -> None:
    """Let libraries say nothing of what our own log tells of the same events."""
    for name in ("paramiko", "procrastinate", "psycopg.pool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)


@contextmanager
def served(hub: Hub, host: str, port: int) -> Iterator[str]:
    """The console and the intake, served until the block ends; yields their address."""
    server = uvicorn.Server(uvicorn.Config(create_app(hub), host, port, log_level="warning"))
    thread = threading.Thread(target=server.run, name="console", daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise Wrong(f"the console cannot be served on {host}:{port}; is the port in use?")
        time.sleep(0.02)
    try:
        bound = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://{host}:{bound}"
    finally:
        server.should_exit = True
        thread.join(timeout=_LONGEST_END)


@contextmanager
def working(executor: Executor) -> Iterator[None]:
    """The hub's work done until the block ends, and what runs then brought to its end."""
    executor.start()
    try:
        yield
    finally:
        executor.stop()


def until_told() -> None:
    """Wait for SIGINT or SIGTERM."""
    told_to_end().wait()


def told_to_end() -> threading.Event:
    """From now on SIGINT and SIGTERM end nothing by themselves: they set this event."""
    told = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: told.set())
    return told


def followed(hub: Hub, told: threading.Event, look: Callable[[float], object]) -> None:
    """Call `look` with a short patience until told to end; in a terminal a live line says how the work goes."""
    with Live(console=err, auto_refresh=False, transient=True) if err.is_terminal else nullcontext() as live:
        while not told.is_set():
            if live is not None:
                live.update(_line(hub), refresh=True)
            look(_LOOK_SECONDS)


def _line(hub: Hub) -> str:
    try:
        with hub.database.read() as connection:
            numbers = Counter[WorkState]()
            for lane in work.counts(connection).values():
                numbers.update(lane)
            done = dispatches.done_since(connection, now(connection) - _MINUTE)
            living = len(workers.living_workers(connection))
    except SQLAlchemyError:
        return "the database cannot be reached"
    under_way = sum(numbers[state] for state in work.UNDER_WAY)
    return f"{living} workers · {under_way} under way · {numbers[WorkState.WAITING]} waiting · {done} done in a minute"
