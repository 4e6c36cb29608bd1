"""The accounts payable as CSV: what is written is read again; what is at fault is told and stops nothing else."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.ledger import LedgerRow
from hub.flow.reskontra import COLUMNS, DEMANDED, LONGEST, NEEDED, Fault, Posting, read, write
from hub.plugin.errors import Rejected

ROW = LedgerRow(
    "2120000142", "Storstad", "8001", "Låtsas El AB", "5569992224", "6110", "Kontorsmateriel", Decimal("444.75"),
    date(2026, 11, 3), contract="A-17",
)  # fmt: skip
LINE = "2120000142,Storstad,8001,Låtsas El AB,5569992224,6110,Kontorsmateriel,444.75,2026-11-03"
HEAD = ",".join(DEMANDED)


def text(rows: list[LedgerRow], *, with_persons: bool = False) -> str:
    """The rows as a file."""
    stream = io.StringIO(newline="")
    assert write(rows, stream, with_persons=with_persons) == len(rows)
    return stream.getvalue()


def told(content: str | bytes) -> list[Posting | Fault]:
    """What is read of a file."""
    return list(read(io.BytesIO(content.encode() if isinstance(content, str) else content)))


def faults(content: str | bytes) -> list[tuple[int, str, str]]:
    """Line, column and code of each fault."""
    return [(each.line, each.column, each.reason.code) for each in told(content) if isinstance(each, Fault)]


def postings(content: str | bytes) -> list[LedgerRow]:
    return [each.row for each in told(content) if isinstance(each, Posting)]


def rows_of_words() -> st.SearchStrategy[LedgerRow]:
    """Postings with any words, quotes, delimiters and line breaks that a text may hold."""
    words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.sampled_from('",;\n\r'), max_size=12)
    said = words.map(str.strip)
    demanded = said.filter(bool)
    chosen = {field: demanded if name in NEEDED else said for name, field in COLUMNS.items() if name in LONGEST} | {
        "municipality": said.map(lambda each: each[:10].strip())
    }
    places = st.sampled_from([0, 2, 3, 6, 12])
    amounts = places.flatmap(lambda each: st.decimals(1 - 10**15, 10**15 - 1, places=each))
    days = st.dates(date(1990, 1, 1), date(2100, 1, 1))
    return st.builds(LedgerRow, **chosen, amount=amounts, booked_on=days)


def unfolded(row: LedgerRow) -> LedgerRow:
    """The row with every end of a line as one character, as files have it."""
    words = {field: getattr(row, field) for name, field in COLUMNS.items() if name in LONGEST}
    return replace(row, **{field: value.replace("\r\n", "\n").replace("\r", "\n") for field, value in words.items()})


@settings(max_examples=60, deadline=None)
@given(st.lists(rows_of_words(), max_size=6))
def test_what_is_written_is_read_again_word_for_word(rows: list[LedgerRow]) -> None:
    written = text(rows, with_persons=True)
    assert postings(written) == [unfolded(row) for row in rows]
    assert not any(each.is_left for each in told(written) if isinstance(each, Fault))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_after_a_right_head_are_read_or_told_and_never_raise(content: bytes) -> None:
    assert all(each.line > 1 for each in told(HEAD.encode() + b"\n" + content))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_a_head_that_is_none_is_refused_with_what_to_do(content: bytes) -> None:
    with pytest.raises(Rejected) as refused:
        told(content)
    assert all(each.remedy.sv and each.remedy.en for each in refused.value.reasons)


def test_columns_are_known_by_their_names_in_any_order_whatever_separates_them() -> None:
    cells = dict(zip(DEMANDED, LINE.split(","), strict=True)) | {"avtal": "A-17"}
    names = list(reversed(cells))
    swedish = ";".join(names).upper() + "\r\n" + ";".join(cells[name].replace("444.75", "444,75") for name in names)
    assert postings(b"\xef\xbb\xbf" + swedish.encode()) == [ROW]


def test_the_head_alone_says_what_separates_however_many_commas_the_rows_hold() -> None:
    row = LINE.replace(",", ";").replace("Storstad", "Storstad, del 1, 2, 3, 4, 5, 6, 7, 8, 9")
    assert [each.buyer for each in postings(HEAD.replace(",", ";") + "\n" + row)] == [
        "Storstad, del 1, 2, 3, 4, 5, 6, 7, 8, 9"
    ]


@pytest.mark.parametrize(
    ("stated", "read_as"),
    [("-0.5", "-0.5"), ("-1234,50", "-1234.50"), ("\u22127", "-7"), ("+12", "12"), ("1.2345", "1.2345")],
)  # fmt: skip
def test_amounts_are_read_with_point_or_comma_and_any_sign(stated: str, read_as: str) -> None:
    [row] = postings(HEAD + "\n" + LINE.replace("444.75", f'"{stated}"'))
    assert row.amount == Decimal(read_as)


@pytest.mark.parametrize(
    ("old", "new", "column", "code"),
    [
        ("444.75", "1 234.50", "belopp", "LEDGER-AMOUNT"),
        ("444.75", "1.234", "belopp", "LEDGER-THOUSANDS"),
        ("444.75", "12e3", "belopp", "LEDGER-AMOUNT"),
        ("444.75", "NaN", "belopp", "LEDGER-AMOUNT"),
        ("444.75", "٤٤", "belopp", "LEDGER-AMOUNT"),
        ("2026-11-03", "2026-11-31", "datum", "LEDGER-DATE"),
        ("2026-11-03", "20261103", "datum", "LEDGER-DATE"),
        ("2026-11-03", "3/11 2026", "datum", "LEDGER-DATE"),
        ("8001", " ", "verifikationsnummer", "LEDGER-EMPTY"),
        ("6110", "", "konto_nr", "LEDGER-EMPTY"),
        ("444.75", "", "belopp", "LEDGER-EMPTY"),
        ("2026-11-03", "", "datum", "LEDGER-EMPTY"),
        ("8001", "8" * 51, "verifikationsnummer", "LEDGER-LONG"),
        ("8001", "80\x0001", "", "LEDGER-CHARACTER"),
        ("8001", "80\r01", "", "LEDGER-CHARACTER"),
        ("8001", '"80"01', "", "LEDGER-QUOTE"),
        ("8001", '"8001', "", "LEDGER-QUOTE"),
        ("8001", "80,01", "", "LEDGER-WIDTH"),
        ("8001", "8" * 70_000, "", "LEDGER-LINE"),
    ],
)
def test_a_row_at_fault_is_told_with_line_and_column_and_the_others_are_read(
    old: str, new: str, column: str, code: str
) -> None:
    content = "\n".join([HEAD, LINE, LINE.replace(old, new), LINE, LINE])
    assert faults(content) == [(3, column, code)]
    assert len(postings(content)) == 3


def test_a_mandatory_value_without_which_it_is_still_a_posting_is_told_and_the_posting_is_read() -> None:
    content = "\n".join([HEAD, LINE.replace("5569992224", "").replace("Kontorsmateriel", " "), LINE])
    assert faults(content) == [(2, "leverantor_id", "LEDGER-EMPTY"), (2, "konto_text", "LEDGER-EMPTY")]
    assert postings(content) == [
        replace(ROW, supplier_id="", account_name="", contract=""),
        replace(ROW, contract=""),
    ]


def test_text_that_is_not_utf8_is_a_fault_of_its_row() -> None:
    content = "\n".join([HEAD, LINE.replace("Låtsas", "Lats"), LINE]).encode() + b"\n" + LINE.encode("latin-1")
    assert faults(content) == [(4, "", "LEDGER-UTF8")]


def test_a_quoted_text_may_go_on_over_lines_and_the_next_row_is_told_by_its_own_line() -> None:
    content = "\n".join([HEAD, LINE.replace("Storstad", '"Stor\nstad"'), LINE.replace("444.75", "x")])
    assert [each.buyer for each in postings(content)] == ["Stor\nstad"]
    assert faults(content) == [(4, "belopp", "LEDGER-AMOUNT")]


def test_an_unknown_column_is_told_and_left_out_of_the_rows() -> None:
    content = f"{HEAD},fritext\n{LINE},hej"
    assert faults(content) == [(1, "fritext", "LEDGER-COLUMN-UNKNOWN")]
    assert postings(content) == [replace(ROW, contract="")]


def test_every_missing_or_doubled_column_is_told_at_once() -> None:
    with pytest.raises(Rejected) as refused:
        told("kopare_id,kopare,kopare,belopp\n")
    values = [each.value for each in refused.value.reasons]
    assert values == [name for name in DEMANDED if name not in {"kopare_id", "kopare", "belopp"}] + ["kopare"]


def test_a_sole_traders_number_is_masked_unless_it_is_asked_for() -> None:
    person = replace(ROW, supplier_id="640823-3234")
    assert "640823-****" in text([person])
    assert "3234" not in text([person])
    assert "640823-3234" in text([person], with_persons=True)
    assert "5569992224" in text([ROW])


def test_a_long_file_is_read_without_being_held() -> None:
    class Endless(io.RawIOBase):
        """A file of many rows that is nowhere."""

        def __init__(self) -> None:
            self._pieces: Iterator[bytes] = iter([HEAD.encode() + b"\n", *[(LINE + "\n").encode() * 100] * 300])

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            piece = next(self._pieces, b"")
            buffer[: len(piece)] = piece
            return len(piece)

    stream = io.BufferedReader(Endless(), buffer_size=16_384)
    tracemalloc.start()
    number = sum(1 for _ in read(stream))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert number == 30_000
    assert most < 1_000_000
