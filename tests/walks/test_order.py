"""A route that asks for order gets it the whole way: handled as it arrived, delivered seller by seller."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from hub.domain.documents import DocumentState
from hub.jobs import holding
from hub.jobs.names import DELIVER, HANDLE
from hub.store import work
from hub.store.work import Work, WorkState
from tests.walks.test_invoices import good
from tests.walks.town import TARGET, Town


def ordered(here: Town, order: str) -> Town:
    route = replace(here.ways.routes["fakturor"], order=order)
    return replace(here, ways=replace(here.ways, routes={"fakturor": route}))


def of_kind(here: Town, kind: str) -> list[Work]:
    with here.hub.database.read() as connection:
        return list(work.page(connection, kind=kind))


@pytest.mark.parametrize("order", ["source", "seller"])
def test_what_is_in_order_waits_for_what_was_before_it_and_is_all_delivered(here: Town, order: str) -> None:
    town = ordered(here, order)
    holding.pause(town.hub.database, TARGET, "anna")
    for number, content in enumerate(good(6)):
        town.leave(f"faktura-{number}.xml", content)
    town.work()
    assert {each.order_key for each in of_kind(town, HANDLE)} == {"source:inkorg"}
    waiting = of_kind(town, DELIVER)
    assert all((each.order_key or "").startswith(f"{order}:") for each in waiting)
    first = Counter(each.order_key for each in waiting if each.state is WorkState.WAITING)
    assert first == Counter({each.order_key: 1 for each in waiting})
    assert len(waiting) == 6
    holding.resume(town.hub.database, TARGET, "anna")
    town.work()
    assert set(town.states().values()) == {DocumentState.DELIVERED}
