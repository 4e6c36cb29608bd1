"""Runs and the queue on the command line: told as they are, and work cancelled by a named person."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.app import open_hub
from hub.domain.suspicions import Suspicion
from hub.domain.texts import Text
from hub.store import audit, runs, work
from tests.cli.conftest import Call, objects

ODD = Suspicion("sum", Text("Summan stämmer inte.", "The sum is wrong."))


@pytest.fixture
def run_id(home: Path) -> int:
    """A run that succeeded and is suspicious."""
    hub = open_hub(home)
    with hub.database.write() as connection:
        run = runs.begin(connection, "fakturor", "inkorg", "schedule")
        runs.end(connection, run, "succeeded", {"listed": 2, "landed": 1, "bytes": 12}, suspicions=[ODD])
        work.enqueue(connection, kind="deliver", lane="agresso", argument={"delivery": 1})
    hub.close()
    return run


def test_a_suspicious_run_is_listed_as_a_finding(call: Call, run_id: int) -> None:
    listed = call("runs", "list")
    assert listed.exit_code == 1
    assert "succeeded, suspicious" in listed.output
    assert call("runs", "list", "--outcome", "refused").exit_code == 0


def test_a_run_is_shown_with_what_is_odd_about_it(call: Call, run_id: int) -> None:
    assert "Summan stämmer inte." in call("runs", "show", run_id).output
    [told] = objects(call("runs", "show", run_id, "--json"))
    assert (told["outcome"], told["counts"]["landed"]) == ("suspicious", 1)
    assert told["suspicions"][0]["what"] == "sum"
    assert call("runs", "show", 999).exit_code == 2


def test_the_queue_is_told_lane_by_lane(call: Call, run_id: int) -> None:
    told = {each["lane"]: each for each in objects(call("queue", "--json"))}
    assert told["agresso"]["waiting"] == 1
    assert "agresso" in call("queue").output


def test_work_is_cancelled_and_it_is_kept_who_did_it(call: Call, run_id: int, home: Path) -> None:
    assert call("queue", "cancel", 1).exit_code == 0
    assert call("queue", "cancel", 999).exit_code == 2
    hub = open_hub(home)
    with hub.database.read() as connection:
        found = work.find(connection, 1)
        deeds = [each.what for each in audit.about(connection, "work 1")]
    hub.close()
    assert found is not None
    assert found.cancel_asked_at is not None
    assert deeds == ["cancel"]
