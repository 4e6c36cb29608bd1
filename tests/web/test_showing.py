"""Personal numbers are masked, findings find their place, and a file's text is shown in portions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from hub.domain.masking import masked_text
from hub.store.connections import Happening
from hub.web.marking import Place, marked, place_of
from hub.web.source import PORTION, decoded, portion
from hub.web.timeline import HEIGHT, timeline

PERSON = "640823-3234"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (PERSON, "640823-****"),
        ("6408233234", "640823****"),
        ("19640823-3234", "19640823-****"),
        ("SE640823323401", "SE640823****01"),
        ("<cbc:ID>6408233234</cbc:ID>", "<cbc:ID>640823****</cbc:ID>"),
        ("0007:6408233234", "0007:640823****"),
        ("640883-3231", "640883-****"),
        ("640823 3234 och 640823+3234", "640823 **** och 640823+****"),
    ],
)
def test_a_personal_number_loses_its_last_four_digits(text: str, shown: str) -> None:
    assert masked_text(text) == shown


@pytest.mark.parametrize("text", ["556999-0004", "7350000000016", "6408233235", "2026-11-22", "45001122", "9999999999"])
def test_what_is_no_personal_number_is_left_as_it_stands(text: str) -> None:
    assert masked_text(text) == text


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("/Invoice/cac:InvoiceLine[3]/cbc:ID", Place("lines", 3)),
        ("/Invoice/cac:InvoiceLine/cac:Price", Place("lines", 1)),
        ("/CreditNote/cac:CreditNoteLine[12]", Place("lines", 12)),
        ("/sh:StandardBusinessDocument/Invoice/cac:LegalMonetaryTotal/cbc:PayableAmount", Place("totals")),
        ("/Invoice/cac:SellerParty/cac:Party", Place("seller")),
        ("/Invoice/cac:AccountingCustomerParty", Place("buyer")),
        ("/Invoice/cac:TaxTotal[2]/cbc:TaxAmount", Place("vat")),
        ("/Invoice/cbc:DueDate", Place("header")),
        ("/Invoice", None),
        ("", None),
        ("/", None),
    ],
)
def test_a_finding_is_shown_where_its_path_leads(location: str, place: Place | None) -> None:
    assert place_of(location) == place


@dataclass(frozen=True)
class Somewhere:
    """A finding that is only a place."""

    location: str


def test_findings_are_gathered_at_their_lines_and_parts() -> None:
    line, total = Somewhere("/Invoice/cac:InvoiceLine[2]"), Somewhere("/Invoice/cac:LegalTotal")
    marks = marked([line, total, Somewhere("")])
    assert marks.at_line(2) == (line,)
    assert marks.at("totals") == (total,)
    assert marks.at_line(1) == marks.at("seller") == ()


@pytest.mark.parametrize(
    "document",
    [
        "\ufeff<a>åäö</a>".encode(),
        "<a>åäö</a>".encode("utf-16"),
        "<a>åäö</a>".encode("utf-16-be"),
        '<?xml version="1.0" encoding="ISO-8859-1"?><a>åäö</a>'.encode("latin-1"),
        '<?xml version="1.0" encoding="finns-inte"?><a>åäö</a>'.encode(),
    ],
)
def test_a_file_is_shown_in_its_own_encoding(document: bytes) -> None:
    assert "åäö" in decoded(document)


def test_a_long_file_is_shown_in_portions_that_lead_on() -> None:
    document = "\n".join(f"rad {number}" for number in range(1, 2 * PORTION + 11)).encode()
    middle = portion(document, PORTION + 500, {PORTION + 3: ["R-1", "R-1"]})
    assert (middle.lines[0].text, len(middle.lines)) == (f"rad {PORTION + 1}", PORTION)
    assert (middle.previous, middle.following, middle.total) == (1, 2 * PORTION + 1, 2 * PORTION + 10)
    assert middle.lines[2].marks == ("R-1",)


def test_the_portions_of_a_file_meet_and_end() -> None:
    document = b"\n".join([b"x"] * (PORTION + 1))
    assert portion(document, 1, {}).following == PORTION + 1
    assert portion(document, 10**9, {}).lines[0].number == PORTION + 1
    assert portion(document, -5, {}).previous is None
    assert portion(b"", 1, {}).lines == ()


def test_an_endless_line_is_cut() -> None:
    assert len(portion(b"x" * 1_000_000, 1, {}).lines[0].text) < 3000


def test_the_day_has_a_bar_for_everything_that_was_counted_and_none_higher_than_the_picture() -> None:
    at = datetime(2026, 11, 22, 10, 30, tzinfo=UTC)
    hour = at.replace(minute=0)
    counted = {
        (hour, Happening.ARRIVED): 400,
        (hour - timedelta(hours=2), Happening.DELIVERED): 1,
        (hour - timedelta(hours=2), Happening.UNAVAILABLE): 3,
        (hour - timedelta(hours=24), Happening.ARRIVED): 9,
    }
    day = timeline(counted, at)
    assert [bar.kind for bar in day.bars] == ["delivered", "stopped", "arrived"]
    assert all(0 < bar.height <= HEIGHT and bar.y >= 0 for bar in day.bars)
    assert [(each.begins.hour, each.arrived, each.delivered, each.failures) for each in day.busy] == [
        (8, 0, 1, 3),
        (10, 400, 0, 0),
    ]
