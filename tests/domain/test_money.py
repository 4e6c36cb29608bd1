"""Amounts are exact, and equal amounts look alike."""

from decimal import Decimal

import pytest

from hub.domain.money import Money


def sek(amount: str) -> Money:
    return Money(Decimal(amount), "SEK")


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("100", "100"),
        ("100.00", "100"),
        ("1E+2", "100"),
        ("0.10", "0.1"),
        ("-0.00", "0"),
        ("0", "0"),
        ("-12.50", "-12.5"),
        ("123456789012345678901234567890.12", "123456789012345678901234567890.12"),
    ],
)
def test_equal_amounts_are_written_alike_and_none_is_rounded(written: str, plain: str) -> None:
    assert sek(written).plain == plain


def test_what_is_taken_away_is_taken_exactly() -> None:
    many = "9" * 60
    assert sek(f"{many}.25").less(sek("0.25")) == sek(f"{many}.00")


def test_one_currency_is_not_taken_from_another() -> None:
    with pytest.raises(ValueError, match="EUR"):
        sek("1").less(Money(Decimal(1), "EUR"))


def test_an_amount_is_shown_with_its_currency() -> None:
    assert str(sek("4873.00")) == "4873.00 SEK"
