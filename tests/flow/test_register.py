"""The register's file: read strictly, every fault told by its line."""

from __future__ import annotations

import codecs
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.flow.register import OPTIONAL, REQUIRED, RegisterInvalid, loses_too_many, parse
from tests.store.rows import a_unit, gln

HEADING = ";".join((*REQUIRED, *OPTIONAL))
GOOD = f"107;Trafiknämnden åäö;212000-0142;{gln(1)};0007:2120000142;agresso;ja;\\d{{5}}"
PLAIN = "215;Skolan;212000-0142;;;agresso;;"


def file(*rows: str, heading: str = HEADING) -> bytes:
    return "\n".join([heading, *rows, ""]).encode()


def faults(content: bytes) -> list[str]:
    with pytest.raises(RegisterInvalid) as told:
        parse(content)
    return list(told.value.faults)


def test_a_good_file_is_read_whole() -> None:
    first, second = parse(file(GOOD, PLAIN))
    assert (first.sth_code, first.name, first.target) == ("107", "Trafiknämnden åäö", "agresso")
    assert (first.gln, str(first.peppol_id)) == (gln(1), "0007:2120000142")
    assert (first.reference_required, first.reference_pattern) == (True, r"\d{5}")
    assert (second.gln, second.peppol_id, second.reference_required, second.reference_pattern) == (
        None,
        None,
        False,
        "",
    )


def test_the_file_may_be_written_as_the_citys_programs_write_it() -> None:
    plain = file(GOOD, PLAIN)
    wanted = parse(plain)
    text = plain.decode()
    assert parse(codecs.BOM_UTF8 + plain) == wanted
    assert parse(text.encode("cp1252")) == wanted
    assert parse(text.replace("\n", "\r\n").encode()) == wanted
    assert parse(text.replace(";", ",").encode()) == wanted
    assert parse(text.replace("\n", "\n\n").encode()) == wanted
    assert parse(text.replace("Skolan", '"Skolan"').encode()) == wanted


def test_the_last_two_columns_may_be_missing() -> None:
    (unit,) = parse(file("215;Skolan;212000-0142;;;agresso", heading=";".join(REQUIRED)))
    assert (unit.reference_required, unit.reference_pattern) == (False, "")


@pytest.mark.parametrize("missing", REQUIRED)
def test_a_heading_that_lacks_a_column_is_told(missing: str) -> None:
    heading = ";".join(name for name in REQUIRED if name != missing)
    assert faults(file(PLAIN, heading=heading)) == [f"line 1: the heading lacks {missing}"]


@pytest.mark.parametrize("content", [b"", b"\n", codecs.BOM_UTF8, b"\x00\x01\x02", b"%PDF-1.7"])
def test_what_is_no_register_at_all_is_refused(content: bytes) -> None:
    assert "line" in faults(content)[0]


@pytest.mark.parametrize("rows", [(), ("",), (";;;;;;;", "  ")])
def test_a_file_of_no_units_is_refused(rows: tuple[str, ...]) -> None:
    (only,) = faults(file(*rows))
    assert "no units" in only


@pytest.mark.parametrize(
    ("bad", "names"),
    [
        (";Skolan;212000-0142;;;agresso;;", "sth_kod"),
        ("215;;212000-0142;;;agresso;;", "namn"),
        ("215;Skolan;;;;agresso;;", "organisationsnummer"),
        ("215;Skolan;212000-0143;;;agresso;;", "organisationsnummer"),
        ("215;Skolan;212000-0142;7300000000000;;agresso;;", "gln"),
        ("215;Skolan;212000-0142;;nonsense;agresso;;", "peppol_id"),
        ("215;Skolan;212000-0142;;;;;", "mottagare"),
        ("215;Skolan;212000-0142;;;agresso;kanske;", "referens_krav"),
        ("215;Skolan;212000-0142;;;agresso;ja;(", "referens_monster"),
        (f"{'2' * 65};Skolan;212000-0142;;;agresso;;", "sth_kod"),
        (f"215;{'S' * 301};212000-0142;;;agresso;;", "namn"),
        (f"215;Skolan;212000-0142;;;{'a' * 65};;", "mottagare"),
        (f"215;Skolan;212000-0142;;0007:{'1' * 100};agresso;;", "peppol_id"),
        (f"215;Skolan;212000-0142;;;agresso;;{'x' * 201}", "referens_monster"),
    ],
)
def test_a_fault_is_told_with_its_line_and_its_column(bad: str, names: str) -> None:
    (only,) = faults(file(GOOD, bad))
    assert only.startswith(f"line 3: {names}")


def test_every_fault_is_told_at_once() -> None:
    told = faults(file(";Skolan;1;2;3;;kanske;("))
    assert len(told) == 7
    assert all(each.startswith("line 2: ") for each in told)


@pytest.mark.parametrize(
    ("again", "names"),
    [
        ("107;Annan;212000-0142;;;agresso;;", "sth_kod 107"),
        (f"300;Annan;212000-0142;{gln(1)};;agresso;;", f"gln {gln(1)}"),
        ("300;Annan;212000-0142;;0007:212000-0142;agresso;;", "peppol_id 0007:2120000142"),
    ],
)
def test_what_stands_twice_is_told_with_both_lines(again: str, names: str) -> None:
    assert faults(file(GOOD, PLAIN, again)) == [f"line 4: {names} stands on line 2 already"]


@pytest.mark.parametrize("name", ['"' + "x" * 200_000 + '"', "a\rb\rc"])
def test_a_file_that_is_no_csv_further_down_is_told_and_not_a_crash(name: str) -> None:
    assert faults(file(GOOD, f"215;{name};212000-0142;;;agresso;;"))[-1].startswith("line ")


@given(content=st.binary(max_size=200))
def test_whatever_the_bytes_are_the_file_is_read_or_refused_and_nothing_else(content: bytes) -> None:
    for whole in (content, HEADING.encode() + b"\n" + content):
        with suppress(RegisterInvalid):
            assert parse(whole) != []


def test_a_units_number_that_is_a_persons_is_still_a_number() -> None:
    (unit,) = parse(file("9;Snickare Ek;850709-9805;;;agresso;;"))
    assert unit.organisation_number.is_personal


@pytest.mark.parametrize(("lost", "too_many"), [(0, False), (3, False), (4, True), (10, True)])
def test_more_than_three_units_in_ten_do_not_go_without_a_persons_word(lost: int, too_many: bool) -> None:
    before = [a_unit(str(number)) for number in range(10)]
    told = loses_too_many(iter(before), iter(before[lost:]))
    assert told == (before[:lost] if too_many else [])


def test_a_first_register_loses_nothing() -> None:
    assert loses_too_many([], [a_unit("107")]) == []
