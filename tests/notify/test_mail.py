"""Mail to a real server: taken, put off, rejected, refused; and nothing of a secret in what is told."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from hub.notify.channels import Mail
from hub.notify.mail import send
from hub.plugin.errors import Refused, Rejected, Unavailable
from tests.notify.receivers import PASSWORD, Inbox, mail_server

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
