"""A faulty HTTP peer in a process of its own, over real TCP, with a log that outlives its own death.

    with running_peer(tmp_path) as peer:
        peer.set_faults(Faults(script=(Fault.LOST,)))
        ...                                   # let the plugin deliver to peer.url
        assert [each.key for each in peer.changes()] == ["key-1"]

It holds whatever is put under a path: `PUT` or `POST /documents/<key>` with an `Idempotency-Key` and a body puts,
`DELETE` takes away, `GET` says what became of it (404: nothing). Every change is committed to the log before the
answer begins, every request when it has been read. A peer that honours keys takes one change for each key; a naive
one honours none, and what is applied twice stands twice in its log.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from hub.plugin.http import Http
from hub.testing.faults import NO_FAULTS, Faults
from hub.testing.peer_log import Accepted, Requested, bodies, changes, requests

LOG_FILE = "peer.db"
_LONGEST_END = 10.0


@dataclass(slots=True)
class Peer:
    """A running peer: where it is reached, how it is told to fail, and what its own log says."""

    folder: Path
    options: tuple[str, ...]
    process: subprocess.Popen[str] = field(repr=False)
    port: int
    control: int

    @property
    def url(self) -> str:
        """Where it takes documents: `<url>/documents/<key>`."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        """The file of its log."""
        return self.folder / LOG_FILE

    def changes(self) -> list[Accepted]:
        """Every change it ever took, in order."""
        return changes(self.log)

    def requests(self) -> list[Requested]:
        """Every request it ever read, in order, with the fault that hit it."""
        return requests(self.log)

    def held(self) -> Mapping[str, bytes]:
        """What stands there now, by path."""
        return bodies(self.log)

    def set_faults(self, faults: Faults) -> None:
        """From now on, fail like this. What was left of an earlier script is forgotten."""
        with Http() as http:
            body = json.dumps(faults.as_json()).encode()
            http.call("PUT", f"http://127.0.0.1:{self.control}/faults", content=body)

    def kill(self) -> None:
        """SIGKILL, wherever it stands."""
        self.process.kill()
        _end(self.process)

    def restart(self) -> None:
        """Up again at the same addresses, without faults, knowing what its log knows."""
        self.process, _, _ = _start(self.folder, self.options, self.port, self.control)


@contextmanager
def running_peer(folder: Path, *, naive: bool = False, reject: str = "", faults: Faults = NO_FAULTS) -> Iterator[Peer]:
    """A peer whose log lies in that folder, until the block ends.

    `naive` honours no keys. Bodies that hold the text `reject` are answered 422.
    """
    options = (*(("--naive",) if naive else ()), "--reject", reject)
    peer = Peer(folder, options, *_start(folder, options, 0, 0))
    try:
        if faults != NO_FAULTS:
            peer.set_faults(faults)
        yield peer
    finally:
        _end(peer.process)


def _start(folder: Path, options: tuple[str, ...], port: int, control: int) -> tuple[subprocess.Popen[str], int, int]:
    places = ["--log", str(folder / LOG_FILE), "--port", str(port), "--control", str(control)]
    process = subprocess.Popen(  # noqa: S603  a program of ours
        [sys.executable, "-m", "hub.testing.peer_process", *places, *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    said = process.stdout.readline() if process.stdout else ""
    if not said:
        raise RuntimeError(f"the peer did not start: it ended with {process.wait()}")
    where = json.loads(said)
    return process, where["port"], where["control"]


def _end(process: subprocess.Popen[str]) -> None:
    """Let go of the lines to it: it ends by itself when nobody holds them."""
    for line in (process.stdin, process.stdout):
        if line:
            line.close()
    try:
        process.wait(_LONGEST_END)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
