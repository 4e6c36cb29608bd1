"""The laws of the ports, to be called from a plugin's own tests.

A plugin shows that its source or target keeps the promises of `hub.plugin.ports` by one call each:

    def test_the_source_keeps_the_laws(tmp_path):
        check_source(
            lambda: InvoiceFiles(settings, place=open_place(settings)),
            put=lambda name, content: (tmp_path / name).write_bytes(content),
            change=lambda name: (tmp_path / name).write_bytes(b"grown"),
            vanish=lambda name: (tmp_path / name).unlink(),
        )

Each law is an assertion with a sentence; what fails is the sentence that is not kept.
"""

from __future__ import annotations

import hashlib
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from typing import Protocol, TypeVar

from hub.domain.changes import Change, ChangeKind, Receipt
from hub.plugin.errors import Unavailable
from hub.plugin.ports import Dispatch, Item, Source, Target

_Record = TypeVar("_Record")
_Answer = TypeVar("_Answer")


class Content:
    """Bytes in memory, as the hub hands them to a target: sha256 in hexadecimal, size, and small pieces."""

    def __init__(self, data: bytes, piece: int = 7) -> None:
        self.data = data
        self.digest = hashlib.sha256(data).hexdigest()
        self.size = len(data)
        self._piece = piece

    def chunks(self) -> Iterator[bytes]:
        """The bytes in small pieces."""
        for start in range(0, len(self.data), self._piece):
            yield self.data[start : start + self._piece]


def a_dispatch(content: Content, key: str = "invoices:1:drop", **changed: object) -> Dispatch:
    """What the hub would say of the content; any field may be changed by name."""
    fields: dict[str, object] = {
        "key": key,
        "document_id": 1,
        "name": "faktura.xml",
        "digest": content.digest,
        "size": content.size,
        "arrived_at": datetime(2026, 11, 22, 9, 0, tzinfo=UTC),
        "source": "inkorg-mapp",
        "unit_code": "107",
        "unit_name": "Trafikkontoret (påhittad)",
        "verdict": "valid",
        "pack": "peppol-billing-3.0.21",
        "pack_digest": "0" * 64,
        "format": "peppol-bis-3",
    }
    return Dispatch(**(fields | changed))  # type: ignore[arg-type]


# --- opening --------------------------------------------------------------------------------------------------


class _Closes(Protocol):
    def close(self) -> None: ...


_TOUCHING = ("socket.connect", "socket.getaddrinfo", "socket.sendto", "subprocess.Popen", "os.posix_spawn", "os.exec")
_TOUCHING_FILES = ("os.scandir", "os.listdir", "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.utime")
_watched: dict[int, list[str]] = {}


def _hear(event: str, arguments: tuple[object, ...]) -> None:
    heard = _watched.get(threading.get_ident())
    if heard is not None and event in _TOUCHING + _TOUCHING_FILES:
        heard.append(f"{event} {arguments[:2]}")


# Python can be told to listen to what a program does, but never to stop: so one listener, and a list that it fills.
_listening: list[bool] = []


def touched(act: Callable[[], object]) -> list[str]:
    """What the act touched of the network, other programs and folders, as Python's audit events tell it."""
    if not _listening:
        sys.addaudithook(_hear)
        _listening.append(True)
    heard = _watched.setdefault(threading.get_ident(), [])
    try:
        act()
        return list(heard)
    finally:
        del _watched[threading.get_ident()]


def check_opening(open_port: Callable[[], _Closes]) -> None:
    """Opening a port touches nothing; its verbs do. `check_source` and `check_target` ask this themselves."""
    open_port().close()  # What is imported at the first time is no part of the law.
    heard = touched(lambda: open_port().close())
    assert heard == [], f"opening a port, and closing it again, touches nothing: {heard}"


# --- sources --------------------------------------------------------------------------------------------------


def check_source(
    open_source: Callable[[], Source],
    put: Callable[[str, bytes], object],
    change: Callable[[str], object] | None = None,
    vanish: Callable[[str], object] | None = None,
) -> None:
    """Hold a source to its port. It must be empty at the start.

    `open_source` opens it anew each time; `put(name, content)` leaves a document at the foreign system; `change`
    and `vanish` touch one that lies there, where the system lets anyone do that.
    """
    check_opening(open_source)
    _an_empty_source_gives_nothing(open_source)
    _what_lies_there_is_given_whole_and_under_one_id(open_source, put)
    _what_is_acknowledged_is_not_given_again(open_source)
    _the_same_name_later_is_another_item(open_source, put)
    if change:
        _a_change_while_reading_is_told(open_source, put, change)
    if vanish:
        _vanishing_is_told(open_source, put, vanish)


def _an_empty_source_gives_nothing(open_source: Callable[[], Source]) -> None:
    assert _listed(open_source) == [], "an empty source gives nothing"


def _what_lies_there_is_given_whole_and_under_one_id(
    open_source: Callable[[], Source], put: Callable[[str, bytes], object]
) -> None:
    put("law-1.xml", b"<first/>")
    put("law-2.xml", b"<second/>" * 50_000)
    items = _listed(open_source)
    assert [item.name for item in items] == ["law-1.xml", "law-2.xml"], "everything is given, the oldest first"
    assert items == _listed(open_source), "the same thing has the same external id each time it is listed"
    assert len({item.external_id for item in items}) == 2, "two things have two external ids"
    assert all(len(item.external_id) <= 300 for item in items), "an external id has 300 characters at most"
    assert _read(open_source, items[0]) == b"<first/>", "the bytes are given as they are"
    assert _read(open_source, items[1]) == b"<second/>" * 50_000, "large bytes are given whole"
    assert items == _listed(open_source), "reading takes nothing away"


def _what_is_acknowledged_is_not_given_again(open_source: Callable[[], Source]) -> None:
    items = _listed(open_source)
    for _ in range(2):
        _acknowledge(open_source, items[0])
    assert _listed(open_source) == items[1:], "what is acknowledged, once or twice, is gone, and nothing else is"
    _acknowledge(open_source, items[1])
    assert _listed(open_source) == [], "what is acknowledged is not given again"


def _the_same_name_later_is_another_item(
    open_source: Callable[[], Source], put: Callable[[str, bytes], object]
) -> None:
    put("law-3.xml", b"<first/>")
    [first] = _listed(open_source)
    _acknowledge(open_source, first)
    put("law-3.xml", b"<of the same name/>")
    [second] = _listed(open_source)
    assert second.external_id != first.external_id, "another document under an old name has an id of its own"
    _acknowledge(open_source, first)
    assert _listed(open_source) == [second], "acknowledging an old item again leaves its namesake alone"
    _acknowledge(open_source, second)


def _a_change_while_reading_is_told(
    open_source: Callable[[], Source], put: Callable[[str, bytes], object], change: Callable[[str], object]
) -> None:
    put("law-4.xml", b"<unfinished")
    [item] = _listed(open_source)
    source = open_source()
    told = False
    try:
        with source.open(item) as stream:
            stream.read(3)
            change("law-4.xml")
    except Unavailable:
        told = True
    finally:
        source.close()
    assert told, "a document that changed while it was read raises Unavailable on leaving"
    for left in _listed(open_source):
        _acknowledge(open_source, left)


def _vanishing_is_told(
    open_source: Callable[[], Source], put: Callable[[str, bytes], object], vanish: Callable[[str], object]
) -> None:
    put("law-5.xml", b"<gone/>")
    [item] = _listed(open_source)
    vanish("law-5.xml")
    told = False
    with suppress(Unavailable):
        _read(open_source, item)
        told = True
    assert not told, "a document that vanished raises Unavailable"
    _acknowledge(open_source, item)


def _listed(open_source: Callable[[], Source]) -> list[Item]:
    source = open_source()
    try:
        return list(source.fetch())
    finally:
        source.close()


def _read(open_source: Callable[[], Source], item: Item) -> bytes:
    source = open_source()
    try:
        with source.open(item) as stream:
            return stream.read()
    finally:
        source.close()


def _acknowledge(open_source: Callable[[], Source], item: Item) -> None:
    source = open_source()
    try:
        source.acknowledge(item)
    finally:
        source.close()


# --- targets --------------------------------------------------------------------------------------------------


def check_target(
    open_target: Callable[[], Target[_Record]],
    record: _Record,
    held: Callable[[], dict[str, bytes]],
    content: Content | None = None,
) -> None:
    """Hold a target to its port. It must be empty at the start.

    `record` is one that it can hold; `held()` gives the documents the foreign system holds now, by whatever name.
    """
    content = content or Content(b"<?xml version='1.0'?><Invoice/>")
    check_opening(open_target)
    heard = touched(lambda: _fitted(open_target, record, a_dispatch(content)))
    assert heard == [], f"fit touches nothing: {heard}"
    change = _fitted(open_target, record, a_dispatch(content))
    assert change == _fitted(open_target, record, a_dispatch(content)), "the same record fits the same way each time"
    assert change.key == a_dispatch(content).key, "the change carries the hub's idempotency key"
    assert change.kind is ChangeKind.CREATE, "a document is created"
    assert held() == {}, "fit touches nothing"
    assert _with(open_target, lambda target: target.existing(change)) is None, "what was never applied does not exist"
    first = _with(open_target, lambda target: target.apply(change, content))
    assert list(held().values()) == [content.data], "the target holds the original bytes, once"
    assert _known(first) == _known(_with(open_target, lambda target: target.apply(change, content))), "twice is once"
    assert list(held().values()) == [content.data], "doing it twice leaves one"
    found = _with(open_target, lambda target: target.existing(change))
    assert found is not None, "what was applied exists"
    assert found.reference == first.reference, "it is known by the same reference"
    other = _fitted(open_target, record, a_dispatch(content, key="invoices:2:drop"))
    assert other.address != change.address, "two keys are two addresses"
    assert _with(open_target, lambda target: target.existing(other)) is None, "one key's receipt is not another's"


def _known(receipt: Receipt) -> str:
    assert receipt.at.tzinfo is not None, "a receipt's time is aware"
    assert receipt.reference, "a receipt has a reference"
    return receipt.reference


def _fitted(open_target: Callable[[], Target[_Record]], record: _Record, dispatch: Dispatch) -> Change:
    return _with(open_target, lambda target: target.fit(record, dispatch))


def _with(open_target: Callable[[], Target[_Record]], act: Callable[[Target[_Record]], _Answer]) -> _Answer:
    target = open_target()
    try:
        return act(target)
    finally:
        target.close()
