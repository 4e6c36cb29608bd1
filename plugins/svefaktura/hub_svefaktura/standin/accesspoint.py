"""An access point as the hub meets one: it posts invoices to the intake, and again until they are taken."""

from __future__ import annotations

import http.client
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from hub.plugin.errors import Failure, Refused, Unavailable
from hub.plugin.http import Http
from hub_svefaktura.standin.city import Letter

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 30.0
_CONNECT_SECONDS = 10.0
_WRONG = "somebody-else-altogether"


class Mischief(StrEnum):
    """What an access point may do wrong before, or after, it sends as it should."""

    NONE = "none"
    SENDS_TWICE = "sends twice"
    BREAKS_OFF = "breaks off in the middle"
    WRONG_TOKEN = "wrong token"  # noqa: S105  a name, not a secret


class NotTaken(Exception):
    """The sending was stopped before the hub took the letter."""


@dataclass(frozen=True, slots=True)
class Intake:
    """Where the hub takes what is sent: its address, the connection there and the token."""

    hub_url: str
    connection: str
    token: str
    header: str = "Message-Id"

    @property
    def url(self) -> str:
        """The address to post to."""
        return f"{self.hub_url.rstrip('/')}/intake/{self.connection}"

    def headers(self, letter: Letter, token: str = "") -> dict[str, str]:
        """What goes with a letter."""
        return {
            "Authorization": f"Bearer {token or self.token}",
            self.header: letter.message_id,
            "Content-Type": "application/xml",
        }


def _slept(seconds: float) -> bool:
    time.sleep(seconds)
    return False


class AccessPoint:
    """Sends letters to one intake. `stopped(seconds)` waits between tries and answers true to give up."""

    def __init__(self, intake: Intake, client: Http, stopped: Callable[[float], bool] = _slept) -> None:
        self._intake = intake
        self._client = client
        self._stopped = stopped

    def send(self, letter: Letter, mischief: Mischief = Mischief.NONE) -> int:
        """Send the letter until the hub says 2xx; gives that status.

        Raises Rejected when the hub will not have this letter, Refused when it will not have us, NotTaken when
        stopped.
        """
        if mischief is Mischief.BREAKS_OFF:
            self._break_off(letter)
        if mischief is Mischief.WRONG_TOKEN:
            self._knock_wrongly(letter)
        status = self._until_taken(letter)
        return self._until_taken(letter) if mischief is Mischief.SENDS_TWICE else status

    def _until_taken(self, letter: Letter) -> int:
        pause = _FIRST_PAUSE
        while True:
            try:
                return self._post(letter, self._intake.headers(letter))
            except Unavailable as failure:
                wished = failure.retry_after.total_seconds() if failure.retry_after else 0.0
                if self._stopped(max(pause, wished)):
                    raise NotTaken(letter.name) from failure
                pause = min(2 * pause, _LONGEST_PAUSE)

    def _post(self, letter: Letter, headers: Mapping[str, str]) -> int:
        return self._client.call("POST", self._intake.url, headers=headers, content=letter.content, attempts=1).status

    def _knock_wrongly(self, letter: Letter) -> None:
        with suppress(Refused, Unavailable):
            self._post(letter, self._intake.headers(letter, _WRONG))

    def _break_off(self, letter: Letter) -> None:
        """Promise the whole letter, send half of it, and hang up."""
        parts = urlsplit(self._intake.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        line = kind(parts.hostname or "", parts.port, timeout=_CONNECT_SECONDS)
        with suppress(OSError):
            line.putrequest("POST", parts.path)
            for name, value in self._intake.headers(letter).items():
                line.putheader(name, value)
            line.putheader("Content-Length", str(len(letter.content) + 1))
            line.endheaders(letter.content[: len(letter.content) // 2])
        line.close()


def send_if_wanted(sender: AccessPoint, letter: Letter, mischief: Mischief = Mischief.NONE) -> int | None:
    """Send the letter; None when the hub will not have it, which in a city is no reason to stop."""
    try:
        return sender.send(letter, mischief)
    except (Failure, NotTaken):
        return None
