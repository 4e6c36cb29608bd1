"""What the pages say of a delivery: made, withdrawn, or in doubt."""

from __future__ import annotations

from hub.app import Hub
from hub.domain.changes import Change, ChangeKind, Plan
from hub.store import deliveries
from tests.web.city import put
from tests.web.conftest import Visitor

CHANGE = Change(ChangeKind.CREATE, "1-abc", "1-abc.xml")


def test_a_delivery_that_may_have_reached_its_target_is_in_doubt_and_not_withdrawn(anna: Visitor, hub: Hub) -> None:
    it = put(hub.database, b"<x/>", "a.xml")
    with hub.database.write() as connection:
        delivery = deliveries.intend(connection, it.id, Plan("invoices", "agresso-utb", (CHANGE,)), CHANGE)
        deliveries.attempt(connection, delivery)
        deliveries.doubt(connection, delivery)
    for page in (f"/invoices/{it.id}", "/connections/agresso-utb"):
        anna.speak("sv")
        text = anna.get(page).text
        assert "osäker: kan ha nått målet" in text
        assert "återkallad" not in text
        anna.speak("en")
        assert "in doubt: may have reached the target" in anna.get(page).text
    with hub.database.write() as connection:
        deliveries.withdraw(connection, delivery)
    for page in (f"/invoices/{it.id}", "/connections/agresso-utb"):
        text = anna.get(page).text
        assert "withdrawn" in text
        assert "in doubt" not in text
