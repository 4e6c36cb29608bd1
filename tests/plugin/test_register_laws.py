"""The laws of registers and extracts hold for those of ours, and catch those who break them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

import pytest

from hub.domain.changes import Change, ChangeKind, Receipt
from hub.plugin.errors import Rejected
from hub.plugin.ports import Fitted, Flaw, Holding, Whole
from hub.testing.register_http import HttpRegister, HttpRegisterSettings, Shelf, serving
from hub.testing.registers import (
    LineExtract,
    MemoryRegister,
    MemoryStore,
    check_extract,
    check_register,
    lines,
)

ANNA = {"id": "a/1 å", "namn": "Anna", "enhet": "1"}
MARRIED = {"id": "a/1 å", "namn": "Anna Öberg", "enhet": "1"}
BERTIL = {"id": "b", "namn": "Bertil", "enhet": "2"}
SAMPLE = lines(ANNA, BERTIL)


def test_a_register_in_memory_keeps_the_laws() -> None:
    store = MemoryStore()
    check_register(lambda: MemoryRegister(store), ANNA, MARRIED, BERTIL)


def test_a_register_over_tcp_keeps_the_laws() -> None:
    with serving(Shelf()) as address:
        check_register(lambda: HttpRegister(HttpRegisterSettings(address=address)), ANNA, MARRIED, BERTIL)


def test_a_register_over_tcp_gives_every_page() -> None:
    shelf = Shelf()
    for number in range(450):
        shelf.put(f"{number:04d}", namn="x")
    with serving(shelf) as address:
        register = HttpRegister(HttpRegisterSettings(address=address))
        assert [each.address for each in register.holdings()] == [f"{number:04d}" for number in range(450)]
        register.close()


class FitsAnew(MemoryRegister):
    number = 0

    def fit(self, record: Mapping[str, str]) -> Fitted:
        FitsAnew.number += 1
        return Fitted(record["id"], {**record, "at": str(FitsAnew.number)})


class OneAddress(MemoryRegister):
    def fit(self, record: Mapping[str, str]) -> Fitted:
        return Fitted("x", dict(record))


class CutsLater(MemoryRegister):
    def holdings(self) -> Iterator[Holding]:
        for each in super().holdings():
            yield Holding(each.address, {name: value[:2] for name, value in each.fields.items()}, each.version)


class ForgetsKeys(MemoryRegister):
    def existing(self, change: Change) -> Receipt | None:
        return None


class KnowsAll(MemoryRegister):
    def existing(self, change: Change) -> Receipt | None:
        return next(iter(self.store.receipts.values()), None)


class Overwrites(MemoryRegister):
    def apply(self, change: Change) -> Receipt:
        if change.kind is ChangeKind.UPDATE and change.key not in self.store.receipts:
            held = self.store.records[change.address]
            self.store.records[change.address] = Holding(held.address, {}, held.version)
        return super().apply(change)


class Unconditional(MemoryRegister):
    def apply(self, change: Change) -> Receipt:
        return super().apply(Change(change.kind, change.key, change.address, change.fields, change.before))


class KeepsTheRemoved(MemoryRegister):
    def apply(self, change: Change) -> Receipt:
        held = dict(self.store.records)
        receipt = super().apply(change)
        if change.kind is ChangeKind.REMOVE:
            self.store.records = held
        return receipt


class StopsEarly(MemoryRegister):
    def holdings(self) -> Iterator[Holding]:
        return iter(list(super().holdings())[:1])


@pytest.mark.parametrize(
    ("kind", "law"),
    [
        (FitsAnew, "the same way each time"),
        (OneAddress, "two addresses"),
        (CutsLater, "to the letter"),
        (ForgetsKeys, "what was applied exists"),
        (KnowsAll, "not another's"),
        (Overwrites, "leaves the others alone"),
        (Unconditional, "is Rejected"),
        (KeepsTheRemoved, "takes one record"),
        (StopsEarly, "holdings give everything"),
    ],
)
def test_a_register_that_breaks_a_law_fails_at_it(kind: type[MemoryRegister], law: str) -> None:
    store = MemoryStore()
    with pytest.raises(AssertionError, match=law):
        check_register(lambda: kind(store), ANNA, MARRIED, BERTIL)


# --- extracts


def held(extract: LineExtract) -> None:
    check_extract(extract, SAMPLE, SAMPLE[:-4], "natt.jsonl")


def test_lines_keep_the_laws_of_an_extract() -> None:
    held(LineExtract("administrators"))


class AlwaysWhole(LineExtract):
    def read(self, stream: BinaryIO) -> Iterator[Any]:
        yield from (each for each in super().read(stream) if not isinstance(each, Whole | Flaw))
        yield Whole()


class NeverWhole(LineExtract):
    def read(self, stream: BinaryIO) -> Iterator[Any]:
        return (each for each in super().read(stream) if not isinstance(each, Whole))


class InBites(LineExtract):
    def read(self, stream: BinaryIO) -> Iterator[Any]:
        yield from map(json.loads, stream.read(10_000).splitlines()[:-1])
        yield Whole()


class KnowsEverything(LineExtract):
    def recognise(self, head: bytes, name: str) -> bool:
        return True


class WholeFirst(LineExtract):
    def read(self, stream: BinaryIO) -> Iterator[Any]:
        given = list(super().read(stream))
        yield from given[-1:]
        yield from given[:-1]


@pytest.mark.parametrize(
    ("kind", "fails"),
    [
        (AlwaysWhole, lambda: pytest.raises(AssertionError, match="does not say that it is whole")),
        (NeverWhole, lambda: pytest.raises(AssertionError, match="says so, last of all")),
        (WholeFirst, lambda: pytest.raises(AssertionError, match="says so, last of all")),
        (KnowsEverything, lambda: pytest.raises(AssertionError, match="not its own")),
        (InBites, lambda: pytest.raises((AssertionError, ValueError))),
    ],
)
def test_an_extract_that_breaks_a_law_fails_at_it(kind: type[LineExtract], fails: Callable[[], Any]) -> None:
    with fails():
        held(kind("administrators"))


def test_a_register_in_memory_rejects_what_it_is_told_to() -> None:
    register = MemoryRegister(MemoryStore(refused=frozenset({"b"})))
    with pytest.raises(Rejected):
        register.apply(Change(ChangeKind.CREATE, "k", "b", {"namn": "Bertil"}))
