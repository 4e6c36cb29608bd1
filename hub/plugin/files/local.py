"""A folder of this machine, or one that it has mounted."""

from __future__ import annotations

import os
import stat as modes
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import BinaryIO

from hub.plugin.files.failures import GONE, Stream, buffered, give_up, translated
from hub.plugin.files.names import checked, last, shown_name
from hub.plugin.files.place import Entry


class LocalFolder:
    """A folder of this machine, or one that the machine has mounted. Time limits are the file system's own."""

    def __init__(self, root: Path, shown: str) -> None:
        self._root = root
        self.shown = shown

    def reach(self) -> None:
        """There is no door here."""

    def entries(self, folder: str = "") -> Iterator[Entry]:
        with self._told(folder):
            listing = os.scandir(self._root / checked(folder) if folder else self._root)
        with listing:
            for each in listing:
                entry = self._entry(each)
                if entry:
                    yield entry

    def _entry(self, found: os.DirEntry[str]) -> Entry | None:
        with self._told(shown_name(found.name)):
            try:
                state = found.stat(follow_symlinks=False)
            except FileNotFoundError:
                return None
        return _plain(found.name, state)

    def stat(self, path: str) -> Entry | None:
        with self._told(path):
            try:
                return _plain(last(path), os.lstat(self._at(path)))
            except FileNotFoundError:
                return None

    def open(self, path: str) -> BinaryIO:
        with self._told(path):
            number = os.open(self._at(path), os.O_RDONLY | _NO_LINKS)
        inner = os.fdopen(number, "rb", buffering=0)
        if not modes.S_ISREG(os.fstat(number).st_mode):
            inner.close()
            give_up(GONE, self._where(path))
        return buffered(inner, self._where(path))

    def write(self, path: str, chunks: Iterable[bytes]) -> Entry:
        with self._told(path):
            number = os.open(self._at(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NO_LINKS, 0o660)
        inner = os.fdopen(number, "wb")
        with Stream(inner, self._where(path)) as stream:
            for chunk in chunks:
                stream.write(chunk)
            with self._told(path):
                inner.flush()
                os.fsync(number)
                state = os.fstat(number)
        return Entry(last(path), state.st_size, state.st_mtime_ns)

    def rename(self, old: str, new: str) -> None:
        with self._told(old):
            os.replace(self._at(old), self._at(new))
            self._sync(old, new)

    def rename_new(self, old: str, new: str) -> bool:
        with self._told(old):
            if not _renamed_new(self._at(old), self._at(new)):
                return False
            self._sync(old, new)
        return True

    def _sync(self, *paths: str) -> None:
        for folder in {self._at(path).parent for path in paths}:
            _sync_folder(folder)

    def remove(self, path: str) -> None:
        with self._told(path), suppress(FileNotFoundError):
            self._at(path).unlink()

    def make_folder(self, name: str) -> None:
        with self._told(name):
            self._at(name).mkdir(exist_ok=True)

    def close(self) -> None:
        """Nothing is held between calls."""

    def _at(self, path: str) -> Path:
        return self._root / checked(path)

    def _where(self, path: str) -> str:
        return f"{self.shown} {shown_name(path)}".rstrip()

    def _told(self, path: str) -> AbstractContextManager[None]:
        return translated(self._where(path))


# A name that is a link, or a pipe that nobody writes to, must neither be followed nor waited for.
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def _plain(name: str, state: os.stat_result) -> Entry | None:
    return Entry(name, state.st_size, state.st_mtime_ns) if modes.S_ISREG(state.st_mode) else None


def _renamed_new(old: Path, new: Path) -> bool:
    """A second name for the file can never overwrite; then the first name is taken away."""
    try:
        os.link(old, new, follow_symlinks=False)
    except FileExistsError:
        return False
    except FileNotFoundError:
        raise
    except OSError:
        # Mounted file systems without hard links say so in many ways; so does one that guards others' files.
        return _looked_and_renamed(old, new)
    old.unlink(missing_ok=True)
    return True


def _looked_and_renamed(old: Path, new: Path) -> bool:
    if os.path.lexists(new):
        return False
    os.rename(old, new)
    return True


def _sync_folder(folder: Path) -> None:
    # Some mounted file systems cannot sync a folder; the rename itself stands.
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
