"""What the walks share: one set of rule processes for all of them, and a town on each database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from xmlrules import Judge

from hub.store.database import sqlite_url
from tests.postgres import Server, shown
from tests.walks.town import Town, town


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    """Processes that run the rules, started once."""
    with Judge(workers=2) as started:
        yield started


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The address of a database without tables, for a hub to make its own."""
    if request.param == "sqlite":
        yield sqlite_url(tmp_path / "hub.db")
        return
    server: Server = request.getfixturevalue("postgres")
    address = server.create()
    with psycopg.connect(shown(address.set(drivername="postgresql")), autocommit=True) as connection:
        connection.execute("DROP SCHEMA public CASCADE")
        connection.execute("CREATE SCHEMA public")
    yield shown(address)
    server.drop(address)


@pytest.fixture
def here(tmp_path: Path, empty_database_url: str, judge: Judge, packs: Path) -> Iterator[Town]:
    """A town; the test runs once on SQLite and once on PostgreSQL."""
    shutil.copytree(packs, tmp_path / "home" / "rules")
    with town(tmp_path, judge, empty_database_url) as built:
        yield built
