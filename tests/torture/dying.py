"""A hub in one thread that dies at its k-th touch of the world, and may be let go one touch at a time.

A touch is a statement or a commit in the database, or a verb of a source or a target. Dying before touch k is dying
after touch k-1, so death before every touch is death between any two lines that matter.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO

from pydantic import BaseModel
from sqlalchemy import event, update

from hub.domain.changes import Change, ChangeKind, Receipt
from hub.domain.invoices import Invoice
from hub.domain.texts import Text
from hub.flow.guards import FirstRun, GuardLimits
from hub.jobs import asking, routes, worker
from hub.jobs.kinds import Job, Kind
from hub.jobs.scheduler import Scheduler
from hub.jobs.ways import Route, Ways
from hub.jobs.worker import Listeners
from hub.loader import Connection as Configured
from hub.loader import Plugins
from hub.plugin.connector import Connector
from hub.plugin.errors import Rejected, Unavailable
from hub.plugin.ports import Bytes, Dispatch, Item, Recognised
from hub.store import leases
from hub.store.database import Database, now
from hub.store.tables import work as work_table
from hub.store.work import WorkState
from tests.flow.test_read import RECOGNISED, PaperEditions
from tests.store.rows import a_reason, an_invoice
from tests.torture.worker import Lenient

INBOX, DESK = "inkorg", "agresso"
LEASE = timedelta(minutes=5)
_LONG_AGO = timedelta(hours=1)
_MOST_TURNS = 500


class Died(BaseException):
    """The process died here; no code of ours may catch it."""


@dataclass(slots=True)
class Touches:
    """Counts the touches of one process; `fatal` is the one before which it dies. Who is dead touches nothing more.

    `pause` is called before each touch that is made outside any transaction of ours, and before each transaction.
    """

    fatal: int = 0
    pause: Callable[[], None] = lambda: None
    made: int = 0
    dead: bool = False

    def __call__(self, inside: bool = False) -> None:
        """One touch, `inside` a transaction or not."""
        if not (self.dead or inside):
            self.pause()
        self.made += not self.dead
        self.dead = self.dead or self.made == self.fatal
        if self.dead:
            raise Died(f"before touch {self.made}")


@contextmanager
def felt(database: Database, touches: Touches) -> Iterator[None]:
    """Every statement and commit of that database is a touch, until the block ends."""

    def statement(_connection: Any, _cursor: Any, said: str, *_: Any) -> None:
        touches(inside=not said.startswith("BEGIN"))

    def commit(_connection: Any) -> None:
        touches(inside=True)

    event.listen(database.engine, "before_cursor_execute", statement)
    event.listen(database.engine, "commit", commit)
    try:
        yield
    finally:
        event.remove(database.engine, "before_cursor_execute", statement)
        event.remove(database.engine, "commit", commit)


@dataclass(slots=True)
class Outside:
    """The world outside: what waits in the inbox, what the desk took (in order), and what it will not take or answer.

    `mute` are documents whose first answer is lost after the deed. A desk that honours keys takes each once.
    """

    inbox: dict[str, bytes]
    keyed: bool = False
    rejects: frozenset[bytes] = frozenset()
    mute: set[bytes] = field(default_factory=set)
    taken: list[tuple[str, bytes]] = field(default_factory=list)


class Inbox:
    """A source over the inbox."""

    def __init__(self, outside: Outside, touches: Touches) -> None:
        self._outside, self._touches = outside, touches

    def fetch(self) -> Iterator[Item]:
        self._touches()
        return iter([Item(name, name) for name in sorted(self._outside.inbox)])

    @contextmanager
    def open(self, item: Item) -> Iterator[BinaryIO]:
        self._touches()
        if item.name not in self._outside.inbox:
            raise Unavailable(Text("borta", "gone"))
        yield io.BytesIO(self._outside.inbox[item.name])

    def acknowledge(self, item: Item) -> None:
        self._touches()
        self._outside.inbox.pop(item.name, None)

    def close(self) -> None:
        """Nothing is held."""


class Desk:
    """A target over what the desk took."""

    def __init__(self, outside: Outside, touches: Touches) -> None:
        self._outside, self._touches = outside, touches

    def fit(self, record: Invoice, dispatch: Dispatch) -> Change:
        return Change(ChangeKind.CREATE, dispatch.key, dispatch.key, {"number": record.number})

    def existing(self, change: Change) -> Receipt | None:
        self._touches()
        keys = [key for key, _ in self._outside.taken]
        return _receipt(keys.index(change.key)) if change.key in keys else None

    def apply(self, change: Change, content: Bytes) -> Receipt:
        body = b"".join(content.chunks())
        self._touches()
        if body in self._outside.rejects:
            raise Rejected((a_reason("DESK"),))
        keys = [key for key, _ in self._outside.taken]
        if not (self._outside.keyed and change.key in keys):
            self._outside.taken.append((change.key, body))
        if body in self._outside.mute:
            self._outside.mute.discard(body)
            raise Unavailable(Text("inget svar", "no answer"))
        return _receipt(keys.index(change.key) if change.key in keys else len(keys))

    def close(self) -> None:
        """Nothing is held."""


def _receipt(number: int) -> Receipt:
    return Receipt(datetime(2026, 11, 22, tzinfo=UTC), f"D-{number}")


class Lines:
    """A format in which the number of an invoice is all there is to it."""

    noun = "invoices"

    def recognise(self, document: bytes) -> Recognised:
        return RECOGNISED

    def read(self, document: bytes) -> Invoice:
        if document.startswith(b"broken"):
            raise Rejected((a_reason("LINE"),))
        return an_invoice(number=document.decode().partition(" ")[0])


class NoSettings(BaseModel):
    """A connector that needs none."""


def ways(database: Database, outside: Outside, touches: Touches) -> Ways:
    """The hub between inbox and desk, as one process has it."""
    connector = Connector(
        "dying.paper",
        Text("Papper", "Paper"),
        NoSettings,
        lambda _: iter(()),
        sources={"invoices": lambda _: Inbox(outside, touches)},
        targets={"invoices": lambda _: Desk(outside, touches)},
    )
    configured = {
        name: Configured(name, connector.name, connector=connector, settings=NoSettings()) for name in (INBOX, DESK)
    }
    return Ways(
        database=database,
        connections=configured,
        plugins=Plugins({}, {"invoices": Lines()}, (), (), (), (), ()),
        routes={"fakturor": Route("fakturor", "invoices", (INBOX,), guards=GuardLimits(first_run=FirstRun.APPLY))},
        editions=PaperEditions(),
        rules=Lenient(),
    )


# --- one process


@dataclass(frozen=True, slots=True)
class Process:
    """A worker of one thread: it claims, carries out and writes off like any other, until nothing is due."""

    database: Database
    outside: Outside
    touches: Touches
    name: str = "w:1:x"

    def live(self) -> None:
        """Work until nothing is due. Raises Died."""
        for kind, job in self._claimed():
            self._carry_out(kind, job)

    def until(self, name: str) -> tuple[Kind, Job]:
        """Work until something of that kind is claimed, which is left as it is."""
        for kind, job in self._claimed():
            if kind.name == name:
                return kind, job
            self._carry_out(kind, job)
        raise AssertionError(f"there was no {name}")

    def _claimed(self) -> Iterator[tuple[Kind, Job]]:
        mine = ways(self.database, self.outside, self.touches)
        kinds = {kind.name: kind for kind in routes.kinds(mine)}
        scheduler = Scheduler(self.database, kinds, self.name, LEASE)
        for _ in range(_MOST_TURNS):
            batch = scheduler.next_jobs(1)
            if not batch.jobs:
                return
            yield from ((kinds[job.kind], job) for job in batch.jobs)
        raise AssertionError("the work never comes to an end")

    def _carry_out(self, kind: Kind, job: Job) -> None:
        verdict = worker.perform(kind, job)
        worker.settle(self.database, kind, job, verdict, Listeners(on_failure=routes.failed), 0)


def ask(database: Database, outside: Outside) -> None:
    """A person asks the inbox for what it has."""
    asking.run_now(ways(database, outside, Touches()), INBOX, "test")


def pass_time(database: Database) -> None:
    """All leases run out and are taken back; whatever waits for a later try is due."""
    with database.write() as connection:
        past = now(connection) - _LONG_AGO
        running = work_table.c.state == WorkState.RUNNING
        connection.execute(update(work_table).where(running).values(lease_until=past))
        leases.reclaim_expired(connection)
        waiting = work_table.c.state == WorkState.WAITING
        connection.execute(update(work_table).where(waiting, work_table.c.due_at > now(connection)).values(due_at=past))


def settle(database: Database, outside: Outside) -> None:
    """Whoever died is followed by one who does not, until nothing waits."""
    for _ in range(_MOST_TURNS):
        pass_time(database)
        Process(database, outside, Touches(), "w:2:y").live()
        if not _waits(database):
            return
    raise AssertionError("the work never comes to an end")


def _waits(database: Database) -> bool:
    with database.read() as connection:
        return connection.execute(_UNENDED).first() is not None


_UNENDED = work_table.select().where(work_table.c.ended_at.is_(None)).limit(1)
