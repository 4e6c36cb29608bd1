"""No text is missing in a language, and none is kept that nobody speaks."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from importlib import resources
from typing import Any

import pytest
from babel.messages.pofile import read_po

from hub.domain.changes import ChangeKind, PlanState
from hub.domain.documents import DocumentState, Step
from hub.domain.invoices import InvoiceKind
from hub.domain.money import Money
from hub.jobs import routes
from hub.status.connections import State
from hub.store.breakers import BreakerState
from hub.store.connections import Happening
from hub.web import words
from hub.web.speech import tongues
from tests.web.catalogue import spoken

NO_WAYS: Any = None
"""Kinds are told without any of them being carried out."""

_FIELD = re.compile(r"%\((\w+)\)s")


def swedish() -> dict[object, object]:
    """The Swedish catalogue: each text with what it is in Swedish."""
    with (resources.files("hub.web") / "texts" / "sv.po").open("rb") as file:
        return {message.id: message.string for message in read_po(file, locale="sv") if message.id}


def test_every_text_of_the_console_has_a_swedish_one() -> None:
    said = swedish()
    assert [text for text in spoken() if not _all(said.get(text))] == []


def test_the_catalogue_holds_no_text_that_nobody_speaks() -> None:
    known = spoken()
    assert [text for text in swedish() if text not in known] == []


def test_a_text_and_its_swedish_one_have_the_same_fields() -> None:
    differ = [text for text, said in swedish().items() if _fields(text) != _fields(said)]
    assert differ == []


@pytest.mark.parametrize(
    ("named", "members"),
    [
        (words.STATES, DocumentState),
        (words.STEPS, Step),
        (words.KINDS, InvoiceKind),
        (words.CONNECTION_STATES, State),
        (words.HAPPENINGS, Happening),
        (words.PLAN_STATES, PlanState),
        (words.CHANGE_KINDS, ChangeKind),
        (words.BREAKERS, BreakerState),
    ],
)
def test_everything_that_can_be_shown_has_a_word(named: dict[StrEnum, str], members: type[StrEnum]) -> None:
    assert set(named) == set(members)


def test_numbers_and_amounts_are_written_as_people_write_them() -> None:
    sv, en = tongues()["sv"], tongues()["en"]
    assert sv.amount(Decimal("1234567.5"), "SEK") == "1\u00a0234\u00a0567,50 SEK"
    assert en.money(Money(Decimal("1234567.5"), "SEK")) == "1,234,567.50 SEK"
    assert sv.number(Decimal("0.125")) == "0,125"


@pytest.mark.parametrize("text", ["1E+400", "-1E+400", "1E-400", "0E+10", "123456789012345678901234567890.12"])
def test_an_absurd_amount_is_shown_and_breaks_nothing(text: str) -> None:
    assert tongues()["sv"].amount(Decimal(text), "SEK").endswith("SEK")


def _all(said: object) -> bool:
    return all(said) if isinstance(said, tuple) else bool(said)


def _fields(text: object) -> set[str]:
    return set(_FIELD.findall(" ".join(text) if isinstance(text, tuple) else str(text)))


def test_every_kind_of_the_hubs_own_work_has_a_word() -> None:
    assert {each.name for each in routes.kinds(NO_WAYS)} - set(words.WORKS) == set()
