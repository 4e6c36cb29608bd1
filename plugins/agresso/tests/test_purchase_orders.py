"""The laws of orders in writing: each made once, whatever is lost on the way, and never touched again from here."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hub_agresso.purchase_orders import COLUMNS, PURCHASE_ORDERS, CallOffList, PurchaseOrders, _order
from hub_agresso.standin.city import COMPANY

from hub.domain.changes import Change, ChangeKind
from hub.plugin.errors import Refused, Rejected, Unavailable
from hub.plugin.ports import Flaw, Whole
from hub.testing.ports import check_opening, touched
from hub.testing.registers import check_extract
from plugins.agresso.tests.conftest import Serve, web

HEAD = f"{';'.join(COLUMNS)}\n"
ROW = "AVROP-17;50001;2026-11-20;SSK-1;A1000;Kopieringspapper;10;KRT;215.50\n"
LIST = f"{HEAD}{ROW}{ROW.replace('17', '18')}#ROWS;2\n".encode()


def register(address: str, **stated: Any) -> PurchaseOrders:
    return PurchaseOrders(web(address, **{"writes": (PURCHASE_ORDERS,), **stated}))


def a_change(address: str, row: str = ROW, kind: ChangeKind = ChangeKind.CREATE) -> Change:
    call_off, _ = CallOffList().read(io.BytesIO(f"{HEAD}{row}#ROWS;1\n".encode()))
    fitted = register(address).fit(call_off)
    return Change(kind, "1-1-abc", fitted.address, fitted.fields)


def test_opening_and_fitting_touch_nothing(serve: Serve) -> None:
    _, address = serve(orders=5)
    check_opening(lambda: register(address))
    assert touched(lambda: a_change(address)) == []


def test_what_was_ordered_is_held_to_the_letter_and_ordered_twice_it_stands_once(serve: Serve) -> None:
    agresso, address = serve(orders=5)
    change, orders = a_change(address), register(address)
    assert (orders.existing(change), list(orders.holdings())) == (None, [])
    first = orders.apply(change)
    assert orders.apply(change).reference == first.reference
    assert [(each.address, each.fields) for each in orders.holdings()] == [("AVROP-17", change.fields)]
    orders.close()
    assert agresso.done == [f"POST {first.reference}"]


def test_nothing_is_asked_between_the_hubs_look_and_the_order_so_nothing_unsent_is_in_doubt(serve: Serve) -> None:
    agresso, address = serve(orders=5)
    change, orders = a_change(address), register(address)
    asked, page = list[int](), orders._api.page

    def seen(name: str, **stated: Any) -> bytes:
        asked.append(len(agresso.done))
        return page(name, **stated)

    orders._api.page = seen  # type: ignore[method-assign]
    assert orders.existing(change) is None
    first = orders.apply(change)
    assert orders.apply(change).reference == first.reference
    orders.close()
    assert asked == [0, 1, 1]  # the hub's look, whether it stands, and before it would be made a second time


def test_an_order_whose_answer_was_lost_is_found_and_not_made_again(serve: Serve) -> None:
    agresso, address = serve(orders=5)
    change, orders = a_change(address), register(address)
    agresso.faults.lost = 1.0
    with pytest.raises(Unavailable):
        orders._api.make(_order(change, COMPANY))
    agresso.faults.lost = 0.0
    assert orders.existing(change) is not None
    orders.apply(change)
    orders.close()
    assert len(agresso.done) == 1


def test_an_order_that_shows_late_is_waited_for_and_made_once(serve: Serve) -> None:
    agresso, address = serve(orders=5)
    change, shows = a_change(address), Shows(after=3)
    orders = PurchaseOrders(web(address, writes=(PURCHASE_ORDERS,)), sleep=shows.sleep)
    shows.over(orders)
    assert orders.existing(change) is None
    assert orders.apply(change).reference
    orders.close()
    assert (len(agresso.done), len(shows.slept)) == (1, 3)


def test_an_order_that_never_shows_is_in_doubt_and_not_made_again(serve: Serve) -> None:
    agresso, address = serve(orders=5)
    change, shows = a_change(address), Shows(after=99)
    orders = PurchaseOrders(web(address, writes=(PURCHASE_ORDERS,)), sleep=shows.sleep)
    shows.over(orders)
    with pytest.raises(Rejected, match="does not show it") as caught:
        orders.apply(change)
    assert caught.value.uncertain
    assert orders.existing(change) is None
    with pytest.raises(Rejected, match="may have handed HUB-AVROP-17 in") as caught:
        orders.existing(change)
    orders.close()
    assert caught.value.uncertain
    assert len(agresso.done) == 1


class Shows:
    """An object that shows what was made only after somebody has slept so often."""

    def __init__(self, after: int) -> None:
        self.after, self.slept = after, list[float]()

    def sleep(self, seconds: float) -> None:
        """Nobody waits."""
        self.slept.append(seconds)

    def over(self, orders: PurchaseOrders) -> None:
        """From now on the register looks through it."""
        page = orders._api.page

        def shown(name: str, **stated: Any) -> bytes:
            return page(name, **stated) if len(self.slept) >= self.after else b"[]"

        orders._api.page = shown  # type: ignore[method-assign]


def test_an_order_that_an_object_shows_unasked_is_not_taken_for_ours(serve: Serve) -> None:
    agresso, address = serve(orders=5)
    orders = register(address)
    page = orders._api.page
    orders._api.page = lambda name, **stated: page(name, **{**stated, "where": ""})  # type: ignore[method-assign]
    with pytest.raises(Refused, match="externalReference = HUB-AVROP-17"):
        orders.apply(a_change(address))
    orders.close()
    assert agresso.done == []


def test_what_agresso_will_not_have_is_rejected_with_what_it_said(serve: Serve) -> None:
    agresso, address = serve(orders=5)
    orders = register(address)
    with pytest.raises(Rejected, match="Supplier '59999' does not exist") as caught:
        orders.apply(a_change(address, ROW.replace("50001", "59999")))
    orders.close()
    assert caught.value.uncertain is False
    assert agresso.done == []


def test_a_limit_that_is_met_is_told_with_agressos_wish_and_nothing_is_made(serve: Serve) -> None:
    agresso, address = serve(orders=5)
    change, orders = a_change(address), register(address)
    agresso.faults.set({"limited": 1.0, "retry_after": 60})
    with pytest.raises(Unavailable) as caught:
        orders._api.make(_order(change, COMPANY))
    assert caught.value.retry_after == timedelta(seconds=60)
    agresso.faults.limited = 0.0
    assert orders.existing(change) is None
    orders.close()
    assert agresso.done == []


def test_no_order_is_made_until_it_is_switched_on(serve: Serve) -> None:
    agresso, address = serve(orders=5)
    change, orders = a_change(address), register(address, writes=("orders",))
    for verb in (orders.existing, orders.apply):
        with pytest.raises(Refused, match="not switched on"):
            verb(change)
    orders.close()
    assert agresso.done == []


@pytest.mark.parametrize("kind", [ChangeKind.CREATE, ChangeKind.UPDATE, ChangeKind.REMOVE])
def test_what_is_ordered_is_never_changed_and_never_removed(serve: Serve, kind: ChangeKind) -> None:
    agresso, address = serve(orders=5)
    orders = register(address)
    orders.apply(a_change(address))
    with pytest.raises(Rejected, match="made in Agresso already"):
        orders.apply(a_change(address, ROW.replace(";10;", ";11;"), kind))
    orders.close()
    assert len(agresso.done) == 1


def test_the_list_keeps_the_laws_of_an_extract() -> None:
    check_extract(CallOffList(), LIST, LIST[:-9], f"{PURCHASE_ORDERS}.csv")


@pytest.mark.parametrize(
    ("held", "wrong"),
    [("AVROP-17", "AV'ROP"), ("AVROP-17", "A" * 22), ("50001", ""), ("2026-11-20", "20/11"), (";10;", ";1,5;")],
)
def test_a_row_at_fault_is_told_and_the_others_are_read(held: str, wrong: str) -> None:
    flaw, other, whole = CallOffList().read(io.BytesIO(LIST.replace(held.encode(), wrong.encode(), 1)))
    assert isinstance(flaw, Flaw)
    assert other.reference == "AVROP-18"
    assert whole == Whole(2)


def test_the_readme_tells_the_columns() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    assert ";".join(COLUMNS) in readme
