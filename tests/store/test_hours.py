"""Hours: kept once however they are told, and gone where a page that tells everything of a day tells them no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

from hub.domain.hours import Hours
from hub.store import hours
from hub.store.database import Database
from hub.store.hours import Days
from hub.store.orders import Kept, Seen

DAY, NEXT = date(2026, 11, 2), date(2026, 11, 3)
MONTH = date(2026, 11, 1), date(2026, 11, 30)
WORKED = Hours("ST", "anna", "P1", "A", "N", DAY, Decimal(8))


def kept(database: Database, *found: Hours, days: Days | None = MONTH, source: str = "tid") -> Kept:
    """Keep a page."""
    with database.write() as connection:
        return hours.keep(connection, found, Seen(source, 1), days)


def worked(database: Database) -> dict[str, Decimal]:
    """The hours of each project."""
    with database.read() as connection:
        told = {project: hours.total(connection, project, *MONTH) for project in ("P1", "P2")}
        assert hours.count(connection) >= sum(map(len, told.values()))
    return {project: sum(found.values(), Decimal(0)) for project, found in told.items() if found}


def test_hours_that_are_moved_to_another_project_or_day_count_once(database: Database) -> None:
    other = replace(WORKED, resource="bo")
    kept(database, WORKED, other)
    assert kept(database, replace(WORKED, project="P2"), replace(other, day=NEXT)) == Kept(new=2, changed=2)
    assert worked(database) == {"P1": Decimal(8), "P2": Decimal(8)}
    assert kept(database) == Kept(changed=2)
    assert worked(database) == {}


def test_hours_of_other_days_and_of_other_connections_stay(database: Database) -> None:
    kept(database, WORKED, replace(WORKED, day=NEXT))
    kept(database, replace(WORKED, project="P2"), source="annan")
    kept(database, replace(WORKED, activity="B", day=NEXT), days=(NEXT, NEXT))
    assert worked(database) == {"P1": Decimal(16), "P2": Decimal(8)}


def test_a_page_that_does_not_tell_everything_of_any_day_takes_nothing_away(database: Database) -> None:
    kept(database, WORKED)
    assert kept(database, replace(WORKED, project="P2"), days=None) == Kept(new=1)
    assert worked(database) == {"P1": Decimal(8), "P2": Decimal(8)}
