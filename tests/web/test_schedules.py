"""What the page of schedules says of times, and of an expression somebody tries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hub.store import schedules
from tests.web.city import bare_hub
from tests.web.conftest import Visitor, Visitors, served

SETTINGS = """
[connections.veckovis]
connector = "prov.mapp"
address = "file:///srv/in"
schedule = "0 6 * * MON"
catch_up = "all"

[connections.ofta]
connector = "prov.mapp"
address = "file:///srv/in"
every = 60

[connections.jamt]
connector = "prov.mapp"
address = "file:///srv/in"
every = 7

[connections.timme]
connector = "prov.mapp"
address = "file:///srv/in"
schedule = "@hourly"
days = "all"

[connections.fel]
connector = "prov.mapp"
address = "file:///srv/in"
schedule = "0 0 6 * * *"

[connections.dubbelt]
connector = "prov.mapp"
address = "file:///srv/in"
schedule = "@daily"
every = 60
"""


@pytest.fixture
def reader(tmp_path: Path, visitors: Visitors) -> Iterator[Visitor]:
    """Somebody logged in to a hub with those connections, who reads English."""
    with ExitStack() as opened:
        hub = opened.enter_context(bare_hub(tmp_path / "home", SETTINGS))
        with hub.database.write() as connection:
            progress = schedules.follow(connection, "fetch:veckovis@", "veckovis", "0 6 * * MON all skip")
            schedules.pass_over(connection, "fetch:veckovis@", progress.since, 1337)
        made = visitors(opened.enter_context(served(hub)))
        made.enter()
        made.speak("en")
        yield made


def row(text: str, name: str) -> str:
    """The table's row of a connection."""
    found = re.search(
        rf'<tr role="row">\s*<td role="cell" class="lead[^>]*><a href="/connections/{name}">.*?</tr>', text, re.S
    )
    assert found, name
    return found[0]


def test_every_connection_shows_its_words_and_its_next_five_times(reader: Visitor) -> None:
    text = reader.get("/work/schedules").text
    weekly = row(text, "veckovis")
    assert "<code>0 6 * * MON</code>" in weekly
    assert len(re.findall(r"Mon <time[^>]*>\d{4}-\d\d-\d\d 06:00</time>", weekly)) == 5
    assert "all missed times run" in weekly
    assert "every 60 seconds" in row(text, "ofta")


def test_missed_times_that_were_not_run_are_told(reader: Visitor) -> None:
    assert "1,337 missed times were not run" in row(reader.get("/work/schedules").text, "veckovis")


def test_a_connection_whose_schedule_cannot_be_used_is_shown_with_why(reader: Visitor) -> None:
    text = reader.get("/work/schedules").text
    assert "six fields are one too many" in row(text, "fel")
    assert "every and schedule are both stated" in row(text, "dubbelt")


def test_the_day_to_come_is_drawn_and_stands_in_a_table_too(reader: Visitor) -> None:
    text = reader.get("/work/schedules").text
    assert 'aria-label="timme: 24 times"' in text
    assert 'aria-label="ofta: asked all the time"' in text
    assert [cells(text, name)[0] for name in ("timme", "ofta", "fel")] == ["24", "all the time", "0"]
    assert all(re.fullmatch(r"\d\d:00", clock) for clock in cells(text, "timme")[1:])


def cells(text: str, name: str) -> list[str]:
    """What the table of the day to come says of a connection: how many times, the first and the last."""
    found = re.search(rf'<td [^>]*data-label="Connection">{name}</td>(.*?)</tr>', text, re.DOTALL)
    assert found, name
    return re.findall(r"<td [^>]*>([^<]*)</td>", found[1])


def test_an_expression_is_tried_and_its_next_ten_times_are_shown(reader: Visitor) -> None:
    text = reader.get("/work/schedules", params={"cron": "0 6 24 12 *", "days": "holidays"}).text
    tried = text.partition('<ol class="moments tried">')[2]
    assert tried.count("<li>") == 10
    assert "12-24 06:00" in tried
    assert "Christmas Eve" in tried
    assert 'value="0 6 24 12 *"' in text
    assert '<option value="holidays" selected>' in text


def test_what_the_clock_and_the_calendar_do_to_a_time_is_told_beside_it(reader: Visitor) -> None:
    gap = reader.get("/work/schedules", params={"cron": "30 2 25-31 3 SUN#5"}).text
    moved = reader.get(
        "/work/schedules", params={"cron": "0 6 25 12 *", "days": "workdays", "on_holiday": "next_workday"}
    ).text
    assert "02:30 does not exist that day" in gap
    assert "moved here from" in moved
    assert "Christmas Day" in moved


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"cron": "0 0 6 * * *"}, "six fields are one too many"),
        ({"cron": "0 6 * * *", "days": "all", "on_holiday": "next_workday"}, "demands days"),
        ({"cron": "0 6 * * *", "days": "sometimes"}, "Choose days"),
        ({"cron": "<script>"}, "five fields are needed"),
    ],
)
def test_what_is_wrong_with_an_expression_stands_by_its_field(
    reader: Visitor, asked: dict[str, str], told: str
) -> None:
    text = reader.get("/work/schedules", params=asked).text
    wrong = re.search(r'<span id="cron-wrong" class="wrong">(.*?)</span>', text)
    assert wrong
    assert told in wrong[1]
    assert 'aria-invalid="true" aria-describedby="cron-wrong cron-help"' in text
    assert "<script>" not in text


def test_a_hub_without_schedules_says_so(tmp_path: Path, visitors: Visitors) -> None:
    pushed = '[connections.a]\nconnector = "prov.mottagning"\ntoken = "{token}"\n'
    with bare_hub(tmp_path / "home", pushed) as hub, served(hub) as address:
        made = visitors(address)
        made.enter()
        assert "Ingen koppling tillfrågas om dokument" in made.get("/work/schedules").text


def test_times_within_a_minute_are_shown_apart(reader: Visitor) -> None:
    row = reader.get("/work/schedules").text.split('href="/connections/jamt">')[-1].split("</tr>")[0]
    shown = re.findall(r"<time[^>]*>[^<]*?(\d\d:\d\d:\d\d)</time>", row)
    assert len(shown) == len(set(shown)) == 5
