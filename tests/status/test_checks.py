"""Checking a connection on request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from hub.domain.texts import Text
from hub.plugin.connector import Connector
from hub.plugin.errors import Refused, Unavailable
from hub.plugin.ports import Check
from hub.status.checks import check, check_and_keep
from hub.store import connections
from hub.store.connections import Happening
from hub.store.database import Database
from tests.status.test_connections import DOWN, Paper

REACHED = Check(Text("Nås", "Reached"), True, Text("ja", "yes"))
WRITES = Check(Text("Skriver", "Writes"), False, Text("nej", "no"))


def checking(*done: Check | Exception) -> Paper:
    """A connection whose connector tries that, one after the other."""

    def tried(_settings: Any) -> Iterator[Check]:
        for each in done:
            if isinstance(each, Exception):
                raise each
            yield each

    return Paper("inkorg", connector=Connector("paper.files", Text("Papper", "Paper"), BaseModel, tried))


def test_what_was_tried_is_told_in_order() -> None:
    assert check(checking(REACHED, WRITES)) == [REACHED, WRITES]


@pytest.mark.parametrize("failure", [Unavailable(DOWN), Refused(DOWN)])
def test_a_failure_of_the_other_side_is_told_after_what_went_well(failure: Exception) -> None:
    first, second = check(checking(REACHED, failure, WRITES))
    assert first == REACHED
    assert (second.passed, second.detail) == (False, DOWN)


def test_a_fault_in_the_plugin_is_told_by_its_kind_and_shows_no_values() -> None:
    (only,) = check(checking(ValueError("password is hunter2")))
    assert not only.passed
    assert "ValueError" in only.detail.sv
    assert "hunter2" not in only.detail.sv + only.detail.en


def test_a_connection_that_cannot_be_used_says_why() -> None:
    (only,) = check(Paper("inkorg", broken=Text("laddas inte", "the plugin does not load")))
    assert (only.passed, only.detail.en) == (False, "the plugin does not load")


@pytest.mark.parametrize(("done", "passed"), [((REACHED,), True), ((REACHED, WRITES), False)])
def test_the_result_is_kept_and_is_good_only_when_all_went_well(
    database: Database, done: tuple[Check, ...], passed: bool
) -> None:
    assert check_and_keep(database, checking(*done)) == list(done)
    with database.read() as connection:
        kept = connections.lived(connection, "inkorg").last_check
        told = connections.events(connection, "inkorg")
    assert kept is not None
    assert kept["passed"] is passed
    assert [each["sv"] for each in kept["checks"]] == [each.name.sv for each in done]
    assert [(each.kind, each.details) for each in told] == [(Happening.CHECKED, {"passed": passed})]
