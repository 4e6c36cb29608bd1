"""A judging process: takes requests from its parent over a socket, one at a time, and answers each."""

import fcntl
import os
import pickle
import resource
import signal
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from .findings import Judgement
from .judging import judge_here, loaded
from .packs import PackBroken
from .safe import Limits

_LENGTH = 8
_SMALL = 256 * 1024
_NO_TIME = 0.001


@dataclass(frozen=True, slots=True)
class Start:
    """The first message: what holds for every document."""

    limits: Limits
    max_findings: int


@dataclass(frozen=True, slots=True)
class Request:
    """One document to judge."""

    document: bytes
    pack: Path
    layers: tuple[str, ...] | None
    at: tuple[int, ...]
    schemas: Path | None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one request: a judgement or what went wrong inside; and the memory the process now holds."""

    judgement: Judgement | None
    trouble: str
    resident_bytes: int


def send(channel: socket.socket, message: object, until: float | None = None) -> None:
    """Write one message, its length first; raises `TimeoutError` when it is not taken `until` then (monotonic)."""
    packed = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    length = len(packed).to_bytes(_LENGTH, "big")
    _limit(channel, until)
    if len(packed) < _SMALL:  # in one go: the other side wakes once
        channel.sendall(length + packed)
        return
    channel.sendall(length)
    _limit(channel, until)
    channel.sendall(packed)


def receive(channel: socket.socket, until: float | None = None) -> object:
    """Read one message; raises `EOFError` when the other side is gone, `TimeoutError` when it is not whole in time."""
    length = int.from_bytes(_exactly(channel, _LENGTH, until), "big")
    return pickle.loads(_exactly(channel, length, until))  # noqa: S301 - only our own parent or child writes here


def _limit(channel: socket.socket, until: float | None) -> None:
    if until is not None:
        channel.settimeout(max(until - time.monotonic(), _NO_TIME))


def _exactly(channel: socket.socket, size: int, until: float | None) -> bytes:
    taken = bytearray()
    while len(taken) < size:
        _limit(channel, until)
        chunk = channel.recv(min(size - len(taken), 1 << 20))
        if not chunk:
            raise EOFError("the other side closed the channel")
        taken += chunk
    return bytes(taken)


def serve(channel_fd: int, lifeline_fd: int) -> None:
    """Answer until the parent goes. When it dies, the kernel ends this process in the middle of any work."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _die_with(lifeline_fd)
    with socket.socket(fileno=channel_fd) as channel:
        start = receive(channel)
        assert isinstance(start, Start)
        while True:
            try:
                request = receive(channel)
            except (EOFError, OSError):
                return
            assert isinstance(request, Request)
            send(channel, _answer(request, start))


def _die_with(lifeline_fd: int) -> None:
    """The parent holds the other end of this pipe and never writes: a signal means that it is gone."""
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(lifeline_fd, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline_fd, fcntl.F_SETFL, fcntl.fcntl(lifeline_fd, fcntl.F_GETFL) | os.O_ASYNC)


def _answer(request: Request, start: Start) -> Reply:
    try:
        judgement = judge_here(
            request.document,
            request.pack,
            request.layers,
            request.at,
            start.limits,
            start.max_findings,
            request.schemas,
        )
    except Exception as error:  # a bug here must not look like a verdict, nor take the hub down
        return Reply(None, f"{type(error).__name__}: {error}", _resident())
    return Reply(judgement, "", _resident())


def _resident() -> int:
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def check(folder: str) -> None:
    """Compile every layer of the pack in this folder; exit 1 with the reason on standard output if one will not."""
    try:
        loaded(Path(folder))
    except PackBroken as broken:
        print(broken.reason.replace(Path(folder).name, "offered"))
        sys.exit(1)
