"""Places that no disk is behind, and places that fail on command."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from enum import StrEnum
from typing import BinaryIO, TypeVar

from hub.plugin.files import Entry, Place

_Answer = TypeVar("_Answer")


class Killed(Exception):
    """The process died here. No code of ours may catch it."""


class Death(StrEnum):
    """When in an operation the process dies."""

    BEFORE = "before"
    HALFWAY = "halfway"
    AFTER = "after"


class FaultyPlace:
    """Another place, with death at its nth operation; `meanwhile` runs before each, as the receiver might."""

    def __init__(
        self,
        inner: Place,
        *,
        die_at: int = 0,
        death: Death = Death.BEFORE,
        meanwhile: Callable[[int], None] | None = None,
    ) -> None:
        self._inner = inner
        self._die_at = die_at
        self._death = death
        self._meanwhile = meanwhile
        self.operations = 0

    @property
    def shown(self) -> str:
        return self._inner.shown

    def entries(self, folder: str = "") -> Iterator[Entry]:
        return iter(self._doing(lambda: list(self._inner.entries(folder))))

    def stat(self, path: str) -> Entry | None:
        return self._doing(lambda: self._inner.stat(path))

    def open(self, path: str) -> BinaryIO:
        return self._doing(lambda: self._inner.open(path))

    def write(self, path: str, chunks: Iterable[bytes]) -> Entry:
        content = b"".join(chunks)
        halfway = [content[: len(content) // 2]]
        return self._doing(lambda: self._inner.write(path, [content]), halfway=lambda: self._inner.write(path, halfway))

    def rename(self, old: str, new: str) -> None:
        self._doing(lambda: self._inner.rename(old, new))

    def remove(self, path: str) -> None:
        self._doing(lambda: self._inner.remove(path))

    def make_folder(self, name: str) -> None:
        self._doing(lambda: self._inner.make_folder(name))

    def close(self) -> None:
        self._inner.close()

    def _doing(self, act: Callable[[], _Answer], halfway: Callable[[], object] | None = None) -> _Answer:
        self.operations += 1
        if self._meanwhile:
            self._meanwhile(self.operations)
        if self.operations != self._die_at:
            return act()
        if self._death is Death.AFTER:
            act()
        elif self._death is Death.HALFWAY and halfway:
            halfway()
        raise Killed(f"died {self._death} operation {self.operations}")


class MemoryPlace:
    """A place in memory: what its files hold, by path, and times that only grow."""

    shown = "memory:"

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self._changed: dict[str, int] = {}
        self._clock = 1_700_000_000 * 10**9

    def entries(self, folder: str = "") -> Iterator[Entry]:
        found = {path: path.rpartition("/") for path in self.files}
        return iter([self._entry(path, name) for path, (at, _, name) in found.items() if at == folder])

    def stat(self, path: str) -> Entry | None:
        return self._entry(path, path.rpartition("/")[2]) if path in self.files else None

    def open(self, path: str) -> BinaryIO:
        return io.BytesIO(self.files[path])

    def write(self, path: str, chunks: Iterable[bytes]) -> Entry:
        self._clock += 10**9
        self.files[path] = b"".join(chunks)
        self._changed[path] = self._clock
        return self._entry(path, path.rpartition("/")[2])

    def rename(self, old: str, new: str) -> None:
        self.files[new] = self.files.pop(old)
        self._changed[new] = self._changed.pop(old)

    def remove(self, path: str) -> None:
        self.files.pop(path, None)

    def make_folder(self, name: str) -> None:
        """Folders need no making here."""

    def close(self) -> None:
        """Nothing is held."""

    def _entry(self, path: str, name: str) -> Entry:
        return Entry(name, len(self.files[path]), self._changed[path])
