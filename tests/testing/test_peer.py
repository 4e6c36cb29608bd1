"""The faulty peer does the harm it is told to, and its log says what it took, whatever becomes of it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hub.domain.changes import Change, Receipt
from hub.plugin.errors import Failure, Refused, Rejected, Unavailable
from hub.plugin.http import Http
from hub.testing.faults import CHANGING, NO_FAULTS, ONLY_WITH_KEYS, REFUSING, Fault, Faults, storm
from hub.testing.peer import Peer, running_peer
from hub.testing.peer_target import PeerInvoices, PeerSettings
from hub.testing.ports import Content, a_dispatch, check_target
from tests.store.rows import an_invoice

CONTENT = Content(b"<Invoice/>")
MARK = "<!-- no -->"
NOTHING_DONE = {Fault.TOO_MANY, Fault.BROKEN, Fault.AWAY, Fault.SILENT, Fault.RESET, *REFUSING}
ANSWERED = {Fault.NONE, Fault.TWICE, Fault.SLOW}
PATIENT = 30.0
"""For what is always answered, however busy the machine is."""


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    """A peer that honours keys."""
    with running_peer(tmp_path, reject=MARK) as running:
        yield running


@pytest.fixture
def naive(tmp_path: Path) -> Iterator[Peer]:
    """A peer that honours none."""
    with running_peer(tmp_path, naive=True) as running:
        yield running


def target(peer: Peer, timeout: float = 1.0) -> PeerInvoices:
    return PeerInvoices(PeerSettings(url=peer.url, timeout=timeout, attempts=1))


def fitted(peer: Peer, key: str = "k1", content: Content = CONTENT) -> Change:
    return target(peer).fit(an_invoice(), a_dispatch(content, key))


def put(peer: Peer, key: str = "k1", content: Content = CONTENT) -> Receipt:
    with closing(target(peer)) as opened:
        return opened.apply(fitted(peer, key), content)


def existing(peer: Peer, key: str = "k1") -> Receipt | None:
    with closing(target(peer)) as opened:
        return opened.existing(fitted(peer, key))


def keys(peer: Peer) -> list[str | None]:
    return [each.key for each in peer.changes()]


@pytest.mark.parametrize("naively", [False, True])
def test_the_peers_target_keeps_the_laws(tmp_path: Path, naively: bool) -> None:
    with running_peer(tmp_path, naive=naively) as peer:
        if naively:
            with pytest.raises(AssertionError, match="twice is once"):
                check_target(lambda: target(peer, PATIENT), an_invoice(), lambda: dict(peer.held()))
        else:
            check_target(lambda: target(peer, PATIENT), an_invoice(), lambda: dict(peer.held()))


@pytest.mark.parametrize("fault", sorted(Fault))
def test_every_fault_does_what_it_says_and_is_written_down(peer: Peer, fault: Fault) -> None:
    peer.set_faults(Faults(script=(fault,)))
    if fault in ANSWERED:
        assert put(peer).reference == "P-1"
    else:
        with pytest.raises(Refused if fault in REFUSING else Unavailable):
            put(peer)
    assert [each.fault for each in peer.requests()] == [fault]
    if fault is not Fault.LATE:
        assert keys(peer) == ([] if fault in NOTHING_DONE else ["k1"])
    assert put(peer).reference == "P-1", "the next try is served, and one change is left"
    assert keys(peer) == ["k1"]
    assert existing(peer) is not None


def test_a_naive_peer_writes_down_what_is_applied_twice(naive: Peer) -> None:
    naive.set_faults(Faults(script=(Fault.LOST,)))
    with pytest.raises(Unavailable):
        put(naive)
    assert existing(naive) is not None
    put(naive)
    assert keys(naive) == ["k1", "k1"]


@pytest.mark.parametrize("fault", sorted(ONLY_WITH_KEYS))
def test_what_nobody_can_heal_is_not_done_to_a_naive_peer(naive: Peer, fault: Fault) -> None:
    for faults in (Faults(script=(fault,)), Faults(always=fault), Faults(shares={fault: 0.1})):
        with pytest.raises(Rejected):
            naive.set_faults(faults)


def test_too_many_says_when_to_come_again(peer: Peer) -> None:
    peer.set_faults(Faults(always=Fault.TOO_MANY))
    with pytest.raises(Unavailable) as told:
        existing(peer)
    assert told.value.retry_after is not None
    assert told.value.retry_after.total_seconds() == 1


def test_a_document_that_holds_the_mark_is_rejected_and_others_are_not(peer: Peer) -> None:
    with pytest.raises(Rejected) as told:
        put(peer, content=Content(f"<Invoice/>{MARK}".encode()))
    assert told.value.reasons[0].code == "HTTP-422"
    put(peer, "k2")
    assert keys(peer) == ["k2"]


def test_a_key_that_comes_with_other_bytes_is_rejected(peer: Peer) -> None:
    put(peer)
    with pytest.raises(Rejected) as told:
        put(peer, content=Content(b"<Other/>"))
    assert told.value.reasons[0].code == "HTTP-409"
    assert list(peer.held().values()) == [CONTENT.data]


def test_what_was_taken_away_stands_there_no_more(peer: Peer) -> None:
    put(peer)
    with Http() as http:
        http.call("DELETE", f"{peer.url}/documents/k1", headers={"Idempotency-Key": "k1-away"})
    assert existing(peer) is None
    assert peer.held() == {}
    assert [each.method for each in peer.changes()] == ["PUT", "DELETE"]


def test_a_body_that_comes_in_chunks_is_read_whole(peer: Peer) -> None:
    with Http() as http:
        http.call("POST", f"{peer.url}/documents/k1", content=lambda: iter([b"<a>", b"b", b"</a>"]))
    assert peer.held() == {"/documents/k1": b"<a>b</a>"}


@pytest.mark.parametrize(
    "sent",
    [b"Content-Length: 10\r\n\r\n<Inv", b"Transfer-Encoding: chunked\r\n\r\n4\r\n<Inv\r\n"],
    ids=["sized", "chunked"],
)
def test_half_a_body_of_a_caller_who_vanished_is_not_taken(peer: Peer, sent: bytes) -> None:
    with socket.create_connection(("127.0.0.1", peer.port)) as line:
        line.sendall(b"PUT /documents/k1 HTTP/1.1\r\nHost: peer\r\n" + sent)
        line.shutdown(socket.SHUT_WR)
        assert line.recv(1) == b""
    assert peer.changes() == []
    assert put(peer).reference == "P-1"


def test_its_log_holds_every_change_it_answered_for_though_it_is_killed(peer: Peer) -> None:
    answered: list[str] = []
    enough = threading.Event()

    def deliver() -> None:
        for number in range(10_000):
            try:
                put(peer, f"k{number}")
            except Unavailable:
                return
            answered.append(f"k{number}")
            if number == 30:
                enough.set()

    delivering = threading.Thread(target=deliver)
    delivering.start()
    assert enough.wait(30)
    peer.kill()
    delivering.join()
    assert keys(peer)[: len(answered)] == answered
    assert len(keys(peer)) - len(answered) in {0, 1}, "at most the one it died over was never answered for"
    peer.restart()
    assert put(peer, "k0").reference == "P-1"
    assert existing(peer, answered[-1]) is not None


def test_the_same_seed_does_the_same_harm_in_whatever_order_requests_come() -> None:
    asked = [
        (method, f"/documents/{n}", earlier) for method in ("GET", "PUT") for n in range(200) for earlier in (0, 1)
    ]
    first = {each: storm(7).drawn(*each) for each in asked}
    again = {each: storm(7).drawn(*each) for each in reversed(asked)}
    assert first == again
    assert first != {each: storm(8).drawn(*each) for each in asked}


def test_a_storm_hits_its_share_of_requests_with_every_fault_but_those_left_out() -> None:
    drawn = [storm(7, 0.3).drawn("PUT", f"/documents/{n}", 0) for n in range(4000)]
    hit = [fault for fault in drawn if fault is not Fault.NONE]
    assert 0.26 < len(hit) / len(drawn) < 0.34
    assert set(hit) == set(Fault) - REFUSING - {Fault.NONE}


def test_what_is_always_done_stands_above_the_script_and_is_over_when_it_is_switched_off(peer: Peer) -> None:
    peer.set_faults(Faults(always=Fault.FORBIDDEN, script=(Fault.BROKEN,)))
    for _ in range(2):
        with pytest.raises(Refused):
            put(peer)
    peer.set_faults(NO_FAULTS)
    put(peer)
    assert [each.fault for each in peer.requests()] == [Fault.FORBIDDEN, Fault.FORBIDDEN, Fault.NONE]


def test_a_script_is_for_what_changes_something(peer: Peer) -> None:
    peer.set_faults(Faults(script=(Fault.AWAY, Fault.NONE, Fault.BROKEN)))
    outcomes: list[type[Failure] | None] = []
    for _ in range(3):
        assert existing(peer) is None or outcomes == [Unavailable, None]
        try:
            put(peer)
            outcomes.append(None)
        except Unavailable as failure:
            outcomes.append(type(failure))
    assert outcomes == [Unavailable, None, Unavailable]
    assert {each.method for each in peer.requests() if each.fault is not Fault.NONE} <= CHANGING
