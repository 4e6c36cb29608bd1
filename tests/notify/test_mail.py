"""Mail to a real server: taken, put off, rejected, refused; and nothing of a secret in what is told."""

from __future__ import annotations

import base64
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.notify.channels import Mail, Security
from hub.notify.mail import send
from hub.plugin.errors import Refused, Rejected, Unavailable
from tests.notify.certificates import HERE, Tap, certificate, tapped
from tests.notify.receivers import PASSWORD, USER, Inbox, mail_server

SECURE: tuple[Security, ...] = ("starttls", "tls")
CLEAR: dict[Security, bytes] = {
    "none": rb"ehlo \S+\r\n(quit\r\n)?",
    "starttls": rb"ehlo \S+\r\nSTARTTLS\r\n",
    "tls": b"",
}
"""All that may be sent in clear."""

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)
ID = "<0123@stad.example>"


def sent(by: Mail) -> dict[str, int]:
    return dict(send(by, ID, "Åsa väntar\npå svar", "41 fakturor väntar på Öland.\n", AT))


def test_a_mail_arrives_as_it_was_written_with_an_id_of_its_own() -> None:
    inbox = Inbox()
    with mail_server(inbox) as by:
        assert sent(by) == {}
    (mail,) = inbox.mails
    assert (mail["Message-ID"], mail["Subject"]) == (ID, "Åsa väntar på svar")
    assert (mail["From"], mail["To"]) == ("hubben@stad.example", "jour@stad.example")
    assert (mail["Auto-Submitted"], mail.get_content().strip()) == ("auto-generated", "41 fakturor väntar på Öland.")


@pytest.mark.parametrize(
    ("answer", "failure"),
    [("451 try later", Unavailable), ("452 full", Unavailable), ("554 no", Rejected), ("535 who", Refused)],
)
def test_what_the_server_answers_decides_the_class(answer: str, failure: type[Exception]) -> None:
    with (
        mail_server(Inbox([answer])) as by,
        pytest.raises(failure, match=answer[:3] if failure is not Refused else None),
    ):
        sent(by)


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        by = Mail("127.0.0.1", "a@b.example", ("c@d.example",), taken.getsockname()[1], "none", timeout=2)
        with pytest.raises(Unavailable):
            sent(by)


def test_a_server_that_says_nothing_is_not_waited_for_for_ever() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        by = Mail("127.0.0.1", "a@b.example", ("c@d.example",), silent.getsockname()[1], "none", timeout=0.2)
        with pytest.raises(Unavailable):
            sent(by)


def test_a_wrong_password_is_refused_and_told_nowhere() -> None:
    with mail_server(Inbox(), login=True) as by:
        assert sent(by) == {}
        with pytest.raises(Refused) as told:
            sent(replace(by, password="en-annan-hemlighet"))
    assert "hemlighet" not in f"{told.value.text} {told.value!r} {by!r}"
    assert PASSWORD not in repr(by)


def test_a_server_without_the_security_that_is_demanded_gets_nothing() -> None:
    inbox = Inbox()
    with mail_server(inbox) as by, pytest.raises(Refused):
        sent(replace(by, security="starttls"))
    assert inbox.tries == 0


def test_a_recipient_that_is_not_known_keeps_it_from_nobody_else() -> None:
    inbox = Inbox(unknown=("borta@stad.example",))
    with mail_server(inbox) as by:
        both = replace(by, to=("borta@stad.example", "jour@stad.example"))
        assert sent(both) == {"borta@stad.example": 550}
        with pytest.raises(Rejected):
            sent(replace(by, to=("borta@stad.example",)))
    assert len(inbox.mails) == 1


# --- secured


def in_clear(tap: Tap) -> bytes:
    """What a client sent that everybody on the way can read: all before the first record of TLS."""
    return tap.sent.partition(b"\x16\x03")[0]


def test_what_goes_in_clear_is_seen_by_the_tap() -> None:
    with mail_server(Inbox(), login=True) as by, tapped(by.port) as tap:
        sent(replace(by, port=tap.port))
    assert b"Message-ID" in in_clear(tap)
    assert base64.b64encode(PASSWORD.encode()) in tap.sent or base64.b64encode(
        f"\0{USER}\0{PASSWORD}".encode()
    ) in tap.sent.replace(b"\r\n", b"")


@pytest.mark.parametrize("security", SECURE)
def test_a_secured_mail_arrives_and_nothing_of_it_goes_in_clear(security: Security, tmp_path: Path) -> None:
    inbox = Inbox()
    shown = certificate(tmp_path)
    with mail_server(inbox, login=True, security=security, certificate=shown) as by, tapped(by.port) as tap:
        assert sent(replace(by, port=tap.port)) == {}
    assert [each["Message-ID"] for each in inbox.mails] == [ID]
    assert re.fullmatch(CLEAR[security], in_clear(tap))
    assert len(tap.sent) > len(in_clear(tap)) + 1000


@pytest.mark.parametrize("security", SECURE)
@pytest.mark.parametrize(
    ("name", "days", "why"),
    [
        (HERE, 1, "self-signed certificate"),
        (HERE, -1, "certificate has expired"),
        ("annan.example", 1, "IP address mismatch"),
    ],
)
def test_a_server_that_is_not_trusted_is_refused_with_the_reason_and_told_nothing(
    security: Security, name: str, days: int, why: str, tmp_path: Path
) -> None:
    inbox, shown = Inbox(), certificate(tmp_path, name, days=days)
    with mail_server(inbox, login=True, security=security, certificate=shown) as by, tapped(by.port) as tap:
        trusted = None if why.startswith("self") else by.authorities
        with pytest.raises(Refused) as told:
            sent(replace(by, port=tap.port, authorities=trusted))
    said = told.value.text
    assert why in said.en
    assert why in said.sv
    assert "notify.mail.authorities" in said.sv
    assert str(tap.port) in said.en
    assert inbox.tries == 0
    assert re.fullmatch(CLEAR[security], in_clear(tap))


def test_a_port_that_speaks_no_tls_is_refused_and_told_nothing() -> None:
    inbox = Inbox()
    with (
        mail_server(inbox, login=True) as by,
        tapped(by.port) as tap,
        pytest.raises(Refused, match=r"notify\.mail\.security"),
    ):
        sent(replace(by, port=tap.port, security="tls"))
    assert (inbox.tries, in_clear(tap)) == (0, b"")


def test_a_server_that_promises_tls_and_speaks_in_clear_is_refused_and_told_nothing() -> None:
    with liar() as port, tapped(port) as tap:
        by = Mail(HERE, "a@b.example", ("c@d.example",), tap.port, "starttls", USER, PASSWORD, timeout=5)
        with pytest.raises(Refused, match=r"notify\.mail\.security"):
            sent(by)
    assert re.fullmatch(CLEAR["starttls"], in_clear(tap))


def test_a_login_that_a_server_demands_to_be_secured_is_not_tried_in_clear(tmp_path: Path) -> None:
    shown = certificate(tmp_path)
    with (
        mail_server(Inbox(), login=True, security="starttls", certificate=shown) as by,
        tapped(by.port) as tap,
        pytest.raises(Refused, match=r"notify\.mail\.security"),
    ):
        sent(replace(by, port=tap.port, security="none"))
    assert re.fullmatch(CLEAR["none"], in_clear(tap))


def test_a_server_that_knows_no_login_of_ours_is_refused() -> None:
    with liar(b"250-liar\r\n250 AUTH XOAUTH2\r\n") as port:
        by = Mail(HERE, "a@b.example", ("c@d.example",), port, "none", USER, PASSWORD, timeout=5)
        with pytest.raises(Refused, match=r"notify\.mail\.security"):
            sent(by)


@pytest.mark.parametrize("content", [None, "inget certifikat"])
def test_authorities_that_cannot_be_read_are_told_as_such(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    inbox = Inbox()
    with mail_server(inbox) as by, pytest.raises(Refused, match=r"notify\.mail\.authorities") as told:
        sent(replace(by, security="starttls", authorities=str(file)))
    assert str(file) in told.value.text.sv
    assert inbox.tries == 0


@contextmanager
def liar(greets: bytes = b"250-liar\r\n250 STARTTLS\r\n") -> Iterator[int]:
    """The port of a server that greets so, and then says in clear to everything that it is ready."""

    def serve(listening: socket.socket) -> None:
        client, _ = listening.accept()
        with client, client.makefile("rb") as lines:
            client.sendall(b"220 liar\r\n")
            try:
                for line in lines:
                    client.sendall(greets if line.upper().startswith(b"EHLO") else b"220 ready\r\n" * 2)
            except OSError:
                return

    with socket.create_server((HERE, 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        yield listening.getsockname()[1]
        thread.join()
