"""Asking a source: what becomes of items that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any, BinaryIO

import pytest
from pydantic import BaseModel

from hub.domain.texts import Text
from hub.jobs import fetching
from hub.jobs.ways import Route, Ways
from hub.loader import Connection, Plugins
from hub.plugin.connector import Connector
from hub.plugin.errors import Rejected, Unavailable
from hub.plugin.ports import Item
from hub.store import connections, documents, runs
from hub.store.connections import Happening
from hub.store.database import Database
from tests.flow.test_read import PaperEditions, PaperRules
from tests.store.rows import a_reason

GONE = Unavailable(Text("försvann", "vanished"))


class NoSettings(BaseModel):
    """A connector that needs none."""


class Shelf:
    """A source of items that hold bytes, or a failure."""

    def __init__(self, **items: bytes | Exception) -> None:
        self.items = items
        self.acknowledged: list[str] = []

    def fetch(self) -> Iterator[Item]:
        yield from (Item(name, f"{name}.xml") for name in self.items)

    @contextmanager
    def open(self, item: Item) -> Iterator[BinaryIO]:
        held = self.items[item.external_id]
        yield BytesIO(held if isinstance(held, bytes) else b"half")
        if isinstance(held, Exception):
            raise held

    def acknowledge(self, item: Item) -> None:
        self.acknowledged.append(item.external_id)

    def close(self) -> None:
        """Nothing is open."""


class PaperJob:
    """One attempt that nobody else may have."""

    id = 1
    argument = {"connection": "inkorg", "route": "fakturor"}  # noqa: RUF012 - never changed

    def complete_in(self, connection: Any) -> None:
        """It is done."""

    def beat(self) -> None:
        """It may go on."""


def fetch(database: Database, shelf: Shelf, largest: int = 100) -> None:
    files = Connector(
        "paper.files", Text("Papper", "Paper"), NoSettings, lambda _: iter(()), sources={"invoices": lambda _: shelf}
    )
    ways = Ways(
        database=database,
        connections={"inkorg": Connection("inkorg", "paper.files", connector=files, settings=NoSettings())},
        plugins=Plugins({}, {}, (), (), (), (), ()),
        routes={"fakturor": Route("fakturor", "invoices", ("inkorg",))},
        editions=PaperEditions(),
        rules=PaperRules(),
        landed=largest,
    )
    job: Any = PaperJob()
    fetching.perform(ways, job, lambda *_: None)


def told(database: Database) -> tuple[str | None, dict[str, int]]:
    """The outcome of the last run, and what of its counts is not nought."""
    with database.read() as connection:
        run = runs.page(connection, limit=1)[0]
    said = {name: number for name, number in run.counts.items() if number and name != "bytes"}
    assert said.pop("listed", 0) == sum(number for name, number in said.items() if name != "unconfirmed")
    return run.outcome, said


def test_what_is_landed_is_acknowledged_and_what_vanished_is_left_for_later(sqlite_database: Database) -> None:
    shelf = Shelf(a=b"1", b=GONE, c=GONE, d=b"2")
    fetch(sqlite_database, shelf)
    assert shelf.acknowledged == ["a", "d"]
    assert told(sqlite_database) == ("succeeded", {"landed": 2, "later": 2})


def test_an_item_that_vanished_while_it_was_read_is_never_taken_for_a_whole_one(sqlite_database: Database) -> None:
    fetch(sqlite_database, Shelf(a=b"1", b=GONE))
    with sqlite_database.read() as connection:
        assert [each.name for each in documents.page(connection, noun="invoices")] == ["a.xml"]


def test_a_source_of_which_nothing_can_be_read_is_unavailable_and_no_success(sqlite_database: Database) -> None:
    shelf = Shelf(a=GONE, b=GONE, c=GONE, d=b"1")
    with pytest.raises(Unavailable):
        fetch(sqlite_database, shelf)
    assert told(sqlite_database)[0] == "unavailable"
    with sqlite_database.read() as connection:
        assert connections.lived(connection, "inkorg").last_ok_at is None


def test_an_item_that_is_at_fault_is_left_and_told_and_the_rest_is_landed(sqlite_database: Database) -> None:
    shelf = Shelf(a=Rejected((a_reason("FILE-ODD"),)), b=b"x" * 101, c=b"1")
    fetch(sqlite_database, shelf)
    assert shelf.acknowledged == ["c"]
    assert told(sqlite_database) == ("succeeded", {"landed": 1, "left": 2})
    with sqlite_database.read() as connection:
        left = [each for each in connections.events(connection, "inkorg") if each.kind is Happening.LEFT]
        assert len(documents.page(connection, noun="invoices")) == 1
    assert [each.details["file"] for each in left] == ["b.xml", "a.xml"]


def test_a_source_with_nothing_is_told_apart_from_one_that_brought_something(sqlite_database: Database) -> None:
    fetch(sqlite_database, Shelf())
    with sqlite_database.read() as connection:
        assert runs.page(connection) == []
        assert connections.lived(connection, "inkorg").last_ok_at is not None
    fetch(sqlite_database, Shelf(a=b"1"))
    assert told(sqlite_database) == ("succeeded", {"landed": 1})
    fetch(sqlite_database, Shelf(a=b"1"))
    assert told(sqlite_database) == ("nothing", {"known": 1})


def test_a_crash_between_landing_and_acknowledging_loses_and_doubles_nothing(sqlite_database: Database) -> None:
    class Falls(Shelf):
        def acknowledge(self, item: Item) -> None:
            raise RuntimeError("the machine stops here")

    with pytest.raises(RuntimeError):
        fetch(sqlite_database, Falls(a=b"1"))
    assert told(sqlite_database)[0] == "failed"
    again = Shelf(a=b"1")
    fetch(sqlite_database, again)
    assert again.acknowledged == ["a"]
    with sqlite_database.read() as connection:
        assert [each.times_seen for each in documents.page(connection, noun="invoices")] == [2]
