"""`hub run`: it waits for what it asked for, whoever does it, and says what became of it or what it waits for."""

from __future__ import annotations

import threading
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hub_agresso.standin.city import City
from hub_agresso.standin.server import served
from hub_agresso.standin.web_api import Agresso

from hub.app import Hub, open_hub
from hub.cli import output
from hub.jobs import asking, holding, routes
from hub.jobs.executors.local import LocalExecutor
from hub.jobs.names import FETCH
from hub.store import work
from hub.store.asked import Asked
from hub.store.lanes import hold_lane
from hub.store.work import WorkState
from hub.testing.register_http import Shelf, serving
from tests.cli.conftest import SAMPLES, Call
from tests.cli.test_home import settle
from tests.walks.registry import ROUTE, SOURCE, TARGET, Registry, people, registry, the_plugins

UNIT = """sth_kod;namn;organisationsnummer;gln;peppol_id;mottagare
110;Kontoret;222222-2222;7350000000016;;agresso
"""


@pytest.fixture
def shelf() -> Shelf:
    """What the register holds."""
    return Shelf()


@pytest.fixture
def there(home: Path, tmp_path: Path, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A hub with a route to a register, which the command line opens too."""

    def opened(place: Path) -> Hub:
        return open_hub(place, the_plugins())

    monkeypatch.setattr(output, "open_hub", opened)
    with serving(shelf) as address, registry(tmp_path, "", address) as built:
        yield built


@pytest.fixture
def filled(there: Registry, shelf: Shelf) -> Registry:
    """The same, with ten persons there, as a first run has found."""
    for each in people(*range(10)):
        shelf.put(each.pop("id"), **each)
    there.leave("natt-0", *people(*range(10)))
    there.work()
    return there


def asked_for(there: Registry) -> list[WorkState]:
    """Where the work stands that asks the source, the newest first."""
    with there.hub.database.read() as connection:
        return [each.state for each in work.page(connection, kind=FETCH)]


# --- what is held


def test_a_source_that_a_person_paused_is_told_with_what_to_do(call: Call, there: Registry) -> None:
    there.leave("natt-0", *people(1))
    holding.pause(there.hub.database, SOURCE, "anna")
    ran = call("run", ROUTE, "--seconds", 20)
    assert ran.exit_code == 1, ran.output
    assert f"{SOURCE} is held" in ran.output
    assert "anna" in ran.output
    assert f"hub connections resume {SOURCE}" in ran.output
    assert "Not everything" not in ran.output, "it does not wait for a person"
    assert asked_for(there) == [WorkState.WAITING]


def test_a_target_that_refused_us_is_told_though_its_source_answers(call: Call, there: Registry) -> None:
    there.leave("natt-0", *people(1))
    with there.hub.database.write() as connection:
        hold_lane(connection, TARGET, because="refused")
    ran = call("run", ROUTE, "--seconds", 20)
    assert ran.exit_code == 1
    assert f"{TARGET} is held (refused)" in ran.output
    assert f"hub connections resume {TARGET}" in ran.output


# --- who else works


@dataclass
class Beside:
    """A worker of another process, which holds what it has begun until the command has looked once."""

    begun: threading.Event = field(default_factory=threading.Event)
    let_go: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def beside(filled: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[Beside]:
    """It takes the asking as soon as there is some."""
    here, kinds, ask = Beside(), {each.name: each for each in routes.kinds(filled.ways)}, asking.ask

    def wait_then_fetch(job: object) -> None:
        here.begun.set()
        here.let_go.wait(30)
        kinds[FETCH].perform(job)  # type: ignore[arg-type]

    other = LocalExecutor(
        filled.hub.database,
        [each if each.name != FETCH else replace(each, perform=wait_then_fetch) for each in kinds.values()],
        threads=2,
    )

    def asked(*arguments: Any, **options: Any) -> Asked:
        made = ask(*arguments, **options)
        assert here.begun.wait(30)
        return made

    monkeypatch.setattr(asking, "ask", asked)
    other.start()
    yield here
    here.let_go.set()
    other.stop()


def test_what_another_worker_took_is_waited_for(
    call: Call, filled: Registry, beside: Beside, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled.leave("natt-1", *people(*range(11)))
    look, looks = asking.goes_on, []

    def goes_on(*arguments: Any) -> bool:
        looks.append(look(*arguments))
        beside.let_go.set()
        return looks[-1]

    monkeypatch.setattr(asking, "goes_on", goes_on)
    ran = call("run", ROUTE, "--seconds", 30)
    assert ran.exit_code == 0, ran.output
    assert f"{SOURCE}: succeeded" in ran.output
    assert "1 applied" in ran.output
    assert looks[0], "it had nothing to do itself, and waited"


def test_what_another_worker_does_not_end_in_time_is_said(call: Call, beside: Beside) -> None:
    ran = call("run", ROUTE, "--seconds", 1)
    assert ran.exit_code == 1, ran.output
    assert "Not everything was done within" in " ".join(ran.output.split())
    assert f"{SOURCE}: made no run; the work that asks it is running" in ran.output


# --- what waits for a person, and what was set aside


def test_a_plan_that_is_held_is_told_with_where_to_look(call: Call, filled: Registry) -> None:
    filled.leave("natt-1", *people(*range(4)))
    ran = call("run", ROUTE, "--seconds", 20)
    plan = filled.plan().id
    assert ran.exit_code == 1, ran.output
    assert f"plan {plan} is held and waits for approval: hub plan show {plan}" in ran.output
    assert "not ended" not in ran.output
    assert "Not everything" not in ran.output, "it does not wait for a person"


def test_a_plan_that_a_first_run_proposed_is_told_too(call: Call, there: Registry) -> None:
    there.leave("natt-0", *people(1))
    ran = call("run", ROUTE, "--seconds", 20)
    assert ran.exit_code == 1
    assert "plan 1 is proposed and waits for a person to let it be applied: hub plan show 1" in ran.output


def test_records_at_fault_or_rejected_end_it_with_exit_code_1(call: Call, filled: Registry, shelf: Shelf) -> None:
    shelf.unwanted.add("p00020")
    filled.leave("natt-1", *people(*range(10)), *people(20), {"id": "", "namn": "Ingen", "enhet": "1"})
    ran = call("run", ROUTE, "--seconds", 20)
    assert "2 records were set aside (hub set-aside list)" in ran.output, ran.output
    assert ran.exit_code == 1
    assert call("set-aside", "list").exit_code == 1


def test_a_run_with_nothing_at_fault_ends_well(call: Call, filled: Registry) -> None:
    filled.leave("natt-1", *people(*range(11)))
    ran = call("run", ROUTE, "--seconds", 20)
    assert ran.exit_code == 0, ran.output
    assert "set aside" not in ran.output


def test_what_is_tried_again_later_is_told_and_not_waited_for(call: Call, filled: Registry, shelf: Shelf) -> None:
    shelf.before = lambda method, _address: 503 if method == "GET" else None
    filled.leave("natt-1", *people(*range(11)))
    ran = call("run", ROUTE, "--seconds", 20)
    assert ran.exit_code == 1, ran.output
    assert f"{TARGET}: something waits for its next try" in ran.output


def test_invoices_that_wait_for_a_paused_target_are_told(call: Call, home: Path, tmp_path: Path) -> None:
    settle(home, tmp_path)
    (tmp_path / "register.csv").write_text(UNIT, encoding="utf-8")
    assert call("units", "import", tmp_path / "register.csv").exit_code == 0
    assert call("connections", "pause", "agresso").exit_code == 0
    (tmp_path / "in" / "good.xml").write_bytes((SAMPLES / "peppol" / "invoice-office.xml").read_bytes())
    ran = call("run", "fakturor", "--seconds", 60)
    assert ran.exit_code == 1, ran.output
    assert "agresso is held (paused: Pausad av cli:" in ran.output
    assert "Not everything" not in ran.output
    assert call("connections", "resume", "agresso").exit_code == 0
    assert call("run", "fakturor", "--seconds", 60).exit_code == 0


def test_what_lies_at_the_source_and_cannot_be_taken_ends_it_with_exit_code_1(
    call: Call, home: Path, tmp_path: Path
) -> None:
    settle(home, tmp_path)
    settings = tomllib.loads((home / "hub.toml").read_text(encoding="utf-8"))
    (home / "hub.toml").write_text(tomli_w.dumps({**settings, "limits": {"landed_megabytes": 1}}), encoding="utf-8")
    (tmp_path / "in" / "large.xml").write_bytes(b"x" * 1_100_000)
    ran = call("run", "fakturor", "--seconds", 60)
    assert ran.exit_code == 1, ran.output
    assert "inkorg: 1 document lies there and cannot be taken (hub connections show inkorg)" in ran.output


def test_records_that_a_pull_set_aside_end_it_with_exit_code_1(call: Call, home: Path) -> None:
    agresso = Agresso(city=City(orders=20, suppliers=20))
    order = agresso.city.order(3)
    assert order is not None
    number = len(order["orderLineInformation"])
    with served(agresso) as address:
        enter = {"user": "hubben", "password": "hemlig-i-prov", "company": "ST"}
        webb = {"connector": "agresso.web", "address": address, **enter}
        settings = {"connections": {"webb": webb}, "routes": {"order": {"noun": "orders", "from": ["webb"]}}}
        (home / "hub.toml").write_text(tomli_w.dumps(settings), encoding="utf-8")
        agresso.city.changed[3] = {**order, "companyId": "XX"}
        ran = call("run", "order", "--seconds", 60)
        again = call("run", "order", "--seconds", 60)
    were = "1 record was" if number == 1 else f"{number} records were"
    assert f"webb: {were} set aside (hub set-aside list)" in ran.output, ran.output
    assert ran.exit_code == 1
    assert again.exit_code == 0, "what was set aside before is no news"


# --- what cannot be asked


def pulled(home: Path, secret: str, address: str = "http://127.0.0.1:9", company: str = "ST") -> None:
    """A hub with a route of orders from a system whose password is said to be there."""
    (home / "hub.toml").write_text(
        f"""[connections.agresso]
connector = "agresso.web"
address = "{address}"
user = "hubben"
company = "{company}"
password = {secret}

[routes.orders]
noun = "orders"
from = ["agresso"]
"""
    )


@pytest.mark.parametrize("more", [(), ("--rehearse",)])
def test_a_source_that_cannot_be_used_is_told_with_why(call: Call, home: Path, more: tuple[str, ...]) -> None:
    pulled(home, '{ env = "NO_SUCH_SECRET_HERE" }')
    told = call("run", "orders", *more)
    assert told.exit_code == 2
    assert "agresso" in told.output
    assert "NO_SUCH_SECRET_HERE" in told.output
    assert "comes by itself" not in told.output


def test_what_is_pulled_is_said_to_have_no_rehearsal(call: Call, home: Path) -> None:
    pulled(home, '"hemligt"')
    told = call("run", "orders", "--rehearse")
    assert told.exit_code == 2
    assert "ingen generalrepetition" in told.output


def test_a_run_that_failed_tells_why_and_where_to_look(call: Call, home: Path) -> None:
    system = Agresso()
    with served(system) as address:
        pulled(home, f'"{system.users["hubben"]}"', address, "XX")
        told = call("run", "orders", "--seconds", 30)
    assert told.exit_code == 1
    assert "agresso: rejected" in told.output
    assert "XX" in told.output
    assert "(hub runs show 1)" in told.output
