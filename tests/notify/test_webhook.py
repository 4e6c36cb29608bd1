"""Webhooks as Standard Webhooks states them, verified by the standard's own library."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from hub.notify.channels import Webhook
from hub.notify.webhook import is_safe, key_of, post, sign
from hub.plugin.errors import Refused, Rejected, Unavailable
from tests.notify.receivers import SECRET, Hook, hook_server


def now() -> datetime:
    return datetime.now(UTC)


def test_a_payload_arrives_signed() -> None:
    hook = Hook()
    with hook_server(hook) as to:
        post(to, "msg_1", {"type": "incident.opened", "data": {"title": "Åkes svarar inte"}}, now())
    assert hook.payloads == [{"type": "incident.opened", "data": {"title": "Åkes svarar inte"}}]
    (headers, _) = hook.got[0]
    assert headers["webhook-id"] == "msg_1"


@given(name=st.from_regex(r"msg_[0-9a-z]{1,20}", fullmatch=True), body=st.text())
def test_every_signature_is_the_one_the_standards_library_makes(name: str, body: str) -> None:
    at = now().replace(microsecond=0)
    assert sign(SECRET, name, int(at.timestamp()), body.encode()) == Verifier(SECRET).sign(name, at, body)


def test_a_changed_body_or_id_or_key_is_seen() -> None:
    at = now()
    signature = sign(SECRET, "msg_1", int(at.timestamp()), b"{}")
    headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(at.timestamp())), "webhook-signature": signature}
    assert Verifier(SECRET).verify("{}", headers) == {}
    for body, changed in (("[]", {}), ("{}", {"webhook-id": "msg_2"})):
        with pytest.raises(WebhookVerificationError):
            Verifier(SECRET).verify(body, headers | changed)


@pytest.mark.parametrize(
    ("status", "failure"), [(500, Unavailable), (429, Unavailable), (401, Refused), (307, Refused), (410, Rejected)]
)
def test_the_answer_decides_the_class_and_the_address_stays_untold(status: int, failure: type[Exception]) -> None:
    with hook_server(Hook([status])) as to, pytest.raises(failure) as told:
        post(to, "msg_1", {}, now())
    assert "T0P" not in str(told.value)
    assert str(status) in str(told.value)
    assert "T0P" not in repr(to)


def test_a_receiver_that_is_not_there_is_unavailable() -> None:
    with hook_server(Hook()) as to:
        pass
    with pytest.raises(Unavailable) as told:
        post(Webhook("borta", to.url, SECRET, timeout=2), "msg_1", {}, now())
    assert "T0P" not in str(told.value)


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://drift.example/hook", True),
        ("http://drift.example/hook", False),
        ("http://127.0.0.1:8080/hook", True),
        ("http://[::1]:8080/hook", True),
        ("http://localhost/hook", True),
        ("http://localhost.evil.example/hook", False),
        ("https://user:word@drift.example/hook", False),
        ("ftp://127.0.0.1/hook", False),
        ("https:///hook", False),
        ("http://[broken", False),
    ],
)
def test_messages_go_over_https_or_stay_on_this_machine(url: str, safe: bool) -> None:
    assert is_safe(url) is safe


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_åäö", "whsec_c2hvcnQ=", "whsec_" + "QUFB" * 30])
def test_a_secret_that_is_no_key_is_refused_without_being_told(secret: str) -> None:
    with pytest.raises(ValueError) as told:
        key_of(secret)
    assert not secret or secret.removeprefix("whsec_") == "" or secret not in str(told.value)
