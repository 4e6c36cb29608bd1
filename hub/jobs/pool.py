"""Threads that take jobs one by one; a thread that hangs is given up and replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue

from hub.jobs.kinds import Job


class Pool:
    """A fixed number of places. `run` must let nothing out; `freed` is called when a place becomes free."""

    def __init__(self, threads: int, run: Callable[[Job], None], freed: Callable[[], None]) -> None:
        self.size, self._run, self._freed = threads, run, freed
        self._queue: SimpleQueue[Job | None] = SimpleQueue()
        self._busy: set[Job] = set()
        self._changed = threading.Condition()

    def start(self) -> None:
        """Open the places."""
        for _ in range(self.size):
            self._hire()

    @property
    def free(self) -> int:
        """How many places are free."""
        with self._changed:
            return self.size - len(self._busy)

    @property
    def busy(self) -> int:
        """How many places are taken."""
        with self._changed:
            return len(self._busy)

    def of_lane(self, lane: str) -> int:
        """How many places are taken by that lane's jobs."""
        with self._changed:
            return sum(job.lane == lane for job in self._busy)

    def submit(self, job: Job) -> None:
        """Start the job; the caller has seen a free place."""
        with self._changed:
            self._busy.add(job)
        self._queue.put(job)

    def abandon(self, job: Job) -> None:
        """Count no more on the thread that runs the job: its place goes to a new thread."""
        if self._leave(job):
            self._hire()
            self._freed()

    def wait_until_quiet(self, seconds: float) -> bool:
        """Wait until every place is free, at most so long."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._busy, seconds)

    def stop(self) -> None:
        """Let free threads go. One that still runs something ends with it, or with the process."""
        for _ in range(self.size):
            self._queue.put(None)

    def _hire(self) -> None:
        threading.Thread(target=self._work, name="hub-work", daemon=True).start()

    def _work(self) -> None:
        while (job := self._queue.get()) is not None:
            self._run(job)
            if not self._leave(job):
                return
            self._freed()

    def _leave(self, job: Job) -> bool:
        """Whether the place was still the job's."""
        with self._changed:
            held = job in self._busy
            self._busy.discard(job)
            self._changed.notify_all()
        return held
