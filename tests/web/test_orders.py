"""Orders in the console: counted, found, told with their invoices and what became other; and the invoice's match."""

from __future__ import annotations

from dataclasses import replace

from hub.app import Hub
from hub.store import matches, orders
from tests.web.conftest import Visitor
from tests.web.ordered import CHANGED, FREE, MATCHED, ORDER, OTHERS, PARTLY, UNKNOWN


def test_the_list_tells_how_many_lines_name_no_contract(clerk: Visitor, city: Hub) -> None:
    page = clerk.get("/orders").text
    with city.database.read() as connection:
        counted = orders.count(connection)
    assert counted.without_contract > 0
    assert f'<a href="/orders?bare=1">{counted.without_contract}</a>' in page
    assert "orderrader utan avtal" in page
    assert "2026-11-21T10:30:00" in page


def test_only_orders_with_a_line_without_contract_are_listed_when_asked_for(clerk: Visitor) -> None:
    page = clerk.get("/orders?bare=1").text
    assert f">{CHANGED}</a>" in page
    assert f">{ORDER}</a>" not in page


def test_every_order_is_on_one_of_the_pages(clerk: Visitor, city: Hub) -> None:
    address, met = "/orders", 0
    while address:
        page = clerk.get(address)
        met += page.text.count('data-label="Beställd"')
        further = [line for line in page.text.split("<a ") if 'rel="next"' in line]
        address = further[0].split('"')[1].replace("&amp;", "&") if further else ""
    with city.database.read() as connection:
        assert met == orders.count(connection).orders


def test_an_order_is_found_by_its_suppliers_name(clerk: Visitor) -> None:
    page = clerk.get("/orders?q=annan+påhittad").text
    assert page.count('data-label="Beställd"') == 1


def test_an_order_tells_its_lines_its_invoices_and_what_became_other(clerk: Visitor) -> None:
    page = clerk.get(f"/orders/ST/{CHANGED}").text
    assert "rader saknar avtal" in page or "rad saknar avtal" in page
    assert f'href="/invoices/{PARTLY}#match"' in page
    assert "Stämmer delvis med ordern" in page
    assert "ANNPAH" in page
    assert "KARPAH" in page


def test_an_order_whose_number_holds_a_slash_has_a_page_of_its_own(clerk: Visitor) -> None:
    page = clerk.get("/orders?q=A%2F1").text
    assert 'href="/orders/ST/A%2F1%20%C3%B6"' in page
    assert FREE in clerk.get("/orders/ST/A%2F1%20%C3%B6").text


def test_an_order_that_is_not_there_is_told_so(clerk: Visitor) -> None:
    assert clerk.get("/orders/ST/1").status_code == 404


def test_an_invoice_tells_how_it_fits_its_order_in_words(clerk: Visitor) -> None:
    fits = clerk.get(f"/invoices/{MATCHED}").text
    assert "Stämmer med ordern" in fits
    assert f'href="/orders/ST/{ORDER}"' in fits
    assert "2024-117" in fits
    partly = clerk.get(f"/invoices/{PARTLY}").text
    assert "Priset är ett annat än på ordern." in partly
    assert "Fler än vad som återstår på ordern." in partly
    assert "Stämmer inte" in partly
    assert "Ordern är ställd till en annan leverantör." in clerk.get(f"/invoices/{OTHERS}").text
    assert "Ordern finns inte bland de hämtade." in clerk.get(f"/invoices/{UNKNOWN}").text


def test_a_line_of_another_order_than_the_invoices_is_shown_beside_that_one(clerk: Visitor, city: Hub) -> None:
    with city.database.write() as connection:
        kept = matches.of(connection, PARTLY)
        assert kept is not None
        lines = (replace(kept.lines[0], order=ORDER, order_line=1), *kept.lines[1:])
        matches.keep(connection, PARTLY, replace(kept, lines=lines))
    page = clerk.get(f"/invoices/{PARTLY}").text
    assert f'href="/orders/ST/{ORDER}#line-1">{ORDER} / 1 ' in page
    assert f'href="/orders/ST/{CHANGED}#line-2">2 ' in page
    for number in (ORDER, CHANGED):
        assert f'href="/invoices/{PARTLY}#match"' in clerk.get(f"/orders/ST/{number}").text


def test_invoices_are_listed_by_how_they_fit_their_order(clerk: Visitor) -> None:
    page = clerk.get("/invoices?match=partly").text
    assert f'href="/invoices/{PARTLY}"' in page
    assert f'href="/invoices/{MATCHED}"' not in page
    assert clerk.get("/invoices?match=nonsense").status_code == 200


def test_where_nothing_was_pulled_the_page_says_how_orders_come(anna: Visitor) -> None:
    assert "Inga ordrar har hämtats ännu." in anna.get("/orders").text
