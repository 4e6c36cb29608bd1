"""`hub schedules`: when each connection is asked, and which times an expression says."""

from __future__ import annotations

import sys
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import click

from hub.app import Hub
from hub.cli.output import Exit, Wrong, emit, escape, local, opened, say, table
from hub.domain.calendar import CITY_TIME, Days, city_day, name_of
from hub.domain.cron import Cron, CronInvalid, Mark, OnHoliday, Planned
from hub.status.connections import State
from hub.status.schedules import Timed, timed
from hub.store.database import now

_MOST = 1000
_SHOWN_DAYS = 4
_MARKS = {
    Mark.AFTER_GAP: "{wall:%H:%M} does not exist that day; it runs after the gap",
    Mark.FIRST_OF_TWO: "{wall:%H:%M} comes twice that day; it runs the first time",
    Mark.SECOND_OF_TWO: "{wall:%H:%M} comes twice that day; this is the second time",
}


@click.group()
def schedules() -> None:
    """When connections are asked, by the clock in Europe/Stockholm."""


@schedules.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_(home: Path, as_json: bool) -> None:
    """Every connection that is asked: its times, the next and the last one. Exit code 1 when one is late."""
    with opened(home) as hub, hub.database.read() as connection:
        at = now(connection)
        found = timed(connection, hub.connections, at)
    rows = [_row(each, at) for each in found]
    if as_json:
        for row in rows:
            emit(row)
    else:
        shown = [tuple(local(cell) if isinstance(cell, datetime) else cell for cell in row.values()) for row in rows]
        table(tuple(_row_names()), shown, "No connection is asked for documents.")
    sys.exit(Exit.FINDINGS if any(each.told.state is State.LATE for each in found) else Exit.FINE)


@schedules.command()
@click.argument("name", required=False)
@click.option("--cron", help="Times in cron's words, such as '0 6 * * 1-5', instead of a connection's own.")
@click.option("--days", type=click.Choice([each.value for each in Days]), help="The days that count, with --cron.")
@click.option("--on-holiday", type=click.Choice([each.value for each in OnHoliday]), help="With --cron.")
@click.option("--number", type=click.IntRange(1, _MOST), default=10, show_default=True, help="How many times.")
@click.option("--from", "begin", type=click.DateTime(["%Y-%m-%d"]), help="The day to begin at. Default: now.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def preview(
    home: Path,
    name: str | None,
    cron: str | None,
    days: str | None,
    on_holiday: str | None,
    number: int,
    begin: datetime | None,
    as_json: bool,
) -> None:
    """The next times of a connection NAME, or of an expression given with --cron."""
    if (name is None) == (cron is None):
        raise click.UsageError("state either the name of a connection or --cron, not both")
    after = _begin(begin.date()) if begin else datetime.now(CITY_TIME)
    if cron is not None:
        planned = _parsed(cron, days, on_holiday).next_times(after, number)
    elif days or on_holiday:
        raise click.UsageError("--days and --on-holiday go with --cron; a connection has its own")
    else:
        planned = _times_of(home, str(name), after, number)
    for each in planned:
        if as_json:
            emit({"at": each.at, "local": each.at.astimezone(CITY_TIME), "mark": each.mark, **_days_of(each)})
        else:
            say(escape(f"{each.at.astimezone(CITY_TIME):%a %Y-%m-%d %H:%M %Z}  {_told(each)}".rstrip()))


def _row_names() -> tuple[str, ...]:
    return "connection", "times", "days", "next", "last", "last_ok", "state", "catch_up", "passed_over"


def _row(each: Timed, at: datetime) -> dict[str, Any]:
    first = next(iter(each.next_times(at, 1)), None)
    schedule, progress = each.schedule, each.progress
    values = (
        each.name,
        schedule.cron.expression if schedule else f"every {each.every}" if each.every else None,
        schedule.cron.days if schedule else None,
        first.at if first else None,
        progress.slot if progress else each.lived.last_ok_at,
        each.lived.last_ok_at,
        each.told.state,
        schedule.catch_up if schedule else None,
        progress.passed_over if progress else 0,
    )
    return dict(zip(_row_names(), values, strict=True))


def _begin(day: date) -> datetime:
    """The last moment before that day. Ends the command for a day the calendar does not know."""
    if not 1953 <= day.year < 2100:
        raise click.UsageError("the calendar knows the years 1953 to 2099")
    return datetime.combine(day, time(), CITY_TIME) - timedelta(seconds=1)


def _parsed(cron: str, days: str | None, on_holiday: str | None) -> Cron:
    try:
        return Cron.parse(cron, Days(days or Days.ALL), OnHoliday(on_holiday or OnHoliday.SKIP))
    except CronInvalid as error:
        raise Wrong(str(error)) from None


def _times_of(home: Path, name: str, after: datetime, number: int) -> tuple[Planned, ...]:
    with opened(home) as hub, hub.database.read() as connection:
        found = {each.name: each for each in timed(connection, hub.connections, now(connection))}
        if name not in found:
            raise Wrong(_absent(hub, name, found))
        language = hub.settings.language
    planned = found[name].next_times(after, number)
    if not planned:
        raise Wrong(found[name].told.why.in_language(language))
    return planned


def _absent(hub: Hub, name: str, asked: dict[str, Timed]) -> str:
    what = "is not asked for documents" if name in hub.connections else "is no connection"
    return f"{name} {what}; there are: {', '.join(asked) or 'none'}"


def _told(planned: Planned) -> str:
    """What the clock and the calendar did to a time."""
    told = [_MARKS[planned.mark].format(wall=planned.wall)] if planned.mark else []
    if planned.moved_from:
        told.append(f"with what was moved from {_listed(planned.moved_from)}")
    if planned.passed_over:
        told.append(f"passed over: {_listed(planned.passed_over)}")
    holiday = name_of(city_day(planned.at))
    return "; ".join([*([holiday.en] if holiday else []), *told])


def _listed(days: tuple[date, ...]) -> str:
    named = [f"{day:%a %Y-%m-%d}{f' ({name.en})' if (name := name_of(day)) else ''}" for day in days[:_SHOWN_DAYS]]
    rest = [f"and {len(days) - _SHOWN_DAYS} days more"] if len(days) > _SHOWN_DAYS else []
    return ", ".join([*named, *rest])


def _days_of(planned: Planned) -> dict[str, list[str]]:
    return {
        "moved_from": [day.isoformat() for day in planned.moved_from],
        "passed_over": [day.isoformat() for day in planned.passed_over],
    }
