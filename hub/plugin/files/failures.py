"""How a place fails: one table from foreign exceptions to our three, and the streams that use it."""

from __future__ import annotations

import errno
import io
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, NoReturn, Protocol, cast

import paramiko

from hub.domain.texts import Text
from hub.plugin.errors import Refused, Unavailable

PIECE = 64 * 1024


@dataclass(frozen=True, slots=True)
class Told:
    """How a failure is told: its class, what happened, what to do."""

    failure: type[Unavailable] | type[Refused]
    happened: Text
    remedy: Text


GONE = Told(
    Unavailable,
    Text("filen eller mappen finns inte", "the file or the folder is not there"),
    Text(
        "Se efter att mappen finns och är ansluten, och att ingen annan hämtar samma filer.",
        "See that the folder exists and is mounted, and that nobody else takes the same files.",
    ),
)
_FORBIDDEN = Told(
    Refused,
    Text("hubben saknar rätt till filen eller mappen", "the hub has no right to the file or the folder"),
    Text(
        "Ge hubbens användare rätt att läsa, skriva, byta namn och ta bort i mappen.",
        "Give the hub's user the right to read, write, rename and remove in the folder.",
    ),
)
_NOT_A_FOLDER = Told(
    Refused,
    Text("adressen är ingen mapp", "the address is no folder"),
    Text("Rätta kopplingens adress.", "Mend the connection's address."),
)
_FULL = Told(
    Unavailable,
    Text("det finns inte plats kvar", "there is no room left"),
    Text("Frigör utrymme där filerna ska ligga.", "Make room where the files are to lie."),
)
BAD_LOGIN = Told(
    Refused,
    Text("servern tog inte emot inloggningen", "the server did not accept the login"),
    Text(
        "Kontrollera användare, lösenord eller nyckel hos serverns ägare.",
        "Check user, password or key with the server's owner.",
    ),
)
WRONG_HOST = Told(
    Refused,
    Text("servern visade en annan nyckel än den angivna", "the server showed another key than the one given"),
    Text(
        "Fråga serverns ägare om nyckeln är bytt innan du anger en ny: det kan vara fel server.",
        "Ask the server's owner whether the key was changed before you give a new one: it may be the wrong server.",
    ),
)
BAD_KEY = Told(
    Refused,
    Text("den privata nyckeln kan inte läsas", "the private key cannot be read"),
    Text(
        "Ange en Ed25519-, ECDSA- eller RSA-nyckel i OpenSSH- eller PEM-form och rätt lösenfras.",
        "Give an Ed25519, ECDSA or RSA key in OpenSSH or PEM form and the right passphrase.",
    ),
)
NO_COMMON_WAY = Told(
    Refused,
    Text(
        "servern och hubben har ingen gemensam krypteringsmetod", "the server and the hub share no cipher or key type"
    ),
    Text(
        "Kontrollera att serverns nyckel är av den typ som anges, och att servern är uppdaterad.",
        "Check that the server's key is of the type given, and that the server is kept up to date.",
    ),
)
_SLOW = Told(
    Unavailable,
    Text("servern svarade inte inom tidsgränsen", "the server did not answer within the time limit"),
    Text("Hubben försöker igen.", "The hub tries again."),
)
_NO_SUCH_HOST = Told(
    Unavailable,
    Text("servernamnet hittades inte", "the server's name was not found"),
    Text("Kontrollera servernamnet och namnuppslagningen.", "Check the server's name and the name service."),
)
BROKEN = Told(
    Unavailable,
    Text("anslutningen bröts eller gick inte att öppna", "the connection broke or could not be opened"),
    Text(
        "Hubben försöker igen. Håller det i sig: se efter att servern är igång.",
        "The hub tries again. If it goes on: see that the server is running.",
    ),
)
_OTHER = Told(
    Unavailable,
    Text("platsen kunde inte utföra det", "the place could not do it"),
    Text(
        "Hubben försöker igen. Håller det i sig: se platsens egen logg.",
        "The hub tries again. If it goes on: see the place's own log.",
    ),
)

_BY_NUMBER: dict[int | None, Told] = {
    errno.ENOENT: GONE,
    errno.ESTALE: GONE,
    errno.EACCES: _FORBIDDEN,
    errno.EPERM: _FORBIDDEN,
    errno.EROFS: _FORBIDDEN,
    errno.ELOOP: _FORBIDDEN,
    errno.ENOTDIR: _NOT_A_FOLDER,
    errno.EISDIR: _NOT_A_FOLDER,
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
}
_BY_KIND: tuple[tuple[type[BaseException], Told], ...] = (
    (paramiko.AuthenticationException, BAD_LOGIN),
    (paramiko.ssh_exception.IncompatiblePeer, NO_COMMON_WAY),
    (TimeoutError, _SLOW),
    (socket.gaierror, _NO_SUCH_HOST),
    (ConnectionError, BROKEN),
    (paramiko.SSHException, BROKEN),
    (EOFError, BROKEN),
)
FOREIGN = (OSError, EOFError, paramiko.SSHException)


def _fault(error: BaseException) -> Told:
    for kind, told in _BY_KIND:
        if isinstance(error, kind):
            return told
    return _BY_NUMBER.get(getattr(error, "errno", None), _OTHER)


def give_up(told: Told, where: str, cause: BaseException | None = None) -> NoReturn:
    """Raise the failure, told of that place."""
    text = Text(
        f"{where}: {told.happened.sv}. {told.remedy.sv}",
        f"{where}: {told.happened.en}. {told.remedy.en}",
    )
    raise told.failure(text) from cause


@contextmanager
def translated(where: str) -> Iterator[None]:
    """Foreign exceptions in here become ours, told of that place."""
    try:
        yield
    except FOREIGN as error:
        give_up(_fault(error), where, error)


class Opened(Protocol):
    """What both a local and a remote open file can do."""

    def read(self, size: int, /) -> bytes | None: ...
    def write(self, data: bytes, /) -> object: ...
    def close(self) -> None: ...


class Stream(io.RawIOBase):
    """An open file whose failures are told as ours, wherever its bytes are read or written."""

    def __init__(self, inner: Opened, where: str) -> None:
        super().__init__()
        self._inner = inner
        self._where = where

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        with translated(self._where):
            data = self._inner.read(len(buffer)) or b""
        buffer[: len(data)] = data
        return len(data)

    def write(self, data: Any, /) -> int:
        with translated(self._where):
            self._inner.write(bytes(data))
        return len(data)

    def close(self) -> None:
        if self.closed:
            return
        try:
            with translated(self._where):
                self._inner.close()
        finally:
            super().close()


def buffered(inner: Opened, where: str) -> BinaryIO:
    """The open file as a stream to read from."""
    return cast("BinaryIO", io.BufferedReader(Stream(inner, where), PIECE))
