"""A folder behind SFTP, by paramiko."""

from __future__ import annotations

import binascii
import io
import socket
import stat as modes
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import BinaryIO, cast
from urllib.parse import SplitResult, unquote, urlsplit

import paramiko
from paramiko.sftp import CMD_OPENDIR, CMD_READDIR

from hub.plugin.files.failures import (
    BAD_KEY,
    BAD_LOGIN,
    BROKEN,
    FOREIGN,
    GONE,
    NO_COMMON_WAY,
    WRONG_HOST,
    Opened,
    Stream,
    buffered,
    give_up,
    translated,
)
from hub.plugin.files.names import checked, last, name_bytes, shown_name
from hub.plugin.files.place import Entry
from hub.plugin.files.settings import FilePlace, host_key_of

_READ_AHEAD = 8 * 1024 * 1024
_SFTP_PORT = 22

_KEY_KINDS: dict[str, tuple[str, ...]] = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
_PRIVATE_KEYS: tuple[type[paramiko.PKey], ...] = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


@dataclass(frozen=True, slots=True)
class _Line:
    """A connection that is logged in."""

    transport: paramiko.Transport
    client: paramiko.SFTPClient


class SftpFolder:
    """A folder behind SFTP, connected to by the first verb and by nothing before it.

    The server must show the pinned key before anything of ours is sent to it.
    """

    def __init__(self, place: FilePlace) -> None:
        self._place = place
        self._root = PurePosixPath(unquote(urlsplit(place.address).path) or "/")
        self._line: _Line | None = None
        self.shown = place.address

    @property
    def _sftp(self) -> paramiko.SFTPClient:
        # A line that broke is not mended here: the piece of work begins again with a place of its own.
        if self._line is None:
            self._line = _opened_line(self._place)
        return self._line.client

    def reach(self) -> None:
        _ = self._sftp

    def entries(self, folder: str = "") -> Iterator[Entry]:
        at = self._at(folder) if folder else name_bytes(str(self._root))
        with self._told(folder):
            answer = self._request(CMD_OPENDIR, at)
            handle = answer.get_string()
        while batch := self._batch(handle, folder):
            yield from (entry for entry in batch if entry)

    def _batch(self, handle: bytes, folder: str) -> list[Entry | None]:
        """The next files of a listing, empty at its end. Written out because the library gives up on a whole
        folder when one name in it is not UTF-8."""
        with self._told(folder):
            try:
                answer = self._request(CMD_READDIR, handle)
            except EOFError:
                self._still_there(folder)
                return []
            return [_listed(answer) for _ in range(answer.get_int())]

    def _request(self, kind: int, argument: str | bytes) -> paramiko.Message:
        _, answer = self._sftp._request(kind, argument)  # type: ignore[attr-defined]
        return cast("paramiko.Message", answer)

    def _still_there(self, folder: str) -> None:
        # The end of a listing and the end of the connection look alike.
        if not (self._line and self._line.transport.is_active()):
            give_up(BROKEN, self._where(folder))

    def stat(self, path: str) -> Entry | None:
        with self._told(path):
            try:
                return _remote(last(path), self._sftp.lstat(self._at(path)))
            except FileNotFoundError:
                return None

    def open(self, path: str) -> BinaryIO:
        with self._told(path):
            inner = self._sftp.open(self._at(path), "rb")
            size = inner.stat().st_size or 0
            if size <= _READ_AHEAD:
                inner.prefetch(size)
        return buffered(cast("Opened", inner), self._where(path))

    def write(self, path: str, chunks: Iterable[bytes]) -> Entry:
        with self._told(path):
            inner = self._sftp.open(self._at(path), "wb")
            inner.set_pipelined(True)
        with Stream(cast("Opened", inner), self._where(path)) as stream:
            for chunk in chunks:
                stream.write(chunk)
        entry = self.stat(path)
        return entry or give_up(GONE, self._where(path))

    def rename(self, old: str, new: str) -> None:
        with self._told(old):
            try:
                self._sftp.posix_rename(self._at(old), self._at(new))
            except OSError as error:
                # A server without that extension answers with a failure that has no number.
                if error.errno is not None:
                    raise
                self._sftp.rename(self._at(old), self._at(new))

    def rename_new(self, old: str, new: str) -> bool:
        # The protocol has this rename refuse a name that is taken, with a failure that has no number. Some servers
        # overwrite all the same, so the look comes first.
        if self._is_taken(new):
            return False
        with self._told(old):
            try:
                self._sftp.rename(self._at(old), self._at(new))
            except OSError as error:
                if error.errno is not None or not self._is_taken(new):
                    raise
                return False
        return True

    def _is_taken(self, path: str) -> bool:
        with self._told(path):
            try:
                self._sftp.lstat(self._at(path))
            except FileNotFoundError:
                return False
        return True

    def remove(self, path: str) -> None:
        with self._told(path), suppress(FileNotFoundError):
            self._sftp.remove(self._at(path))

    def make_folder(self, name: str) -> None:
        with self._told(name):
            try:
                self._sftp.mkdir(self._at(name))
            except OSError:
                if not modes.S_ISDIR(self._sftp.stat(self._at(name)).st_mode or 0):
                    raise

    def close(self) -> None:
        if self._line is None:
            return
        with suppress(*FOREIGN):
            self._line.client.close()
        self._line.transport.close()

    def _at(self, path: str) -> bytes:
        return name_bytes(str(self._root / checked(path)))

    def _where(self, path: str) -> str:
        return f"{self.shown} {shown_name(path)}".rstrip()

    def _told(self, path: str) -> AbstractContextManager[None]:
        return translated(self._where(path))


def _listed(answer: paramiko.Message) -> Entry | None:
    name = answer.get_string().decode("utf-8", "surrogateescape")
    line = answer.get_string()
    found = paramiko.SFTPAttributes._from_msg(answer)  # type: ignore[attr-defined]
    is_other = found.st_mode is None and line[:1] in _OTHERS
    return None if is_other else _remote(name, found)


_OTHERS = b"d", b"l", b"p", b"s", b"b", b"c"
"""How a line of a listing begins, as `ls -l` writes it, of what is no plain file."""


def _remote(name: str, found: paramiko.SFTPAttributes) -> Entry | None:
    # A server need not say what a thing is. One that does not has plain files too: none may lie there unseen.
    if found.st_mode is not None and not modes.S_ISREG(found.st_mode):
        return None
    return Entry(name, found.st_size or 0, int(found.st_mtime or 0) * 10**9)


def _opened_line(place: FilePlace) -> _Line:
    parts = urlsplit(place.address)
    transport = _connected(place, parts)
    try:
        return _Line(transport, _logged_in(transport, place, parts))
    except BaseException:
        transport.close()
        raise


def _connected(place: FilePlace, parts: SplitResult) -> paramiko.Transport:
    pinned = [host_key_of(line) for line in place.host_key.splitlines()]
    with translated(place.address):
        line = socket.create_connection((parts.hostname or "", parts.port or _SFTP_PORT), place.connect_timeout)
    try:
        transport = paramiko.Transport(line)
    except BaseException:
        line.close()
        raise
    try:
        _greet(transport, place, pinned)
    except BaseException:
        transport.close()
        raise
    return transport


def _greet(transport: paramiko.Transport, place: FilePlace, pinned: list[tuple[str, bytes]]) -> None:
    kinds = list(dict.fromkeys(name for kind, _ in pinned for name in _KEY_KINDS.get(kind, (kind,))))
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = place.connect_timeout
    transport.channel_timeout = place.connect_timeout
    try:
        transport.get_security_options().key_types = kinds
    except ValueError:
        give_up(NO_COMMON_WAY, place.address)
    with translated(place.address):
        transport.start_client(timeout=place.connect_timeout)
        key = transport.get_remote_server_key()
    if (key.get_name(), key.asbytes()) not in pinned:
        give_up(WRONG_HOST, place.address)


def _logged_in(transport: paramiko.Transport, place: FilePlace, parts: SplitResult) -> paramiko.SFTPClient:
    user = unquote(parts.username or "")
    secret = place.password.get_secret_value() if place.password else None
    with translated(place.address):
        if place.private_key:
            left = transport.auth_publickey(user, _private_key(place, secret))
        else:
            left = transport.auth_password(user, secret or "")
        if left:
            give_up(BAD_LOGIN, place.address)
        client = paramiko.SFTPClient.from_transport(transport)
    if client is None:
        give_up(BROKEN, place.address)
    channel = client.get_channel()
    if channel:
        channel.settimeout(place.timeout)
    return client


def _private_key(place: FilePlace, passphrase: str | None) -> paramiko.PKey:
    text = place.private_key.get_secret_value() if place.private_key else ""
    for kind in _PRIVATE_KEYS:
        # What a key of another kind, a wrong passphrase or plain noise raises differs from one kind to the next.
        with suppress(paramiko.SSHException, ValueError, IndexError, binascii.Error):
            return kind.from_private_key(io.StringIO(text.strip() + "\n"), passphrase)
    return give_up(BAD_KEY, place.address)
