"""`hub connections`: a circuit breaker is shown with its counts and closed by hand, and it is known by whom."""

from __future__ import annotations

import json
from pathlib import Path

import tomli_w
from sqlalchemy import Connection

from hub.app import Hub, open_hub
from hub.cli.output import local
from hub.domain.texts import Text
from hub.store import audit, breakers, connections, lanes
from hub.store.breakers import BreakerState
from hub.store.connections import Happening
from tests.cli.conftest import Call


def fail(connection: Connection) -> None:
    """A call on the connection fails."""
    connections.failed(connection, "inkorg", Happening.UNAVAILABLE, Text("Svarar inte.", "No answer."))


def tried(home: Path, failures: int) -> Hub:
    """A hub with one connection, of which so many calls have failed."""
    place = {"connector": "svefaktura.files", "address": (home / "in").as_uri()}
    (home / "hub.toml").write_text(tomli_w.dumps({"connections": {"inkorg": place}}), encoding="utf-8")
    hub = open_hub(home)
    with hub.database.write() as connection:
        lanes.ensure_lane(connection, "inkorg")
        for _ in range(failures):
            fail(connection)
    return hub


def test_one_connection_is_shown_with_what_its_circuit_breaker_counted(call: Call, home: Path) -> None:
    hub = tried(home, 3)
    said = call("connections", "show", "inkorg").output
    assert "closed" in said
    assert "3, 3 failed; it opens when 50% of 10 calls or more, or all of 4 or more, have failed" in said
    assert "tries again" not in said
    with hub.database.write() as connection:
        for _ in range(breakers.LEAST_ALL - 3):
            fail(connection)
    done = call("connections", "show", "inkorg", "--json")
    told = json.loads(done.output)
    with hub.database.read() as connection:
        breaker = breakers.of(connection, "inkorg")
    hub.close()
    assert breaker.open_until is not None
    assert (told["name"], told["state"], done.exit_code) == ("inkorg", "failing", 1)
    assert told["breaker"] == {
        "state": "open",
        "calls": breakers.LEAST_ALL,
        "failed": breakers.LEAST_ALL,
        "opened_at": breaker.opened_at.isoformat() if breaker.opened_at else None,
        "tries_again_at": breaker.open_until.isoformat(),
        "trips": 1,
    }
    assert local(breaker.open_until) in call("connections", "show", "inkorg").output
    assert "no connection is called borta" in call("connections", "show", "borta").output


def test_a_circuit_breaker_is_closed_by_a_named_person(call: Call, home: Path) -> None:
    hub = tried(home, breakers.LEAST_ALL)
    with hub.database.read() as connection:
        assert breakers.of(connection, "inkorg").state is BreakerState.OPEN
    assert "is closed" in call("connections", "close-breaker", "inkorg").output
    assert "was not open" in call("connections", "close-breaker", "inkorg").output
    with hub.database.read() as connection:
        assert breakers.of(connection, "inkorg").state is BreakerState.CLOSED
        assert {each.what for each in audit.about(connection, "connection inkorg", 9)} == {"close_breaker"}
    hub.close()


def test_what_is_mended_and_still_held_is_told_with_how_to_let_it_go(call: Call, home: Path) -> None:
    (home / "in").mkdir()
    hub = tried(home, 0)
    with hub.database.write() as connection:
        why = Text("Fel lösenord.", "Wrong password.")
        connections.failed(connection, "inkorg", Happening.REFUSED, why)
        lanes.hold_lane(connection, "inkorg", because="refused")
    hub.close()
    checked = call("connections", "check", "inkorg")
    assert checked.exit_code == 0
    for said in (checked, call("connections", "show", "inkorg"), call("connections", "list"), call("status")):
        assert "hub connections resume inkorg" in said.output
    assert call("connections", "resume", "inkorg").exit_code == 0
    for said in (call("connections", "check", "inkorg"), call("status")):
        assert "resume" not in said.output
