"""The seam to HTTP, tried at its transport and against a real server whose certificate nobody trusts."""

from __future__ import annotations

import json
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, quote_plus
from xml.sax.saxutils import escape

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from hub.plugin.errors import Failure, Refused, Rejected, Unavailable
from hub.plugin.http import PATIENCE, Http, retry_after, shown_url

URL = "https://user:secret@receiver.example/in?token=secret#secret"


class Peer:
    """The other side: answers one after the other, the last again and again; remembers requests and waits."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.waits: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    def client(self, *secrets: SecretStr) -> Http:
        return Http(
            secrets=secrets,
            transport=httpx.MockTransport(self),
            sleep=self.waits.append,
            chance=lambda lowest, highest: highest,
        )


def answer(status: int, content: bytes = b"", **headers: str) -> httpx.Response:
    return httpx.Response(status, content=content, headers={k.replace("_", "-"): v for k, v in headers.items()})


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_every_2xx_is_the_answer(status: int) -> None:
    got = Peer(answer(status, b"hello", X_Id="7")).client().call("POST", URL, content=b"body")
    assert (got.status, got.content, got.headers["x-id"]) == (status, b"hello", "7")


@pytest.mark.parametrize(
    ("status", "failure"),
    [
        (301, Refused),
        (307, Refused),
        (400, Rejected),
        (401, Refused),
        (403, Refused),
        (404, Rejected),
        (407, Refused),
        (408, Unavailable),
        (409, Rejected),
        (413, Rejected),
        (422, Rejected),
        (423, Unavailable),
        (429, Unavailable),
        (500, Unavailable),
        (501, Unavailable),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
        (599, Unavailable),
    ],
)
def test_every_other_status_is_one_of_the_three_failures(status: int, failure: type[Failure]) -> None:
    with pytest.raises(failure):
        Peer(answer(status, b"why")).client().call("POST", URL)


def test_a_status_that_the_caller_allows_is_an_answer() -> None:
    assert Peer(answer(404)).client().call("GET", URL, allow={404}).status == 404


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_may_pass_is_tried_again_with_the_same_body(status: int) -> None:
    peer = Peer(answer(status), answer(status), answer(200))
    assert peer.client().call("POST", URL, content=b"body").status == 200
    assert [request.content for request in peer.requests] == [b"body"] * 3
    assert peer.waits == [1.0, 2.0]


def test_a_body_from_a_function_is_made_anew_for_each_try() -> None:
    peer = Peer(answer(503), answer(200))
    peer.client().call("POST", URL, content=lambda: iter([b"bo", b"dy"]))
    assert [request.content for request in peer.requests] == [b"body"] * 2


@pytest.mark.parametrize("error", [httpx.ConnectError("no"), httpx.ConnectTimeout("no")])
def test_what_is_not_reached_is_tried_again_and_then_unavailable(error: Exception) -> None:
    peer = Peer(error)
    with pytest.raises(Unavailable, match="not reached"):
        peer.client().call("GET", URL)
    assert len(peer.requests) == 3


@pytest.mark.parametrize("error", [httpx.ReadTimeout("no"), httpx.ReadError("no"), httpx.RemoteProtocolError("no")])
def test_what_may_have_been_done_already_is_not_tried_again_within_the_call(error: Exception) -> None:
    peer = Peer(error)
    with pytest.raises(Unavailable):
        peer.client().call("POST", URL)
    assert len(peer.requests) == 1


def test_one_attempt_is_one_attempt() -> None:
    peer = Peer(answer(503))
    with pytest.raises(Unavailable):
        peer.client().call("POST", URL, attempts=1)
    assert len(peer.requests) == 1


@pytest.mark.parametrize(("first", "tries"), [(429, 2), (502, 1), (503, 1), (504, 1)])
def test_a_call_to_be_carried_out_once_is_tried_again_only_when_it_certainly_was_not(first: int, tries: int) -> None:
    peer = Peer(answer(first), answer(200))
    with suppress(Unavailable):
        peer.client().call("POST", URL, once=True)
    assert len(peer.requests) == tries


def test_a_call_to_be_carried_out_once_is_tried_again_where_nobody_was_reached() -> None:
    peer = Peer(httpx.ConnectError("no"), answer(200))
    assert peer.client().call("POST", URL, once=True).status == 200
    assert len(peer.requests) == 2


def test_no_try_comes_sooner_than_retry_after_says() -> None:
    peer = Peer(answer(429, Retry_After="4"), answer(200))
    peer.client().call("GET", URL)
    assert peer.waits == [5.0]


def test_a_wish_beyond_our_patience_is_passed_on_and_not_waited_for() -> None:
    peer = Peer(answer(429, Retry_After=str(int(PATIENCE) + 1)))
    with pytest.raises(Unavailable) as caught:
        peer.client().call("GET", URL)
    assert caught.value.retry_after == timedelta(seconds=PATIENCE + 1)
    assert peer.waits == []


NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stated", "wish"),
    [
        ("", None),
        ("0", timedelta(0)),
        ("120", timedelta(seconds=120)),
        ("Sun, 22 Nov 2026 12:01:00 GMT", timedelta(minutes=1)),
        ("Sun, 22 Nov 2026 11:00:00 GMT", timedelta(0)),
        ("-5", None),
        ("soon", None),
        ("²", None),
        ("9" * 400, timedelta(seconds=10**6)),
    ],
)
def test_retry_after_is_read_in_both_its_forms_and_nonsense_is_no_wish(stated: str, wish: timedelta | None) -> None:
    assert retry_after({"retry-after": stated}, NOW) == wish


def test_no_text_holds_a_secret_of_the_address_or_of_a_header_that_is_echoed() -> None:
    for status in (400, 401, 503, 302):
        peer = Peer(answer(status, b"your token abcdefghijkl is bad\r\n\x1b[31m"))
        with pytest.raises(Failure) as caught:
            peer.client().call("POST", URL, headers={"Authorization": "Bearer abcdefghijkl"})
        for text in (caught.value.text.sv, caught.value.text.en):
            assert "secret" not in text
            assert "abcdefghijkl" not in text
            assert text.isprintable()
            assert "https://receiver.example/in" in text


SECRET = 'Sommar & höst "2026" <!>'


@pytest.mark.parametrize(
    "echoed",
    [
        SECRET,
        SECRET.upper(),
        quote(SECRET),
        quote_plus(SECRET).lower(),
        escape(SECRET),
        escape(SECRET, {'"': "&quot;"}),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False),
        b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_secret_is_hidden_however_the_other_side_writes_what_it_was_sent(echoed: str) -> None:
    for status, before in ((400, ""), (503, "x" * 290), (500, "Password=")):
        peer = Peer(answer(status, f"{before}{echoed} is bad".encode()))
        with pytest.raises(Failure) as caught:
            peer.client(SecretStr(SECRET)).call("POST", URL)
        for text in (caught.value.text.sv, caught.value.text.en):
            assert echoed.strip('"') not in text
            assert "ommar" not in text.lower()


def test_what_the_receiver_says_is_cut_short() -> None:
    with pytest.raises(Rejected) as caught:
        Peer(answer(422, "å".encode() * 10_000)).client().call("POST", URL)
    assert len(caught.value.text.sv) < 500
    assert caught.value.reasons[0].code == "HTTP-422"


def test_an_answer_larger_than_the_bound_is_not_read_to_its_end() -> None:
    with pytest.raises(Unavailable, match="larger than 1000 bytes"):
        Peer(answer(200, b"x" * 1001)).client().call("GET", URL, largest=1000)
    assert Peer(answer(200, b"x" * 1000)).client().call("GET", URL, largest=1000).content == b"x" * 1000


def test_an_address_that_cannot_be_called_is_refused() -> None:
    with pytest.raises(Refused), Http() as client:
        client.call("GET", "ftp://receiver.example/")


def test_shown_addresses_hold_no_user_query_or_fragment() -> None:
    assert shown_url(URL) == "https://receiver.example/in"


# --- real sockets ---------------------------------------------------------------------------------------------


@pytest.fixture
def listening() -> Iterator[Callable[[Callable[[socket.socket], None]], int]]:
    """A server that serves one caller as it is told; gives its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def listen(serve: Callable[[socket.socket], None]) -> int:
        def once() -> None:
            line, _ = listener.accept()
            with line:
                serve(line)

        threads.append(threading.Thread(target=once))
        threads[0].start()
        return int(listener.getsockname()[1])

    yield listen
    for thread in threads:
        thread.join(10)
    listener.close()


def test_an_answer_that_drips_is_given_up_when_the_whole_try_has_taken_too_long(
    listening: Callable[[Callable[[socket.socket], None]], int],
) -> None:
    enough = threading.Event()

    def drip(line: socket.socket) -> None:
        line.recv(65536)
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        try:
            while not enough.wait(0.02):
                line.sendall(b"x")
        except OSError:
            return

    port = listening(drip)
    with Http() as client, pytest.raises(Unavailable, match="time limit"):
        client.call("GET", f"http://127.0.0.1:{port}/", timeout=0.3, attempts=1)
    enough.set()


def test_an_untrusted_certificate_is_refused_and_not_tried_again(
    listening: Callable[[Callable[[socket.socket], None]], int], tmp_path: Path
) -> None:
    context = _server_context(tmp_path)

    def serve(line: socket.socket) -> None:
        with pytest.raises(OSError):
            context.wrap_socket(line, server_side=True)

    port = listening(serve)
    waits: list[float] = []
    with Http(sleep=waits.append) as client, pytest.raises(Refused, match="certificate"):
        client.call("GET", f"https://127.0.0.1:{port}/")
    assert waits == []


def _server_context(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256())
    file = folder / "server.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
