"""The verbs the hub calls on a plugin. A port exists only where a foreign system stands on the other side.

Every verb may raise `Unavailable`, `Refused` or `Rejected` (hub.plugin.errors) and nothing else on purpose.
Ports are opened for one piece of work and closed after it; they are used by one thread at a time. Opening a port
touches nothing: no network, no folder, no other program. Its verbs do, so a wrong host key or password is raised by
the first verb; closing a port of which no verb was called is harmless.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import BinaryIO, Protocol, TypeVar

from hub.domain.changes import Change, Receipt
from hub.domain.texts import Reason, Text


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
RecordT_co = TypeVar("RecordT_co", covariant=True)


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
    `apply` writes. The hub asks `existing`, stores its intent, calls `apply` and stores the receipt. What an earlier
    try may have handed over it asks for twice, on the same opened target: one that makes its changes in its own time
    waits the second time, and raises Rejected (`uncertain`) for what does not come, since None lets it be made again.
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
class Fitted:
    """A record as a register would hold it: under which address (at most 300 characters), with which fields."""

    address: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Holding:
    """A record that a register holds, and its own mark of the version where it has one.

    A field that is left out is the same as an empty one.
    """

    address: str
    fields: Mapping[str, str]
    version: str = ""


class Register(Protocol[RecordT_contra]):
    """A target that can be asked what it holds: a directory, a database of contracts, a table of references.

    The hub asks `fit` of every record of an extract and `holdings` of the register, compares the two field by field,
    and makes a plan of creates, updates and removals. Before it applies the plan it asks `holdings` again: what
    has changed meanwhile makes the plan stale. Then, change by change: `existing`, the intent is kept, `apply`, the
    receipt is kept. Of what an earlier try may have made `existing` is asked twice, as of a `Target`. Afterwards
    `holdings` once more, so that what was applied is seen to stand there.
    """

    def fit(self, record: RecordT_contra) -> Fitted:
        """The record as the target would hold it, to the letter: `holdings` gives the same fields back once applied.

        Raises Rejected when the target cannot hold it. It touches nothing, not even the network.
        """
        ...

    def holdings(self) -> Iterator[Holding]:
        """Everything of ours that the target holds, lazily, in any order; records that are not ours are left out.

        It ends only when it has given everything: what could not be read to its end raises `Unavailable`, since
        what is missing from it would be taken for removed, or created anew.
        """
        ...

    def existing(self, change: Change) -> Receipt | None:
        """The receipt of that very change (its key) if an earlier try went through, else None.

        A target that keeps no keys tells by what stands there: a create that is there with its fields, an update
        whose fields stand, a removal whose record is gone.
        """
        ...

    def apply(self, change: Change) -> Receipt:
        """Make the change. Doing it twice leaves one.

        `change.key` is sent where the target takes an idempotency key, `change.version` (or what stands in
        `change.before`) as a condition where it takes one. An update changes the fields it names and leaves all
        others alone. Raises Rejected for this record alone: also when the condition did not hold.
        """
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


@dataclass(frozen=True, slots=True)
class Flaw:
    """One record of an extract that is at fault: its own bytes, and why.

    `address` is where the register would hold it, when so much can be told: what stands there is left alone. Without
    it nothing can be spared, and the hub makes no removals at all from that extract.
    """

    address: str | None
    content: bytes
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class Whole:
    """The extract's own word that everything was read. `stated` is how many records it says it has, if it does."""

    stated: int | None = None


class Extract(Protocol[RecordT_co]):
    """How a document with many records is read. Reading touches nothing but its argument."""

    name: str
    """Its own name, `plugin.kind`."""
    noun: str
    """What its records are: the noun of the routes that may bring it."""

    def recognise(self, head: bytes, name: str) -> bool:
        """Whether a document with that file name that begins with those bytes (64 KiB at most) is one of these."""
        ...

    def read(self, stream: BinaryIO) -> Iterator[RecordT_co | Flaw | Whole]:
        """The records one by one, a `Flaw` in the place of each that is at fault, and `Whole` as the very last.

        `Whole` is given only for what says itself that it is whole: by a trailer, a count, an end tag. A document
        that just ends, or is cut anywhere, gives none, and nothing is removed on its word. The stream is read in
        pieces, and no more than a few records are held. Raises Rejected when the document can be read no further.
        """
        ...


@dataclass(frozen=True, slots=True)
class Page:
    """One answer of a feed, as it came. `cursor` says where to go on after it; `last` that there is no more.

    `name` is what it is called in lists. `mark` stands on the last page: from there the next pull asks. What cursor
    and mark hold is the feed's own affair; at most 300 characters each. `days` are the first and the last of those of
    which the page tells everything: of hours, what was told of them before and is not on the page is gone. A last page
    says `everything` when all that the source has came, where everything was asked for: what lies in it no more is
    gone, and what came without fault is at fault no longer.
    """

    name: str
    content: bytes
    cursor: str
    last: bool = False
    mark: str = ""
    days: tuple[date, date] | None = None
    everything: bool = False


class Feed(Protocol[RecordT_co]):
    """Where many records are pulled from, page by page.

    The hub keeps each page's bytes and its records together with the cursor, in one transaction, before it asks for
    the next: a pull that dies goes on after its last page. Only when the last page is kept does the mark move from
    which the next pull asks.
    """

    def pages(self, since: str, cursor: str = "") -> Iterator[Page]:
        """What was changed since that mark (empty: everything there is), lazily, from the cursor on.

        A record may come twice, and what came before a mark may come again: better twice than never. It ends after
        a page that is `last`; what cannot be read to its end raises `Unavailable`, since what is missing from it
        would be missed for ever.
        """
        ...

    def read(self, content: bytes) -> Iterator[RecordT_co | Flaw]:
        """The records in a page's bytes, and a `Flaw` in the place of each at fault. Touches nothing else.

        Raises Unavailable when the page is only half there: it is asked for again.
        """
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
    "Extract",
    "Feed",
    "Fitted",
    "Flaw",
    "Format",
    "Holding",
    "Item",
    "Page",
    "Recognised",
    "Register",
    "Source",
    "Target",
    "Whole",
]
