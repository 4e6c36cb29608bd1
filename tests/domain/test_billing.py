"""The laws of what is billed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from hub.domain.billing import Billable, NotBillable
from hub.domain.money import Money

EVENT = Billable("2026-0017", "90107", "ref 4711", date(2026, 11, 20), "ANSL", "Anslutning", Decimal(2), Decimal("860"))
CREDIT = replace(EVENT, correction=1, quantity=Decimal("-2"))


def test_an_event_is_known_by_its_case_and_a_correction_by_its_number_too() -> None:
    assert (EVENT.reference, EVENT.corrects) == ("2026-0017", "")
    assert (CREDIT.reference, CREDIT.corrects) == ("2026-0017-K1", "2026-0017")


def test_an_event_and_its_credit_come_to_nothing() -> None:
    assert EVENT.amount == Money(Decimal(1720), "SEK")
    assert EVENT.amount.amount + CREDIT.amount.amount == 0


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("case", ""),
        ("case", "2026-0017-K1"),
        ("customer", ""),
        ("article", ""),
        ("quantity", Decimal(0)),
        ("quantity", Decimal(-1)),
        ("quantity", Decimal("NaN")),
        ("price", Decimal("0.001")),
        ("price", Decimal(-1)),
        ("price", Decimal(10**9)),
        ("correction", -1),
        ("dimensions", (("C1", "4711"), ("C1", "4712"))),
    ],
)
def test_what_cannot_be_billed_never_becomes_an_event_and_its_field_is_told(field: str, value: object) -> None:
    with pytest.raises(NotBillable) as caught:
        replace(EVENT, **{field: value})  # type: ignore[arg-type]
    assert caught.value.field == field
    assert caught.value.text.sv != caught.value.text.en
