"""A hub with one route to a register: extracts in a folder, a register over TCP or in memory, a worker that can die."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import tomli_w
from hub_svefaktura.connectors import INVOICE_FILES

from hub.app import Hub, open_hub
from hub.domain.changes import PlanState
from hub.domain.documents import DocumentState
from hub.domain.texts import Text
from hub.jobs import asking, routes
from hub.jobs.executors.local import LocalExecutor
from hub.jobs.ways import Ways
from hub.jobs.worker import Listeners
from hub.loader import Plugins
from hub.plugin.connector import Connector
from hub.store import documents, plans, runs, set_asides
from hub.store.documents import Document
from hub.store.plans import StoredChange, StoredPlan
from hub.store.runs import Run
from hub.testing.register_http import HttpRegister, HttpRegisterSettings
from hub.testing.registers import LineExtract, lines
from tests.walks.killed import until_killed

NOUN, ROUTE, SOURCE, TARGET = "administrators", "administratorer", "utdrag", "katalog"
LONG_ENOUGH = timedelta(seconds=60)
REGISTER = Connector(
    name="test.register",
    title=Text("Register", "Register"),
    settings=HttpRegisterSettings,
    check=lambda _settings: iter(()),
    registers={NOUN: HttpRegister},
)


def the_plugins() -> Plugins:
    """Extracts from a folder, and a register over TCP."""
    files = replace(INVOICE_FILES, name="test.files", sources={NOUN: INVOICE_FILES.sources["invoices"]})
    return Plugins(
        connectors={files.name: files, REGISTER.name: REGISTER},
        formats={},
        rule_packs=(),
        demonstrations=(),
        commands=(),
        explainers=(),
        broken=(),
        extracts=(LineExtract(NOUN),),
    )


def people(*numbers: int, **changed: str) -> list[dict[str, str]]:
    """Made-up persons of those numbers; fields of all of them may be changed by name."""
    return [{"id": f"p{each:05d}", "namn": f"Person {each}", "enhet": f"{each % 7}", **changed} for each in numbers]


@dataclass(frozen=True, slots=True)
class Registry:
    """A hub, the folder its extracts come in, and its work."""

    hub: Hub
    ways: Ways
    inbox: Path

    def leave(self, name: str, *records: Mapping[str, str], **said: Any) -> None:
        """The source leaves an extract with those records."""
        (self.inbox / f"{name}.jsonl").write_bytes(lines(*records, **said))

    def work(self, asked: bool = True) -> None:
        """The source is asked, and all that follows is done."""
        if asked:
            asking.run_now(self.ways, SOURCE, "test")
        assert self.executor().run_until_idle(LONG_ENOUGH)

    def executor(self, **options: Any) -> LocalExecutor:
        """Threads that do the hub's work."""
        listeners = Listeners(on_failure=routes.failed)
        kinds = routes.kinds(self.ways)
        return LocalExecutor(self.hub.database, kinds, threads=2, listeners=listeners, **options)

    def plans(self) -> list[StoredPlan]:
        """Every plan, oldest first."""
        with self.hub.database.read() as connection:
            return plans.page(connection, limit=200)[::-1]

    def plan(self) -> StoredPlan:
        """The newest plan."""
        return self.plans()[-1]

    def changes(self, plan_id: int) -> list[StoredChange]:
        """The changes of a plan."""
        with self.hub.database.read() as connection:
            return plans.changes(connection, plan_id, limit=10_000)

    def approve(self, by: str = "anna", reason: str = "granskad") -> PlanState:
        """A person approves the newest plan."""
        plan = self.plan()
        return routes.approve(self.hub.database, plan.id, plan.digest, by, reason)

    def apply(self, by: str = "anna") -> PlanState:
        """A person lets the newest plan be applied, which was proposed."""
        plan = self.plan()
        return routes.apply_proposed(self.hub.database, plan.id, plan.digest, by, "granskad")

    def run(self) -> Run:
        """The newest run."""
        with self.hub.database.read() as connection:
            return runs.page(connection)[0]

    def documents(self) -> list[Document]:
        """Every document, oldest first."""
        with self.hub.database.read() as connection:
            return documents.page(connection, noun=NOUN, limit=1000)[::-1]

    def states(self) -> list[DocumentState]:
        """Where each document stands, oldest first."""
        return [each.state for each in self.documents()]

    def codes(self) -> dict[str, set[str]]:
        """Why documents are set aside, by name."""
        with self.hub.database.read() as connection:
            found = {each.name: set_asides.of(connection, each.id) for each in self.documents()}
        return {name: {reason.code for reason in each.reasons} for name, each in found.items() if each}


@contextmanager
def registry(
    place: Path, database_url: str, register: str, guards: Mapping[str, Any] | None = None, records: int = 50
) -> Iterator[Registry]:
    """A hub at home in that folder, with a register at that address."""
    inbox, home = place / "utdrag", place / "home"
    inbox.mkdir(exist_ok=True)
    home.mkdir(exist_ok=True)
    settings = {
        "database": database_url,
        "limits": {"records": records},
        "connections": {
            SOURCE: {"connector": "test.files", "address": inbox.as_uri(), "settle_seconds": 0},
            TARGET: {"connector": REGISTER.name, "address": register},
        },
        "routes": {ROUTE: {"noun": NOUN, "from": [SOURCE], "to": TARGET, "guards": dict(guards or {})}},
    }
    (home / "hub.toml").write_text(tomli_w.dumps(settings), encoding="utf-8")
    hub = open_hub(home, the_plugins())
    try:
        yield Registry(hub, hub.ways(_NoRules()), inbox)
    finally:
        hub.close()


class _NoRules:
    """Nothing of a register's route comes before rules."""

    def judge(self, *_arguments: Any, **_options: Any) -> Any:
        raise AssertionError("an extract is not judged")


def work_until_killed(home: Path) -> None:
    """What a worker's own process does: it works, and is killed by whoever started it."""
    hub = open_hub(home, the_plugins())
    here = Registry(hub, hub.ways(_NoRules()), home.parent / "utdrag")
    until_killed(here.executor(lease=timedelta(seconds=2)))


def sure(condition: Callable[[], bool], what: Sequence[object] = ()) -> None:
    """Say what was met when it is not so."""
    assert condition(), what
