"""Our secrets are told by no failure, though the other side repeats all that it was sent."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hub_agresso.doctor import examine
from hub_agresso.settings import SoapSettings, WebApiSettings
from hub_agresso.soap import Services
from hub_agresso.web_api import WebApi
from pydantic import SecretStr

from hub.plugin.errors import Failure

PASSWORD = SecretStr("Sommar & höst!2026")
FORMS = ("Sommar", base64.b64encode(f"hubben:{PASSWORD.get_secret_value()}".encode()).decode())


class Echo(BaseHTTPRequestHandler):
    """Answers with a status, and with all that it was sent."""

    status = 400

    def do_POST(self) -> None:
        """Repeat the headers and the body."""
        sent = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        said = f"{sent.decode()[-300:]} {self.headers}".encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_GET = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing on the terminal."""


@contextmanager
def echoing(status: int) -> Iterator[str]:
    """A server that repeats what it is sent; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Echoing", (Echo,), {"status": status}))
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def by_password(address: str) -> WebApiSettings:
    return WebApiSettings(address=address, company="ST", user="hubben", password=PASSWORD)


def by_client_secret(address: str) -> WebApiSettings:
    return WebApiSettings(address=address, company="ST", client_id="hubben", client_secret=PASSWORD)


def by_envelope(address: str) -> SoapSettings:
    return SoapSettings(
        address=f"{address}/service.svc",
        company="ST",
        user="hubben",
        password=PASSWORD,
        orders_template=1,
        imports_template=2,
        billing_template=3,
    )


def ask(settings: WebApiSettings | SoapSettings) -> None:
    if isinstance(settings, WebApiSettings):
        WebApi(settings).page("suppliers")
    else:
        Services(settings).templates()


CONNECTED = pytest.mark.parametrize("connected", [by_password, by_client_secret, by_envelope])
Connected = Callable[[str], WebApiSettings | SoapSettings]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429, 500, 502, 503])
@CONNECTED
def test_no_failure_tells_a_secret_that_the_other_side_repeats(
    connected: Connected, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.plugin.http.PATIENCE", 0.0)
    with echoing(status) as address, pytest.raises(Failure) as caught:
        ask(connected(address))
    for said in (str(caught.value), caught.value.text.sv, caught.value.text.en):
        assert not any(form in said for form in FORMS), said


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 413, 429, 500, 502, 503])
@CONNECTED
def test_the_doctor_tells_no_secret_that_the_other_side_repeats(
    connected: Connected, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.plugin.http.PATIENCE", 0.0)
    with echoing(status) as address:
        checks = list(examine(connected(address)))
    assert any(not check.passed for check in checks)
    for check in checks:
        for said in (check.name.sv, check.name.en, check.detail.sv, check.detail.en):
            assert not any(form in said for form in FORMS), said
