"""What is set aside, and how it is grouped."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hub.store import set_asides
from hub.store.database import Database
from tests.store.rows import a_reason, arrive

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
