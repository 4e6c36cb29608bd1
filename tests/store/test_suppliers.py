"""Suppliers and hours: kept once, told when they say something else, found again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from hub.domain.hours import Hours
from hub.domain.identifiers import OrganisationNumber
from hub.domain.suppliers import Supplier
from hub.store import hours, suppliers
from hub.store.database import Database
from hub.store.orders import Kept, Seen

SEEN = Seen("soap", 1)
NUMBER = OrganisationNumber.parse("5569992224")
SUPPLIER = Supplier("ST", "50001", "Låtsas El AB", NUMBER, "556999-2224", True, "SE", "SEK", "A-17")
DAY = Hours("ST", "ANNPAH", "LOKAL", "Utbildning", "NORM", date(2026, 11, 3), Decimal("2.5"))


def test_a_supplier_is_kept_once_and_told_when_it_says_something_else(database: Database) -> None:
    later = replace(SUPPLIER, updated_at=datetime(2026, 11, 3, tzinfo=UTC))
    with database.write() as connection:
        assert suppliers.keep(connection, [], SEEN) == Kept()
        assert suppliers.keep(connection, [replace(SUPPLIER, name="Fel"), SUPPLIER], SEEN) == Kept(new=1)
        assert suppliers.keep(connection, [later], SEEN) == Kept(same=1)
        assert suppliers.keep(connection, [replace(SUPPLIER, usable=False)], SEEN) == Kept(changed=1)
        assert suppliers.get(connection, "ST", "50001") == replace(SUPPLIER, usable=False)
        assert suppliers.count(connection) == 1


def test_suppliers_are_found_and_named_by_their_keys(database: Database) -> None:
    other = replace(SUPPLIER, company="HA", organisation_number=None, stated_number="?")
    with database.write() as connection:
        suppliers.keep(connection, [SUPPLIER, other], SEEN)
        assert suppliers.get(connection, "ST", "50001") == SUPPLIER
        assert suppliers.get(connection, "HA", "50001") == other
        names = suppliers.names(connection, [("ST", "50001"), ("ST", "50001"), ("ST", "9")])
    assert names == {("ST", "50001"): "Låtsas El AB"}


def test_hours_of_one_day_and_activity_are_added_up_in_a_page_and_stand_anew_in_the_next(database: Database) -> None:
    with database.write() as connection:
        assert hours.keep(connection, [], SEEN) == Kept()
        assert hours.keep(connection, [DAY, DAY, replace(DAY, resource="KARPAH")], SEEN) == Kept(new=2)
        assert hours.keep(connection, [replace(DAY, hours=Decimal(5))], SEEN) == Kept(same=1)
        assert hours.keep(connection, [DAY], SEEN) == Kept(changed=1)
        assert hours.count(connection) == 2


def test_the_hours_of_a_project_are_summed_by_activity_between_two_days(database: Database) -> None:
    days = [date(2026, 10, 31), date(2026, 11, 1), date(2026, 11, 30), date(2026, 12, 1)]
    with database.write() as connection:
        hours.keep(connection, [replace(DAY, day=day) for day in days], SEEN)
        hours.keep(connection, [replace(DAY, activity="Möte"), replace(DAY, project="ANNAT")], SEEN)
        found = hours.total(connection, "LOKAL", date(2026, 11, 1), date(2026, 11, 30))
    assert found == {"Utbildning": Decimal("5.0"), "Möte": Decimal("2.5")}
