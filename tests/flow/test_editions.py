"""Editions: dates by the city's calendar decide which rule pack judges."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import update
from xmlrules import Pack
from xmlrules.packs import digest_of, hashed, write_pack

from hub.domain.calendar import city_day
from hub.flow.editions import KeptEditions, provide
from hub.plugin.connector import PackSource
from hub.store import rule_packs
from hub.store.database import Database
from hub.store.tables import rule_packs as packs_table

OLD, NEW = date(2026, 5, 1), date(2026, 11, 23)


def build(
    name: str, begins: date | None = None, ends: date | None = None, superseded: bool = False
) -> Callable[[Path], object]:
    """What builds an empty pack of that name."""

    def built(home: Path) -> None:
        folder = home / name
        folder.mkdir(exist_ok=True)
        digest = digest_of(hashed(folder))
        write_pack(Pack(name, "peppol", "1", OLD, begins, ends, superseded, (), (), digest, folder), folder)

    return built


def source(name: str, begins: date | None = None, ends: date | None = None, superseded: bool = False) -> PackSource:
    return PackSource(name, "peppol", build(name, begins, ends, superseded))


def judges(database: Database, folder: Path, at: datetime) -> str | None:
    """The edition that judges at that moment."""
    with time_machine.travel(at, tick=False):
        found = KeptEditions(database, folder).edition("peppol")
    return found.name if found else None


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 11, 22, 22, 59, 59, tzinfo=UTC), date(2026, 11, 22)),
        (datetime(2026, 11, 22, 23, 0, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 7, 1, 21, 59, 59, tzinfo=UTC), date(2026, 7, 1)),
        (datetime(2026, 7, 1, 22, 0, tzinfo=UTC), date(2026, 7, 2)),
        (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), date(2027, 1, 1)),
    ],
)
def test_a_day_begins_at_midnight_in_the_city(moment: datetime, day: date) -> None:
    assert city_day(moment) == day


def test_a_new_edition_judges_from_midnight_in_the_city(sqlite_database: Database, tmp_path: Path) -> None:
    provide(sqlite_database, tmp_path, [source("old", OLD), source("new", NEW)])
    midnight = datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert judges(sqlite_database, tmp_path, midnight - timedelta(microseconds=1)) == "old"
    assert judges(sqlite_database, tmp_path, midnight) == "new"


def test_an_edition_judges_to_the_end_of_its_last_day_in_the_city(sqlite_database: Database, tmp_path: Path) -> None:
    provide(sqlite_database, tmp_path, [source("old", OLD, date(2026, 11, 22))])
    midnight = datetime(2026, 11, 22, 23, tzinfo=UTC)
    assert judges(sqlite_database, tmp_path, midnight - timedelta(microseconds=1)) == "old"
    assert judges(sqlite_database, tmp_path, midnight) is None


def test_a_running_hub_changes_edition_when_the_day_does(sqlite_database: Database, tmp_path: Path) -> None:
    provide(sqlite_database, tmp_path, [source("old", OLD, superseded=True), source("new", NEW)])
    editions = KeptEditions(sqlite_database, tmp_path)
    told = []
    with time_machine.travel(datetime(2026, 11, 22, 12, tzinfo=UTC), tick=False) as clock:
        for _ in range(2):
            told.append(editions.edition("peppol"))
            clock.shift(timedelta(days=1))
    assert [(each.name, each.superseded, each.folder) for each in told if each] == [
        ("old", True, tmp_path / "old"),
        ("new", False, tmp_path / "new"),
    ]


def test_a_family_that_no_pack_is_of_has_no_edition(database: Database, tmp_path: Path) -> None:
    provide(database, tmp_path, [source("p")])
    assert KeptEditions(database, tmp_path).edition("svefaktura") is None
    assert KeptEditions(database, tmp_path).edition("peppol") is not None


def test_a_pack_that_is_damaged_is_still_the_edition_so_that_the_verdict_says_why(
    sqlite_database: Database, tmp_path: Path
) -> None:
    provide(sqlite_database, tmp_path, [source("p", superseded=True)])
    (tmp_path / "p" / "pack.json").write_text("{")
    with sqlite_database.write() as connection:
        connection.execute(update(packs_table).values(archive=None))  # no host has shared it whole
    damaged = KeptEditions(sqlite_database, tmp_path)
    found = damaged.edition("peppol")
    assert found is not None
    assert (found.name, found.superseded) == ("p", False)
    build("p", superseded=True)(tmp_path)
    mended = damaged.edition("peppol")
    assert mended is not None
    assert mended.superseded


def test_packs_are_seen_to_at_every_start_and_decisions_stand(sqlite_database: Database, tmp_path: Path) -> None:
    built: list[Path] = []

    def building(home: Path) -> None:
        built.append(home)
        build("p", OLD)(home)

    ours = PackSource("p", "peppol", building)
    provide(sqlite_database, tmp_path, [ours])
    with sqlite_database.write() as connection:
        rule_packs.keep(connection, "p", "peppol", "d" * 64, active_from=None, active_to=None, by="anna")
    provide(sqlite_database, tmp_path, [ours])
    assert built == [tmp_path, tmp_path]
    (tmp_path / "p" / "pack.json").unlink()
    (tmp_path / "p").rmdir()
    provide(sqlite_database, tmp_path, [ours])
    assert built == [tmp_path, tmp_path, tmp_path]
    with sqlite_database.read() as connection:
        assert rule_packs.every(connection)["p"].by == "anna"


def test_a_pack_that_cannot_be_built_is_told_and_the_others_are_there(
    sqlite_database: Database, tmp_path: Path
) -> None:
    def fail(home: Path) -> None:
        raise OSError("the package lacks a file")

    failed = provide(sqlite_database, tmp_path, [PackSource("a", "other", fail), source("p")])
    assert list(failed) == ["a"]
    assert "lacks a file" in failed["a"]
    assert KeptEditions(sqlite_database, tmp_path).edition("peppol") is not None
