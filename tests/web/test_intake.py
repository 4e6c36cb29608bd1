"""The intake keeps what it is handed, once, and says so only when it is safe."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator

import httpx
import pytest

from hub.app import Hub
from hub.jobs import holding
from hub.store import blobs, documents
from hub.store.database import Database
from tests.web.city import TOKEN

BODY = b"<Invoice>\xc3\xa5</Invoice>"
DIGEST = hashlib.sha256(BODY).hexdigest()


def hand(address: str, body: bytes | Iterator[bytes] = BODY, name: str = "operator", **headers: str) -> httpx.Response:
    stated = {"Authorization": f"Bearer {TOKEN}", "Message-Id": "m-1"} | {
        key.replace("_", "-"): value for key, value in headers.items()
    }
    kept = {key: value for key, value in stated.items() if value}
    return httpx.post(f"{address}/intake/{name}", content=body, headers=kept, timeout=20)


def test_what_is_handed_over_is_kept_before_the_answer(address: str, hub: Hub) -> None:
    answer = hand(address)
    said = answer.json()
    assert (answer.status_code, said["status"], said["sha256"]) == (201, "kept", DIGEST)
    assert blobs.content(hub.database, DIGEST) == BODY
    assert waiting(hub.database) == 1


def test_the_same_message_again_is_known_and_not_kept_twice(address: str, hub: Hub) -> None:
    first, again = hand(address).json(), hand(address)
    assert (again.status_code, again.json()["status"]) == (200, "known")
    assert again.json()["document"] == first["document"]
    assert waiting(hub.database) == 1


def test_the_same_id_with_other_bytes_is_told_as_a_conflict_and_both_are_kept(address: str, hub: Hub) -> None:
    hand(address)
    answer = hand(address, b"<Other/>")
    assert answer.status_code == 201
    assert answer.json()["conflict"] is True
    assert "sv" in answer.json()
    assert blobs.content(hub.database, answer.json()["sha256"]) == b"<Other/>"


def test_the_other_header_for_the_message_id_is_taken_too(address: str, hub: Hub) -> None:
    hand(address, Message_Id="", X_Message_Id="m-7")
    with hub.database.read() as connection:
        assert documents.find(connection, "operator", "m-7") is not None


def test_a_body_sent_in_pieces_without_a_length_is_kept_whole(address: str, hub: Hub) -> None:
    piece = b"x" * 100_000
    answer = hand(address, (piece for _ in range(60)))
    assert answer.status_code == 201
    assert blobs.content(hub.database, answer.json()["sha256"]) == piece * 60


def test_an_empty_body_is_kept_like_any_other(address: str) -> None:
    assert hand(address, b"").status_code == 201


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Basic YTpi"}, 401),
        ({"Authorization": "Bearer fel-nyckel-helt-och-klart"}, 403),
        ({"Authorization": f"Bearer {TOKEN}x"}, 403),
        ({"name": "finns-inte"}, 404),
        ({"name": "leverantorsmapp"}, 404),
        ({"Message_Id": ""}, 400),
        ({"Message_Id": "m" * 251}, 400),
    ],
)
def test_what_is_not_taken_is_told_in_both_languages_and_not_kept(
    address: str, hub: Hub, changed: dict[str, str], status: int
) -> None:
    answer = hand(address, **changed)  # type: ignore[arg-type]
    assert answer.status_code == status
    assert answer.json()["sv"]
    assert answer.json()["en"]
    assert waiting(hub.database) == 0


def test_a_paused_intake_asks_to_be_tried_later(address: str, hub: Hub) -> None:
    holding.pause(hub.database, "operator", "anna")
    answer = hand(address)
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) > 0


def test_a_document_that_states_more_than_the_limit_is_turned_away_before_it_is_sent(address: str, hub: Hub) -> None:
    most = hub.settings.limits.landed_megabytes * 1024 * 1024
    assert _status_before_the_body(address, most + 1) == 413


def test_a_database_that_does_not_answer_asks_to_be_tried_later(address: str, hub: Hub) -> None:
    with hub.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE blobs RENAME TO gone")
    answer = hand(address)
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


def waiting(database: Database) -> int:
    """How many documents wait to be judged."""
    with database.read() as connection:
        return sum(documents.counts(connection, "invoices").values())


def _status_before_the_body(address: str, length: int) -> int:
    host, port = address.removeprefix("http://").split(":")
    head = (
        f"POST /intake/operator HTTP/1.1\r\nHost: {host}\r\nMessage-Id: m-1\r\n"
        f"Authorization: Bearer {TOKEN}\r\nContent-Length: {length}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=10) as link:
        link.sendall(head.encode())
        return int(link.recv(100).split()[1])
