"""Places that no disk is behind, and places that fail on command."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from enum import StrEnum
from typing import BinaryIO, TypeVar

from hub.domain.texts import Text
from hub.plugin.errors import Unavailable
from hub.plugin.files import Entry, Place

_Answer = TypeVar("_Answer")
_LONGEST_OPERATION = 30.0


class Killed(Exception):
    """The process died here. No code of ours may catch it."""


class Death(StrEnum):
    """When in an operation the process dies."""

    BEFORE = "before"
    HALFWAY = "halfway"
    AFTER = "after"


class FaultyPlace:
    """Another place, with death at its nth operation; `meanwhile` runs before each, as the receiver might.

    A write is two operations: after the first, half of the file is there for all to see. Who died does nothing more.
    """

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
        self._dead = False
        self.operations = 0

    @property
    def shown(self) -> str:
        return self._inner.shown

    def reach(self) -> None:
        self._doing(self._inner.reach)

    def entries(self, folder: str = "") -> Iterator[Entry]:
        return iter(self._doing(lambda: list(self._inner.entries(folder))))

    def stat(self, path: str) -> Entry | None:
        return self._doing(lambda: self._inner.stat(path))

    def open(self, path: str) -> BinaryIO:
        return self._doing(lambda: self._inner.open(path))

    def write(self, path: str, chunks: Iterable[bytes]) -> Entry:
        content = b"".join(chunks)
        halfway = [content[: len(content) // 2]]
        self._doing(lambda: self._inner.write(path, halfway))
        return self._doing(lambda: self._inner.write(path, [content]), halfway=lambda: self._inner.write(path, halfway))

    def rename(self, old: str, new: str) -> None:
        self._doing(lambda: self._inner.rename(old, new))

    def rename_new(self, old: str, new: str) -> bool:
        return self._doing(lambda: self._inner.rename_new(old, new))

    def remove(self, path: str) -> None:
        self._doing(lambda: self._inner.remove(path))

    def make_folder(self, name: str) -> None:
        self._doing(lambda: self._inner.make_folder(name))

    def close(self) -> None:
        self._inner.close()

    def _doing(self, act: Callable[[], _Answer], halfway: Callable[[], object] | None = None) -> _Answer:
        if self._dead:
            raise Killed(f"dead since operation {self.operations}")
        self.operations += 1
        if self._meanwhile:
            self._meanwhile(self.operations)
        if self.operations != self._die_at:
            return act()
        self._dead = True
        if self._death is Death.AFTER:
            act()
        elif self._death is Death.HALFWAY and halfway:
            halfway()
        raise Killed(f"died {self._death} operation {self.operations}")


class Stepped:
    """A piece of work in a thread of its own, which does one operation each time it is let and waits before the next.

    The work is given what a `FaultyPlace` takes as `meanwhile`. So two pieces can be interleaved at will.
    """

    def __init__(self, work: Callable[[Callable[[int], None]], object]) -> None:
        self.ended = False
        self._work = work
        self._failure: BaseException | None = None
        self._killed = False
        self._let = threading.Semaphore(0)
        self._waits = threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._await()

    def step(self) -> None:
        """Let it do one operation, unless it has ended."""
        if not self.ended:
            self._let.release()
            self._await()

    def finish(self) -> None:
        """Let it go on to its end; raises what it raised."""
        while not self.ended:
            self.step()
        self._thread.join()
        if self._failure:
            raise self._failure

    def kill(self) -> None:
        """End it where it stands: it does nothing more."""
        self._killed = True
        with suppress(Killed):
            self.finish()

    def _run(self) -> None:
        try:
            self._work(self._pause)
        except BaseException as failure:
            self._failure = failure
        self.ended = True
        self._waits.release()

    def _pause(self, operation: int) -> None:
        self._waits.release()
        self._let.acquire()
        if self._killed:
            raise Killed(f"killed before operation {operation}")

    def _await(self) -> None:
        if not self._waits.acquire(timeout=_LONGEST_OPERATION):
            raise TimeoutError(f"an operation took more than {_LONGEST_OPERATION} s")


class MemoryPlace:
    """A place in memory: what its files hold, by path, and times that only grow."""

    shown = "memory:"

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self._changed: dict[str, int] = {}
        self._clock = 1_700_000_000 * 10**9

    def reach(self) -> None:
        """There is no door here."""

    def entries(self, folder: str = "") -> Iterator[Entry]:
        found = {path: path.rpartition("/") for path in self.files}
        return iter([self._entry(path, name) for path, (at, _, name) in found.items() if at == folder])

    def stat(self, path: str) -> Entry | None:
        return self._entry(path, path.rpartition("/")[2]) if path in self.files else None

    def open(self, path: str) -> BinaryIO:
        self._must_hold(path)
        return io.BytesIO(self.files[path])

    def write(self, path: str, chunks: Iterable[bytes]) -> Entry:
        self._clock += 10**9
        self.files[path] = b"".join(chunks)
        self._changed[path] = self._clock
        return self._entry(path, path.rpartition("/")[2])

    def rename(self, old: str, new: str) -> None:
        self._must_hold(old)
        self.files[new] = self.files.pop(old)
        self._changed[new] = self._changed.pop(old)

    def rename_new(self, old: str, new: str) -> bool:
        if new in self.files:
            return False
        self.rename(old, new)
        return True

    def remove(self, path: str) -> None:
        self.files.pop(path, None)

    def make_folder(self, name: str) -> None:
        """Folders need no making here."""

    def close(self) -> None:
        """Nothing is held."""

    def _must_hold(self, path: str) -> None:
        if path not in self.files:
            raise Unavailable(Text(f"{path}: filen finns inte. Lägg den där.", f"{path}: no such file. Put it there."))

    def _entry(self, path: str, name: str) -> Entry:
        return Entry(name, len(self.files[path]), self._changed[path])
