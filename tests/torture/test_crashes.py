"""Whatever dies wherever, and whoever takes over: the end is the same as if nothing had happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Row, Table, event, func, select

from hub.jobs import worker
from hub.jobs.verdicts import LEAVE
from hub.store import set_asides, units
from hub.store.database import Database, open_database, sqlite_url
from hub.store.tables import claims, connection_hours, deliveries, documents, invoices, journey, judgements, metadata
from hub.testing.places import Stepped
from tests.postgres import Server, shown
from tests.store.rows import a_unit
from tests.torture import ledger
from tests.torture.dying import Died, Outside, Process, Touches, ask, felt, pass_time, settle

MAIL = {
    "a.xml": b"F-1 good",
    "b.xml": b"F-2 whose answer is lost",
    "c.xml": b"F-1 good",
    "d.xml": b"broken",
    "e.xml": b"F-3 unwelcome",
    "f.xml": b"F-2 the same invoice in other bytes",
}
FEW = ("b.xml", "e.xml", "f.xml")
"""The mail for the sweep: an answer that is lost, a document that is rejected, a twin."""

ALONE = ("a.xml", "b.xml", "d.xml", "e.xml")
"""The mail without twins, of which either may be the first when two work at once."""

STEPS = ("arrived", "judged", "routed", "delivered", "set_aside")


def outside(*names: str, keyed: bool = False) -> Outside:
    """A fresh world with that mail, all of it unless told."""
    inbox = {name: MAIL[name] for name in names or MAIL}
    return Outside(inbox, keyed, rejects=frozenset({MAIL["e.xml"]}), mute={MAIL["b.xml"]})


@contextmanager
def hastily(url: str) -> Iterator[Database]:
    """The database, opened without waiting for the disk: here no power fails, only processes."""
    opened = open_database(url)
    if opened.is_sqlite:
        event.listen(opened.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous=OFF"))
    try:
        yield opened
    finally:
        opened.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One database on SQLite, emptied again and again: what is known of its statements is kept."""
    with hastily(sqlite_url(tmp_path_factory.mktemp("crashes") / "hub.db")) as opened:
        with opened.write() as connection:
            metadata.create_all(connection)
        yield opened


def emptied(database: Database) -> None:
    """Nothing in it but one unit."""
    with database.write() as connection:
        for table in reversed(metadata.sorted_tables):
            connection.execute(table.delete())
        units.replace_all(connection, [a_unit("107")])


@dataclass(frozen=True)
class End:
    """Everything that shall not depend on who died where."""

    documents: dict[str, Any]
    deliveries: Counter[Any]
    claims: Counter[Any]
    journeys: Counter[Any]
    kept: dict[str, int]
    counted: dict[str, int]
    taken: Counter[Any]
    left: frozenset[str]
    restless: tuple[str, ...]


def end(database: Database, world: Outside) -> End:
    """How it stands when all has settled."""
    with database.read() as connection:
        names = {row.id: row.name for row in connection.execute(select(documents.c.id, documents.c.name))}
        steps = select(journey.c.document_id, journey.c.step).where(journey.c.step.in_(STEPS))
        return End(
            documents={name: _stands(connection, number) for number, name in names.items()},
            deliveries=Counter(_made(row, names) for row in connection.execute(select(deliveries))),
            claims=Counter((row.kind, row.key, names[row.document_id]) for row in connection.execute(select(claims))),
            journeys=Counter((names[row.document_id], row.step) for row in connection.execute(steps)),
            kept={table.name: _number(connection, table) for table in (invoices, judgements)},
            counted=_counted(connection),
            taken=Counter(world.taken),
            left=frozenset(world.inbox),
            restless=tuple(ledger.check(database)),
        )


def _stands(connection: Connection, number: int) -> tuple[str, str, list[str]]:
    row = connection.execute(select(documents).where(documents.c.id == number)).one()
    aside = set_asides.of(connection, number)
    return row.state, row.digest, [each.code for each in aside.reasons] if aside else []


def _made(row: Row[Any], names: dict[int, str]) -> tuple[str, str, bool, bool, bool]:
    when = (row.attempted_at, row.delivered_at, row.withdrawn_at)
    return names[row.document_id], row.key, *(each is not None for each in when)


def _number(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.count()).select_from(table)).scalar_one()


def _counted(connection: Connection) -> dict[str, int]:
    hours = select(connection_hours.c.kind, func.sum(connection_hours.c.number)).group_by(connection_hours.c.kind)
    found = {kind: int(number) for kind, number in connection.execute(hours)}
    return {kind: found.get(kind, 0) for kind in ("arrived", "delivered", "set_aside")}


def lived(database: Database, world: Outside, *fatal: int) -> int:
    """The mail carried through by processes that die before those touches, one after the other, and one that lives.

    How many touches the last but the one that lives made.
    """
    emptied(database)
    ask(database, world)
    touches = Touches()
    for each in fatal or (0,):
        touches = Touches(each)
        with suppress(Died), felt(database, touches):
            Process(database, world, touches).live()
        pass_time(database)
    settle(database, world)
    return touches.made


@dataclass(frozen=True, slots=True)
class Undisturbed:
    """The end of a life without death, and how many touches it took."""

    end: End
    touches: int


def undisturbed(database: Database, *names: str) -> Undisturbed:
    """How it ends when nobody dies."""
    world = outside(*names)
    touches = lived(database, world)
    found = end(database, world)
    assert found.documents.keys() == set(names or MAIL), "all of it landed"
    return Undisturbed(found, touches)


def test_undisturbed_it_ends_as_the_mail_deserves(file: Database) -> None:
    told = undisturbed(file).end
    assert {name: (state, codes) for name, (state, _, codes) in told.documents.items()} == {
        "a.xml": ("delivered", []),
        "b.xml": ("delivered", []),
        "c.xml": ("set_aside", ["CITY-SAME-BYTES"]),
        "d.xml": ("set_aside", ["LINE"]),
        "e.xml": ("set_aside", ["DESK"]),
        "f.xml": ("set_aside", ["CITY-DUPLICATE"]),
    }
    assert sorted(body for _, body in told.taken.elements()) == [MAIL["a.xml"], MAIL["b.xml"]]
    assert told.counted == {"arrived": 6, "delivered": 2, "set_aside": 4}
    assert (told.left, told.restless) == (frozenset(), ())


@pytest.mark.parametrize("part", range(4))
def test_a_death_before_any_touch_changes_nothing_in_the_end(file: Database, part: int) -> None:
    calm = undisturbed(file, *FEW)
    assert calm.touches > 150, "the statements are felt"
    for fatal in range(1 + part, calm.touches + 1, 4):
        world = outside(*FEW)
        lived(file, world, fatal)
        assert end(file, world) == calm.end, f"it died before touch {fatal}"


def test_on_postgresql_too_a_death_changes_nothing_in_the_end(postgres: Server) -> None:
    with hastily(shown(postgres.create())) as database:
        calm = undisturbed(database, *FEW)
        for fatal in range(3, calm.touches + 1, 7):
            world = outside(*FEW)
            lived(database, world, fatal)
            assert end(database, world) == calm.end, f"it died before touch {fatal}"


@settings(max_examples=30, deadline=None)
@given(fatal=st.lists(st.integers(1, 300), min_size=2, max_size=4))
def test_deaths_one_after_the_other_change_nothing_in_the_end(file: Database, fatal: list[int]) -> None:
    calm = undisturbed(file)
    world = outside()
    lived(file, world, *fatal)
    assert end(file, world) == calm.end


class Pair:
    """Two workers over one database, each let go one transaction or one call at a time; a third sees to the time."""

    def __init__(self, databases: list[Database], world: Outside) -> None:
        self._databases, self._world = databases, world
        self._touches = [Touches(), Touches()]
        self._at_work = [self._begun(0), self._begun(1)]

    def step(self, which: int) -> None:
        """One of them goes on to its next touch; who has ended begins a new life."""
        if self._at_work[which].ended:
            self._at_work[which] = self._begun(which)
        self._at_work[which].step()

    def kill(self, which: int) -> None:
        """One of them dies where it stands."""
        self._touches[which].dead = True
        self.finish(which)

    def finish(self, which: int) -> None:
        """One of them goes on to its end."""
        with suppress(Died):
            self._at_work[which].finish()

    def _begun(self, which: int) -> Stepped:
        touches = self._touches[which] = Touches()

        def life(pause: Callable[[int], None]) -> None:
            touches.pause = lambda: pause(touches.made)
            with felt(self._databases[which], touches):
                Process(self._databases[which], self._world, touches, f"w:{which}:{id(touches)}").live()

        return Stepped(life)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Database]]:
    """One database, opened three times: by two workers and by whoever looks on."""
    url = sqlite_url(tmp_path_factory.mktemp("pair") / "hub.db")
    with hastily(url) as one, hastily(url) as two, hastily(url) as onlooker:
        with onlooker.write() as connection:
            metadata.create_all(connection)
        yield [one, two, onlooker]


STRETCH = st.lists(st.sampled_from(["step 0"] * 6 + ["step 1"] * 6 + ["kill 0", "kill 1"]), max_size=40)
MOVES = st.lists(STRETCH, min_size=2, max_size=4)
"""What happens before the leases run out, again and again; five losses in a row would be a work's own fault."""


@settings(max_examples=60, deadline=None)
@given(stretches=MOVES)
def test_two_workers_who_lose_their_leases_in_any_order_come_to_the_same_end(
    three: list[Database], stretches: list[list[str]]
) -> None:
    *workers, onlooker = three
    calm = undisturbed(onlooker, *ALONE)
    world = outside(*ALONE, keyed=True)
    emptied(onlooker)
    ask(onlooker, world)
    pair = Pair(workers, world)
    for stretch in stretches:
        for move in stretch:
            verb, which = move.split()
            (pair.kill if verb == "kill" else pair.step)(int(which))
        pass_time(onlooker)
    pair.finish(0)
    pair.finish(1)
    settle(onlooker, world)
    assert end(onlooker, world) == calm.end


def test_who_loses_the_lease_before_the_intent_writes_nothing_and_calls_no_target(three: list[Database]) -> None:
    mine, _, other = three
    world = outside("e.xml")
    emptied(other)
    ask(other, world)
    late = Process(mine, world, Touches())
    kind, job = late.until("deliver")

    ends: list[End] = []

    def overtaken() -> None:
        pass_time(other)
        settle(other, world)
        ends.append(end(other, world))

    meanwhile = iter([lambda: None, overtaken])  # it reads the delivery, and is overtaken before it writes
    late.touches.pause = lambda: next(meanwhile, lambda: None)()
    with felt(mine, late.touches):
        verdict = worker.perform(kind, job)
    assert verdict == LEAVE
    assert ends == [end(other, world)]
