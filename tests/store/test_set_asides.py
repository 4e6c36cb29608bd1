"""What is set aside, and how it is grouped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection

from hub.domain.calendar import city_day
from hub.domain.documents import Step
from hub.domain.parties import Party
from hub.store import audit, documents, invoices, set_asides
from hub.store.database import Database
from hub.store.set_asides import Chosen, Sum
from tests.store.rows import ARRIVED, a_reason, an_invoice, arrive

_CODES = st.lists(st.sampled_from(["BR-02", "BR-03", "CITY-AMOUNT", "XML-DTD"]), min_size=1, max_size=4)


@given(codes=_CODES, values=st.tuples(st.text(), st.text(), st.text(), st.text()))
def test_a_fingerprint_is_the_same_whatever_the_values_and_places(
    codes: list[str], values: tuple[str, str, str, str]
) -> None:
    bare = [a_reason(code) for code in codes]
    filled = [a_reason(code, value, value) for code, value in zip(codes, values, strict=False)]
    assert set_asides.fingerprint("rules", filled) == set_asides.fingerprint("rules", bare)


@given(codes=_CODES)
def test_a_fingerprint_does_not_ask_how_often_or_in_which_order_a_rule_fired(codes: list[str]) -> None:
    once = [a_reason(code) for code in sorted(set(codes))]
    again = [a_reason(code) for code in [*reversed(codes), *codes]]
    assert set_asides.fingerprint("rules", again) == set_asides.fingerprint("rules", once)


@given(first=_CODES, second=_CODES)
def test_other_codes_or_another_stage_are_another_fingerprint(first: list[str], second: list[str]) -> None:
    one, other = [a_reason(code) for code in first], [a_reason(code) for code in second]
    same = set(first) == set(second)
    assert (set_asides.fingerprint("rules", one) == set_asides.fingerprint("rules", other)) is same
    assert set_asides.fingerprint("rules", one) != set_asides.fingerprint("city", one)


def test_reasons_come_back_as_they_were_and_later_ones_stand_instead(database: Database) -> None:
    first, second = [a_reason("BR-02", "värde", "/Invoice[1]"), a_reason("BR-03")], [a_reason("CITY-AMOUNT")]
    with database.write() as connection:
        document = arrive(connection, "m-1")
        set_asides.keep(connection, document, "rules", first)
        kept = set_asides.of(connection, document)
        set_asides.keep(connection, document, "city", second)
        later = set_asides.of(connection, document)
    assert kept is not None
    assert later is not None
    assert (kept.stage, kept.reasons) == ("rules", tuple(first))
    assert (later.stage, later.reasons) == ("city", tuple(second))


def test_a_code_longer_than_its_column_is_still_set_aside(database: Database) -> None:
    code = "A-RULE-SET-OF-A-STRANGER-WITH-VERY-LONG-NAMES-" * 3
    with database.write() as connection:
        document = arrive(connection, "m-1")
        set_asides.keep(connection, document, "rules", [a_reason(code)])
        kept = set_asides.of(connection, document)
    assert kept is not None
    assert kept.reasons[0].code == code


def test_groups_stand_with_the_largest_first_and_their_members_can_be_walked(database: Database) -> None:
    with database.write() as connection:
        many = [arrive(connection, f"m-{number}") for number in range(5)]
        for each in many:
            set_asides.keep(connection, each, "rules", [a_reason("BR-02", value=str(each))])
        lone = arrive(connection, "lone")
        set_asides.keep(connection, lone, "city", [a_reason("CITY-AMOUNT")])
        groups = set_asides.groups(connection)
        assert [(group.code, group.number) for group in groups] == [("BR-02", 5), ("CITY-AMOUNT", 1)]
        assert groups[0].oldest <= groups[0].newest
        assert set_asides.group(connection, groups[0].fingerprint) == groups[0]
        assert set_asides.group(connection, "no such group") is None
        first = set_asides.members(connection, groups[0].fingerprint, limit=3)
        rest = set_asides.members(connection, groups[0].fingerprint, after=first[-1], limit=3)
        assert first + rest == many
        assert set_asides.members(connection) == [*many, lone]


def test_what_is_forgotten_is_set_aside_no_longer(database: Database) -> None:
    with database.write() as connection:
        document = arrive(connection, "m-1")
        set_asides.keep(connection, document, "rules", [a_reason("BR-02")])
        assert set_asides.count(connection) == 1
        set_asides.forget(connection, document)
        assert (set_asides.count(connection), set_asides.of(connection, document)) == (0, None)
        assert set_asides.groups(connection) == []


# --- figures, owners and what is chosen


def aside(connection: Connection, name: str, code: str = "BR-02", target: str | None = None, **changed: Any) -> int:
    """A document set aside for that code, with an invoice unless `payable` is None."""
    document = arrive(connection, name, changed.pop("source", "inkorg"))
    if changed.get("payable", "") is not None:
        invoices.keep(connection, document, an_invoice(**changed))
    set_asides.keep(connection, document, "target" if target else "rules", [a_reason(code)], target)
    return document


def test_a_group_sums_each_currency_exactly_and_tells_how_many_could_not_be_read(database: Database) -> None:
    with database.write() as connection:
        for place, payable in enumerate(["0.10", "0.20", "1000000000000000.05", "0.001", "-5"]):
            aside(connection, f"kr-{place}", payable=payable)
        aside(connection, "euro", payable="7.50", currency="EUR")
        aside(connection, "unread", payable=None)
        (group,) = set_asides.groups(connection)
    assert group.figures.sums == (
        Sum("EUR", Decimal("7.5"), 1),
        Sum("SEK", Decimal("999999999999995.351"), 5),
    )
    assert (group.number, group.figures.unread) == (7, 1)


def test_a_group_tells_what_is_overdue_and_what_is_due_within_seven_days(database: Database) -> None:
    today, days = city_day(datetime.now(UTC)), [-30, -1, 0, 7, 8, 40]
    with database.write() as connection:
        for each in days:
            aside(connection, f"due {each}", due_date=today + timedelta(days=each))
        aside(connection, "no due date", due_date=None)
        (group,) = set_asides.groups(connection)
    assert (group.figures.overdue, group.figures.due_soon) == (2, 2)


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_the_causes_are_the_groups_without_what_they_come_to(database: Database, limit: int) -> None:
    with database.write() as connection:
        for place, code in enumerate(["BR-02", "XML-DTD", "BR-03", "XML-DTD", "BR-02", "XML-DTD"]):
            aside(connection, f"m-{place}", code)
        groups = set_asides.groups(connection, limit)
        causes = set_asides.causes(connection, limit)
    assert len(causes) == min(limit, 3)
    told = [(each.fingerprint, each.code, each.reason, each.number, each.oldest) for each in causes]
    assert told == [(each.fingerprint, each.code, each.reason, each.number, each.oldest) for each in groups]


def test_a_document_that_stops_again_has_waited_since_it_first_was_set_aside(database: Database) -> None:
    with database.write() as connection:
        document = aside(connection, "m-1")
        first = set_asides.of(connection, document)
        assert first is not None
        documents.note(connection, document, Step.SET_ASIDE)
        (noted,) = [each.at for each in documents.journey_of(connection, document) if each.step is Step.SET_ASIDE]
        set_asides.forget(connection, document)
        set_asides.keep(connection, document, "city", [a_reason("CITY-RECIPIENT")])
        again = set_asides.of(connection, document)
    assert again is not None
    assert again.since == noted
    assert again.at >= noted


def test_a_group_is_its_connections_owners_until_a_person_gives_it_to_somebody(database: Database) -> None:
    owners = {"inkorg": "E-handel", "agresso": "Ekonomi"}
    with database.write() as connection:
        aside(connection, "a", "BR-02")
        aside(connection, "b", "HTTP-400", target="agresso")
        aside(connection, "c", "XML-DTD", source="inkorg")
        aside(connection, "d", "XML-DTD", source="portal")
        by_code = {each.code: each for each in set_asides.groups(connection)}
        assert {code: each.owner(owners) for code, each in by_code.items()} == {
            "BR-02": "E-handel",
            "HTTP-400": "Ekonomi",
            "XML-DTD": "",
        }
        mine = by_code["BR-02"].fingerprint
        set_asides.assign(connection, mine, "Berit", "ringer leverantören", "anna")
        given = set_asides.group(connection, mine)
        assert given is not None
        assert given.ownership is not None
        assert (given.owner(owners), given.ownership.note, given.ownership.by) == (
            "Berit",
            "ringer leverantören",
            "anna",
        )
        set_asides.assign(connection, mine, "", "", "anna")
        back = set_asides.group(connection, mine)
        assert back is not None
        assert back.owner(owners) == "E-handel"
        assert [each.what for each in audit.about(connection, f"group {mine}")] == ["assign", "assign"]


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        (Chosen(everything=True), {"a", "b", "c"}),
        (Chosen(), set()),
        (Chosen(code="BR-02"), {"a", "b"}),
        (Chosen(stage="target"), {"c"}),
        (Chosen(connection="portal"), {"b"}),
        (Chosen(connection="agresso"), {"c"}),
        (Chosen(seller="öberg"), {"a", "c"}),
        (Chosen(seller="556016-0680"), {"a", "c"}),
        (Chosen(seller="öberg", code="BR-02"), {"a"}),
        *((Chosen(seller=each), set()) for each in ("", " ", "%", "-", "&", "★")),
        (Chosen(amount_from=Decimal("1250.01")), {"b"}),
        (Chosen(amount_to=Decimal("1250.00")), {"a", "c"}),
        (Chosen(arrived_from=ARRIVED), {"a", "b", "c"}),
        (Chosen(arrived_to=ARRIVED), set()),
        (Chosen(since=ARRIVED - timedelta(days=1), until=datetime(2999, 1, 1, tzinfo=UTC)), {"a", "b", "c"}),
        (Chosen(until=datetime(2001, 1, 1, tzinfo=UTC)), set()),
        (Chosen(unit="1302"), set()),
        (Chosen(ids=()), set()),
    ],
)
def test_what_meets_every_stated_condition_is_chosen_and_nothing_stated_chooses_nothing(
    database: Database, chosen: Chosen, names: set[str]
) -> None:
    other = Party("Städ_100 % AB", legal_id="969799-0009")
    with database.write() as connection:
        ids = {
            "a": aside(connection, "a"),
            "b": aside(connection, "b", source="portal", payable="99999.50", seller=other),
            "c": aside(connection, "c", "HTTP-400", target="agresso"),
        }
        found = set_asides.chosen(connection, chosen)
        figures = set_asides.figures(connection, chosen)
    assert {name for name, each in ids.items() if each in found} == names
    assert (figures.number, figures.last) == (len(names), max(found, default=0))
    assert Chosen.from_json(chosen.as_json()) == chosen


def test_many_ids_are_chosen_however_many_the_database_takes_at_once(database: Database) -> None:
    with database.write() as connection:
        ids = [aside(connection, f"{number}") for number in range(3)]
        asked = Chosen(ids=(*range(10_000, 30_000), *ids))
        assert set_asides.chosen(connection, asked) == ids
        assert set_asides.chosen(connection, asked, after=ids[0], last=ids[1]) == [ids[1]]
        assert set_asides.figures(connection, asked).number == 3
