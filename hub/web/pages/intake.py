"""The intake: an access point hands over a document, and is told that it is safe when it is."""

from __future__ import annotations

import hmac
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

from anyio import from_thread, to_thread
from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError
from starlette.requests import ClientDisconnect

from hub.app import Hub
from hub.domain.texts import Text
from hub.flow.land import Landed, Message, TooLarge
from hub.jobs import routes
from hub.loader import Connection
from hub.store import connections
from hub.web.visits import Console
from hub.web.ways import ways

router = APIRouter()
_WAIT_SECONDS: Final = 30
_LONGEST_ID: Final = 250
_KEPT_HEADERS: Final = ("content-type", "user-agent", "x-sender", "x-receiver")


class _Turned(Exception):
    """The message is not taken; why, and with which status."""

    def __init__(self, status: int, text: Text, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text.en)
        self.status, self.text, self.headers = status, text, headers


@router.post("/intake/{name}")
async def take(request: Request, name: str) -> JSONResponse:
    """Keep the body under its digest and answer when it is committed."""
    console: Console = request.app.state.console
    try:
        connection = await to_thread.run_sync(_admitted, console.hub, name, request)
        message = _message(connection, request)
        _weigh(request, console.hub)
        landed = await to_thread.run_sync(_kept, console.hub, message, request.stream())
    except _Turned as turned:
        said = {"status": "refused", "sv": turned.text.sv, "en": turned.text.en}
        return JSONResponse(said, turned.status, headers=dict(turned.headers or {}))
    return _told(landed)


def _admitted(hub: Hub, name: str, request: Request) -> Connection:
    connection = hub.connections.get(name)
    if connection is None or (connection.connector is not None and not connection.connector.pushed):
        raise _Turned(404, Text(f"Det finns ingen mottagning {name}.", f"There is no intake {name}."))
    if connection.connector is None:
        raise _later(Text("Mottagningen är felkonfigurerad.", "The intake is not configured rightly."))
    _check_token(connection, request.headers.get("authorization", ""))
    if _is_paused(hub, name):
        raise _later(Text("Mottagningen är pausad.", "The intake is paused."))
    return connection


def _check_token(connection: Connection, stated: str) -> None:
    scheme, _, token = stated.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        text = Text("Ange nyckeln som Authorization: Bearer …", "State the token as Authorization: Bearer …")
        raise _Turned(401, text, {"WWW-Authenticate": "Bearer"})
    wanted: Any = getattr(connection.settings, "token", None)
    right = wanted.get_secret_value() if isinstance(wanted, SecretStr) else ""
    if not right or not hmac.compare_digest(token.strip().encode(), right.encode()):
        raise _Turned(403, Text("Nyckeln gäller inte för denna mottagning.", "The token is not for this intake."))


def _is_paused(hub: Hub, name: str) -> bool:
    try:
        with hub.database.read() as reading:
            return connections.lived(reading, name).paused_at is not None
    except DBAPIError:
        raise _later(_UNREACHABLE) from None


def _message(connection: Connection, request: Request) -> Message:
    own = str(getattr(connection.settings, "message_id_header", "Message-Id"))
    stated = (request.headers.get(header, "").strip() for header in (own, "Message-Id", "X-Message-Id"))
    message_id = next((each for each in stated if each), "")
    if not message_id or len(message_id) > _LONGEST_ID:
        raise _Turned(
            400,
            Text(
                f"Ange meddelandets id i rubriken {own}, högst {_LONGEST_ID} tecken.",
                f"State the message's id in the header {own}, {_LONGEST_ID} characters at most.",
            ),
        )
    details = {header: request.headers[header][:300] for header in _KEPT_HEADERS if header in request.headers}
    return Message(connection.name, message_id, f"{message_id.strip('<>')}.xml", details=details)


def _weigh(request: Request, hub: Hub) -> None:
    stated = request.headers.get("content-length", "")
    largest = ways(hub).landed
    if stated.isascii() and stated.isdigit() and int(stated) > largest:
        raise _too_large(largest)


def _kept(hub: Hub, message: Message, body: AsyncIterator[bytes]) -> Landed:
    opened = ways(hub)
    try:
        return routes.receive(opened, message, _pulled(body))
    except TooLarge:
        raise _too_large(opened.landed) from None
    except ClientDisconnect:
        text = Text("Överföringen bröts; inget sparades.", "The transfer was cut; nothing was kept.")
        raise _Turned(400, text) from None
    except DBAPIError:
        raise _later(_UNREACHABLE) from None


def _pulled(body: AsyncIterator[bytes]) -> Iterator[bytes]:
    """The body's pieces, asked for one at a time from the loop that receives them."""
    while piece := from_thread.run(_next, body):
        yield piece


async def _next(body: AsyncIterator[bytes]) -> bytes:
    return await anext(body, b"")


def _told(landed: Landed) -> JSONResponse:
    said: dict[str, object] = {"document": landed.document_id, "sha256": landed.digest}
    if landed.conflicts:
        words = Text(
            "Meddelandets id användes tidigare för andra bytes. Båda sparades; detta som ett eget dokument.",
            "The message's id was used before for other bytes. Both are kept, these as a document of their own.",
        )
        said |= {"conflict": True, "sv": words.sv, "en": words.en}
    if not landed.is_new:
        return JSONResponse(said | {"status": "known"}, 200)
    return JSONResponse(said | {"status": "kept"}, 201)


_UNREACHABLE: Final = Text("Hubbens databas svarar inte just nu.", "The hub's database does not answer right now.")


def _later(text: Text) -> _Turned:
    sv, en = f"{text.sv} Skicka igen om {_WAIT_SECONDS} sekunder.", f"{text.en} Send again in {_WAIT_SECONDS} seconds."
    return _Turned(503, Text(sv, en), {"Retry-After": str(_WAIT_SECONDS)})


def _too_large(largest: int) -> _Turned:
    most = largest // (1024 * 1024)
    return _Turned(
        413,
        Text(f"Dokumentet är för stort. Högst {most} MB tas emot.", f"The document is too large; {most} MB at most."),
    )
