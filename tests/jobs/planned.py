"""A hub's plans in small: extracts landed, work carried out step by step, and a death at any point of any step."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

from sqlalchemy import Connection, delete, event, update

from hub.domain.changes import PlanState
from hub.domain.texts import Text
from hub.flow import land
from hub.flow.guards import GuardLimits
from hub.jobs import approving, reconciling, routes, worker
from hub.jobs.scheduler import Scheduler
from hub.jobs.ways import Route, Ways
from hub.jobs.worker import Listeners
from hub.loader import Connection as Configured
from hub.loader import Plugins
from hub.plugin.connector import Connector
from hub.plugin.files import FilePlace
from hub.store import leases, plans
from hub.store.database import Database
from hub.store.plans import StoredPlan
from hub.store.tables import work
from hub.testing.registers import LineExtract, MemoryRegister, MemoryStore, lines

NOUN, ROUTE, SOURCE, TARGET = "administrators", "administratorer", "utdrag", "katalog"
_PAST = datetime(2020, 1, 1, tzinfo=UTC)


class Killed(BaseException):
    """The process dies here."""


@dataclass
class Fate:
    """At how many more points the process lives; None lets it live for ever. `passed` counts them."""

    left: int | None = None
    passed: int = 0

    def point(self, *_of: str) -> None:
        """A point at which a process may die."""
        self.passed += 1
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.left = None
                raise Killed


class DyingDatabase(Database):
    """A database whose process may die before any transaction that writes, and after it."""

    __slots__ = ("fate",)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        fate: Fate = self.fate
        fate.point()
        with super().write() as connection:
            yield connection
        fate.point()


def dying(database: Database, fate: Fate) -> Database:
    """The database, of a process with that fate."""
    made = DyingDatabase(**{each.name: getattr(database, each.name) for each in fields(Database) if each.init})
    object.__setattr__(made, "fate", fate)
    return made


def unsynced(database: Database) -> None:
    """Nothing of a test outlives this machine's power: do not wait for the disk."""

    def settle(connection: sqlite3.Connection, _record: Any) -> None:
        connection.execute("PRAGMA synchronous=OFF")

    event.listen(database.engine, "connect", settle)


class _Beating:
    """An attempt that nobody else may have."""

    def beat(self) -> None:
        """It may go on."""


@dataclass
class Small:
    """A hub with one route from extracts to a register in memory."""

    database: Database
    limits: GuardLimits = field(default_factory=GuardLimits)
    store: MemoryStore = field(default_factory=MemoryStore)
    fate: Fate = field(default_factory=Fate)
    landed: int = 0

    def __post_init__(self) -> None:
        self.store.hook = self.fate.point
        self.dying = dying(self.database, self.fate)
        opener = {NOUN: lambda _settings: MemoryRegister(self.store)}
        connector = Connector("test.memory", Text("m", "m"), FilePlace, lambda _settings: iter(()), registers=opener)
        target = Configured(TARGET, connector.name, connector=connector)
        self.ways = Ways(
            database=self.dying,
            connections={TARGET: target},
            plugins=Plugins({}, {}, (), (), (), (), (), extracts=(LineExtract(NOUN),)),
            routes={ROUTE: Route(ROUTE, NOUN, (SOURCE,), TARGET, self.limits)},
            editions=cast("Any", None),
            rules=cast("Any", None),
            records=3,
        )
        self.kinds = {each.name: each for each in routes.kinds(self.ways)}
        self.scheduler = Scheduler(self.database, self.kinds, "w", timedelta(seconds=30))

    def land(self, records: Sequence[Mapping[str, str]], *, whole: bool = True) -> None:
        """An extract comes."""
        self.landed += 1
        name = f"natt-{self.landed}.jsonl"
        message = land.Message(SOURCE, name, name, NOUN)
        routes.receive(self.calm, message, [lines(*records, whole=whole)])

    @property
    def calm(self) -> Ways:
        """The ways of a process that does not die."""
        route = self.ways.routes
        return Ways(self.database, {}, self.ways.plugins, route, cast("Any", None), cast("Any", None))

    def step(self, dies_after: int | None = None) -> bool:
        """Carry out one piece of work, or die over it; whether there was any."""
        with self.database.write() as connection:
            connection.execute(update(work).where(work.c.state == "waiting").values(due_at=_PAST))
        for job in self.scheduler.next_jobs(1).jobs:
            self.fate.left = dies_after
            try:
                kind = self.kinds[job.kind]
                worker.settle(self.dying, kind, job, worker.perform(kind, job), Listeners(routes.failed), 0)
            except Killed:
                with self.database.write() as connection:
                    connection.execute(update(work).where(work.c.id == job.id).values(lease_until=_PAST))
                    leases.reclaim_expired(connection)
            finally:
                self.fate.left = None
            return True
        return False

    def lead(self, route: Route) -> None:
        """The settings are read anew, and the route is another."""
        self.ways = replace(self.ways, routes={ROUTE: route})
        self.kinds = {each.name: each for each in routes.kinds(self.ways)}
        self.scheduler = Scheduler(self.database, self.kinds, "w", timedelta(seconds=30))

    def lose_work(self) -> None:
        """Somebody takes all work away."""
        with self.database.write() as connection:
            connection.execute(delete(work))

    def compare_books(self) -> None:
        """What waits for work that is not there is queued again."""
        job: Any = _Beating()
        reconciling.perform(self.calm, job, routes.AGAIN)

    def settle(self) -> None:
        """Carry out everything that is to be done."""
        while self.step():
            pass

    def plans(self) -> list[StoredPlan]:
        """Every plan that was made, oldest first."""
        with self.database.read() as connection:
            return plans.page(connection, limit=1000)[::-1]

    def waiting(self) -> StoredPlan | None:
        """The plan that waits for a person, if one does."""
        return next((each for each in self.plans() if each.state in plans.WAITING_FOR_SOMEBODY), None)

    def approve(self, by: str, digest: str | None = None) -> PlanState | None:
        """A person approves the plan that waits, or lets it be applied; None where that is not possible."""
        plan = self.waiting()
        if plan is None:
            return None
        decide = routes.approve if plan.state is PlanState.HELD else routes.apply_proposed
        try:
            return decide(self.database, plan.id, digest or plan.digest, by, "granskad")
        except approving.NotPossible:
            return None

    def refuse(self, by: str) -> None:
        """A person refuses the plan that waits."""
        plan = self.waiting()
        if plan is not None:
            approving.refuse(self.database, plan.id, by, "fel")

    def approvers(self, plan_id: int) -> int:
        """How many different persons have approved that plan's digest."""
        with self.database.read() as connection:
            plan, said = plans.get(connection, plan_id), plans.approvals(connection, plan_id)
        assert plan is not None
        agreed = [each for each in said if each.decision == approving.APPROVE and each.digest == plan.digest]
        return len({each.by.removeprefix("cli:") for each in agreed})


def copy_of(template: Path, place: Path) -> Path:
    """A fresh database, made as a copy."""
    place.write_bytes(template.read_bytes())
    return place


def person(number: int, unit: str = "1") -> dict[str, str]:
    """A made-up person."""
    return {"id": f"p{number}", "namn": f"Person {number}", "enhet": unit}
