"""Targets that vanish, break or answer nothing: only their own documents wait, and nothing is delivered twice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from hub.domain.changes import Change, Receipt
from hub.domain.documents import DocumentState
from hub.domain.texts import Text
from hub.jobs import holding, replaying
from hub.loader import Connection
from hub.plugin.errors import Refused
from hub.plugin.ports import Bytes
from hub.store import connections
from tests.walks.test_invoices import good
from tests.walks.town import TARGET, Town


class Wrapped:
    """A target that passes everything on to the true one."""

    def __init__(self, true: Any) -> None:
        self.true = true

    def fit(self, record: Any, dispatch: Any) -> Change:
        change: Change = self.true.fit(record, dispatch)
        return change

    def existing(self, change: Change) -> Receipt | None:
        receipt: Receipt | None = self.true.existing(change)
        return receipt

    def apply(self, change: Change, content: Bytes) -> Receipt:
        receipt: Receipt = self.true.apply(change, content)
        return receipt

    def close(self) -> None:
        self.true.close()


class DiesAfterwards(Wrapped):
    """Delivers, and then fails as only a bug does."""

    def apply(self, change: Change, content: Bytes) -> Receipt:
        super().apply(change, content)
        raise RuntimeError("after the fact")


class RefusesUs(Wrapped):
    """Will not have us."""

    def existing(self, change: Change) -> Receipt | None:
        raise Refused(Text("fel nyckel", "wrong key"))


def with_target(here: Town, connection: Connection | None) -> Town:
    """The town with another connection in the target's place, or with none."""
    others = {name: each for name, each in here.ways.connections.items() if name != TARGET}
    placed = others | ({TARGET: connection} if connection else {})
    hub = replace(here.hub, connections=placed)
    return replace(here, hub=hub, ways=replace(here.ways, connections=placed))


def wrapped(here: Town, wrapper: type[Wrapped]) -> Town:
    """The town with its target wrapped."""
    true = here.ways.connections[TARGET]
    assert true.connector is not None
    opener = true.connector.targets["invoices"]
    targets = {"invoices": lambda settings: wrapper(opener(settings))}
    return with_target(here, replace(true, connector=replace(true.connector, targets=targets)))


@contextmanager
def waiting_at_the_target(here: Town) -> Iterator[None]:
    """An invoice is routed, and waits at its target, which is let go in the end."""
    holding.pause(here.hub.database, TARGET, "test")
    here.leave("faktura.xml", *good())
    here.work()
    assert [each.state for each in here.all()] == [DocumentState.ROUTED]
    yield
    holding.resume(here.hub.database, TARGET, "test")


def test_a_target_that_left_the_settings_sets_what_waited_for_it_aside_until_it_is_back(here: Town) -> None:
    with waiting_at_the_target(here):
        pass
    with_target(here, None).work()
    (document,) = here.all()
    assert here.codes(document) == {"CITY-TARGET"}
    replaying.replay_these(here.hub.database, [document.id], "test")
    here.work()
    assert [each.state for each in here.all()] == [DocumentState.DELIVERED]
    assert len(here.delivered()) == 1


def test_a_target_whose_plugin_does_not_load_keeps_its_invoices_waiting(here: Town) -> None:
    broken = Connection(TARGET, "agresso.filedrop", broken=Text("laddas inte", "does not load"))
    with waiting_at_the_target(here):
        pass
    with_target(here, broken).work()
    assert [each.state for each in here.all()] == [DocumentState.ROUTED]


def test_an_invoice_that_may_have_been_delivered_keeps_its_place_against_its_twin(here: Town) -> None:
    first, _ = good(2)
    here.leave("a.xml", first)
    wrapped(here, DiesAfterwards).work()
    assert here.codes(here.document("a.xml")) == {"BUG"}
    here.leave("b.xml", first.rstrip() + b"<!-- once more -->\n")
    here.work()
    assert here.codes(here.document("b.xml")) == {"CITY-DUPLICATE"}
    replaying.replay_these(here.hub.database, [here.document("a.xml").id], "test")
    here.work()
    assert here.document("a.xml").state is DocumentState.DELIVERED
    assert len(here.delivered()) == 1


def test_a_delivery_that_is_uncertain_at_a_target_that_is_gone_waits_for_a_person(here: Town) -> None:
    here.leave("a.xml", *good())
    wrapped(here, DiesAfterwards).work()
    (document,) = here.all()
    replaying.replay_these(here.hub.database, [document.id], "test")
    with_target(here, None).work()
    assert here.codes(document) == {"DELIVERY-UNCERTAIN"}
    replaying.replay_these(here.hub.database, [document.id], "test")
    here.work()
    assert [each.state for each in here.all()] == [DocumentState.DELIVERED]
    assert len(here.delivered()) == 1


def test_a_target_that_refuses_us_holds_its_own_lane_and_judging_goes_on(here: Town) -> None:
    refusing = wrapped(here, RefusesUs)
    for number, sent in enumerate(good(3)):
        here.leave(f"{number}.xml", sent)
    refusing.work()
    assert {each.state for each in here.all()} == {DocumentState.ROUTED}
    with here.hub.database.read() as connection:
        assert connections.lived(connection, TARGET).refused_at is not None
    holding.resume(here.hub.database, TARGET, "test")
    here.work()
    assert len(here.delivered()) == 3
