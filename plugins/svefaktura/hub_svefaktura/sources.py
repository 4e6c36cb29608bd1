"""E-invoices that lie as files in a folder or behind SFTP: listed when they are settled, read whole, put aside."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from hub.domain.texts import Text
from hub.plugin.errors import Unavailable
from hub.plugin.files import LONGEST_NAME, Entry, Place, name_fault, open_place, shown_name
from hub.plugin.ports import Item
from hub_svefaktura.settings import InvoiceFilesSettings

# What programs call a file that they are still writing.
UNFINISHED = (".tmp", ".part", ".filepart", ".crdownload", ".swp", "~")

_log = logging.getLogger(__name__)


class InvoiceFiles:
    """A folder of e-invoices as a source; see `hub.plugin.ports.Source` for what it promises.

    `wait` is what passes the settling time; a test gives its own.
    """

    def __init__(
        self, settings: InvoiceFilesSettings, place: Place, wait: Callable[[float], object] = time.sleep
    ) -> None:
        self._settings = settings
        self._place = place
        self._wait = wait

    def fetch(self) -> Iterator[Item]:
        """What lies there settled, oldest first: what had the same size and time at two looks, some time apart."""
        for entry in sorted(self._settled(), key=lambda each: (each.modified_ns, each.name)):
            yield _item(entry)

    def _settled(self) -> Iterable[Entry]:
        first = set(_wanted(self._place.entries()))
        if not first or not self._settings.settle_seconds:
            return first
        self._wait(self._settings.settle_seconds)
        return first.intersection(self._place.entries())

    @contextmanager
    def open(self, item: Item) -> Iterator[BinaryIO]:
        """The bytes of the file; raises Unavailable on entering or leaving when it is not the file that was listed."""
        self._must_stand(item)
        with self._place.open(item.name) as opened:
            stream = _Counted(opened)
            yield cast("BinaryIO", stream)
        self._must_stand(item)
        if stream.ended and stream.count != item.size:
            raise _changed(self._place, item)

    def acknowledge(self, item: Item) -> None:
        """Move the file away, or remove it, as the settings say. A newer file under its name is left alone."""
        entry = self._place.stat(item.name)
        if entry is None or external_id(entry) != item.external_id:
            return
        if self._settings.afterwards == "delete":
            self._place.remove(item.name)
        else:
            self._move(item)

    def _move(self, item: Item) -> None:
        folder = self._settings.processed_folder
        self._place.make_folder(folder)
        plain = f"{folder}/{item.name}"
        taken = self._place.stat(plain) is not None
        self._place.rename(item.name, f"{folder}/{_own_name(item)}" if taken else plain)

    def _must_stand(self, item: Item) -> None:
        entry = self._place.stat(item.name)
        if entry is None:
            raise _gone(self._place, item)
        if external_id(entry) != item.external_id:
            raise _changed(self._place, item)

    def close(self) -> None:
        """Let go of the place."""
        self._place.close()


def open_invoice_files(settings: InvoiceFilesSettings) -> InvoiceFiles:
    """The source of a connection's settings."""
    return InvoiceFiles(settings, open_place(settings))


def external_id(entry: Entry) -> str:
    """Name, size and time of change: the same for the same file, another when another file takes the name."""
    return f"{entry.name}:{entry.size}:{entry.modified_ns}"


def _wanted(entries: Iterable[Entry]) -> Iterator[Entry]:
    for entry in entries:
        if name_fault(entry.name):
            _log.warning("a file in the inbox is left: its name %r cannot be used", shown_name(entry.name))
        elif not entry.name.startswith(".") and not entry.name.lower().endswith(UNFINISHED):
            yield entry


def _item(entry: Entry) -> Item:
    return Item(external_id(entry), entry.name, entry.size, entry.modified_at)


def _own_name(item: Item) -> str:
    """A name for the file in a folder where its plain name is taken: always the same for the same file."""
    path = PurePosixPath(item.name)
    mark = f".{hashlib.sha256(item.external_id.encode()).hexdigest()[:12]}{path.suffix}"
    room = LONGEST_NAME - len(mark.encode())
    return path.stem.encode()[:room].decode(errors="ignore") + mark


class _Counted:
    """A stream that knows how many bytes were read and whether the end was seen."""

    def __init__(self, inner: BinaryIO) -> None:
        self._inner = inner
        self.count = 0
        self.ended = False

    def read(self, size: int = -1, /) -> bytes:
        data = self._inner.read(size)
        self.count += len(data)
        self.ended = self.ended or size < 0 or (size > 0 and not data)
        return data


def _gone(place: Place, item: Item) -> Unavailable:
    where = f"{place.shown} {shown_name(item.name)}"
    return Unavailable(
        Text(
            f"{where}: filen försvann innan den var läst. Hubben listar mappen på nytt; se efter om någon annan "
            "hämtar från den.",
            f"{where}: the file vanished before it was read. The hub lists the folder again; see whether somebody "
            "else fetches from it.",
        )
    )


def _changed(place: Place, item: Item) -> Unavailable:
    where = f"{place.shown} {shown_name(item.name)}"
    return Unavailable(
        Text(
            f"{where}: filen ändrades medan den lästes. Hubben hämtar den på nytt när den ligger stilla; be avsändaren "
            "skriva under ett tillfälligt namn om det upprepas.",
            f"{where}: the file changed while it was read. The hub fetches it again when it lies still; ask the sender "
            "to write under a temporary name if it happens again.",
        )
    )
