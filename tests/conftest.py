"""What all tests share: a fresh database, on SQLite and on a real PostgreSQL."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hub.loader import load_plugins
from hub.store.database import Database, open_database, sqlite_url
from hub.store.migrations import migrate
from tests.postgres import NoPostgres, Server, server, shown

_missing: list[str] = []
_LONGEST = ("torture", "hosts", "walks", "web/test_browser.py", "bench", "test_house.py")


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One PostgreSQL for the session. Where none can be had the test is skipped; in CI it is an error."""
    with ExitStack() as opened:
        try:
            here = opened.enter_context(server())
        except NoPostgres as error:
            _missing.append(str(error))
            if os.environ.get("CI", "").lower() in {"1", "true"}:
                raise
            pytest.skip(str(error))
        yield here


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database on SQLite with all tables, to be copied."""
    file = tmp_path_factory.mktemp("migrated") / "hub.db"
    opened = open_database(sqlite_url(file))
    migrate(opened)
    opened.close()
    return file


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path, migrated: Path) -> Iterator[str]:
    """The address of a fresh database with all tables, as migrations make them; other processes may open it too."""
    if request.param == "sqlite":
        yield _fresh_sqlite(tmp_path, migrated)
        return
    here: Server = request.getfixturevalue("postgres")
    address = here.create()
    yield shown(address)
    here.drop(address)


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """A fresh, opened database; the test runs once on SQLite and once on PostgreSQL."""
    opened = open_database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def sqlite_database(tmp_path: Path, migrated: Path) -> Iterator[Database]:
    """A fresh database on SQLite, for what needs no second one."""
    opened = open_database(_fresh_sqlite(tmp_path, migrated))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def packs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rule packs that come with the plugins, built once, to be copied into a home."""
    folder = tmp_path_factory.mktemp("packs")
    for source in load_plugins().rule_packs:
        source.build(folder)
    return folder


def _fresh_sqlite(folder: Path, migrated: Path) -> str:
    return sqlite_url(shutil.copyfile(migrated, folder / "hub.db"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, so that none is left alone at the end while other workers have nothing to do."""
    items.sort(key=lambda item: not item.nodeid.removeprefix("tests/").startswith(_LONGEST))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say loudly when half of the tests did not run."""
    if _missing:
        terminalreporter.section("POSTGRESQL WAS NOT TESTED", sep="!", red=True, bold=True)
        terminalreporter.line(_missing[0], red=True)
