"""What is to be billed, whole ways: a list lands, each event is billed once, also when the worker is killed over it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hub_agresso.standin.city import City
from hub_agresso.standin.server import SOAP_PATH, served
from hub_agresso.standin.soap import SALES_TEMPLATE
from hub_agresso.standin.web_api import Agresso
from lxml import etree

from hub.app import Hub, open_hub
from hub.domain.changes import PlanState
from hub.domain.documents import DocumentState
from hub.jobs import asking, replaying, routes
from hub.jobs.executors.local import LocalExecutor
from hub.jobs.ways import Ways
from hub.jobs.worker import Listeners
from hub.store import documents, plans, set_asides
from tests.jobs.waiting import eventually
from tests.walks.killed import kill, until_killed, worker

ROUTE = "underlag"
LONG_ENOUGH = timedelta(seconds=60)
HEAD = "case;correction;customer;buyer_reference;date;article;description;quantity;price;dimensions"
ENTER = {"user": "hubben", "password": "hemlig-i-prov", "company": "ST", "page": 60, "overlap": 10}


class Bureau:
    """A hub that bills what lists say, at an Agresso or as files for it."""

    def __init__(self, hub: Hub, ways: Ways, agresso: Agresso) -> None:
        self.hub, self.ways, self.agresso = hub, ways, agresso
        self.inbox, self.drop = (hub.settings.home.parent / name for name in ("listor", "fakturering"))

    def leave(self, name: str, *rows: str) -> None:
        """Somebody leaves the list as it stands by now."""
        lines = (HEAD, *rows, f"#ROWS;{len(rows)}", "")
        (self.inbox / f"billing-{name}.csv").write_text("\n".join(lines), encoding="utf-8")

    def run(self) -> None:
        """The folder is asked, and all that follows is done."""
        asking.run_now(self.ways, "listor", "test", route_name=ROUTE)
        assert executor(self.hub, self.ways).run_until_idle(LONG_ENOUGH)

    def billed(self) -> list[str]:
        """The reference of every sales order that was handed in to Agresso, as often as it was."""
        found = (etree.fromstring(each["xml"].encode()).findtext(".//{*}ExtOrderRef") for each in self.agresso.imports)
        return [each or "" for each in found]

    def handed_over(self) -> list[str]:
        """The event of every file that lies at the drop."""
        return [json.loads(path.read_text(encoding="utf-8"))["event"] for path in sorted(self.drop.glob("*.json"))]

    def states(self) -> dict[PlanState, int]:
        """How many plans stand in each state."""
        with self.hub.database.read() as connection:
            found = [each.state for each in plans.page(connection)]
        return {state: found.count(state) for state in found}

    def codes(self) -> set[str]:
        """Why something is set aside."""
        with self.hub.database.read() as connection:
            return {group.code for group in set_asides.groups(connection)}

    def aside(self) -> list[int]:
        """The documents that are set aside."""
        with self.hub.database.read() as connection:
            found = documents.page(connection, noun="billing", state=DocumentState.SET_ASIDE, limit=100)
        return [each.id for each in found]

    def kept(self, name: str) -> DocumentState:
        """Where the list stands, as a document."""
        with self.hub.database.read() as connection:
            found = documents.page(connection, noun="billing", limit=100)
        return next(each.state for each in found if each.name == f"billing-{name}.csv")


def a_row(case: str, correction: str = "", quantity: str = "1", price: str = "860") -> str:
    return f"{case};{correction};90107;ref;2026-11-20;ANSL;Anslutning;{quantity};{price};C1=4711"


def settings_of(folder: Path, address: str, database_url: str, to: str, import_patience: float) -> dict[str, Any]:
    """A hub that bills over SOAP or as files."""
    billing = {"billing_template": SALES_TEMPLATE, "writes": ["billing"], "import_patience": import_patience}
    return {
        "database": database_url,
        "connections": {
            "listor": {
                "connector": "agresso.extracts",
                "address": (folder / "listor").as_uri(),
                "settle_seconds": 0,
            },
            "soap": {"connector": "agresso.soap", "address": address + SOAP_PATH, **ENTER, **billing},
            "fil": {
                "connector": "agresso.filedrop",
                "address": (folder / "fakturering").as_uri(),
                "writes": ["billing"],
            },
        },
        "routes": {ROUTE: {"noun": "billing", "from": ["listor"], "to": to, "guards": {"first_run": "apply"}}},
    }


@contextmanager
def bureau(folder: Path, database_url: str, packs: Path, to: str, import_patience: float = 20) -> Iterator[Bureau]:
    """A hub at home in that folder, beside an Agresso."""
    agresso = Agresso(city=City(orders=5, suppliers=5))
    for each in ("home", "listor", "fakturering"):
        (folder / each).mkdir()
    (folder / "home" / "rules").symlink_to(packs)
    with served(agresso) as address:
        settings = settings_of(folder, address, database_url, to, import_patience)
        (folder / "home" / "hub.toml").write_text(tomli_w.dumps(settings), encoding="utf-8")
        hub = open_hub(folder / "home")
        try:
            with hub.judge() as judge:
                yield Bureau(hub, hub.ways(judge), agresso)
        finally:
            hub.close()


def executor(hub: Hub, ways: Ways, **options: Any) -> LocalExecutor:
    """Threads that do the hub's work, and nothing by the clock."""
    listeners = Listeners(on_failure=routes.failed)
    return LocalExecutor(hub.database, routes.kinds(ways), threads=2, listeners=listeners, **options)


def work_until_killed(home: Path) -> None:
    """What a worker's own process does: it works, and is killed by whoever started it."""
    hub = open_hub(home)
    with hub.judge() as judge:
        until_killed(executor(hub, hub.ways(judge), lease=timedelta(seconds=2)))


@pytest.mark.parametrize("to", ["soap", "fil"])
def test_what_the_list_says_is_billed_once_however_often_it_comes(
    tmp_path: Path, database_url: str, packs: Path, to: str
) -> None:
    with bureau(tmp_path, database_url, packs, to) as here:
        told: Callable[[], list[str]] = here.billed if to == "soap" else here.handed_over
        mark = "HUB-" if to == "soap" else ""
        here.leave("1", a_row("A-1"), a_row("A-2"))
        here.run()
        here.leave("2", a_row("A-1"), a_row("A-2"), a_row("A-1", "1", "-1"), a_row("A-3"))
        here.run()
        here.leave("3", a_row("A-1"), a_row("A-2"), a_row("A-1", "1", "-1"), a_row("A-3"))
        here.run()
        assert sorted(told()) == [f"{mark}{each}" for each in ("A-1", "A-1-K1", "A-2", "A-3")]
        assert here.states() == {PlanState.APPLIED: 3}
        assert (here.kept("1"), here.codes()) == (DocumentState.DELIVERED, set())


def test_what_is_wrong_is_set_aside_and_the_rest_is_billed(tmp_path: Path, database_url: str, packs: Path) -> None:
    with bureau(tmp_path, database_url, packs, "soap") as here:
        here.leave("1", a_row("A-1"), a_row("A-2", price="860,50"), a_row("A-9", "1", "-1"), a_row("A-3"), a_row("A-3"))
        here.run()
        assert here.billed() == ["HUB-A-1"]
        assert here.codes() == {"BILLING-NUMBER", "BILLING-CORRECTS-NOTHING", "RECORD-TWICE"}
        here.leave("2", a_row("A-1", price="900"), a_row("A-2", price="860.50"))
        here.run()
        assert here.billed() == ["HUB-A-1", "HUB-A-2"]
        assert "BILLING-OTHERWISE" in here.codes()


def test_a_list_that_is_cut_waits_for_a_person_and_nothing_is_billed(
    tmp_path: Path, database_url: str, packs: Path
) -> None:
    with bureau(tmp_path, database_url, packs, "soap") as here:
        (here.inbox / "billing-1.csv").write_text(f"{HEAD}\n{a_row('A-1')}\n", encoding="utf-8")
        here.run()
        assert (here.billed(), here.states()) == ([], {PlanState.HELD: 1})


def test_a_worker_killed_after_the_call_and_before_the_receipt_bills_nothing_twice(
    tmp_path: Path, database_url: str, packs: Path
) -> None:
    with bureau(tmp_path, database_url, packs, "soap") as here:
        here.agresso.faults.importing = 3600
        here.leave("1", a_row("A-1"))
        asking.run_now(here.ways, "listor", "test", route_name=ROUTE)
        process = worker(work_until_killed, here.hub.settings.home)
        eventually(lambda: len(here.agresso.imports) == 1, seconds=60)
        kill(process)
        before = len(here.agresso.asked)
        process = worker(work_until_killed, here.hub.settings.home)
        try:
            # By then it has looked for the order more than once, and would have handed it in again.
            eventually(lambda: len(here.agresso.asked) >= before + 6, seconds=60)
            here.agresso.imports[0]["stands_at"] = 0.0
            eventually(lambda: here.states() == {PlanState.APPLIED: 1}, seconds=60)
        finally:
            kill(process)
        assert here.billed() == ["HUB-A-1"]
        assert here.codes() == set()


@pytest.mark.parametrize("came", [True, False], ids=["it came in the end", "it never came"])
def test_an_import_that_does_not_come_is_billed_by_no_later_list_until_a_person_has_looked(
    tmp_path: Path, database_url: str, packs: Path, came: bool
) -> None:
    with bureau(tmp_path, database_url, packs, "soap", import_patience=1) as here:
        here.agresso.faults.importing = 3600
        here.leave("1", a_row("A-1"))
        here.run()
        here.agresso.faults.importing = 0.0
        here.leave("2", a_row("A-1"), a_row("A-2"))
        here.run()
        assert here.billed() == ["HUB-A-1", "HUB-A-2"]
        assert len(here.aside()) == 1
        if came:
            here.agresso.imports[0]["stands_at"] = 0.0
            here.leave("3", a_row("A-1"), a_row("A-2"))
        else:
            del here.agresso.imports[0]
            replaying.replay_these(here.hub.database, here.aside(), "Karin Exempel")
        here.run()
        assert sorted(here.billed()) == ["HUB-A-1", "HUB-A-2"]
        assert here.aside() == []
