"""Judge from any thread: documents go to spawned processes, one Saxon each; a bad one costs nobody else anything."""

import contextlib
import os
import queue
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from .findings import Judgement, not_judged
from .safe import Limits
from .worker import Reply, Request, Start, receive, send

_MIB: Final = 1024 * 1024
_DEFAULT_LIMITS: Final = Limits()
_SERVE: Final = (
    "import sys; sys.path[:] = sys.argv[3:]; "
    "from xmlrules.worker import serve; serve(int(sys.argv[1]), int(sys.argv[2]))"
)


class _Died(Exception):
    """The worker ended before it answered."""


class _Overdue(Exception):
    """The worker did not answer in time."""


class _Worker:
    """One spawned process and the channel to it; used by one thread at a time."""

    def __init__(self, start: Start) -> None:
        ours, theirs = socket.socketpair()
        lifeline, self._held = os.pipe()
        fds = (theirs.fileno(), lifeline)
        command = [sys.executable, "-P", "-c", _SERVE, *map(str, fds), *(path for path in sys.path if path)]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command,
                pass_fds=fds,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        finally:
            theirs.close()
            os.close(lifeline)
        self._channel = ours
        with contextlib.suppress(OSError):
            send(ours, start)

    @property
    def pid(self) -> int:
        return self._process.pid

    def ask(self, request: Request, deadline: float) -> Reply:
        """The worker's reply; raises `_Died` or `_Overdue`, and then the worker is of no more use."""
        until = time.monotonic() + deadline
        try:
            send(self._channel, request, until)
            reply = receive(self._channel, until)
        except TimeoutError as error:
            raise _Overdue from error
        except (EOFError, OSError) as error:
            raise _Died(self._how()) from error
        assert isinstance(reply, Reply)
        return reply

    def _how(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            code = self._process.wait(5)
            return f"signal {-code}" if code < 0 else f"exit code {code}"
        return "closed its channel"

    def end(self) -> None:
        """Kill the process and wait for it."""
        self._process.kill()
        self._process.wait()
        self._channel.close()
        os.close(self._held)


class Judge:
    """A pool of judging processes. `judge` is thread-safe and blocks; close it, or use it as a context manager.

    `deadline` in seconds is for one document, the loading of its pack included; `max_worker_bytes` is the resident
    memory beyond which a worker is replaced after its document.
    """

    def __init__(
        self,
        *,
        workers: int,
        limits: Limits = _DEFAULT_LIMITS,
        deadline: float = 60.0,
        max_findings: int = 1000,
        max_worker_bytes: int = 1536 * _MIB,
    ) -> None:
        if workers < 1:
            raise ValueError("workers must be at least 1")
        self._start = Start(limits, max_findings)
        self._deadline, self._max_worker_bytes = deadline, max_worker_bytes
        self._count = workers
        self._free: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(workers):
            self._free.put(None)
        self._closed = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all workers, after the documents they are at. Judging afterwards raises `RuntimeError`."""
        if self._closed.is_set():
            return
        self._closed.set()
        for _ in range(self._count):
            worker = self._free.get()
            if worker:
                worker.end()
        for _ in range(self._count):
            self._free.put(None)

    def judge(
        self,
        document: bytes,
        pack: Path,
        layers: Sequence[str] | None = None,
        at: Sequence[int] = (),
        schemas: Path | None = None,
    ) -> Judgement:
        """Judge a document under the pack in this folder, as `judge_here` does, in a worker.

        A worker that dies gives the document one more try on a fresh one; one that dies twice, or is overdue, makes
        it `not_judged` with that reason. Never hangs, never answers for another document.
        """
        request = Request(document, pack, None if layers is None else tuple(layers), tuple(at), schemas)
        worker = self._free.get()
        kept: _Worker | None = None
        try:
            if self._closed.is_set():
                raise RuntimeError("this Judge is closed")
            judgement, kept = self._judged(request, worker)
            return judgement
        finally:
            self._free.put(kept)

    def _judged(self, request: Request, worker: _Worker | None) -> tuple[Judgement, _Worker | None]:
        how = ""
        for _ in range(2):
            worker = worker or _Worker(self._start)
            try:
                reply = worker.ask(request, self._deadline)
            except _Overdue:
                worker.end()
                return _unjudged(request, f"not finished within {self._deadline:g} seconds"), None
            except _Died as died:
                how = str(died)
                worker.end()
                worker = None
                continue
            except BaseException:  # interrupted: its answer must never reach the next document
                worker.end()
                raise
            return self._settled(request, reply, worker)
        return _unjudged(request, f"the judging process died twice on this document ({how})"), None

    def _settled(self, request: Request, reply: Reply, worker: _Worker) -> tuple[Judgement, _Worker | None]:
        kept: _Worker | None = worker
        if reply.judgement is None or reply.resident_bytes > self._max_worker_bytes:
            worker.end()
            kept = None
        return reply.judgement or _unjudged(request, f"an error inside the judge: {reply.trouble}"), kept


def _unjudged(request: Request, reason: str) -> Judgement:
    return not_judged(reason, request.pack.name)
