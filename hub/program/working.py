"""The hub's work done until a person or the system says that it is enough."""

from __future__ import annotations

import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import timedelta

import structlog
from rich.live import Live
from sqlalchemy.exc import SQLAlchemyError

from hub.app import Hub
from hub.cli.output import err
from hub.jobs.executors import Executor
from hub.store import dispatches, work, workers
from hub.store.database import now
from hub.store.work import WorkState

_log = structlog.get_logger()
_LOOK_SECONDS = 1.0
_MINUTE = timedelta(minutes=1)


@contextmanager
def working(executor: Executor) -> Iterator[None]:
    """The hub's work done until the block ends, and what runs then brought to its end."""
    executor.start()
    try:
        yield
    finally:
        executor.stop()


def demand_usable(hub: Hub) -> None:
    """What a process that is to last looks at first: a plugin that does not load is logged, a home that cannot be
    written is told at once and not by the first piece of work.
    """
    for each in hub.plugins.broken:
        _log.warning("plugin does not load", plugin=each.name, reason=each.reason, exception=each.trace)
    hub.database.demand_writing()


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
