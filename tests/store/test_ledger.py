"""The accounts payable: kept once, told by day, brought in out of files any number of times, and given out again."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from hub.domain.ledger import LedgerRow
from hub.flow.bringing import Brought, bring_in, give_out
from hub.flow.reskontra import Fault, write
from hub.store import audit, ledger
from hub.store.database import Database
from hub.store.ledger import Counted
from hub.store.orders import Kept, Seen

SEEN = Seen("soap", 1)
FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)
ROW = LedgerRow(
    "2120000142", "Storstad", "8001", "Låtsas El AB", "5569992224", "6110", "Kontorsmateriel", Decimal("444.75"),
    date(2026, 11, 3), contract="A-17",
)  # fmt: skip
PERSON = replace(ROW, voucher="8003", supplier_id="640823-3234", contract="")


def a_file(rows: Sequence[LedgerRow], *, with_persons: bool = True) -> bytes:
    """The rows as a file."""
    stream = io.StringIO(newline="")
    write(rows, stream, with_persons=with_persons)
    return stream.getvalue().encode()


def brought(database: Database, content: bytes, *, once: bool = False) -> tuple[Brought, list[Fault]]:
    """Bring the file in; what was told."""
    told: list[Fault] = []
    return bring_in(database, io.BytesIO(content), "anna", "2026-11.csv", told.append, once=once), told


def rows(database: Database) -> list[LedgerRow]:
    with database.read() as connection:
        return list(ledger.each(connection, FIRST, LAST))


def test_a_posting_is_kept_once_and_told_when_it_says_something_else(database: Database) -> None:
    other = replace(ROW, number=2, amount=Decimal(-5))
    with database.write() as connection:
        assert ledger.keep(connection, [ROW, other, ROW], SEEN) == Kept(new=2)
        assert ledger.keep(connection, [ROW, replace(other, contract="B")], SEEN) == Kept(changed=1, same=1)
        assert ledger.keep(connection, [], SEEN) == Kept()
        assert ledger.count(connection) == Counted(rows=2, without_contract=0)
    assert [each.contract for each in rows(database)] == ["A-17", "B"]


def test_postings_are_told_by_their_days_the_first_and_the_last_among_them(database: Database) -> None:
    days = [date(2026, 10, 31), FIRST, LAST, date(2026, 12, 1)]
    with database.write() as connection:
        ledger.keep(connection, [replace(ROW, voucher=str(day), booked_on=day) for day in days], SEEN)
        assert ledger.days(connection) == (days[0], days[-1])
    assert [each.booked_on for each in rows(database)] == [FIRST, LAST]


def test_the_whole_is_told_however_many_postings_there_are(database: Database) -> None:
    many = [replace(ROW, voucher=f"{number % 7}", number=number, contract="") for number in range(1, 2301)]
    with database.write() as connection:
        ledger.keep(connection, many, SEEN)
        assert ledger.count(connection) == Counted(2300, 2300)
    assert len({(each.voucher, each.number) for each in rows(database)}) == 2300


def test_a_file_brought_in_twice_changes_nothing_and_the_deed_is_written_down(database: Database) -> None:
    content = a_file([ROW, ROW, replace(ROW, amount=Decimal(-1)), PERSON])
    first, told = brought(database, content)
    assert (first, [each.reason.code for each in told]) == (Brought(new=4, twins=1), ["LEDGER-TWIN"])
    assert brought(database, content)[0] == Brought(same=4, twins=1)
    assert len(rows(database)) == 4
    with database.read() as connection:
        assert [each.who for each in audit.about(connection, "ledger")] == ["anna", "anna"]


def test_a_twin_is_left_out_when_that_is_asked_for(database: Database) -> None:
    found, [told] = brought(database, a_file([ROW, ROW]), once=True)
    assert (found, told.line, told.is_left) == (Brought(new=1, twins=1), 3, True)


def test_a_row_at_fault_stops_no_other(database: Database) -> None:
    content = a_file([ROW, PERSON]).replace(b"444.75,2026-11-03", b"x,2026-11-03", 1)
    found, [told] = brought(database, content)
    assert (found, told.line, told.column) == (Brought(new=1, left=1), 2, "belopp")


def test_what_is_given_out_and_brought_in_again_changes_nothing(database: Database) -> None:
    credit = replace(ROW, number=3, amount=Decimal("-1.125"))
    bare = replace(ROW, voucher="8004", buyer="", buyer_id="", supplier="", supplier_id="", account_name="")
    pulled = [replace(ROW, number=7), credit, PERSON, replace(PERSON, number=4), bare]
    with database.write() as connection:
        ledger.keep(connection, pulled, SEEN)
    before = rows(database)
    stream = io.StringIO(newline="")
    assert give_out(database, stream, FIRST, LAST, "anna") == 5
    assert "3234" not in stream.getvalue()
    found, _ = brought(database, stream.getvalue().encode())
    assert found == Brought(same=5, twins=1)
    assert rows(database) == before
