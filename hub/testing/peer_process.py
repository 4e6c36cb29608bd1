"""The faulty peer's own process: `python -m hub.testing.peer_process`; `hub.testing.peer` starts it.

It says its two ports on its first line, and ends when the line to it is closed.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import struct
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from hub.testing.faults import CHANGING, NO_FAULTS, ONLY_WITH_KEYS, Fault, Faults
from hub.testing.peer_log import Accepted, Asked, KeyReused, Log

_LONGEST_SILENCE = 60.0
_DRIPS, _DRIP_SECONDS = 10, 0.05
_RETRY_AFTER = {"Retry-After": "1"}


@dataclass(frozen=True, slots=True)
class Told:
    """An answer before it is sent."""

    status: int
    said: Mapping[str, object]
    headers: Mapping[str, str] = field(default_factory=dict)


class Trouble:
    """The faults that are switched on, and how far their script has come."""

    def __init__(self, naive: bool) -> None:
        self._naive = naive
        self._turn = threading.Lock()
        self.set(NO_FAULTS)

    def set(self, faults: Faults) -> None:
        """From now on, these. Raises ValueError for what no caller can heal here."""
        wanted = {*faults.script, faults.always, *(fault for fault, share in faults.shares.items() if share)}
        if self._naive and wanted & ONLY_WITH_KEYS:
            raise ValueError(f"not at a naive peer: {', '.join(sorted(wanted & ONLY_WITH_KEYS))}")
        with self._turn:
            self._faults, self._script = faults, deque(faults.script)

    def next(self, asked: Asked, earlier: int) -> Fault:
        """What hits this request."""
        with self._turn:
            if self._faults.always is not Fault.NONE:
                return self._faults.always
            if self._script and asked.method in CHANGING:
                return self._script.popleft()
            return self._faults.drawn(asked.method, asked.path, earlier)


@dataclass(frozen=True, slots=True)
class Desk:
    """What serves a request when nothing is wrong."""

    log: Log
    reject: bytes

    def serve(self, asked: Asked) -> Told:
        """Do what is asked, committed when this returns."""
        if asked.method == "GET":
            return _found(self.log.standing(asked.path))
        if self.reject and self.reject in asked.body:
            return Told(422, {"error": "the document is not accepted: it holds what this peer rejects"})
        try:
            return Told(200, _shown(self.log.take(asked)))
        except KeyReused as error:
            return Told(409, {"error": str(error)})


def _found(standing: Accepted | None) -> Told:
    return Told(200, _shown(standing)) if standing else Told(404, {"error": "nothing stands there"})


def _shown(change: Accepted) -> dict[str, object]:
    return {
        "reference": f"P-{change.number}",
        "at": change.at.isoformat(),
        "key": change.key,
        "sha256": change.digest,
        "size": change.size,
    }


# --- on the wire


class Handler(BaseHTTPRequestHandler):
    """One caller's connection: reads a request, and does to it what the trouble says."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = _LONGEST_SILENCE
    desk: Desk
    trouble: Trouble

    def do_GET(self) -> None:
        """What became of it?"""
        self._meet()

    def do_PUT(self) -> None:
        """Put it there."""
        self._meet()

    def do_POST(self) -> None:
        """Put it there."""
        self._meet()

    def do_DELETE(self) -> None:
        """Take it away."""
        self._meet()

    def log_message(self, format: str, *arguments: object) -> None:
        """The log is elsewhere."""

    def _meet(self) -> None:
        asked = Asked(self.command, self.path, self.headers.get("Idempotency-Key"), self._body())
        fault = self.trouble.next(asked, self.desk.log.earlier(asked))
        self.desk.log.note(asked, fault)
        _ACTS[fault](self, asked)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return b"".join(iter(self._chunk, b""))
        return self._whole(int(self.headers.get("Content-Length", 0)))

    def _chunk(self) -> bytes:
        stated = self.rfile.readline().split(b";")[0].strip()
        if not stated:
            raise ConnectionError("the caller vanished in the middle of a body")
        piece = self._whole(int(stated, 16))
        self.rfile.readline()
        return piece

    def _whole(self, size: int) -> bytes:
        body = self.rfile.read(size)
        if len(body) < size:
            raise ConnectionError("the caller vanished in the middle of a body")
        return body

    def send(self, told: Told, pause: float = 0.0, share: float = 1.0) -> None:
        """Answer; with a pause before each piece, or with a share of the body only."""
        body = json.dumps(told.said).encode()
        self.send_response(told.status)
        for name, value in {"Content-Type": "application/json", **told.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if not pause:
            self.wfile.write(body[: int(len(body) * share)])
            return
        for piece in _pieces(body, _DRIPS):
            time.sleep(pause)
            self.wfile.write(piece)

    def break_off(self) -> None:
        """The connection is reset: what was sent and not yet read may be lost with it."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def wait_for_them_to_give_up(self) -> None:
        """Say nothing until the caller closes the connection."""
        select.select([self.connection], [], [], _LONGEST_SILENCE)
        self.close_connection = True


def _pieces(body: bytes, number: int) -> list[bytes]:
    size = -(-len(body) // number)
    return [body[place : place + size] for place in range(0, len(body), size)]


def _answers(told: Told) -> Callable[[Handler, Asked], None]:
    return lambda handler, _asked: handler.send(told)


def _none(handler: Handler, asked: Asked) -> None:
    handler.send(handler.desk.serve(asked))


def _silent(handler: Handler, _asked: Asked) -> None:
    handler.wait_for_them_to_give_up()


def _silent_after(handler: Handler, asked: Asked) -> None:
    handler.desk.serve(asked)
    handler.wait_for_them_to_give_up()


def _late(handler: Handler, asked: Asked) -> None:
    handler.wait_for_them_to_give_up()
    handler.desk.serve(asked)


def _reset(handler: Handler, _asked: Asked) -> None:
    handler.break_off()


def _lost(handler: Handler, asked: Asked) -> None:
    handler.desk.serve(asked)
    handler.break_off()


def _cut(handler: Handler, asked: Asked) -> None:
    handler.send(handler.desk.serve(asked), share=0.5)
    handler.close_connection = True


def _twice(handler: Handler, asked: Asked) -> None:
    handler.desk.serve(asked)
    handler.send(handler.desk.serve(asked))


def _slow(handler: Handler, asked: Asked) -> None:
    handler.send(handler.desk.serve(asked), pause=_DRIP_SECONDS)


_ACTS: Mapping[Fault, Callable[[Handler, Asked], None]] = {
    Fault.NONE: _none,
    Fault.TOO_MANY: _answers(Told(429, {"error": "too many requests"}, _RETRY_AFTER)),
    Fault.BROKEN: _answers(Told(500, {"error": "something broke here"})),
    Fault.AWAY: _answers(Told(503, {"error": "not now"})),
    Fault.UNAUTHORISED: _answers(Told(401, {"error": "who are you?"})),
    Fault.FORBIDDEN: _answers(Told(403, {"error": "you may not"})),
    Fault.SILENT: _silent,
    Fault.SILENT_AFTER: _silent_after,
    Fault.LATE: _late,
    Fault.RESET: _reset,
    Fault.LOST: _lost,
    Fault.CUT: _cut,
    Fault.TWICE: _twice,
    Fault.SLOW: _slow,
}


class Control(BaseHTTPRequestHandler):
    """The control address: `PUT /faults` with what `Faults.as_json` says."""

    trouble: Trouble

    def do_PUT(self) -> None:
        """Switch faults on and off."""
        said = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        try:
            self.trouble.set(Faults.from_json(said))
        except ValueError as error:
            self.send_error(422, str(error))
            return
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        """Nobody reads it."""


class Server(ThreadingHTTPServer):
    """One thread for each connection; a caller who vanishes is no news."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Callers are killed all the time here; what is our own fault is told."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


def _served(handler: type[BaseHTTPRequestHandler], port: int) -> int:
    server = Server(("127.0.0.1", port), handler)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    return int(server.server_address[1])


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until the line to us is closed."""
    options = _options(arguments)
    Handler.desk = Desk(Log(options.log, options.naive), options.reject.encode())
    Handler.trouble = Control.trouble = Trouble(options.naive)
    where = {"port": _served(Handler, options.port), "control": _served(Control, options.control)}
    print(json.dumps(where), flush=True)
    sys.stdin.read()


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    reader = argparse.ArgumentParser(description="A faulty HTTP peer for tests.")
    reader.add_argument("--log", type=Path, required=True)
    reader.add_argument("--port", type=int, default=0)
    reader.add_argument("--control", type=int, default=0)
    reader.add_argument("--naive", action="store_true")
    reader.add_argument("--reject", default="")
    return reader.parse_args(arguments)


if __name__ == "__main__":
    main()
