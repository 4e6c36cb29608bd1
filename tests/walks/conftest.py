"""What the walks share: one set of rule processes for all of them, and a town on each database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from xmlrules import Judge

from tests.walks.town import Town, town


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    """Processes that run the rules, started once."""
    with Judge(workers=2) as started:
        yield started


@pytest.fixture
def here(tmp_path: Path, database_url: str, judge: Judge, packs: Path) -> Iterator[Town]:
    """A town; the test runs once on SQLite and once on PostgreSQL."""
    shutil.copytree(packs, tmp_path / "home" / "rules")
    with town(tmp_path, judge, database_url) as built:
        yield built
