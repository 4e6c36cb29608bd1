"""Workers in processes of their own: started, killed where they stand, frozen, and ended in good order."""

from __future__ import annotations

import logging
import multiprocessing
import os
import random
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection as Pipe
from multiprocessing.process import BaseProcess
from pathlib import Path

import structlog

from tests.torture.worker import Haste, work

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["tests.torture.crew"])
_PATIENCE = 60.0


@dataclass(frozen=True, eq=False)
class Worker:
    """A process and the line to it."""

    process: BaseProcess
    line: Pipe

    @property
    def pid(self) -> int:
        """Its number."""
        return self.process.pid or 0


@dataclass(slots=True)
class Crew:
    """As many workers as there shall be; who is killed is replaced at once."""

    home: Path
    haste: Haste
    judged: bool
    workers: list[Worker] = field(default_factory=list)
    killed: int = 0

    def hire(self) -> None:
        """One more."""
        ours, theirs = _PROCESSES.Pipe()
        log = str(self.home / "workers.log")
        process = _PROCESSES.Process(target=_logged, args=(log, self.home, self.haste, self.judged, theirs))
        process.start()
        theirs.close()
        self.workers.append(Worker(process, ours))

    def one_of(self, chance: random.Random, busy: frozenset[int]) -> Worker:
        """Some worker: of those who have work in hand, when there are any."""
        return chance.choice([each for each in self.workers if each.pid in busy] or self.workers)

    def kill(self, chance: random.Random, busy: frozenset[int]) -> None:
        """SIGKILL one, and put another in its place."""
        victim = self.one_of(chance, busy)
        self.workers.remove(victim)
        victim.process.kill()
        victim.process.join(_PATIENCE)
        victim.line.close()
        self.killed += 1
        self.hire()

    def muster(self) -> None:
        """Whoever could not begin, the database being away, is started again, as an operator's system does."""
        for each in [each for each in self.workers if each.process.exitcode is not None]:
            self.workers.remove(each)
            each.line.close()
            self.hire()

    def end(self) -> None:
        """All of them in good order."""
        for each in self.workers:
            with suppress(OSError):
                each.line.send("end")
        for each in self.workers:
            each.process.join(_PATIENCE)
            each.line.close()
        ended = [each.process.exitcode for each in self.workers]
        self.workers.clear()
        assert not any(ended), f"workers ended with {ended}; see {self.home / 'workers.log'}"

    def abandon(self) -> None:
        """Kill whoever is left."""
        for each in self.workers:
            each.process.kill()
            each.process.join(_PATIENCE)
            each.line.close()
        self.workers.clear()


@contextmanager
def crew(home: Path, haste: Haste, judged: bool, number: int) -> Iterator[Crew]:
    """That many workers of the hub at home there."""
    hired = Crew(home, haste, judged)
    try:
        for _ in range(number):
            hired.hire()
        yield hired
    finally:
        hired.abandon()


@contextmanager
def frozen(victim: Worker) -> Iterator[None]:
    """It stands still, connections and all, until the block ends."""
    os.kill(victim.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(victim.pid, signal.SIGCONT)


def _logged(log: str, home: Path, haste: Haste, judged: bool, told: Pipe) -> None:
    """What the worker says goes to a file: killed again and again it says a lot."""
    with open(log, "a", buffering=1, encoding="utf-8") as file:
        structlog.configure(logger_factory=structlog.PrintLoggerFactory(file))
        logging.basicConfig(stream=file)
        work(home, haste, judged, told)
