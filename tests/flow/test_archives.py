"""Rule packs between hosts: what one host imported, another judges by, from exactly the same files."""

from __future__ import annotations

import threading
from datetime import date
from pathlib import Path

import pytest
from xmlrules import Pack, PackBroken, load_pack
from xmlrules.packs import digest_of, hashed, write_pack

from hub.flow import archives
from hub.flow.editions import KeptEditions, provide
from hub.plugin.connector import PackSource
from hub.store import rule_packs
from hub.store.database import Database

DAY = date(2026, 1, 1)


def a_pack(home: Path, name: str = "p", rule: str = "one") -> Pack:
    folder = home / name
    (folder / "deep").mkdir(parents=True, exist_ok=True)
    (folder / "deep" / "rule.sch").write_text(f"<{rule}/>")
    digest = digest_of(hashed(folder))
    pack = Pack(name, "peppol", "1", DAY, DAY, None, False, (), (), digest, folder)
    write_pack(pack, folder)
    return pack


def make_known(database: Database, pack: Pack) -> None:
    archive = archives.archived(pack)
    with database.write() as connection:
        rule_packs.keep(connection, pack.name, pack.family, pack.digest, active_from=DAY, active_to=None, by="anna")
        archives.share(connection, pack, archive)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


@pytest.fixture
def there(tmp_path: Path) -> Path:
    (tmp_path / "there").mkdir()
    return tmp_path / "there"


def test_a_host_whose_folder_is_empty_judges_by_the_same_pack(database: Database, here: Path, there: Path) -> None:
    pack = a_pack(here)
    make_known(database, pack)
    edition = KeptEditions(database, there).edition("peppol")
    assert edition is not None
    assert edition.folder == there / "p"
    assert load_pack(there, "p").digest == pack.digest
    assert hashed(there / "p") == hashed(here / "p")


def test_a_host_that_has_other_rules_under_the_name_gets_those_that_are_meant(
    database: Database, here: Path, there: Path
) -> None:
    a_pack(there, rule="old")
    editions = KeptEditions(database, there)
    make_known(database, a_pack(here, rule="one"))
    editions.edition("peppol")
    newer = a_pack(here, rule="two")
    make_known(database, newer)
    editions.edition("peppol")
    assert load_pack(there, "p").digest == newer.digest
    assert [each.name for each in there.iterdir() if each.is_dir()] == ["p"]


def test_a_pack_that_was_damaged_on_a_host_is_fetched_again(database: Database, here: Path, there: Path) -> None:
    make_known(database, a_pack(here))
    KeptEditions(database, there).edition("peppol")
    (there / "p" / "deep" / "rule.sch").write_text("<tampered/>")
    KeptEditions(database, there).edition("peppol")
    assert (there / "p" / "deep" / "rule.sch").read_text() == "<one/>"


def test_a_host_that_starts_fetches_what_the_others_have(database: Database, here: Path, there: Path) -> None:
    def build(home: Path) -> None:
        a_pack(home, "own")

    make_known(database, a_pack(here, "imported"))
    assert provide(database, there, [PackSource("own", "peppol", build)]) == {}
    assert {each.parent.name for each in there.glob("*/pack.json")} == {"own", "imported"}
    with database.read() as connection:
        assert all(each.archive for each in rule_packs.every(connection).values())


def test_threads_that_need_it_at_once_fetch_it_once(database: Database, here: Path, there: Path) -> None:
    make_known(database, a_pack(here))
    met: list[Path | None] = []

    def judge() -> None:
        edition = KeptEditions(database, there).edition("peppol")
        met.append(edition.folder if edition else None)

    threads = [threading.Thread(target=judge) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert met == [there / "p"] * 4
    assert load_pack(there, "p").name == "p"


def test_the_archive_of_the_same_files_is_the_same_bytes(here: Path, there: Path) -> None:
    assert archives.archived(a_pack(here)) == archives.archived(a_pack(there))


def test_a_pack_that_nobody_shared_cannot_be_fetched_and_the_reason_says_so(database: Database, there: Path) -> None:
    with database.write() as connection:
        rule_packs.keep(connection, "p", "peppol", "d" * 64, active_from=DAY, active_to=None, by=None)
        known = rule_packs.every(connection)["p"]
    with pytest.raises(PackBroken, match="no other host has shared it"):
        archives.fetch(database, there, known)


def test_other_files_than_the_pack_is_known_by_are_not_put_in_its_place(
    database: Database, here: Path, there: Path
) -> None:
    make_known(database, a_pack(here, rule="one"))
    with database.write() as connection:
        archives.share(connection, a_pack(here, rule="one"), archives.archived(a_pack(here, rule="two")))
        known = rule_packs.every(connection)["p"]
    with pytest.raises(PackBroken, match="other files"):
        archives.fetch(database, there, known)
    assert not (there / "p").exists()
