"""Invoices as they are listed and found."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.domain.documents import DocumentState
from hub.domain.invoices import InvoiceKind
from hub.domain.parties import Party
from hub.store import documents, invoices
from hub.store.database import Database
from hub.store.invoices import InvoiceFilter, InvoiceRow
from hub.store.tables import invoices as table
from hub.store.tables import terms
from tests.store.rows import ARRIVED, a_buyer, an_invoice, arrive, gln, named

PERSON = Party("Snickare Ek", legal_id="850709-9805")


def found(database: Database, words: str) -> list[int]:
    with database.read() as connection:
        return [each.document_id for each in invoices.page(connection, InvoiceFilter(words=words))]


@pytest.fixture
def invoice(database: Database) -> int:
    """A kept invoice among others that share nothing with it."""
    buyer = a_buyer(identifiers=(named("0088", gln(7).digits),))
    with database.write() as connection:
        other = an_invoice(number="Z1", order_reference="", seller=Party("Zebra", legal_id="556036-0793"))
        invoices.keep(connection, arrive(connection, "other"), other)
        arrive(connection, "unreadable")
        document = arrive(connection, "ours")
        invoices.keep(connection, document, an_invoice(buyer=buyer, buyer_reference="107 Anna Ås"))
    return document


@pytest.mark.parametrize(
    "words",
    [
        "F-2026",
        "f-2026/0042",
        "0042",
        "BEST-77",
        "best7781",
        "åker",
        "ÖBERG",
        "A\u030akeri",
        "öberg åkeri",
        "556016-0680",
        "5560160680",
        "556016-06",
        "55601606",
        gln(7).digits,
        "107 ås",
    ],
)
def test_an_invoice_is_found_by_the_beginnings_of_its_words(database: Database, invoice: int, words: str) -> None:
    assert found(database, words) == [invoice]


@pytest.mark.parametrize("words", ["keri", "042x", "oberg", "åkeri zebra", "160680"])
def test_an_invoice_is_not_found_by_what_none_of_its_words_begins_with(
    database: Database, invoice: int, words: str
) -> None:
    assert found(database, words) == []


@pytest.mark.parametrize("words", ["850709-9805", "8507099805", "198507099805", "9805", "SE850709980501"])
@pytest.mark.parametrize("stated", [PERSON, Party("Snickare Ek", vat_id="SE850709980501")])
def test_an_invoice_is_never_found_by_a_personal_number(database: Database, words: str, stated: Party) -> None:
    with database.write() as connection:
        document = arrive(connection, "m-1")
        invoices.keep(connection, document, an_invoice(seller=stated, number="1", order_reference=""))
        kept = {each for each in connection.execute(select(terms.c.term)).scalars() if "9805" in each}
    assert found(database, words) == []
    assert kept == set()
    assert found(database, "snick") == [document]


def test_a_personal_number_is_masked_in_the_list(database: Database) -> None:
    with database.write() as connection:
        invoices.keep(connection, arrive(connection, "m-1"), an_invoice(seller=PERSON))
        (row,) = invoices.page(connection, InvoiceFilter())
    assert row.seller_id == "850709-****"


def test_a_later_reading_stands_instead_of_the_earlier(database: Database, invoice: int) -> None:
    with database.write() as connection:
        invoices.keep(connection, invoice, an_invoice(number="NYTT", order_reference=""))
    assert found(database, "NYTT") == [invoice]
    assert found(database, "BEST") == []


def test_a_text_of_a_thousand_words_may_be_searched_for(database: Database, invoice: int) -> None:
    assert found(database, " ".join(f"w{number}" for number in range(1500))) == []
    assert found(database, "öberg " * 1500) == [invoice]


def test_a_document_that_could_not_be_read_is_listed_without_the_invoices_own_columns(
    database: Database, invoice: int
) -> None:
    with database.read() as connection:
        rows = {each.name: each for each in invoices.page(connection, InvoiceFilter())}
    assert (rows["unreadable.xml"].number, rows["unreadable.xml"].payable) == (None, None)
    assert rows["ours.xml"].number == "F-2026/0042"


def test_paging_by_key_visits_every_invoice_once(database: Database) -> None:
    with database.write() as connection:
        for number in range(13):
            invoices.keep(connection, arrive(connection, f"m-{number}"), an_invoice(number=f"N{number}"))
    visited: list[InvoiceRow] = []
    with database.read() as connection:
        while page := invoices.page(
            connection, InvoiceFilter(words="öberg"), before=visited[-1].document_id if visited else None, limit=4
        ):
            visited += page
    assert [each.number for each in visited] == [f"N{number}" for number in reversed(range(13))]


def test_a_filter_holds_back_what_it_does_not_name(database: Database) -> None:
    with database.write() as connection:
        first, second = arrive(connection, "m-1"), arrive(connection, "m-2", source="andra")
        invoices.keep(connection, first, an_invoice())
        invoices.keep(connection, second, an_invoice(kind=InvoiceKind.CREDIT_NOTE))
        documents.move(connection, second, DocumentState.SET_ASIDE, unit="107", verdict="invalid")

        def ids(wanted: InvoiceFilter) -> list[int]:
            return [each.document_id for each in invoices.page(connection, wanted)]

        for only_second in (
            InvoiceFilter(state=DocumentState.SET_ASIDE),
            InvoiceFilter(unit="107"),
            InvoiceFilter(connection="andra"),
            InvoiceFilter(verdict="invalid"),
            InvoiceFilter(kind=InvoiceKind.CREDIT_NOTE),
        ):
            assert ids(only_second) == [second]
        assert ids(InvoiceFilter(arrived_from=ARRIVED)) == [second, first]
        assert ids(InvoiceFilter(arrived_from=ARRIVED + timedelta(microseconds=1))) == []
        assert ids(InvoiceFilter(arrived_to=ARRIVED)) == []
        assert [each.document_id for each in invoices.rows(connection, [second, first, 404])] == [first, second]


_AMOUNTS = st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**17), max_value=10**17)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(amount=st.one_of(_AMOUNTS, st.sampled_from([Decimal("0.1"), Decimal("1E+3"), Decimal("-0.000001")])))
def test_amounts_are_kept_exactly(database: Database, amount: Decimal) -> None:
    with database.write() as connection:
        document = arrive(connection, "m-1")
        invoices.keep(connection, document, an_invoice(payable=amount))
        kept = connection.execute(select(table.c.payable).where(table.c.document_id == document)).scalar_one()
    assert isinstance(kept, Decimal)
    assert kept == amount
