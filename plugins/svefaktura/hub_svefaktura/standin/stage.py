"""The invoices' part of the demonstration city: a folder, an SFTP server, an access point, and mail over all three."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from hub.domain.calendar import city_day
from hub.plugin.demonstration import ORDERED, REGISTER, Stage
from hub.plugin.files import FilePlace, open_place, put
from hub.plugin.http import Http
from hub.testing.sftp import is_available, running_sftp
from hub_svefaktura.standin.accesspoint import AccessPoint, Intake, Mischief, send_if_wanted
from hub_svefaktura.standin.city import City, Letter
from hub_svefaktura.standin.orders import Ordered, read_orders
from hub_svefaktura.standin.units import register

FOLDER, SFTP, ACCESS_POINT = "inkorg-mapp", "leverantorer-sftp", "accesspunkt"
TARGET = "agresso-fil"

_OWNER = "E-handel"
_MISCHIEF = (Mischief.SENDS_TWICE, Mischief.BREAKS_OFF, Mischief.WRONG_TOKEN)
_MISCHIEF_SHARE = 0.03
_log = logging.getLogger(__name__)

Post = Callable[[Letter], None]


@contextmanager
def open_city(stage: Stage) -> Iterator[Mapping[str, Mapping[str, Any]]]:
    """Make the folders and the register, start the SFTP server, and give the
    three connections. Without the package asyncssh there are two, since the SFTP server cannot start."""
    folder, behind_sftp = _folder(stage), _behind_sftp(stage)
    for each in (folder, behind_sftp):
        each.mkdir(parents=True, exist_ok=True)
    (stage.folder / REGISTER).write_bytes(register(TARGET))
    with ExitStack() as stack:
        tables: dict[str, Mapping[str, Any]] = {FOLDER: _files({"address": folder.as_uri()})}
        if is_available():
            tables[SFTP] = _files(stack.enter_context(running_sftp(behind_sftp)).settings())
        else:
            _log.warning("no SFTP server in the demonstration: install inkopshub[demo]")
        tables[ACCESS_POINT] = {"connector": "svefaktura.accesspoint", "owner": _OWNER, "token": stage.intake_token}
        yield tables


def play_mail(stage: Stage, stopped: Callable[[float], bool]) -> None:
    """Send invoices at the stage's pace, until stopped: half by the access point, the rest as files."""
    chance = Random(stage.seed)  # noqa: S311  samples, not secrets
    with Http() as client:
        sender = AccessPoint(Intake(stage.hub_url, ACCESS_POINT, stage.intake_token), client, stopped)
        mail = Mail(sender, _left_in(_folder(stage)), _left_in(_behind_sftp(stage)), chance)
        city = City(stage.seed, city_day(datetime.now(UTC)), orders=_orders(stage))
        for letter in city.letters():
            if stopped(chance.expovariate(stage.pace)):
                return
            mail.send(letter)


@dataclass(frozen=True, slots=True)
class Mail:
    """The three ways a letter may go."""

    sender: AccessPoint
    folder: Post
    sftp: Post
    chance: Random

    def send(self, letter: Letter) -> None:
        """Send it one of them."""
        way = self.chance.random()
        if way < 0.5:
            send_if_wanted(self.sender, letter, self._mischief())
        elif way < 0.8:
            self.sftp(letter)
        else:
            self.folder(letter)

    def _mischief(self) -> Mischief:
        return self.chance.choice(_MISCHIEF) if self.chance.random() < _MISCHIEF_SHARE else Mischief.NONE


def _left_in(folder: Path) -> Post:
    """Leave letters in a folder as a careful sender does: under another name first, then renamed."""
    place = open_place(FilePlace(address=folder.as_uri()))

    def leave(letter: Letter) -> None:
        put(place, letter.name, [letter.content])

    return leave


def _files(place: Mapping[str, str]) -> Mapping[str, Any]:
    return {"connector": "svefaktura.files", "owner": _OWNER, "every": 5, "settle_seconds": 1.0, **place}


def _orders(stage: Stage) -> tuple[Ordered, ...]:
    """What the city has ordered, as far as anybody on the stage tells."""
    told = stage.folder / ORDERED
    return read_orders(told.read_bytes()) if told.exists() else ()


def _folder(stage: Stage) -> Path:
    return stage.folder / "svefaktura" / "inkorg"


def _behind_sftp(stage: Stage) -> Path:
    return stage.folder / "svefaktura" / "sftp"
