"""The laws of the ports catch those who break them: each broken port here fails at the law it breaks."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from typing import BinaryIO

import pytest

from hub.domain.changes import Change, ChangeKind, Receipt
from hub.domain.texts import Text
from hub.plugin.errors import Unavailable
from hub.plugin.ports import Bytes, Dispatch, Item
from hub.testing.ports import check_source, check_target


@dataclass
class Shelf:
    """Documents at a foreign system, each with the moment it was put there."""

    documents: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    moments: Iterator[int] = field(default_factory=lambda: count(1))

    def put(self, name: str, content: bytes) -> None:
        self.documents[name] = (next(self.moments), content)

    def change(self, name: str) -> None:
        self.put(name, b"changed")

    def vanish(self, name: str) -> None:
        del self.documents[name]


class GoodSource:
    """Keeps every law; the broken ones differ from it in one thing."""

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def fetch(self) -> Iterator[Item]:
        waiting = sorted(self.shelf.documents.items(), key=lambda pair: pair[1][0])
        return iter([self.item(name, moment) for name, (moment, _) in waiting])

    def item(self, name: str, moment: int) -> Item:
        return Item(f"{name}:{moment}", name)

    @contextmanager
    def open(self, item: Item) -> Iterator[BinaryIO]:
        self.must_stand(item)
        yield io.BytesIO(self.shelf.documents[item.name][1])
        self.must_stand(item)

    def must_stand(self, item: Item) -> None:
        if not self.stands(item):
            raise Unavailable(Text("borta", "gone"))

    def stands(self, item: Item) -> bool:
        return self.shelf.documents.get(item.name, (0, b""))[0] == self.moment_of(item)

    def moment_of(self, item: Item) -> int:
        return int(item.external_id.rpartition(":")[2])

    def acknowledge(self, item: Item) -> None:
        if self.stands(item):
            del self.shelf.documents[item.name]

    def close(self) -> None:
        """Nothing is held."""


class NewIdEachTime(GoodSource):
    ids = count(1)

    def item(self, name: str, moment: int) -> Item:
        return Item(f"{name}:{next(self.ids)}:{moment}", name)


class NameForId(GoodSource):
    def item(self, name: str, moment: int) -> Item:
        return Item(name, name)

    def stands(self, item: Item) -> bool:
        return item.name in self.shelf.documents


class NewestFirst(GoodSource):
    def fetch(self) -> Iterator[Item]:
        return iter(list(super().fetch())[::-1])


class TakesTheNamesake(GoodSource):
    def acknowledge(self, item: Item) -> None:
        self.shelf.documents.pop(item.name, None)


class NeverTakes(GoodSource):
    def acknowledge(self, item: Item) -> None:
        """Says nothing to the other side."""


class TakesByReading(GoodSource):
    @contextmanager
    def open(self, item: Item) -> Iterator[BinaryIO]:
        yield io.BytesIO(self.shelf.documents.pop(item.name)[1])


class LooksNotTwice(GoodSource):
    @contextmanager
    def open(self, item: Item) -> Iterator[BinaryIO]:
        self.must_stand(item)
        yield io.BytesIO(self.shelf.documents[item.name][1])


class CutsShort(GoodSource):
    @contextmanager
    def open(self, item: Item) -> Iterator[BinaryIO]:
        with super().open(item) as stream:
            yield io.BytesIO(stream.read(1000))


class GivesNothingForTheVanished(GoodSource):
    @contextmanager
    def open(self, item: Item) -> Iterator[BinaryIO]:
        if item.name not in self.shelf.documents:
            yield io.BytesIO(b"")
            return
        with super().open(item) as stream:
            yield stream


def hold(kind: type[GoodSource]) -> None:
    shelf = Shelf()
    check_source(lambda: kind(shelf), shelf.put, shelf.change, shelf.vanish)


def test_a_source_that_keeps_the_laws_passes() -> None:
    hold(GoodSource)


@pytest.mark.parametrize(
    ("kind", "law"),
    [
        (NewIdEachTime, "the same external id"),
        (NameForId, "an id of its own"),
        (NewestFirst, "the oldest first"),
        (TakesTheNamesake, "leaves its namesake alone"),
        (NeverTakes, "is gone"),
        (TakesByReading, "reading takes nothing away"),
        (LooksNotTwice, "changed while it was read"),
        (CutsShort, "given whole"),
        (GivesNothingForTheVanished, "vanished"),
    ],
)
def test_a_source_that_breaks_a_law_fails_at_it(kind: type[GoodSource], law: str) -> None:
    with pytest.raises(AssertionError, match=law):
        hold(kind)


# --- targets ---------------------------------------------------------------------------------------------------


class GoodTarget:
    """Keeps every law; the broken ones differ from it in one thing."""

    def __init__(self, held: dict[str, bytes]) -> None:
        self.held = held

    def fit(self, record: str, dispatch: Dispatch) -> Change:
        return Change(ChangeKind.CREATE, dispatch.key, dispatch.key, {"record": record})

    def existing(self, change: Change) -> Receipt | None:
        return self.receipt(change) if change.address in self.held else None

    def apply(self, change: Change, content: Bytes) -> Receipt:
        self.held[change.address] = b"".join(content.chunks())
        return self.receipt(change)

    def receipt(self, change: Change) -> Receipt:
        return Receipt(datetime.now(UTC), change.address)

    def close(self) -> None:
        """Nothing is held."""


class WritesWhenFitting(GoodTarget):
    def fit(self, record: str, dispatch: Dispatch) -> Change:
        self.held[dispatch.key] = b""
        return super().fit(record, dispatch)


class FitsAnotherWay(GoodTarget):
    fits = count()

    def fit(self, record: str, dispatch: Dispatch) -> Change:
        return Change(ChangeKind.CREATE, dispatch.key, dispatch.key, {"record": str(next(self.fits))})


class ForgetsTheKey(GoodTarget):
    def fit(self, record: str, dispatch: Dispatch) -> Change:
        return Change(ChangeKind.CREATE, record, dispatch.key)


class WritesTwice(GoodTarget):
    def apply(self, change: Change, content: Bytes) -> Receipt:
        self.held[f"{change.address}-{len(self.held)}"] = b"".join(content.chunks())
        return self.receipt(change)

    def existing(self, change: Change) -> Receipt | None:
        return self.receipt(change) if any(name.startswith(change.address) for name in self.held) else None


class KnowsNothing(GoodTarget):
    def existing(self, change: Change) -> Receipt | None:
        return None


class KnowsAll(GoodTarget):
    def existing(self, change: Change) -> Receipt | None:
        return self.receipt(change)


class ChangesTheBytes(GoodTarget):
    def apply(self, change: Change, content: Bytes) -> Receipt:
        receipt = super().apply(change, content)
        self.held[change.address] = self.held[change.address].upper()
        return receipt


class OneAddressForAll(GoodTarget):
    def fit(self, record: str, dispatch: Dispatch) -> Change:
        return Change(ChangeKind.CREATE, dispatch.key, "the only one")


class NaiveTime(GoodTarget):
    def receipt(self, change: Change) -> Receipt:
        return Receipt(datetime(2026, 11, 22), change.address)  # noqa: DTZ001


def hold_target(kind: Callable[[dict[str, bytes]], GoodTarget]) -> None:
    held: dict[str, bytes] = {}
    check_target(lambda: kind(held), "record", lambda: dict(held))


def test_a_target_that_keeps_the_laws_passes() -> None:
    hold_target(GoodTarget)


@pytest.mark.parametrize(
    ("kind", "law"),
    [
        (WritesWhenFitting, "fit touches nothing"),
        (FitsAnotherWay, "fits the same way"),
        (ForgetsTheKey, "idempotency key"),
        (WritesTwice, "doing it twice leaves one"),
        (KnowsNothing, "what was applied exists"),
        (KnowsAll, "never applied does not exist"),
        (ChangesTheBytes, "the original bytes"),
        (OneAddressForAll, "two addresses"),
        (NaiveTime, "time is aware"),
    ],
)
def test_a_target_that_breaks_a_law_fails_at_it(kind: Callable[[dict[str, bytes]], GoodTarget], law: str) -> None:
    with pytest.raises(AssertionError, match=law):
        hold_target(kind)
