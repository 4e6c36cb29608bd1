"""The verbs the hub calls on a plugin. A port exists only where a foreign system stands on the other side.

Every verb may raise `Unavailable`, `Refused` or `Rejected` (hub.plugin.errors) and nothing else on purpose.
Ports are opened for one piece of work and closed after it; they are used by one thread at a time. Opening a port
touches nothing: no network, no folder, no other program. Its verbs do, so a wrong host key or password is raised by
the first verb; closing a port of which no verb was called is harmless.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO, Protocol, TypeVar

from hub.domain.changes import Change, Receipt
from hub.domain.texts import Text


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that waits at a source. `external_id` is the same each time the same thing is listed."""

    external_id: str
    name: str
    size: int | None = None
    modified_at: datetime | None = None
    details: dict[str, str] = field(default_factory=dict)


class Source(Protocol):
    """Where documents come from. `fetch` touches the world and understands nothing of what it brings."""

    def fetch(self) -> Iterator[Item]:
        """List what waits and is settled, oldest first, lazily. What is still being written is left for later."""
        ...

    def open(self, item: Item) -> AbstractContextManager[BinaryIO]:
        """The bytes of one item, as a stream.

        Leaving the context raises `Unavailable` when the item vanished or changed while it was read, so that
        a half-read document is never taken for a whole one. `Rejected` says that this item is there but may not be
        read: it stays at the source and is told, and the others are fetched. `Refused` is for listing and login.
        """
        ...

    def acknowledge(self, item: Item) -> None:
        """Tell the source that the bytes are safe with us. Called again after a crash: doing it twice is harmless."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


RecordT_contra = TypeVar("RecordT_contra", contravariant=True)


class Bytes(Protocol):
    """The original bytes of a document, read in pieces as often as needed."""

    @property
    def digest(self) -> str:
        """Their SHA-256, in hexadecimal."""
        ...

    @property
    def size(self) -> int:
        """How many they are."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """The bytes from the first to the last, in pieces of bounded size."""
        ...


@dataclass(frozen=True, slots=True)
class Dispatch:
    """What the hub knows of a document beside its record when it is sent on: goes into manifests and headers."""

    key: str
    document_id: int
    name: str
    digest: str
    size: int
    arrived_at: datetime
    source: str
    unit_code: str
    unit_name: str
    verdict: str
    pack: str
    pack_digest: str
    format: str


class Target(Protocol[RecordT_contra]):
    """Where records go.

    `fit` says what would be written, as the target would hold it; `existing` finds what an earlier try left there;
    `apply` writes. The hub stores its intent before `apply` and the receipt after it; when it died in between it
    calls `existing` first.
    """

    def fit(self, record: RecordT_contra, dispatch: Dispatch) -> Change:
        """The change as the target would hold it. Raises Rejected when the target cannot hold it.

        It touches nothing, not even the network: the hub calls it while it plans.
        """
        ...

    def existing(self, change: Change) -> Receipt | None:
        """The receipt of that very change if an earlier try went through, else None."""
        ...

    def apply(self, change: Change, content: Bytes) -> Receipt:
        """Make the change. Doing it twice leaves one."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried when a connection was checked, and how it went."""

    name: Text
    passed: bool
    detail: Text
    days_left: int | None = None


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a format found in a document's bytes.

    `format` is its name (`peppol-bis-3`, `svefaktura-1.0`), `family` the rule packs that judge it, `layers` the
    Schematron layers wanted of a pack, `at` the child indexes that lead from the document's root to the element
    to be judged.
    """

    format: str
    family: str
    layers: tuple[str, ...]
    at: tuple[int, ...] = ()
    details: dict[str, str] = field(default_factory=dict)


RecordT_co = TypeVar("RecordT_co", covariant=True)


class Format(Protocol[RecordT_co]):
    """A family of document formats that a plugin can recognise and read. Reading touches nothing but its argument."""

    noun: str

    def recognise(self, document: bytes) -> Recognised:
        """Say what the bytes are. Raises Rejected, with reasons, for what is unsafe or unknown."""
        ...

    def read(self, document: bytes) -> RecordT_co:
        """The record in the bytes. Raises Rejected when a value cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class Explanation:
    """A rule in plain words."""

    problem: Text
    remedy: Text


__all__ = [
    "Bytes",
    "Check",
    "Dispatch",
    "Explanation",
    "Format",
    "Item",
    "Recognised",
    "Source",
    "Target",
]
