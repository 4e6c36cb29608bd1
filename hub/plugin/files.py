"""The seam to places where files are left and fetched: a folder of this machine, or a folder behind SFTP.

Here are the settings of such a place (`FilePlace`), the few things one may do there (`Place`), the two ways to do
them, and the one table that tells how they fail. paramiko is imported here alone.

A path within a place is a file's name, or a name in one folder below it (`processed/invoice.xml`), never more.
Names that come from outside are looked at before they are used: see `name_fault`.
"""

from __future__ import annotations

import base64
import binascii
import errno
import io
import os
import secrets
import socket
import stat as modes
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, NoReturn, Protocol, cast
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import url2pathname

import paramiko
from paramiko.sftp import CMD_OPENDIR, CMD_READDIR
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from hub.domain.texts import Reason, Text
from hub.plugin.errors import Failure, Refused, Rejected, Unavailable
from hub.plugin.ports import Check

LONGEST_NAME = 255
PIECE = 64 * 1024
_READ_AHEAD = 8 * 1024 * 1024
_SFTP_PORT = 22

# --- settings -------------------------------------------------------------------------------------------------


def english(title: str, description: str) -> JsonDict:
    """A settings field's English words, for `json_schema_extra`; its title and description are the Swedish ones."""
    return {"en": {"title": title, "description": description}}


def wrong_setting(code: str, text: Text) -> PydanticCustomError:
    """The error a settings model raises; `ctx["sv"]` carries the Swedish words."""
    return PydanticCustomError(code, cast("Any", "{en}"), {"en": text.en, "sv": text.sv})


class FilePlace(BaseModel):
    """Where files lie and how to get in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str = Field(
        title="Adress",
        description="Mappens adress: file:///mapp på denna maskin, eller sftp://användare@server:22/mapp.",
        json_schema_extra=english(
            "Address", "The folder's address: file:///folder on this machine, or sftp://user@server:22/folder."
        ),
    )
    password: SecretStr | None = Field(
        default=None,
        title="Lösenord",
        description="Användarens lösenord på SFTP-servern, eller nyckelns lösenfras när en privat nyckel är angiven.",
        json_schema_extra=english(
            "Password", "The user's password on the SFTP server, or the private key's passphrase when a key is given."
        ),
    )
    private_key: SecretStr | None = Field(
        default=None,
        title="Privat nyckel",
        description="Den privata nyckeln som text, från -----BEGIN till END----- (Ed25519, ECDSA eller RSA).",
        json_schema_extra=english(
            "Private key", "The private key as text, from -----BEGIN to END----- (Ed25519, ECDSA or RSA)."
        ),
    )
    host_key: str = Field(
        default="",
        title="Serverns nyckel",
        description=(
            "SFTP-serverns publika nyckel, som ssh-ed25519 AAAA… Fråga serverns ägare; flera rader när den "
            "ska bytas. Krävs för SFTP: hubben litar aldrig på en okänd server."
        ),
        json_schema_extra=english(
            "Host key",
            (
                "The SFTP server's public key, as ssh-ed25519 AAAA… Ask the server's owner; several lines while it "
                "is being changed. Demanded for SFTP: the hub never trusts an unknown server."
            ),
        ),
    )
    connect_timeout: float = Field(
        default=10.0,
        gt=0,
        le=120,
        title="Tidsgräns för anslutning (s)",
        description="Så länge väntar hubben på att servern svarar.",
        json_schema_extra=english("Connect time limit (s)", "How long the hub waits for the server to answer."),
    )
    timeout: float = Field(
        default=30.0,
        gt=0,
        le=600,
        title="Tidsgräns för överföring (s)",
        description="Längsta tystnad under pågående arbete.",
        json_schema_extra=english("Transfer time limit (s)", "The longest silence while work goes on."),
    )

    @field_validator("address")
    @classmethod
    def _address_is_understood(cls, address: str) -> str:
        parts = urlsplit(address.strip())
        if not (_is_folder(parts) or _is_sftp(parts)):
            raise wrong_setting("file_address", _NO_ADDRESS)
        if parts.password is not None:
            raise wrong_setting("file_address_password", _PASSWORD_IN_ADDRESS)
        return address.strip()

    @field_validator("host_key")
    @classmethod
    def _host_key_is_a_key(cls, host_key: str) -> str:
        for line in host_key.strip().splitlines():
            _host_key(line)
        return host_key.strip()

    @model_validator(mode="after")
    def _sftp_has_what_it_needs(self) -> FilePlace:
        if _is_sftp(urlsplit(self.address)):
            if not self.host_key:
                raise wrong_setting("sftp_host_key", _NO_HOST_KEY)
            if not (self.password or self.private_key):
                raise wrong_setting("sftp_credentials", _NO_CREDENTIALS)
        return self


_NO_ADDRESS = Text(
    "Adressen ska vara file:///mapp eller sftp://användare@server/mapp.",
    "The address is to be file:///folder or sftp://user@server/folder.",
)
_PASSWORD_IN_ADDRESS = Text(
    "Lösenordet hör inte hemma i adressen: skriv det i fältet Lösenord.",
    "The password does not belong in the address: write it in the field Password.",
)
_NO_HOST_KEY = Text(
    "SFTP kräver serverns publika nyckel (ssh-ed25519 AAAA…). Fråga serverns ägare efter den.",
    "SFTP demands the server's public key (ssh-ed25519 AAAA…). Ask the server's owner for it.",
)
_NO_CREDENTIALS = Text(
    "SFTP kräver lösenord eller privat nyckel.",
    "SFTP demands a password or a private key.",
)
_NOT_A_HOST_KEY = Text(
    "Serverns nyckel ska vara en rad som ssh-ed25519 AAAA…",
    "The host key is to be a line like ssh-ed25519 AAAA…",
)


def _is_folder(parts: SplitResult) -> bool:
    return parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path.startswith("/")


def _is_sftp(parts: SplitResult) -> bool:
    return parts.scheme == "sftp" and bool(parts.hostname and parts.username) and _has_sane_port(parts)


def _has_sane_port(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def _host_key(line: str) -> tuple[str, bytes]:
    fields = line.split()
    try:
        return fields[0], base64.b64decode(fields[1], validate=True)
    except (IndexError, binascii.Error):
        raise wrong_setting("host_key", _NOT_A_HOST_KEY) from None


# --- names ----------------------------------------------------------------------------------------------------


def name_fault(name: str) -> Text | None:
    """What makes a name from outside unfit to be used as a file name, or None when it is fit."""
    if not name or name in {".", ".."}:
        return Text("namnet är tomt eller punkter", "the name is empty or dots")
    if "/" in name or "\\" in name:
        return Text("namnet innehåller ett sökvägstecken", "the name holds a path separator")
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in name):
        return Text("namnet innehåller styrtecken", "the name holds control characters")
    return _encoding_fault(name)


def _encoding_fault(name: str) -> Text | None:
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        return Text("namnet är inte UTF-8", "the name is not UTF-8")
    if length > LONGEST_NAME:
        return Text(f"namnet är längre än {LONGEST_NAME} byte", f"the name is longer than {LONGEST_NAME} bytes")
    return None


def temporary(name: str) -> str:
    """The hidden name under which a file is written before it takes its own; no receiver picks it up."""
    return f".{name}.part"


def shown_name(name: str) -> str:
    """The name as it may be printed and kept: what cannot be shown becomes a replacement character, 255 at most."""
    return "".join(each if each.isprintable() else "\ufffd" for each in name)[:LONGEST_NAME]


def _checked(path: str) -> str:
    for part in path.split("/", 1):
        fault = name_fault(part)
        if fault:
            raise Rejected((_unfit_name(part, fault),))
    return path


def _unfit_name(name: str, fault: Text) -> Reason:
    shown = shown_name(name)
    return Reason(
        code="FILE-NAME",
        problem=Text(
            f"Filnamnet {shown!r} kan inte användas: {fault.sv}.",
            f"The file name {shown!r} cannot be used: {fault.en}.",
        ),
        remedy=Text("Byt namn på filen och lägg den där igen.", "Rename the file and leave it there again."),
        value=shown,
    )


# --- what one may do ------------------------------------------------------------------------------------------


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
    """A folder somewhere, for one piece of work and one thread.

    Every method raises Unavailable or Refused, with a text that says what happened where; Rejected for an unfit name.
    """

    @property
    def shown(self) -> str:
        """The address as it may be shown: no secrets."""
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

    def remove(self, path: str) -> None:
        """Remove the file; harmless when it is gone already."""
        ...

    def make_folder(self, name: str) -> None:
        """Make the folder below the place; harmless when it is there already."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...


def open_place(place: FilePlace) -> Place:
    """Open the place. A folder is not looked at yet; an SFTP server is logged in to."""
    parts = urlsplit(place.address)
    if parts.scheme == "file":
        return LocalFolder(Path(url2pathname(parts.path)), place.address)
    return SftpFolder(place)


def put(place: Place, path: str, chunks: Iterable[bytes]) -> Entry:
    """Write a file so that nobody ever sees half of it: under a temporary name first, then renamed."""
    folder, _, name = path.rpartition("/")
    hidden = f"{folder}/{temporary(name)}" if folder else temporary(name)
    entry = place.write(hidden, chunks)
    place.rename(hidden, path)
    return Entry(name, entry.size, entry.modified_ns)


# --- how it fails ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Told:
    failure: type[Unavailable] | type[Refused]
    happened: Text
    remedy: Text


_GONE = _Told(
    Unavailable,
    Text("filen eller mappen finns inte", "the file or the folder is not there"),
    Text(
        "Se efter att mappen finns och är ansluten, och att ingen annan hämtar samma filer.",
        "See that the folder exists and is mounted, and that nobody else takes the same files.",
    ),
)
_FORBIDDEN = _Told(
    Refused,
    Text("hubben saknar rätt till filen eller mappen", "the hub has no right to the file or the folder"),
    Text(
        "Ge hubbens användare rätt att läsa, skriva, byta namn och ta bort i mappen.",
        "Give the hub's user the right to read, write, rename and remove in the folder.",
    ),
)
_NOT_A_FOLDER = _Told(
    Refused,
    Text("adressen är ingen mapp", "the address is no folder"),
    Text("Rätta anslutningens adress.", "Mend the connection's address."),
)
_FULL = _Told(
    Unavailable,
    Text("det finns inte plats kvar", "there is no room left"),
    Text("Frigör utrymme där filerna ska ligga.", "Make room where the files are to lie."),
)
_BAD_LOGIN = _Told(
    Refused,
    Text("servern tog inte emot inloggningen", "the server did not accept the login"),
    Text(
        "Kontrollera användare, lösenord eller nyckel hos serverns ägare.",
        "Check user, password or key with the server's owner.",
    ),
)
_WRONG_HOST = _Told(
    Refused,
    Text("servern visade en annan nyckel än den angivna", "the server showed another key than the one given"),
    Text(
        "Fråga serverns ägare om nyckeln är bytt innan du anger en ny: det kan vara fel server.",
        "Ask the server's owner whether the key was changed before you give a new one: it may be the wrong server.",
    ),
)
_BAD_KEY = _Told(
    Refused,
    Text("den privata nyckeln kan inte läsas", "the private key cannot be read"),
    Text(
        "Ange en Ed25519-, ECDSA- eller RSA-nyckel i OpenSSH- eller PEM-form och rätt lösenfras.",
        "Give an Ed25519, ECDSA or RSA key in OpenSSH or PEM form and the right passphrase.",
    ),
)
_NO_COMMON_WAY = _Told(
    Refused,
    Text(
        "servern och hubben har ingen gemensam krypteringsmetod", "the server and the hub share no cipher or key type"
    ),
    Text(
        "Kontrollera att serverns nyckel är av den typ som anges, och att servern är uppdaterad.",
        "Check that the server's key is of the type given, and that the server is kept up to date.",
    ),
)
_SLOW = _Told(
    Unavailable,
    Text("servern svarade inte inom tidsgränsen", "the server did not answer within the time limit"),
    Text("Hubben försöker igen.", "The hub tries again."),
)
_NO_SUCH_HOST = _Told(
    Unavailable,
    Text("servernamnet hittades inte", "the server's name was not found"),
    Text("Kontrollera servernamnet och namnuppslagningen.", "Check the server's name and the name service."),
)
_BROKEN = _Told(
    Unavailable,
    Text("anslutningen bröts eller gick inte att öppna", "the connection broke or could not be opened"),
    Text(
        "Hubben försöker igen. Håller det i sig: se efter att servern är igång.",
        "The hub tries again. If it goes on: see that the server is running.",
    ),
)
_OTHER = _Told(
    Unavailable,
    Text("platsen kunde inte utföra det", "the place could not do it"),
    Text(
        "Hubben försöker igen. Håller det i sig: se platsens egen logg.",
        "The hub tries again. If it goes on: see the place's own log.",
    ),
)

_BY_NUMBER: dict[int | None, _Told] = {
    errno.ENOENT: _GONE,
    errno.ESTALE: _GONE,
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EROFS: _FORBIDDEN,
    errno.ELOOP: _FORBIDDEN,
    errno.ENOTDIR: _NOT_A_FOLDER,
    errno.EISDIR: _NOT_A_FOLDER,
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
}
_BY_KIND: tuple[tuple[type[BaseException], _Told], ...] = (
    (paramiko.AuthenticationException, _BAD_LOGIN),
    (paramiko.ssh_exception.IncompatiblePeer, _NO_COMMON_WAY),
    (TimeoutError, _SLOW),
    (socket.gaierror, _NO_SUCH_HOST),
    (ConnectionError, _BROKEN),
    (paramiko.SSHException, _BROKEN),
    (EOFError, _BROKEN),
)
_FOREIGN = (OSError, EOFError, paramiko.SSHException)


def _fault(error: BaseException) -> _Told:
    for kind, told in _BY_KIND:
        if isinstance(error, kind):
            return told
    return _BY_NUMBER.get(getattr(error, "errno", None), _OTHER)


def _raise(told: _Told, where: str, cause: BaseException | None = None) -> NoReturn:
    text = Text(
        f"{where}: {told.happened.sv}. {told.remedy.sv}",
        f"{where}: {told.happened.en}. {told.remedy.en}",
    )
    raise told.failure(text) from cause


@contextmanager
def _translated(where: str) -> Iterator[None]:
    try:
        yield
    except _FOREIGN as error:
        _raise(_fault(error), where, error)


class _Opened(Protocol):
    """What both a local and a remote open file can do."""

    def read(self, size: int, /) -> bytes | None: ...
    def write(self, data: bytes, /) -> object: ...
    def close(self) -> None: ...


class _Stream(io.RawIOBase):
    """An open file whose failures are told as ours, wherever its bytes are read or written."""

    def __init__(self, inner: _Opened, where: str) -> None:
        super().__init__()
        self._inner = inner
        self._where = where

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        with _translated(self._where):
            data = self._inner.read(len(buffer)) or b""
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: Any, /) -> int:
        with _translated(self._where):
            self._inner.write(bytes(data))
        return len(data)

    def close(self) -> None:
        if self.closed:
            return
        try:
            with _translated(self._where):
                self._inner.close()
        finally:
            super().close()


# --- a folder of this machine ---------------------------------------------------------------------------------


class LocalFolder:
    """A folder of this machine, or one that the machine has mounted. Time limits are the file system's own."""

    def __init__(self, root: Path, shown: str) -> None:
        self._root = root
        self.shown = shown

    def entries(self, folder: str = "") -> Iterator[Entry]:
        with self._told(folder):
            listing = os.scandir(self._root / _checked(folder) if folder else self._root)
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
                return _plain(_last(path), os.lstat(self._at(path)))
            except FileNotFoundError:
                return None

    def open(self, path: str) -> BinaryIO:
        with self._told(path):
            number = os.open(self._at(path), os.O_RDONLY | _NO_LINKS)
        inner = os.fdopen(number, "rb", buffering=0)
        if not modes.S_ISREG(os.fstat(number).st_mode):
            inner.close()
            _raise(_GONE, self._where(path))
        return _buffered(inner, self._where(path))

    def write(self, path: str, chunks: Iterable[bytes]) -> Entry:
        with self._told(path):
            number = os.open(self._at(path), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _NO_LINKS, 0o660)
        inner = os.fdopen(number, "wb")
        with _Stream(inner, self._where(path)) as stream:
            for chunk in chunks:
                stream.write(chunk)
            with self._told(path):
                inner.flush()
                os.fsync(number)
                state = os.fstat(number)
        return Entry(_last(path), state.st_size, state.st_mtime_ns)

    def rename(self, old: str, new: str) -> None:
        with self._told(old):
            os.replace(self._at(old), self._at(new))
            for folder in {self._at(old).parent, self._at(new).parent}:
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
        return self._root / _checked(path)

    def _where(self, path: str) -> str:
        return f"{self.shown} {shown_name(path)}".rstrip()

    def _told(self, path: str) -> Any:
        return _translated(self._where(path))


# A name that is a link, or a pipe that nobody writes to, must neither be followed nor waited for.
_NO_LINKS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


def _plain(name: str, state: os.stat_result) -> Entry | None:
    return Entry(name, state.st_size, state.st_mtime_ns) if modes.S_ISREG(state.st_mode) else None


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _buffered(inner: _Opened, where: str) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(_Stream(inner, where), PIECE))


def _sync_folder(folder: Path) -> None:
    # Some mounted file systems cannot sync a folder; the rename itself stands.
    with suppress(OSError):
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)


# --- a folder behind SFTP -------------------------------------------------------------------------------------

_KEY_KINDS: dict[str, tuple[str, ...]] = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
_PRIVATE_KEYS: tuple[type[paramiko.PKey], ...] = (paramiko.Ed25519Key, paramiko.ECDSAKey, paramiko.RSAKey)


class SftpFolder:
    """A folder behind SFTP. The server must show the pinned key before anything of ours is sent to it."""

    def __init__(self, place: FilePlace) -> None:
        parts = urlsplit(place.address)
        self._root = PurePosixPath(unquote(parts.path) or "/")
        self.shown = place.address
        self._transport = _connected(place, parts)
        try:
            self._sftp = _logged_in(self._transport, place, parts)
        except BaseException:
            self._transport.close()
            raise

    def entries(self, folder: str = "") -> Iterator[Entry]:
        at = str(self._root / _checked(folder)) if folder else str(self._root)
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
        if not self._transport.is_active():
            _raise(_BROKEN, self._where(folder))

    def stat(self, path: str) -> Entry | None:
        with self._told(path):
            try:
                return _remote(_last(path), self._sftp.lstat(self._at(path)))
            except FileNotFoundError:
                return None

    def open(self, path: str) -> BinaryIO:
        with self._told(path):
            inner = self._sftp.open(self._at(path), "rb")
            size = inner.stat().st_size or 0
            if size <= _READ_AHEAD:
                inner.prefetch(size)
        return _buffered(cast("_Opened", inner), self._where(path))

    def write(self, path: str, chunks: Iterable[bytes]) -> Entry:
        with self._told(path):
            inner = self._sftp.open(self._at(path), "wb")
            inner.set_pipelined(True)
        with _Stream(cast("_Opened", inner), self._where(path)) as stream:
            for chunk in chunks:
                stream.write(chunk)
        entry = self.stat(path)
        return entry or _raise(_GONE, self._where(path))

    def rename(self, old: str, new: str) -> None:
        with self._told(old):
            try:
                self._sftp.posix_rename(self._at(old), self._at(new))
            except OSError as error:
                # A server without that extension answers with a failure that has no number.
                if error.errno is not None:
                    raise
                self._sftp.rename(self._at(old), self._at(new))

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
        with suppress(*_FOREIGN):
            self._sftp.close()
        self._transport.close()

    def _at(self, path: str) -> str:
        return str(self._root / _checked(path))

    def _where(self, path: str) -> str:
        return f"{self.shown} {shown_name(path)}".rstrip()

    def _told(self, path: str) -> Any:
        return _translated(self._where(path))


def _listed(answer: paramiko.Message) -> Entry | None:
    name = answer.get_string().decode("utf-8", "surrogateescape")
    answer.get_string()
    return _remote(name, paramiko.SFTPAttributes._from_msg(answer))  # type: ignore[attr-defined]


def _remote(name: str, found: paramiko.SFTPAttributes) -> Entry | None:
    if found.st_mode is None or not modes.S_ISREG(found.st_mode):
        return None
    return Entry(name, found.st_size or 0, int(found.st_mtime or 0) * 10**9)


def _connected(place: FilePlace, parts: SplitResult) -> paramiko.Transport:
    pinned = dict(_host_key(line) for line in place.host_key.splitlines())
    with _translated(place.address):
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


def _greet(transport: paramiko.Transport, place: FilePlace, pinned: dict[str, bytes]) -> None:
    kinds = [name for kind in pinned for name in _KEY_KINDS.get(kind, (kind,))]
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = place.connect_timeout
    transport.channel_timeout = place.connect_timeout
    try:
        transport.get_security_options().key_types = kinds
    except ValueError:
        _raise(_NO_COMMON_WAY, place.address)
    with _translated(place.address):
        transport.start_client(timeout=place.connect_timeout)
        key = transport.get_remote_server_key()
    if pinned.get(key.get_name()) != key.asbytes():
        _raise(_WRONG_HOST, place.address)


def _logged_in(transport: paramiko.Transport, place: FilePlace, parts: SplitResult) -> paramiko.SFTPClient:
    user = unquote(parts.username or "")
    secret = place.password.get_secret_value() if place.password else None
    with _translated(place.address):
        if place.private_key:
            left = transport.auth_publickey(user, _private_key(place, secret))
        else:
            left = transport.auth_password(user, secret or "")
        if left:
            _raise(_BAD_LOGIN, place.address)
        client = paramiko.SFTPClient.from_transport(transport)
    if client is None:
        _raise(_BROKEN, place.address)
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
    _raise(_BAD_KEY, place.address)


# --- trying a place -------------------------------------------------------------------------------------------


def check_place(settings: FilePlace, *, read: bool = True) -> Iterator[Check]:
    """Try the place without touching what lies there: get in, list, and write, rename and remove a file of our own.

    `read` says that files are fetched from here: then names that cannot be fetched are told too.
    """
    reached = Text("Platsen nås", "The place is reached")
    try:
        place = open_place(settings)
    except Failure as failure:
        yield Check(reached, False, failure.text)
        return
    try:
        yield Check(reached, True, Text(f"{place.shown} svarar.", f"{place.shown} answers."))
        yield _tried(Text("Mappen kan läsas", "The folder can be read"), lambda: _try_listing(place, read))
        yield _tried(
            Text("Filer kan skrivas, byta namn och tas bort", "Files can be written, renamed and removed"),
            lambda: _try_writing(place),
        )
    finally:
        place.close()


def _tried(name: Text, attempt: Callable[[], Text]) -> Check:
    try:
        return Check(name, True, attempt())
    except Failure as failure:
        return Check(name, False, failure.text)


def _try_listing(place: Place, read: bool) -> Text:
    names = [entry.name for entry in place.entries()]
    unfit = sum(1 for name in names if name_fault(name)) if read else 0
    if unfit:
        return Text(
            f"{len(names)} filer ligger där. {unfit} av dem har namn som hubben inte hämtar: byt namn på dem.",
            f"{len(names)} files lie there. {unfit} of them have names the hub does not fetch: rename them.",
        )
    return Text(f"{len(names)} filer ligger där.", f"{len(names)} files lie there.")


def _try_writing(place: Place) -> Text:
    name = f"hub-check-{secrets.token_hex(4)}"
    first, second = temporary(name), temporary(f"{name}-2")
    try:
        place.write(first, [b"inkopshub\n"])
        place.rename(first, second)
    finally:
        with suppress(Failure):
            place.remove(first)
    place.remove(second)
    return Text("En provfil skrevs, bytte namn och togs bort.", "A trial file was written, renamed and removed.")
