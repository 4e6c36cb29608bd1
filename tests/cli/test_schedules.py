"""`hub schedules`: when connections are asked, and which times an expression says."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.store import schedules
from hub.store.database import open_database, sqlite_url
from tests.cli.conftest import Call, objects

SETTINGS = """
[connections.avtal]
connector = "svefaktura.files"
address = "file:///srv/avtal"
schedule = "0 6 * * *"
days = "workdays"
catch_up = "all"

[connections.inkorg]
connector = "svefaktura.files"
address = "file:///srv/in"
every = 30

[connections.fel]
connector = "svefaktura.files"
address = "file:///srv/fel"
schedule = "0 25 * * *"
"""


@pytest.fixture
def configured(home: Path) -> Path:
    """A home with those connections."""
    (home / "hub.toml").write_text(SETTINGS, encoding="utf-8")
    return home


def test_every_connection_is_listed_with_its_times(call: Call, configured: Path) -> None:
    result = call("schedules", "list", "--json")
    assert result.exit_code == 0
    listed = {each["connection"]: each for each in objects(result)}
    avtal = listed["avtal"]
    assert (avtal["times"], avtal["days"], avtal["catch_up"]) == ("0 6 * * *", "workdays", "all")
    assert avtal["next"] > "2026"
    assert (listed["inkorg"]["times"], listed["inkorg"]["state"]) == ("every 0:00:30", "new")
    assert (listed["fel"]["times"], listed["fel"]["state"]) == (None, "broken")


def test_a_late_connection_ends_the_list_with_exit_code_1(call: Call, configured: Path) -> None:
    call("schedules", "list")
    database = open_database(sqlite_url(configured / "hub.db"))
    with database.write() as connection:
        progress = schedules.follow(connection, "fetch:avtal@", "avtal", "0 6 * * * workdays skip")
        long_ago = progress.since.replace(year=progress.since.year - 1)
        schedules.pass_over(connection, "fetch:avtal@", long_ago, 0)
    database.close()
    result = call("schedules", "list", "--json")
    assert result.exit_code == 1
    assert {each["state"] for each in objects(result) if each["connection"] == "avtal"} == {"late"}


def test_the_preview_tells_weekdays_and_what_the_calendar_passes_over(call: Call, configured: Path) -> None:
    result = call("schedules", "preview", "avtal", "--from", "2026-12-23", "--number", "2")
    assert result.exit_code == 0
    first, second = result.stdout.splitlines()
    assert first == "Wed 2026-12-23 06:00 CET"
    assert second.startswith("Mon 2026-12-28 06:00 CET")
    assert "Thu 2026-12-24 (Christmas Eve)" in second


@pytest.mark.parametrize(
    ("begin", "told"),
    [
        ("2026-03-29", "Sun 2026-03-29 03:00 CEST  02:30 does not exist that day; it runs after the gap"),
        ("2026-10-25", "Sun 2026-10-25 02:30 CEST  02:30 comes twice that day; it runs the first time"),
    ],
)
def test_the_preview_marks_what_the_clock_does(call: Call, begin: str, told: str) -> None:
    result = call("schedules", "preview", "--cron", "30 2 * * *", "--from", begin, "--number", 1)
    assert result.stdout.splitlines() == [told]


def test_the_preview_as_json_holds_the_time_in_utc_and_in_the_city(call: Call) -> None:
    asked = ("--cron", "0 6 25 12 *", "--days", "workdays", "--on-holiday", "next_workday", "--from", "2026-12-01")
    [first] = objects(call("schedules", "preview", *asked, "--number", 1, "--json"))
    assert (first["at"], first["local"]) == ("2026-12-28T05:00:00+00:00", "2026-12-28T06:00:00+01:00")
    assert (first["mark"], first["moved_from"]) == (None, ["2026-12-25"])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--cron", "0 0 6 * * *"), "six fields are one too many"),
        (("borta",), "borta is no connection; there are: avtal, fel, inkorg"),
        (("fel",), "timmen (0–23)"),
        ((), "state either the name"),
        (("avtal", "--cron", "@daily"), "state either the name"),
        (("avtal", "--days", "all"), "go with --cron"),
        (("--cron", "@daily", "--from", "2100-01-01"), "1953 to 2099"),
    ],
)
def test_what_cannot_be_shown_says_why_with_exit_code_2(
    call: Call, configured: Path, arguments: tuple[str, ...], told: str
) -> None:
    result = call("schedules", "preview", *arguments)
    assert result.exit_code == 2
    assert told in result.stderr
