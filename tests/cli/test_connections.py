"""`hub connections`: a circuit breaker is closed by hand, and it is known by whom."""

from __future__ import annotations

from pathlib import Path

import tomli_w

from hub.app import open_hub
from hub.store import audit, breakers, lanes
from hub.store.breakers import BreakerState
from tests.cli.conftest import Call


def test_a_circuit_breaker_is_closed_by_a_named_person(call: Call, home: Path) -> None:
    place = {"connector": "svefaktura.files", "address": (home / "in").as_uri()}
    (home / "hub.toml").write_text(tomli_w.dumps({"connections": {"inkorg": place}}), encoding="utf-8")
    hub = open_hub(home)
    with hub.database.write() as connection:
        lanes.ensure_lane(connection, "inkorg")
        for _ in range(breakers.LEAST):
            breakers.note(connection, "inkorg", succeeded=False)
        assert breakers.of(connection, "inkorg").state is BreakerState.OPEN
    assert "is closed" in call("connections", "close-breaker", "inkorg").output
    assert "was not open" in call("connections", "close-breaker", "inkorg").output
    with hub.database.read() as connection:
        assert breakers.of(connection, "inkorg").state is BreakerState.CLOSED
        assert {each.what for each in audit.about(connection, "connection inkorg", 9)} == {"close_breaker"}
    hub.close()
