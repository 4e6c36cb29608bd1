"""The stand-in over TCP: one server for the web API, the SOAP services and the switching of faults."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

from hub_agresso.standin import soap, web_api, wsdl
from hub_agresso.standin.web_api import Agresso, Asked, Reply

CONTROL = "/standin/faults"
SOAP_PATH = "/UBW-webservices/service.svc"
_MINUTE = 60.0


@contextmanager
def served(agresso: Agresso, port: int = 0) -> Iterator[str]:
    """Serve the system until the block ends; yields its address, `http://127.0.0.1:PORT`."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(agresso))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="agresso", daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(agresso: Agresso, asked: Asked, host: str) -> Reply:
    """Answer any request but those for faults."""
    if asked.path != SOAP_PATH:
        return web_api.answer(agresso, asked)
    if asked.method == "GET":
        service = asked.query.removesuffix("&wsdl")
        known = service in soap.SERVICES
        return Reply(200, wsdl.of(service, f"http://{host}{SOAP_PATH}?{service}")) if known else Reply(404)
    return soap.answer(agresso, asked)


def _handler(agresso: Agresso) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            split = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, split.path, split.query, headers, body)
            if asked.path == CONTROL:
                self._send(_controlled(agresso, asked))
                return
            agresso.asked.append(time.monotonic())
            time.sleep(agresso.faults.slow)
            refused = _refused(agresso)
            self._fail_or_send(refused or answer(agresso, asked, headers.get("host", "")))

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = _handle

        def _fail_or_send(self, reply: Reply) -> None:
            faults = agresso.faults
            if faults.strikes(faults.lost):
                self.close_connection = True
                return
            if faults.strikes(faults.half):
                reply = Reply(reply.status, reply.body[: len(reply.body) // 2], reply.headers)
            self._send(reply, cut=faults.strikes(faults.cut))

        def _send(self, reply: Reply, cut: bool = False) -> None:
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            with suppress(ConnectionError):
                self.wfile.write(reply.body[: len(reply.body) // 2] if cut else reply.body)
            self.close_connection = self.close_connection or cut

        def log_message(self, format: str, *args: Any) -> None:
            """Say nothing on the terminal."""

    return Handler


def _refused(agresso: Agresso) -> Reply | None:
    """The answer of a system that is not well, or that has been asked too much."""
    faults = agresso.faults
    lately = [at for at in agresso.asked[-2 * faults.per_minute :] if at > time.monotonic() - _MINUTE]
    if faults.strikes(faults.limited) or (faults.per_minute and len(lately) > faults.per_minute):
        return Reply(429, b'{"message": "Too many requests"}', {"Retry-After": str(faults.retry_after)})
    if faults.strikes(faults.failing):
        return Reply(500, b'{"message": "Object reference not set to an instance of an object."}')
    return Reply(503, b"") if faults.strikes(faults.away) else None


def _controlled(agresso: Agresso, asked: Asked) -> Reply:
    if asked.method == "POST":
        try:
            agresso.faults.set(json.loads(asked.body))
        except ValueError as error:
            return Reply(400, str(error).encode())
    return Reply(200, json.dumps(agresso.faults.told()).encode(), {"Content-Type": "application/json"})
