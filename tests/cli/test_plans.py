"""`hub plan` and `hub run --rehearse`: what they say, how they end, and that nothing is decided but what was shown."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import tomli_w
from click.testing import Result

from hub.app import open_hub
from hub.cli.users import who
from hub.domain.changes import Change, ChangeKind, Figures, PlanState, Stop
from hub.domain.texts import Text
from hub.store import audit, plans
from hub.store.plans import NewPlan
from tests.cli.conftest import SAMPLES, objects

Call = Callable[..., Result]
DIGEST = "ab" * 32
STOP = Stop("REMOVALS", Text("för många tas bort", "too many would be removed"), 2, {"removals": 1})
CHANGES = (
    Change(ChangeKind.CREATE, "k1", "p1", {"namn": "[Anna]"}),
    Change(ChangeKind.UPDATE, "k2", "p2", {"namn": "Ny", "enhet": "1"}, {"namn": "Gammal", "enhet": "1"}),
    Change(ChangeKind.REMOVE, "k3", "p3", {}, {"namn": "Cecilia"}),
)


@pytest.fixture
def held(home: Path) -> int:
    """The number of a plan that two persons must approve."""
    return kept(home, PlanState.HELD, (STOP,))


def kept(home: Path, state: PlanState, stops: tuple[Stop, ...] = ()) -> int:
    """The number of a plan in that state."""
    hub = open_hub(home)
    try:
        with hub.database.write() as connection:
            made = plans.begin(connection, NewPlan("administratorer", "administrators", "utdrag", "katalog"))
            plans.add(connection, made, enumerate(CHANGES, 1))
            figures = Figures(3, 3, 0, True, 2, 1, 1, 1)
            plans.made(connection, made, DIGEST, figures, stops, state)
            return made
    finally:
        hub.close()


def test_plans_are_listed_with_what_stops_them(call: Call, held: int) -> None:
    shown = call("plan", "list")
    assert shown.exit_code == 0
    assert "REMOVALS" in shown.output
    [told] = objects(call("plan", "list", "--json", "--state", "held"))
    assert (told["id"], told["digest"], told["figures"]["removals"]) == (held, DIGEST, 1)
    assert objects(call("plan", "list", "--json", "--state", "applied")) == []


def test_a_plan_is_shown_field_by_field_a_page_at_a_time(call: Call, held: int) -> None:
    shown = call("plan", "show", held).output
    assert "+ 1 created" in shown
    assert "för många tas bort" in shown, "reasons are told in the hub's language"
    assert "[Anna]" in shown
    assert "namn: Gammal → Ny" in shown
    assert "enhet: 1 →" not in shown
    page = call("plan", "show", held, "--limit", 2).output
    assert f"More: hub plan show {held} --after 2" in page
    assert "Cecilia" in call("plan", "show", held, "--after", 2).output
    told = objects(call("plan", "show", held, "--json"))
    assert [each.get("address") for each in told] == [None, "p1", "p2", "p3"]


def test_a_plan_above_the_second_limit_takes_two_persons(
    call: Call, held: int, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = call("plan", "approve", held, "--digest", DIGEST, "--reason", "granskad")
    assert (first.exit_code, first.output.strip()) == (1, f"Plan {held} is held.")
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "kalle")
    again = call("plan", "approve", held, "--digest", DIGEST, "--reason", "granskad")
    assert again.exit_code == 2
    assert "samma person" in again.output
    hub = open_hub(home)
    with hub.database.read() as connection:
        [deed] = audit.about(connection, f"plan {held}")
    hub.close()
    assert (deed.who, deed.what) == (who(), "approve")


def test_only_what_was_shown_is_approved(call: Call, held: int) -> None:
    other = call("plan", "approve", held, "--digest", "cd" * 32, "--reason", "granskad")
    assert other.exit_code == 2
    assert "en annan än den som visades" in other.output
    asked = call("plan", "approve", held, "--reason", "granskad", input="n\n")
    assert asked.exit_code == 1
    assert DIGEST in asked.output
    assert call("plan", "approve", held, "--digest", DIGEST[:12], "--reason", "granskad").exit_code == 1


def test_a_proposed_plan_is_applied_and_a_refused_one_is_not(call: Call, home: Path) -> None:
    proposed = kept(home, PlanState.PROPOSED)
    assert call("plan", "approve", proposed, "--digest", DIGEST, "--reason", "granskad").exit_code == 2
    applied = call("plan", "apply", proposed, "--digest", DIGEST, "--reason", "granskad")
    assert (applied.exit_code, applied.output.strip()) == (0, f"Plan {proposed} is approved.")
    refused = kept(home, PlanState.HELD, (STOP,))
    assert call("plan", "refuse", refused, "--reason", "fel utdrag").exit_code == 0
    assert call("plan", "approve", refused, "--digest", DIGEST, "--reason", "ändå").exit_code == 2


def test_a_plan_that_is_not_there_is_said(call: Call, home: Path) -> None:
    assert "there is no plan 7" in call("plan", "show", 7).output


def test_a_rehearsal_tells_its_plan_and_ends_as_it_would(call: Call, home: Path, tmp_path: Path) -> None:
    inbox, drop = tmp_path / "in", tmp_path / "ut"
    inbox.mkdir()
    drop.mkdir()
    settings = {
        "connections": {
            "inkorg": {"connector": "svefaktura.files", "address": inbox.as_uri(), "settle_seconds": 0},
            "agresso": {"connector": "agresso.filedrop", "address": drop.as_uri()},
        },
        "routes": {"fakturor": {"from": ["inkorg"]}},
    }
    (home / "hub.toml").write_text(tomli_w.dumps(settings), encoding="utf-8")
    assert call("run", "fakturor", "--rehearse").output.strip() == "Nothing waits at the sources."
    sample = SAMPLES / "peppol" / "invoice-office.xml"
    (inbox / "faktura.xml").write_bytes(sample.read_bytes())
    shown = call("run", "fakturor", "--rehearse")
    assert shown.exit_code == 1, "no unit is in the register, so the invoice would be set aside"
    assert "1 at fault" in shown.output
    assert (inbox / "faktura.xml").exists()


def test_a_proposed_plan_is_not_asked_about_before_it_is_told_how_it_is_applied(call: Call, home: Path) -> None:
    number = kept(home, PlanState.PROPOSED)
    told = call("plan", "approve", number, "--reason", "granskad")
    assert told.exit_code == 2
    assert f"hub plan apply {number}" in told.output
    assert "Is this" not in told.output
