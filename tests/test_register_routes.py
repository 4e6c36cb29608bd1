"""Routes to registers in the settings: what cannot be is said when the hub is opened; defaults are the careful ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from pydantic import BaseModel

from hub.app import open_hub
from hub.complaints import SettingsInvalid
from hub.flow.guards import FirstRun
from tests.walks.registry import NOUN, REGISTER, ROUTE, SOURCE, TARGET, registry, the_plugins


class NoSettings(BaseModel):
    """Nothing to set."""


def opened(home: Path, routes: dict[str, Any]) -> str:
    """Open a hub with those routes; what it says when that cannot be, in English."""
    home.mkdir(exist_ok=True)
    files = {"connector": "test.files", "address": home.as_uri()}
    connections = {
        SOURCE: files,
        "andra": files,
        TARGET: {"connector": "test.register", "address": "http://127.0.0.1:1"},
        "trasig": {"connector": "gone.register"},
        "port": {"connector": "test.push"},
    }
    (home / "hub.toml").write_text(tomli_w.dumps({"connections": connections, "routes": routes}), encoding="utf-8")
    known = the_plugins()
    pushed = replace(REGISTER, name="test.push", settings=NoSettings, registers={}, pushed=True)
    try:
        open_hub(home, replace(known, connectors={**known.connectors, pushed.name: pushed})).close()
    except SettingsInvalid as error:
        return error.text.en
    return ""


def route(**changed: Any) -> dict[str, Any]:
    """A route to the register; its keys may be changed."""
    return {"noun": NOUN, "from": [SOURCE], "to": TARGET} | changed


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ({"r": route(to="ingen")}, "routes.r.to: there is no connection ingen"),
        ({"r": route(noun="contracts")}, "test.register has no register for contracts (there are: administrators)"),
        ({"r": route(to=SOURCE)}, "test.files has no register for administrators"),
        ({"r": route(**{"from": [SOURCE, "andra"]})}, "from one source alone"),
        ({"r": route(), "s": route(**{"from": ["andra"]})}, "by one route"),
        (
            {"r": {"noun": "administratrs", "from": [SOURCE]}},
            "routes.r.noun: the connection utdrag (test.files) gives no administratrs (it can give: administrators)",
        ),
        ({"r": {"from": ["andra"]}}, "routes.r.noun: the connection andra (test.files) gives no invoices"),
        ({"r": route(**{"from": [TARGET]})}, "the connection katalog (test.register) gives no administrators"),
        ({"r": {"noun": "invoics", "from": ["port"]}}, "the connection port (test.push) gives no invoics"),
        ({"r": {"from": [SOURCE], "guards": {"removals": 3}}}, "routes.r.guards.removals: is for routes to a register"),
        ({"r": route(guards={"removals_share": 1.5})}, "removals_share"),
        ({"r": route(guards={"first_run": "maybe"})}, "first_run"),
    ],
)
def test_a_route_that_cannot_be_is_told_when_the_hub_is_opened(
    tmp_path: Path, routes: dict[str, Any], said: str
) -> None:
    assert said in opened(tmp_path / "home", routes)


def test_a_source_whose_plugin_does_not_load_and_one_that_is_pushed_leave_the_hub_working(tmp_path: Path) -> None:
    routes = {
        "r": {"noun": "whatever", "from": ["trasig"]},
        "s": {"from": ["port"]},
        "t": {"noun": NOUN, "from": ["port"]},
    }
    assert opened(tmp_path / "home", routes) == ""


def test_a_register_whose_plugin_does_not_load_leaves_the_hub_working(tmp_path: Path) -> None:
    assert opened(tmp_path / "home", {"r": route(to="trasig")}) == ""


def test_the_first_run_to_a_register_is_a_rehearsal_unless_told(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'hub.db'}"
    with registry(tmp_path, url, "http://127.0.0.1:1", {"theirs": ["telefon"], "removals": 7}) as here:
        limits = here.ways.routes[ROUTE].guards
    assert (limits.first_run, limits.theirs, limits.removals) == (FirstRun.REHEARSE, frozenset({"telefon"}), 7)
    with registry(tmp_path, url, "http://127.0.0.1:1", {"first_run": "apply"}) as here:
        assert here.ways.routes[ROUTE].guards.first_run is FirstRun.APPLY
