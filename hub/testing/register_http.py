"""A small register over real TCP, and the client that makes it a `Register`: JSON, pages, keys and versions.

    GET    /records?after=ADDRESS&limit=N   {"records": [...], "more": true}    in the order of their addresses
    GET    /records/ADDRESS                 one record
    PUT    /records/ADDRESS                 the whole record; If-None-Match: * creates, If-Match: "v7" replaces
    DELETE /records/ADDRESS                 If-Match: "v7"
    GET    /receipts/KEY                    the receipt that was given for an Idempotency-Key

A PUT or DELETE with an Idempotency-Key that is known answers as it answered then. 412 says that the version is
another by now, 422 that the register does not take the record. What the register lived through stands in its log.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from pydantic import BaseModel, ConfigDict

from hub.domain.changes import Change, ChangeKind, Receipt
from hub.domain.texts import Reason, Text
from hub.plugin.errors import Rejected, Unavailable
from hub.plugin.http import Answer, Http
from hub.plugin.ports import Fitted, Holding

PAGE = 200


# --- the register


@dataclass
class Shelf:
    """What the register holds, what it answered to each key, and what was done to it in order.

    `before` is called with method and address before anything is done, and may answer in the register's place with
    a status; `pause` is how long every write takes.
    """

    records: dict[str, tuple[str, dict[str, str]]] = field(default_factory=dict)
    answers: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    log: list[tuple[str, str, str]] = field(default_factory=list)
    unwanted: set[str] = field(default_factory=set)
    before: Callable[[str, str], int | None] = lambda _method, _address: None
    pause: float = 0.0
    versions: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def put(self, address: str, **fields: str) -> None:
        """Somebody else lets a record stand there."""
        with self.lock:
            self.versions += 1
            self.records[address] = (f"v{self.versions}", fields)

    def take(self, address: str) -> None:
        """Somebody else removes a record."""
        with self.lock:
            del self.records[address]

    def fields(self) -> dict[str, dict[str, str]]:
        """What stands there, by address."""
        with self.lock:
            return {address: dict(fields) for address, (_, fields) in self.records.items()}


@contextmanager
def serving(shelf: Shelf) -> Iterator[str]:
    """The register, served on this machine until the block ends; its address."""

    class Handler(_Handler):
        held = shelf

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    held: Shelf

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        status = self.held.before("GET", parts.path)
        if status is not None:
            self._answer(status, {})
        elif parts.path.startswith("/receipts/"):
            known = self.held.answers.get(unquote(parts.path.removeprefix("/receipts/")))
            self._answer(200 if known else 404, known[1] if known else {})
        elif parts.path.startswith("/records/"):
            held = self.held.records.get(unquote(parts.path.removeprefix("/records/")))
            self._answer(200 if held else 404, {"fields": held[1]} if held else {})
        else:
            asked = parse_qs(parts.query)
            self._answer(200, self._page(asked.get("after", [""])[0], int(asked.get("limit", [str(PAGE)])[0])))

    def do_PUT(self) -> None:
        said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self._write(lambda address: self._put(address, said))

    def do_DELETE(self) -> None:
        self._write(self._delete)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing is written to the terminal."""

    def _page(self, after: str, limit: int) -> dict[str, Any]:
        with self.held.lock:
            rest = sorted(address for address in self.held.records if address > after)
            given = [(address, *self.held.records[address]) for address in rest[:limit]]
        told = [{"address": address, "version": version, "fields": fields} for address, version, fields in given]
        return {"records": told, "more": len(rest) > limit}

    def _write(self, make: Callable[[str], int]) -> None:
        address = unquote(urlsplit(self.path).path.removeprefix("/records/"))
        status = self.held.before(self.command, address)
        if status is not None:
            self._answer(status, {})
            return
        time.sleep(self.held.pause)
        key = self.headers.get("Idempotency-Key", "")
        with self.held.lock:
            known = self.held.answers.get(key)
            if known is None:
                status = make(address)
                known = status, {"at": datetime.now(UTC).isoformat(), "reference": f"{address}@{self.held.versions}"}
                if status < 300:
                    self.held.answers[key] = known
                    self.held.log.append((key, self.command, address))
        self._answer(*known)

    def _put(self, address: str, said: Mapping[str, str]) -> int:
        held = self.held.records.get(address)
        if address in self.held.unwanted:
            return 422
        if self.headers.get("If-None-Match") == "*" and held is not None:
            return 412
        if not self._matches(held):
            return 412
        self.held.put(address, **said)
        return 200

    def _delete(self, address: str) -> int:
        held = self.held.records.get(address)
        if held is None:
            return 404
        if not self._matches(held):
            return 412
        self.held.versions += 1
        del self.held.records[address]
        return 200

    def _matches(self, held: tuple[str, dict[str, str]] | None) -> bool:
        wanted = self.headers.get("If-Match")
        return wanted is None or (held is not None and wanted == f'"{held[0]}"')

    def _answer(self, status: int, said: Mapping[str, Any]) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


# --- its client


class HttpRegisterSettings(BaseModel):
    """Where the register is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str
    timeout: float = 10.0


class HttpRegister:
    """The register as the hub's port; its records are mappings of text, held under their field `id`."""

    def __init__(self, settings: HttpRegisterSettings) -> None:
        self._settings = settings
        self._http = Http()

    def fit(self, record: Mapping[str, str]) -> Fitted:
        """The record under its `id`, without fields that are empty."""
        address = record.get("id", "")
        if not record.get("namn"):
            raise Rejected((_without_name(address),), address)
        return Fitted(address, {name: value for name, value in record.items() if name != "id" and value})

    def holdings(self) -> Iterator[Holding]:
        """Page by page, until the register says that there is no more."""
        after, more = "", True
        while more:
            said = self._said(self._call("GET", f"records?limit={PAGE}&after={quote(after, safe='')}"))
            for each in said["records"]:
                yield Holding(each["address"], each["fields"], each["version"])
                after = each["address"]
            more = said["more"]

    def existing(self, change: Change) -> Receipt | None:
        """The receipt that the register keeps for the key."""
        answer = self._call("GET", f"receipts/{quote(change.key, safe='')}", allow=(404,))
        return None if answer.status == 404 else _receipt(self._said(answer))

    def apply(self, change: Change) -> Receipt:
        """One PUT or DELETE, under its key and on the condition of its version."""
        path, headers = f"records/{quote(change.address, safe='')}", {"Idempotency-Key": change.key}
        if change.version:
            headers["If-Match"] = f'"{change.version}"'
        if change.kind is ChangeKind.REMOVE:
            return _receipt(self._said(self._call("DELETE", path, headers)))
        if change.kind is ChangeKind.CREATE:
            headers["If-None-Match"] = "*"
        return _receipt(self._said(self._call("PUT", path, headers, self._whole(change))))

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()

    def _whole(self, change: Change) -> bytes:
        """The record as it shall stand there: what the change names, and of the rest what stands there now."""
        if change.kind is ChangeKind.CREATE:
            return json.dumps(dict(change.fields)).encode()
        answer = self._call("GET", f"records/{quote(change.address, safe='')}", allow=(404,))
        held = self._said(answer).get("fields", {})
        stands = {**held, **change.fields}
        return json.dumps({name: value for name, value in stands.items() if value}).encode()

    def _call(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
        allow: tuple[int, ...] = (),
    ) -> Answer:
        url = f"{self._settings.address}/{path}"
        timeout = self._settings.timeout
        return self._http.call(method, url, headers=headers, content=content, timeout=timeout, attempts=1, allow=allow)

    def _said(self, answer: Answer) -> dict[str, Any]:
        try:
            said: dict[str, Any] = json.loads(answer.content)
        except ValueError:
            raise Unavailable(Text("registret svarar inte med JSON", "the register does not answer in JSON")) from None
        return said


def _receipt(said: Mapping[str, Any]) -> Receipt:
    return Receipt(datetime.fromisoformat(said["at"]), said["reference"])


def _without_name(address: str) -> Reason:
    return Reason(
        "RECORD-WITHOUT-NAME",
        Text("Posten har inget namn.", "The record has no name."),
        Text("Rätta posten i källan.", "Mend the record in its source."),
        value=address,
    )
