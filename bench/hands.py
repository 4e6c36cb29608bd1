"""Processes that work beside one another: all are ready before any of them begins."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

FORKS = multiprocessing.get_context("forkserver")  # a process of its own, without importing everything each time
FORKS.set_forkserver_preload(["bench.jobs", "bench.machines"])
_PATIENCE, _LOOK = 300.0, 0.005


class Turn(Protocol):
    """What a process is told and tells: it is ready, it may go, it is to end."""

    def set(self) -> None: ...
    def wait(self, timeout: float | None = None) -> bool: ...
    def is_set(self) -> bool: ...


@contextmanager
def hands(number: int, who: Callable[..., None], *given: Any) -> Iterator[Callable[[], None]]:
    """So many processes that are ready to begin; what is yielded begins them."""
    may_go, may_end = FORKS.Event(), FORKS.Event()
    ready = [FORKS.Event() for _ in range(number)]
    started = [FORKS.Process(target=who, args=(*given, each, may_go, may_end)) for each in ready]
    for each in started:
        each.start()
    try:
        assert all(each.wait(_PATIENCE) for each in ready)
        yield may_go.set
    finally:
        may_end.set()
        for each in started:
            each.join()


def wait_while(true: Callable[[], bool]) -> None:
    """Until it is no longer true. Raises TimeoutError."""
    ends = time.monotonic() + _PATIENCE
    while true():
        if time.monotonic() > ends:
            raise TimeoutError("the jobs were not done in time")
        time.sleep(_LOOK)
