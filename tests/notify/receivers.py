"""A real mail server and a real webhook receiver, each in a thread, that keep what they got and can fail first."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword
from standardwebhooks import Webhook as Verifier

from hub.notify.channels import Mail, Security, Webhook
from tests.notify.certificates import HERE, server_context

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
USER, PASSWORD = "hubben", "sesam-sesam-sesam"


@dataclass
class Inbox:
    """What the mail server took; before that it answers with `faults`, one each time."""

    faults: list[str] = field(default_factory=list)
    mails: list[EmailMessage] = field(default_factory=list)
    tries: int = 0
    unknown: tuple[str, ...] = ()

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        """Take every recipient but those that are unknown."""
        if address in self.unknown:
            return "550 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        """Take the mail, or answer with the next fault."""
        self.tries += 1
        if self.faults:
            return self.faults.pop(0)
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))  # type: ignore[arg-type]
        return "250 taken"


def _knows(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=known, handled=known)


class _OnAnyPort(Controller):
    """Listens on a port that the system gives."""

    def _trigger_server(self) -> None:
        assert self.server is not None
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        super()._trigger_server()


@contextmanager
def mail_server(
    inbox: Inbox, *, login: bool = False, security: Security = "none", certificate: Path | None = None
) -> Iterator[Mail]:
    """A mail server on a free port, and how the hub would be told of it; its certificate is trusted."""
    context = server_context(certificate) if certificate else None
    demands: dict[str, Any] = {"auth_require_tls": security == "starttls", "authenticator": _knows} if login else {}
    if security == "starttls":
        demands |= {"tls_context": context, "require_starttls": True}
    implicit = context if security == "tls" else None
    controller = _OnAnyPort(inbox, hostname=HERE, port=0, ssl_context=implicit, **demands)
    controller.start()
    told: dict[str, Any] = {"user": USER, "password": PASSWORD} if login else {}
    if certificate is not None:
        told["authorities"] = str(certificate)
    try:
        yield Mail(HERE, "hubben@stad.example", ("jour@stad.example",), controller.port, security, **told)
    finally:
        controller.stop()


@dataclass
class Hook:
    """What the webhook receiver got; before that it answers with the statuses in `faults`, one each time."""

    faults: list[int] = field(default_factory=list)
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    tries: list[str] = field(default_factory=list)
    payloads: list[dict[str, Any]] = field(default_factory=list)

    def take(self, headers: dict[str, str], body: bytes) -> None:
        """Keep what came when the standard's own library has verified its signature and its time."""
        self.payloads.append(Verifier(SECRET).verify(body, headers))
        self.got.append((headers, body))


@contextmanager
def hook_server(hook: Hook, name: str = "drift") -> Iterator[Webhook]:
    """A webhook receiver on a free port, and how the hub would be told of it."""

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {key.lower(): value for key, value in self.headers.items()}
            hook.tries.append(headers["webhook-id"])
            status = hook.faults.pop(0) if hook.faults else 200
            if status == 200:
                hook.take(headers, body)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Webhook(name, f"http://127.0.0.1:{server.server_address[1]}/hemligt/T0P", SECRET)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def subjects(mails: Sequence[EmailMessage]) -> list[str]:
    """What the mails are about."""
    return [str(each["Subject"]) for each in mails]
