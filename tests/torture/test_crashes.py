"""Whatever dies wherever, and whoever takes over: the end is the same as if nothing had happened."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Row, Table, event, func, select, text

from hub.store import set_asides, units
from hub.store.database import Database, open_database, sqlite_url
from hub.store.tables import claims, connection_hours, deliveries, documents, invoices, journey, judgements, metadata
from tests.store.rows import a_unit
from tests.torture import ledger
from tests.torture.dying import Died, Outside, Process, Touches, ask, felt, pass_time, settle

MAIL = {
    "a.xml": b"F-1 good",
    "b.xml": b"F-2 whose answer is lost",
    "c.xml": b"F-1 good",
    "d.xml": b"broken",
    "e.xml": b"F-3 unwelcome",
    "f.xml": b"F-2 the same invoice in other bytes",
}
STEPS = ("arrived", "judged", "routed", "delivered", "set_aside")


def outside(keyed: bool = False) -> Outside:
    """A fresh world."""
    return Outside(dict(MAIL), keyed, rejects=frozenset({MAIL["e.xml"]}), mute={MAIL["b.xml"]})


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with all tables and one unit, to be copied."""
    file = tmp_path_factory.mktemp("template") / "hub.db"
    opened = open_database(sqlite_url(file))
    with opened.write() as connection:
        metadata.create_all(connection)
        units.replace_all(connection, [a_unit("107")])
        connection.execute(text("SELECT 1"))
    opened.close()
    with suppress(FileNotFoundError):
        assert not file.with_name("hub.db-wal").exists(), "all of it lies in the one file"
    return file


@contextmanager
def hastily(url: str) -> Iterator[Database]:
    """The database, opened without waiting for the disk: here no power fails, only processes."""
    opened = open_database(url)
    if opened.is_sqlite:
        event.listen(opened.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def fresh_file(template: Path, folder: Path) -> Iterator[Database]:
    """A copy of the template."""
    for old in folder.glob("hub.db*"):
        old.unlink()
    shutil.copy(template, folder / "hub.db")
    with hastily(sqlite_url(folder / "hub.db")) as opened:
        yield opened


def emptied(database: Database) -> None:
    """The database as the template is."""
    names = ", ".join(table.name for table in metadata.sorted_tables)
    with database.write() as connection:
        connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
        units.replace_all(connection, [a_unit("107")])


@dataclass(frozen=True)
class End:
    """Everything that shall not depend on who died where."""

    documents: dict[str, Any]
    deliveries: Counter[Any]
    claims: Counter[Any]
    journeys: Counter[Any]
    kept: dict[str, int]
    counted: dict[str, int]
    taken: Counter[Any]
    left: frozenset[str]
    restless: tuple[str, ...]


def end(database: Database, world: Outside) -> End:
    """How it stands when all has settled."""
    with database.read() as connection:
        names = dict(connection.execute(select(documents.c.id, documents.c.name)).tuples().all())
        steps = select(journey.c.document_id, journey.c.step).where(journey.c.step.in_(STEPS))
        return End(
            documents={name: _stands(connection, number) for number, name in names.items()},
            deliveries=Counter(_made(row, names) for row in connection.execute(select(deliveries))),
            claims=Counter((row.kind, row.key, names[row.document_id]) for row in connection.execute(select(claims))),
            journeys=Counter((names[row.document_id], row.step) for row in connection.execute(steps)),
            kept={table.name: _number(connection, table) for table in (invoices, judgements)},
            counted=_counted(connection),
            taken=Counter(world.taken),
            left=frozenset(world.inbox),
            restless=tuple(ledger.check(database)),
        )


def _stands(connection: Connection, number: int) -> tuple[str, str, list[str]]:
    row = connection.execute(select(documents).where(documents.c.id == number)).one()
    aside = set_asides.of(connection, number)
    return row.state, row.digest, [each.code for each in aside.reasons] if aside else []


def _made(row: Row[Any], names: dict[int, str]) -> tuple[str, str, bool, bool, bool]:
    when = (row.attempted_at, row.delivered_at, row.withdrawn_at)
    return names[row.document_id], row.key, *(each is not None for each in when)


def _number(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _counted(connection: Connection) -> dict[str, int]:
    hours = select(connection_hours.c.kind, func.sum(connection_hours.c.number)).group_by(connection_hours.c.kind)
    found = {kind: int(number) for kind, number in connection.execute(hours)}
    return {kind: found.get(kind, 0) for kind in ("delivered", "set_aside")}


def lived(database: Database, world: Outside, *fatal: int) -> int:
    """The mail carried through by processes that die before those touches, one after the other, and one that lives.

    How many touches the first made.
    """
    ask(database, world)
    first: list[Touches] = []
    for each in fatal or (0,):
        touches = Touches(each)
        first.append(touches)
        with suppress(Died), felt(database, touches):
            Process(database, world, touches).live()
        pass_time(database)
    settle(database, world)
    return first[0].made


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """The end of a life without death, and how many touches it took."""

    end: End
    touches: int


@pytest.fixture(scope="session")
def undisturbed(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """How it ends when nobody dies."""
    with fresh_file(template, tmp_path_factory.mktemp("undisturbed")) as database:
        world = outside()
        touches = lived(database, world)
        return Undisturbed(end(database, world), touches)


def test_undisturbed_it_ends_as_the_mail_deserves(undisturbed: Undisturbed) -> None:
    told = undisturbed.end
    assert {name: (state, codes) for name, (state, _, codes) in told.documents.items()} == {
        "a.xml": ("delivered", []),
        "b.xml": ("delivered", []),
        "c.xml": ("set_aside", ["CITY-SAME-BYTES"]),
        "d.xml": ("set_aside", ["LINE"]),
        "e.xml": ("set_aside", ["DESK"]),
        "f.xml": ("set_aside", ["CITY-DUPLICATE"]),
    }
    assert sorted(body for _, body in told.taken.elements()) == [MAIL["a.xml"], MAIL["b.xml"]]
    assert told.counted == {"delivered": 2, "set_aside": 4}
    assert (told.left, told.restless) == (frozenset(), ())
    assert undisturbed.touches > 200


@pytest.mark.parametrize("part", range(4))
def test_a_death_before_any_touch_changes_nothing_in_the_end(
    template: Path, tmp_path: Path, undisturbed: Undisturbed, part: int
) -> None:
    for fatal in range(1 + part, undisturbed.touches + 1, 4):
        with fresh_file(template, tmp_path) as database:
            world = outside()
            lived(database, world, fatal)
            assert end(database, world) == undisturbed.end, f"it died before touch {fatal}"


def test_on_postgresql_too_a_death_changes_nothing_in_the_end(postgres: Any, undisturbed: Undisturbed) -> None:
    address = postgres.create().render_as_string(hide_password=False)
    with hastily(address) as database:
        for fatal in range(3, undisturbed.touches + 1, 11):
            emptied(database)
            world = outside()
            lived(database, world, fatal)
            assert end(database, world) == undisturbed.end, f"it died before touch {fatal}"


@settings(max_examples=40, deadline=None)
@given(fatal=st.lists(st.integers(1, 300), min_size=2, max_size=4))
def test_deaths_one_after_the_other_change_nothing_in_the_end(
    template: Path, tmp_path_factory: pytest.TempPathFactory, undisturbed: Undisturbed, fatal: list[int]
) -> None:
    with fresh_file(template, tmp_path_factory.mktemp("deaths")) as database:
        world = outside()
        lived(database, world, *fatal)
        assert end(database, world) == undisturbed.end
