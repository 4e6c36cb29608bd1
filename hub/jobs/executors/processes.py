"""Several processes of one machine, each with an executor of its own: started, started again when they die, and ended.

They share nothing but the database. When the process that keeps them dies, they end in good order by themselves.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import Connection as Line
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from multiprocessing.resource_tracker import ensure_running
from types import TracebackType
from typing import Any, Self

import structlog

_log = structlog.get_logger(__name__)
_SPAWN = multiprocessing.get_context("spawn")
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.2, 30.0
_LIVED_WELL = 60.0
_SIGNALS = (signal.SIGINT, signal.SIGTERM)

Body = Callable[..., None]
"""What a process does: called with the arguments and, last, the event that is set when it is to end."""


@dataclass(slots=True)
class _Place:
    """One of the processes, or the pause before it is started again."""

    number: int
    process: BaseProcess | None = None
    line: Line | None = None
    began: float = 0.0
    due: float = 0.0
    deaths: int = field(default=0)


class Processes:
    """So many processes that do `body(*arguments, told)`, from `with` to its end; `body` is found by its name."""

    def __init__(self, number: int, body: Body, *arguments: Any, patience: timedelta = timedelta(seconds=45)) -> None:
        self._body, self._arguments, self._patience = body, arguments, patience
        self._places = [_Place(each) for each in range(number)]

    def __enter__(self) -> Self:
        """Start them."""
        for place in self._places:
            self._start(place)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Tell them to end, and wait; one that has not ended after the patience is killed: its leases run out."""
        for place in self._places:
            if place.line is not None:
                place.line.close()
        ends = time.monotonic() + self._patience.total_seconds()
        for process in self._running():
            process.join(max(0.0, ends - time.monotonic()))
            if process.exitcode is None:
                _log.warning("processes.killed", process=process.pid)
                process.kill()
                process.join()

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of the processes that run now."""
        return tuple(process.pid for process in self._running() if process.pid is not None)

    def watch(self, seconds: float) -> None:
        """For at most so long, see who dies, and start again who has paused long enough."""
        running = self._running()
        if running:
            wait([process.sentinel for process in running], timeout=seconds)
        else:
            time.sleep(min(seconds, _SHORTEST_PAUSE))
        for place in self._places:
            if place.process is None:
                if place.due <= time.monotonic():
                    self._start(place)
            elif place.process.exitcode is not None:
                self._note_death(place, place.process)

    def _running(self) -> list[BaseProcess]:
        return [place.process for place in self._places if place.process is not None]

    def _start(self, place: _Place) -> None:
        theirs, ours = _SPAWN.Pipe(duplex=False)
        name = f"hub-worker-{place.number + 1}"
        place.process = _SPAWN.Process(target=_live, args=(theirs, self._body, self._arguments), name=name)
        with _signals_held():
            place.process.start()
        theirs.close()
        place.line, place.began = ours, time.monotonic()

    def _note_death(self, place: _Place, process: BaseProcess) -> None:
        if place.line is not None:
            place.line.close()
        lived = time.monotonic() - place.began
        place.deaths = 0 if lived >= _LIVED_WELL else place.deaths + 1
        pause = min(_LONGEST_PAUSE, 2.0 ** (place.deaths - 1)) if place.deaths else 0.0
        place.process, place.line, place.due = None, None, time.monotonic() + pause
        _log.warning(
            "processes.died",
            process=process.pid,
            exit_code=process.exitcode,
            lived_seconds=round(lived),
            again_in_seconds=pause,
        )


@contextmanager
def _signals_held() -> Iterator[None]:
    """A process started meanwhile begins with these signals held: one that comes while it loads is heard afterwards."""
    ensure_running()  # it lets the signals through again when it has to start first
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _live(line: Line, body: Body, arguments: tuple[Any, ...]) -> None:
    """In the process: told to end by a signal, by the line being closed, or by the death of whoever held it."""
    told = threading.Event()
    for each in _SIGNALS:
        signal.signal(each, lambda *_: told.set())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
    threading.Thread(target=_listen, args=(line, told), name="hub-line", daemon=True).start()
    body(*arguments, told)


def _listen(line: Line, told: threading.Event) -> None:
    try:
        line.recv_bytes()
    except (EOFError, OSError):
        told.set()
