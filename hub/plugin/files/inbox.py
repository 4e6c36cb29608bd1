"""A folder as a source of documents: files are listed when they are settled, read whole, and put aside."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import PurePosixPath
from typing import BinaryIO, cast

from hub.domain.texts import Reason, Text
from hub.plugin.errors import Refused, Rejected, Unavailable
from hub.plugin.files.names import LONGEST_NAME, name_bytes, place_fault, shown_name
from hub.plugin.files.opening import open_place
from hub.plugin.files.place import Entry, Place
from hub.plugin.files.settings import Inbox
from hub.plugin.ports import Item

# What programs call a file that they are still writing.
UNFINISHED = (".tmp", ".part", ".filepart", ".crdownload", ".swp", "~")


def everything(_name: str) -> bool:
    """Every file is wanted."""
    return True


class FolderSource:
    """A folder as a source; see `hub.plugin.ports.Source` for what it promises.

    `wanted` says by its name which file is to be fetched. `wait` is what passes the settling time; a test gives its
    own.
    """

    def __init__(
        self,
        settings: Inbox,
        place: Place,
        wait: Callable[[float], object] = time.sleep,
        wanted: Callable[[str], bool] = everything,
    ) -> None:
        self._settings, self._place, self._wait, self._is_wanted = settings, place, wait, wanted

    def fetch(self) -> Iterator[Item]:
        """What lies there settled, oldest first: what had the same size and time at two looks, some time apart.

        A file whose name cannot be used is listed too: it is rejected when it is opened, and so told.
        """
        for entry in sorted(self._settled(), key=lambda each: (each.modified_ns, each.name)):
            yield _item(entry)

    def _settled(self) -> Iterable[Entry]:
        first = {each for each in _wanted(self._restored(self._place.entries())) if self._is_wanted(each.name)}
        if not first or not self._settings.settle_seconds:
            return first
        self._wait(self._settings.settle_seconds)
        return first.intersection(self._place.entries())

    def _restored(self, entries: Iterable[Entry]) -> Iterator[Entry]:
        """The entries; one that a crash left taken aside gets its name again, and is listed by the next fetch."""
        for entry in list(entries):
            held = None if place_fault(entry.name) else _HELD.fullmatch(entry.name)
            if held is None:
                yield entry
            else:
                with suppress(Unavailable):
                    self._put_back(entry.name, held["name"], entry)

    @contextmanager
    def open(self, item: Item) -> Iterator[BinaryIO]:
        """The bytes of the file; raises Unavailable on entering or leaving when it is not the file that was listed,
        Rejected when it is there but may not be read."""
        self._must_stand(item)
        with self._opened(item) as opened:
            stream = _Counted(opened)
            yield cast("BinaryIO", stream)
        self._must_stand(item)
        if stream.ended and stream.count != item.size:
            raise _changed(self._place, item)

    def _opened(self, item: Item) -> BinaryIO:
        try:
            return self._place.open(item.name)
        except Refused as failure:
            # The folder was listed and the login stands: it is this file that may not be read.
            raise Rejected((_unreadable(self._place, item),)) from failure

    def acknowledge(self, item: Item) -> None:
        """Move the file away, or remove it, as the settings say. A newer file under its name is left alone.

        The file is taken aside before it is looked at, so that what is looked at is what is moved or removed.
        """
        if not _is(item, self._place.stat(item.name)):
            return
        held = _held_name(item.name)
        self._place.rename(item.name, held)
        entry = self._place.stat(held)
        if _is(item, entry):
            self._settle(item, held)
        elif entry:
            self._put_back(held, item.name, entry)

    def _settle(self, item: Item, held: str) -> None:
        if self._settings.afterwards == "delete":
            self._place.remove(held)
            return
        folder = self._settings.processed_folder
        self._place.make_folder(folder)
        if not self._place.rename_new(held, f"{folder}/{item.name}"):
            self._place.rename(held, f"{folder}/{_own_name(item.name, item.external_id)}")

    def _put_back(self, held: str, name: str, entry: Entry) -> None:
        """Give an unread file its name again, or one beside it where yet another file has taken that."""
        if not self._place.rename_new(held, name):
            self._place.rename(held, _own_name(name, external_id(entry)))

    def _must_stand(self, item: Item) -> None:
        entry = self._place.stat(item.name)
        if entry is None:
            raise _gone(self._place, item)
        if external_id(entry) != item.external_id:
            raise _changed(self._place, item)

    def close(self) -> None:
        """Let go of the place."""
        self._place.close()


def open_inbox(settings: Inbox, wanted: Callable[[str], bool] = everything) -> FolderSource:
    """The source of a connection's settings."""
    return FolderSource(settings, open_place(settings), wanted=wanted)


def external_id(entry: Entry) -> str:
    """Name, size and time of change: the same for the same file, another when another file takes the name."""
    return f"{entry.name}:{entry.size}:{entry.modified_ns}"


def _wanted(entries: Iterable[Entry]) -> Iterator[Entry]:
    for entry in entries:
        if not entry.name.startswith(".") and not entry.name.lower().endswith(UNFINISHED):
            yield entry


def _item(entry: Entry) -> Item:
    return Item(external_id(entry), entry.name, entry.size, entry.modified_at)


def _is(item: Item, entry: Entry | None) -> bool:
    """Whether the file, by whatever name it goes now, is the one that was listed."""
    return entry is not None and external_id(replace(entry, name=item.name)) == item.external_id


def _own_name(name: str, identity: str) -> str:
    """A name for the file in a folder where its plain name is taken: always the same for the same file."""
    path = PurePosixPath(name)
    mark = f".{hashlib.sha256(name_bytes(identity)).hexdigest()[:12]}{path.suffix}"
    return _cut(path.stem, LONGEST_NAME - len(name_bytes(mark))) + mark


_HELD = re.compile(r"\.(?P<name>.+)\.[0-9a-f]{8}\.taken", re.DOTALL)
_ROOM_FOR_HELD = LONGEST_NAME - len("..01234567.taken")


def _held_name(name: str) -> str:
    """The hidden name of a file that is taken aside, another each time. Only the very longest names are shortened."""
    return f".{_shortened(name)}.{secrets.token_hex(4)}.taken"


def _shortened(name: str) -> str:
    if len(name_bytes(name)) <= _ROOM_FOR_HELD:
        return name
    path = PurePosixPath(name)
    return _cut(path.stem, _ROOM_FOR_HELD - len(name_bytes(path.suffix))) + path.suffix


def _cut(text: str, room: int) -> str:
    return name_bytes(text)[: max(room, 0)].decode(errors="ignore")


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


def _unreadable(place: Place, item: Item) -> Reason:
    where = f"{place.shown} {shown_name(item.name)}"
    return Reason(
        code="ITEM-UNREADABLE",
        problem=Text(
            f"{where}: hubben får inte läsa filen. Den ligger kvar; ge hubbens användare läsrätt till den.",
            f"{where}: the hub may not read the file. It is left there; give the hub's user the right to read it.",
        ),
        remedy=Text(
            "Ge hubbens användare läsrätt till filen, eller be avsändaren lämna den på nytt. Hubben hämtar den sedan.",
            "Give the hub's user the right to read the file, or ask the sender to leave it again. The hub then "
            "fetches it.",
        ),
        value=shown_name(item.name),
    )


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
