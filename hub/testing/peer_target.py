"""A connector to the faulty peer: invoices are put under their key, over the hub's own HTTP seam."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from hub.domain.changes import Change, ChangeKind, Receipt
from hub.domain.invoices import Invoice
from hub.domain.texts import Text
from hub.plugin.connector import Connector
from hub.plugin.http import Answer, Http
from hub.plugin.ports import Bytes, Check, Dispatch


class PeerSettings(BaseModel):
    """Where the peer is, how long it is waited for in seconds, and how often one call is tried."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    url: str
    timeout: float = 5.0
    attempts: int = 3


class PeerInvoices:
    """The peer as a target for invoices; see `hub.plugin.ports.Target` for what it promises."""

    def __init__(self, settings: PeerSettings) -> None:
        self._settings = settings
        self._http: Http | None = None

    def fit(self, record: Invoice, dispatch: Dispatch) -> Change:
        """One document, put under the hub's key."""
        address = f"documents/{quote(dispatch.key, safe='')}"
        return Change(ChangeKind.CREATE, dispatch.key, address, {"number": record.number, "sha256": dispatch.digest})

    def existing(self, change: Change) -> Receipt | None:
        """What the peer says stands there."""
        answer = self._call("GET", change, allow=(404,))
        return None if answer.status == 404 else _receipt(answer)

    def apply(self, change: Change, content: Bytes) -> Receipt:
        """Put the bytes there."""
        headers = {"Idempotency-Key": change.key, "Content-Length": str(content.size)}
        return _receipt(self._call("PUT", change, headers=headers, content=content))

    def close(self) -> None:
        """Let go of the connection."""
        if self._http is not None:
            self._http.close()

    def _call(
        self,
        method: str,
        change: Change,
        *,
        headers: dict[str, str] | None = None,
        content: Bytes | None = None,
        allow: tuple[int, ...] = (),
    ) -> Answer:
        self._http = self._http or Http()
        return self._http.call(
            method,
            f"{self._settings.url}/{change.address}",
            headers=headers,
            content=content.chunks if content else None,
            timeout=self._settings.timeout,
            attempts=self._settings.attempts,
            allow=allow,
        )


def _receipt(answer: Answer) -> Receipt:
    said = json.loads(answer.content)
    return Receipt(datetime.fromisoformat(said["at"]), said["reference"], {"sha256": said["sha256"]})


def check_peer(settings: PeerSettings) -> Iterator[Check]:
    """Ask for something that cannot be there."""
    with Http() as http:
        http.call("GET", f"{settings.url}/check", timeout=settings.timeout, allow=(404,))
    yield Check(Text("Svarar", "Answers"), True, Text(settings.url, settings.url))


PEER = Connector(
    name="peer.http",
    title=Text("Den felande motparten", "The faulty peer"),
    settings=PeerSettings,
    check=check_peer,
    targets={"invoices": PeerInvoices},
)
