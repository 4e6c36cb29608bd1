"""The laws of every list that is handed to Agresso: what cannot be read is told row by row, and never sent on."""

from __future__ import annotations

import io
from collections.abc import Sequence

import pytest
from hub_agresso.billing.listing import COLUMN_NAMES, BillingList
from hub_agresso.purchase_orders import COLUMNS, CallOffList
from hub_agresso.references import ORDER_REFERENCES, SUPPLIER_REFERENCES, ReferenceList

from hub.plugin.ports import Extract, Flaw, Whole

CALL_OFF = "AVROP-17;50001;2026-11-20;SSK-1;A1000;Pärm;10;KRT;215.50"
EVENT = "2026-0017;;90107;ref;2026-11-20;ANSL;Anslutning på;1;860;C1=4711"
LISTS = [
    pytest.param(CallOffList(), COLUMNS, CALL_OFF, "AVROP-17", id="orders"),
    pytest.param(ReferenceList(ORDER_REFERENCES), ("number", "line", "contract"), "4711;2;SSK-Ö", "4711/2", id="lines"),
    pytest.param(ReferenceList(SUPPLIER_REFERENCES), ("number", "line", "contract"), "501;;Ö", "501", id="suppliers"),
    pytest.param(BillingList(), COLUMN_NAMES, EVENT, "2026-0017", id="billing"),
]


def read(extract: Extract[object], columns: Sequence[str], rows: Sequence[bytes], end: str = "") -> list[object]:
    """What the list with those rows says; it counts them itself."""
    lines = [";".join(columns).encode(), *rows, f"#ROWS;{len(rows)}".encode(), end.encode()]
    return list(extract.read(io.BytesIO(b"\n".join(lines))))


@pytest.mark.parametrize(("extract", "columns", "row", "address"), LISTS)
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "mac-roman"])
def test_a_row_that_is_no_utf_8_is_told_with_its_bytes_and_spares_what_stands_there(
    extract: Extract[object], columns: Sequence[str], row: str, address: str, encoding: str
) -> None:
    flaw, sound, whole = read(extract, columns, [row.encode(encoding), row.encode()])
    assert isinstance(flaw, Flaw)
    assert (flaw.address, flaw.content, flaw.reasons[0].code) == (address, row.encode(encoding), "LIST-TEXT")
    assert not isinstance(sound, Flaw)
    assert whole == Whole(2)


@pytest.mark.parametrize(("extract", "columns", "row", "address"), LISTS)
@pytest.mark.parametrize("wrong", ["\ufffd", "\x07", "\x00", "\x85"])
def test_a_row_whose_letters_were_lost_before_it_came_is_told(
    extract: Extract[object], columns: Sequence[str], row: str, address: str, wrong: str
) -> None:
    lost = row.replace("ä", wrong).replace("Ö", wrong).replace("å", wrong)
    flaw, _ = read(extract, columns, [lost.encode()])
    assert isinstance(flaw, Flaw)
    assert (flaw.address, flaw.content) == (address, lost.encode())


@pytest.mark.parametrize(("extract", "columns", "row", "address"), LISTS)
def test_a_list_that_goes_on_after_its_count_is_not_whole(
    extract: Extract[object], columns: Sequence[str], row: str, address: str
) -> None:
    assert read(extract, columns, [row.encode()], end="\n \n;;\n")[-1] != Whole(1)
    assert read(extract, columns, [row.encode()], end="\n\n;;\n")[-1] == Whole(1)
    assert len(read(extract, columns, [row.encode()], end=f"{row}\n#ROWS;2\n")) == 1
