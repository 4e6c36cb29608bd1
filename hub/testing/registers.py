"""The laws of registers and extracts, and one of each in memory, to be called from a plugin's own tests.

def test_the_directory_keeps_the_laws_of_a_register(directory):
    check_register(lambda: open_directory(settings), ANNA, ANNA_MARRIED, BERTIL)

def test_the_nightly_list_keeps_the_laws_of_an_extract():
    check_extract(NIGHTLY_LIST, sample, cut=sample[:-20], name="natt.csv")
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, BinaryIO, TypeVar

from hub.domain.changes import Change, ChangeKind, Receipt
from hub.domain.texts import Reason, Text
from hub.plugin.errors import Rejected
from hub.plugin.ports import Extract, Fitted, Flaw, Holding, Register, Whole
from hub.testing.ports import check_opening, touched

_Record = TypeVar("_Record")
_Answer = TypeVar("_Answer")
LONGEST_ADDRESS = 300


# --- the laws of a register


def check_register(
    open_register: Callable[[], Register[_Record]], record: _Record, changed: _Record, other: _Record
) -> None:
    """Hold a register to its port. It must hold nothing of ours at the start, and holds nothing at the end.

    `record` is one that it can hold, `changed` the same one with something else in it, `other` another one.
    """
    check_opening(open_register)
    fitted = _fit_touches_nothing_and_is_the_same_each_time(open_register, record, changed, other)
    assert _held(open_register) == {}, "the register holds nothing of ours at the start"
    _what_is_created_is_held_to_the_letter(open_register, fitted[0], fitted[2])
    _an_update_changes_what_it_names(open_register, fitted[0], fitted[1])
    _what_changed_meanwhile_is_not_overwritten(open_register, fitted[0])
    _what_is_removed_is_gone(open_register, fitted[0])
    _what_is_removed_is_gone(open_register, fitted[2])
    assert _held(open_register) == {}, "what was removed is gone, and nothing else was made"


def _fit_touches_nothing_and_is_the_same_each_time(
    open_register: Callable[[], Register[_Record]], record: _Record, changed: _Record, other: _Record
) -> tuple[Fitted, Fitted, Fitted]:
    def fit(each: _Record) -> Fitted:
        return _with(open_register, lambda register: register.fit(each))

    heard = touched(lambda: fit(record))
    assert heard == [], f"fit touches nothing: {heard}"
    first, second, third = fit(record), fit(changed), fit(other)
    assert first == fit(record), "the same record fits the same way each time"
    assert 0 < len(first.address) <= LONGEST_ADDRESS, "an address has 1 to 300 characters"
    assert first.address == second.address, "a record that changed keeps its address"
    assert dict(first.fields) != dict(second.fields), "what changed in the record is seen in its fields"
    assert first.address != third.address, "two records have two addresses"
    return first, second, third


def _what_is_created_is_held_to_the_letter(
    open_register: Callable[[], Register[_Record]], first: Fitted, other: Fitted
) -> None:
    create = Change(ChangeKind.CREATE, "law-1", first.address, first.fields)
    assert _existing(open_register, create) is None, "what was never applied does not exist"
    receipt = _apply(open_register, create)
    assert receipt.at.tzinfo is not None, "a receipt's time is aware"
    assert receipt.reference, "a receipt has a reference"
    assert _stands(open_register, first), "holdings give back what fit said, to the letter"
    assert _existing(open_register, create) is not None, "what was applied exists"
    _apply(open_register, create)
    assert len(_held(open_register)) == 1, "doing it twice leaves one"
    second = Change(ChangeKind.CREATE, "law-2", other.address, other.fields)
    assert _existing(open_register, second) is None, "one change's receipt is not another's"
    _apply(open_register, second)
    assert len(_held(open_register)) == 2, "holdings give everything"


def _an_update_changes_what_it_names(
    open_register: Callable[[], Register[_Record]], first: Fitted, changed: Fitted
) -> None:
    before = _held(open_register)[first.address]
    named = {name: value for name, value in changed.fields.items() if value != first.fields.get(name, "")}
    update = Change(ChangeKind.UPDATE, "law-3", first.address, named, {}, before.version)
    assert _existing(open_register, update) is None, "an update that was never applied does not exist"
    _apply(open_register, update)
    assert _stands(open_register, changed), "an update changes the fields it names and leaves the others alone"
    assert _existing(open_register, update) is not None, "an update that was applied exists"
    _apply(open_register, update)
    assert _stands(open_register, changed), "an update done twice leaves what one leaves"
    back = {name: first.fields.get(name, "") for name in named}
    version = _held(open_register)[first.address].version
    _apply(open_register, Change(ChangeKind.UPDATE, "law-4", first.address, back, {}, version))
    assert _stands(open_register, first), "what was changed can be changed back"


def _what_changed_meanwhile_is_not_overwritten(open_register: Callable[[], Register[_Record]], first: Fitted) -> None:
    """Only where the register gives versions: then they are a condition."""
    now = _held(open_register)[first.address]
    if not now.version:
        return
    old = Change(ChangeKind.UPDATE, "law-5", first.address, dict(first.fields), {}, f"{now.version}-of-another-time")
    told = False
    try:
        _apply(open_register, old)
    except Rejected:
        told = True
    assert told, "a change whose version is not the one that stands there is Rejected"
    assert _held(open_register)[first.address] == now, "a change that is Rejected changes nothing"


def _what_is_removed_is_gone(open_register: Callable[[], Register[_Record]], fitted: Fitted) -> None:
    held = _held(open_register)
    key = f"law-6-{hashlib.sha256(fitted.address.encode()).hexdigest()[:8]}"
    remove = Change(ChangeKind.REMOVE, key, fitted.address, {}, dict(fitted.fields), held[fitted.address].version)
    assert _existing(open_register, remove) is None, "a removal that was never applied does not exist"
    _apply(open_register, remove)
    left = _held(open_register)
    assert left == {address: each for address, each in held.items() if address != fitted.address}, (
        "a removal takes one record and leaves the others"
    )
    assert _existing(open_register, remove) is not None, "a removal that was applied exists"
    _apply(open_register, remove)
    assert _held(open_register) == left, "removing twice is removing once"


def _with(open_register: Callable[[], Register[_Record]], act: Callable[[Register[_Record]], _Answer]) -> _Answer:
    register = open_register()
    try:
        return act(register)
    finally:
        register.close()


def _held(open_register: Callable[[], Register[Any]]) -> dict[str, Holding]:
    listed = _with(open_register, lambda register: list(register.holdings()))
    held = {each.address: each for each in listed}
    assert len(held) == len(listed), "every address is given once"
    return held


def _stands(open_register: Callable[[], Register[Any]], fitted: Fitted) -> bool:
    held = _held(open_register).get(fitted.address)
    return held is not None and all(held.fields.get(name, "") == value for name, value in fitted.fields.items())


def _existing(open_register: Callable[[], Register[Any]], change: Change) -> Receipt | None:
    return _with(open_register, lambda register: register.existing(change))


def _apply(open_register: Callable[[], Register[Any]], change: Change) -> Receipt:
    return _with(open_register, lambda register: register.apply(change))


# --- the laws of an extract


def check_extract(extract: Extract[Any], sample: bytes, cut: bytes, name: str) -> None:
    """Hold an extract to its port.

    `sample` is a whole document with at least two records, none at fault, `cut` the same without its end, `name` the
    file name they come under.
    """
    assert extract.noun, "an extract says what its records are"
    assert extract.name, "an extract has a name"
    assert extract.recognise(sample[: 64 * 1024], name), "an extract knows its own"
    assert not extract.recognise(b"\x00\x01\x02 nothing of the kind", "other.bin"), (
        "an extract knows what is not its own"
    )
    heard = touched(lambda: list(extract.read(io.BytesIO(sample))))
    assert heard == [], f"reading touches nothing but its argument: {heard}"
    given = list(extract.read(io.BytesIO(sample)))
    assert given == list(extract.read(io.BytesIO(sample))), "the same bytes are read the same way each time"
    assert given == list(extract.read(_Small(sample))), "it does not matter in which pieces the bytes come"
    assert isinstance(given[-1], Whole), "what is whole says so, last of all"
    records = [each for each in given if not isinstance(each, Flaw | Whole)]
    assert len(records) >= 2, "the sample has at least two records"
    assert len(records) == len(given) - 1, "the sample has no record at fault"
    assert given[-1].stated in {None, len(records)}, "what it states is what it gives"
    assert not _says_whole(extract, cut), "what is cut does not say that it is whole"
    assert not _says_whole(extract, b""), "what is empty does not say that it is whole"


def _says_whole(extract: Extract[Any], document: bytes) -> bool:
    """Whether it is taken for whole: it says so, and gives as many records as it states."""
    number = 0
    try:
        for each in extract.read(io.BytesIO(document)):
            if isinstance(each, Whole):
                return each.stated in {None, number}
            number += 1
    except Rejected:
        return False
    return False


class _Small(io.BytesIO):
    """A stream that gives a few bytes at a time, whatever is asked for."""

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size, 7) if size and size > 0 else size)

    def read1(self, size: int | None = -1) -> bytes:
        return super().read1(min(size, 7) if size and size > 0 else 7)


# --- one of each in memory


@dataclass
class MemoryStore:
    """What a register in memory holds, the receipts it gave by key, and the log of everything that was done to it.

    `hook` is called with the name of each verb, and the address, before it is carried out and after it was: what it
    raises is what a foreign system raises.
    """

    records: dict[str, Holding] = field(default_factory=dict)
    receipts: dict[str, Receipt] = field(default_factory=dict)
    log: list[tuple[str, str, str]] = field(default_factory=list)
    refused: frozenset[str] = frozenset()
    hook: Callable[[str, str], None] = lambda _verb, _address: None
    number: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def put(self, address: str, **fields: str) -> None:
        """Somebody else lets a record stand there."""
        self.number += 1
        self.records[address] = Holding(address, fields, f"v{self.number}")

    def change(self, change: Change) -> Receipt:
        """Make the change, once for each key."""
        with self.lock:
            if change.key in self.receipts:
                return self.receipts[change.key]
            if change.address in self.refused:
                raise Rejected((a_refusal("REGISTER-NO", change.address),))
            self._demand(change)
            self._make(change)
            self.log.append((change.key, change.kind.value, change.address))
            self.receipts[change.key] = Receipt(datetime.now(UTC), f"r{self.number}")
            return self.receipts[change.key]

    def _demand(self, change: Change) -> None:
        held = self.records.get(change.address)
        if (held is not None) is (change.kind is ChangeKind.CREATE):
            raise Rejected((a_refusal("REGISTER-CONFLICT", change.address),))
        if held is not None and change.version and change.version != held.version:
            raise Rejected((a_refusal("REGISTER-VERSION", change.address),))

    def _make(self, change: Change) -> None:
        if change.kind is ChangeKind.REMOVE:
            del self.records[change.address]
            return
        held = self.records.get(change.address)
        before = dict(held.fields) if held else {}
        self.put(change.address, **{**before, **change.fields})


@dataclass
class MemoryRegister:
    """A register over a MemoryStore; its records are mappings of text, held under their field `id`."""

    store: MemoryStore

    def fit(self, record: Mapping[str, str]) -> Fitted:
        """The record under its `id`, every name cut at 40 characters, as the store would hold it."""
        address = record.get("id", "")
        if not address or record.get("namn", "") == "":
            raise Rejected((a_refusal("RECORD-EMPTY", address),), address)
        return Fitted(address, {name: value[:40] for name, value in record.items() if name != "id"})

    def holdings(self) -> Iterator[Holding]:
        """Everything, in the order in which it came."""
        self.store.hook("holdings", "")
        yield from list(self.store.records.values())

    def existing(self, change: Change) -> Receipt | None:
        """The receipt that was given for that key."""
        self.store.hook("existing", change.address)
        return self.store.receipts.get(change.key)

    def apply(self, change: Change) -> Receipt:
        """Make the change."""
        self.store.hook("apply", change.address)
        receipt = self.store.change(change)
        self.store.hook("applied", change.address)
        return receipt

    def close(self) -> None:
        """Nothing is held."""


@dataclass(frozen=True)
class LineExtract:
    """Records one on a line, as JSON, and last of all how many they are: `{"whole": 3}`."""

    noun: str
    name: str = "testing.lines"

    def recognise(self, head: bytes, name: str) -> bool:
        """What begins as JSON, under a name that ends so."""
        return name.endswith(".jsonl") and head[:1] in {b"{", b""}

    def read(self, stream: BinaryIO) -> Iterator[Mapping[str, str] | Flaw | Whole]:
        """A line at a time."""
        for line in stream:
            try:
                said = json.loads(line)
            except ValueError:
                yield Flaw(None, line, (a_refusal("LINE", ""),))
                continue
            if "whole" in said:
                yield Whole(int(said["whole"]))
                return
            yield said


def lines(*records: Mapping[str, str], stated: int | None = None, whole: bool = True) -> bytes:
    """A document that LineExtract reads, with those records."""
    told = [json.dumps(each, ensure_ascii=False) for each in records]
    end = [json.dumps({"whole": len(records) if stated is None else stated})] if whole else []
    return "".join(f"{each}\n" for each in (*told, *end)).encode()


def a_refusal(code: str, value: str) -> Reason:
    """A reason of that code."""
    problem = Text(f"Registret tar inte emot posten ({code}).", f"The register does not take the record ({code}).")
    return Reason(code, problem, Text("Rätta posten.", "Mend the record."), value=value)


__all__ = [
    "LineExtract",
    "MemoryRegister",
    "MemoryStore",
    "a_refusal",
    "check_extract",
    "check_register",
    "lines",
]
