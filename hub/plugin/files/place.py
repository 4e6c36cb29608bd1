"""What one may do at a place, whatever kind it is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO, Protocol

from hub.plugin.files.names import temporary


@dataclass(frozen=True, slots=True)
class Entry:
    """One file at a place as it stood when it was looked at; `modified_ns` counts from 1970 in nanoseconds."""

    name: str
    size: int
    modified_ns: int

    @property
    def modified_at(self) -> datetime:
        """When the file was last changed, in UTC."""
        return datetime.fromtimestamp(self.modified_ns / 1e9, tz=UTC)


class Place(Protocol):
    """A folder somewhere, for one piece of work and one thread. Opening it touches nothing; its verbs do.

    Every verb raises Unavailable or Refused, with a text that says what happened where; Rejected for an unfit name.
    """

    @property
    def shown(self) -> str:
        """The address as it may be shown: no secrets."""
        ...

    def reach(self) -> None:
        """Get in, where there is a door: what is wrong with server, host key or login is raised here at the latest."""
        ...

    def entries(self, folder: str = "") -> Iterator[Entry]:
        """The plain files there, lazily, in no order, whatever their names; links and folders are left out."""
        ...

    def stat(self, path: str) -> Entry | None:
        """The file as it stands, or None when no plain file stands there."""
        ...

    def open(self, path: str) -> BinaryIO:
        """The file's bytes, as a stream to be closed by the caller."""
        ...

    def write(self, path: str, chunks: Iterable[bytes]) -> Entry:
        """Write the whole file under that very name, safe on disk as far as the place lets us know."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give the file its new name in one step, in place of any file that has it."""
        ...

    def rename_new(self, old: str, new: str) -> bool:
        """Give the file its new name unless that is taken: False then, and nothing is done.

        One step where the place has links or keeps to the SFTP protocol; else a look and, at once, the rename.
        """
        ...

    def remove(self, path: str) -> None:
        """Remove the file; harmless when it is gone already."""
        ...

    def make_folder(self, name: str) -> None:
        """Make the folder below the place; harmless when it is there already."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def put(place: Place, path: str, chunks: Iterable[bytes]) -> Entry:
    """Write a file so that nobody ever sees half of it: under a temporary name first, then renamed."""
    folder, _, name = path.rpartition("/")
    hidden = f"{folder}/{temporary(name)}" if folder else temporary(name)
    entry = place.write(hidden, chunks)
    place.rename(hidden, path)
    return Entry(name, entry.size, entry.modified_ns)
