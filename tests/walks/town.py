"""A small town with everything real: a hub at home in a folder, an inbox, a drop folder, a register of units."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import tomli_w
from hub_svefaktura.standin.units import register
from xmlrules import Judge

from hub.app import Hub, open_hub
from hub.domain.documents import DocumentState
from hub.flow.register import parse
from hub.jobs import asking
from hub.jobs.ways import Ways
from hub.store import documents, set_asides, units
from hub.store.documents import Document

LONG_ENOUGH = timedelta(seconds=120)
TARGET = "agresso-fil"


@dataclass(frozen=True, slots=True)
class Town:
    """A hub and the folders around it."""

    hub: Hub
    ways: Ways
    inbox: Path
    drop: Path

    def leave(self, name: str, content: bytes, inbox: str = "inkorg") -> None:
        """A supplier leaves a file."""
        (self.inbox.parent / inbox / name).write_bytes(content)

    def work(self) -> None:
        """Every source is asked, and all that follows is done."""
        for name in self.ways.routes["fakturor"].sources:
            if self.hub.connections[name].every is not None:
                asking.run_now(self.ways, name, "test")
        assert self.hub.executor(self.ways, scheduled=False).run_until_idle(LONG_ENOUGH)

    def all(self) -> list[Document]:
        """Every document, oldest first."""
        with self.hub.database.read() as connection:
            return documents.page(connection, noun="invoices", limit=1000)[::-1]

    def document(self, name: str) -> Document:
        """The document that arrived under that file name."""
        return next(each for each in self.all() if each.name == name)

    def codes(self, document: Document) -> set[str]:
        """The codes of the reasons it was set aside for."""
        with self.hub.database.read() as connection:
            aside = set_asides.of(connection, document.id)
        return {reason.code for reason in aside.reasons} if aside else set()

    def delivered(self) -> dict[str, bytes]:
        """What lies in the drop folder, by name, manifests left out."""
        return {each.name: each.read_bytes() for each in self.drop.glob("*.xml")}

    def states(self) -> dict[str, DocumentState]:
        """Where each document stands, by file name."""
        return {each.name: each.state for each in self.all()}


@contextmanager
def town(place: Path, judge: Judge, database_url: str) -> Iterator[Town]:
    """A town in that folder, its hub over that database."""
    inbox, other, drop, home = (place / name for name in ("inkorg", "andra", "agresso", "home"))
    for folder in (inbox, other, drop, home):
        folder.mkdir(exist_ok=True)
    files = {"connector": "svefaktura.files", "settle_seconds": 0, "every": 1}
    settings = {
        "database": database_url,
        "connections": {
            "inkorg": {**files, "address": inbox.as_uri()},
            "andra": {**files, "address": other.as_uri()},
            "accesspunkt": {"connector": "svefaktura.accesspoint", "token": "t" * 32},
            TARGET: {"connector": "agresso.filedrop", "address": drop.as_uri()},
        },
        "routes": {"fakturor": {"from": ["inkorg", "andra", "accesspunkt"]}},
    }
    (home / "hub.toml").write_text(tomli_w.dumps(settings), encoding="utf-8")
    hub = open_hub(home)
    try:
        with hub.database.write() as connection:
            units.replace_all(connection, parse(register(TARGET)))
        yield Town(hub, hub.ways(judge), inbox, drop)
    finally:
        hub.close()
