"""What is old is forgotten, what is new stays, and documents are not touched."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, select, update

from hub.domain.changes import Change, ChangeKind, Figures, PlanState
from hub.domain.texts import Text
from hub.jobs import tidying
from hub.jobs.kinds import Job
from hub.jobs.tidying import Retention
from hub.store import connections, incidents, messages, plans, replays, runs, staged, tables
from hub.store import work as kept_work
from hub.store.connections import Happening
from hub.store.database import Database, now
from hub.store.incidents import Scope
from hub.store.messages import MessageKind
from hub.store.plans import NewPlan
from hub.store.set_asides import Chosen
from hub.store.staged import Staged
from tests.store.rows import arrive

JOB = Job(id=0, kind="tidy", lane="house", argument={})
NUMBER = 1_200
KEPT = Retention()


AGED = (
    ("work", "ended_at"),
    ("runs", "started_at"),
    ("connection_events", "at"),
    ("plans", "state_at"),
    ("plans", "made_at"),
    ("incidents", "closed_at"),
    ("messages", "sent_at"),
    ("messages", "due_at"),
    ("replays", "gathered_at"),
    ("replays", "ended_at"),
)
"""What is asked for its age."""


def tidy(database: Database, kept: Retention = KEPT) -> None:
    """Forget what is old enough."""
    tidying.perform(database, JOB, kept)


def age(database: Database) -> None:
    """Let everything that has a time in those columns have it long ago."""
    with database.write() as connection:
        long_ago = now(connection) - timedelta(days=1_000)
        for name, column in AGED:
            table = tables.metadata.tables[name]
            connection.execute(update(table).where(table.c[column].is_not(None)).values({column: long_ago}))


def a_plan(
    connection: Connection,
    state: PlanState,
    changes: int = 2,
    route: str = "r",
    target: str = "t",
    run_id: int | None = None,
) -> int:
    """A plan with that many changes."""
    plan = plans.begin(connection, NewPlan(route, "n", "s", target, run_id))
    each = (Change(ChangeKind.CREATE, f"k{number}", f"a{number}") for number in range(changes))
    plans.add(connection, plan, enumerate(each, 1))
    if state is not PlanState.MAKING:
        plans.made(connection, plan, "d" * 64, Figures(), (), state)
    return plan


def left(database: Database) -> set[int]:
    """The ids of the plans that are kept."""
    with database.read() as connection:
        return set(connection.execute(select(tables.plans.c.id)).scalars())


def an_incident(connection: Connection, name: str, *, closes: bool = True) -> int:
    """An incident, open or closed."""
    title = Text("nere", "down")
    made = incidents.begin(connection, name, "unreachable", title, Scope((name,)), now(connection))
    if closes:
        incidents.close(connection, made.id)
    return made.id


def a_message(connection: Connection, key: str, incident: int | None, digest: int | None = None) -> int:
    """A message that is to be sent."""
    made = messages.write(
        connection,
        key=key,
        channel="mail",
        kind=MessageKind.OPENED,
        due_at=now(connection),
        incident_id=incident,
        digest_of=digest,
    )
    assert made is not None
    return made


def keys(database: Database) -> set[str]:
    """The keys of the messages that are kept."""
    with database.read() as connection:
        return set(connection.execute(select(tables.messages.c.key)).scalars())


def outcomes(database: Database) -> list[str | None]:
    """How the passes ended, newest first."""
    with database.read() as connection:
        return [each.outcome for each in runs.page(connection)]


def count(database: Database, table: str) -> int:
    """How many rows a table holds."""
    with database.read() as connection:
        return connection.execute(select(func.count()).select_from(tables.metadata.tables[table])).scalar_one()


def fill(database: Database) -> None:
    """Work that is done, passes that ended and events that happened, all of them now."""
    with database.write() as connection:
        for _ in range(NUMBER):
            kept_work.enqueue(connection, kind="k", lane="l", argument={})
        connection.execute(update(tables.work).values(state="done", ended_at=now(connection)))
        runs.end(connection, runs.begin(connection, "r", "c", "schedule"), "succeeded", {})
        connections.failed(connection, "c", Happening.UNAVAILABLE, Text("nere", "down"))


def test_what_is_new_stays(database: Database) -> None:
    fill(database)
    tidy(database)
    assert (count(database, "work"), count(database, "runs"), count(database, "connection_events")) == (NUMBER, 1, 1)


def test_what_is_old_is_forgotten_however_much_it_is(database: Database) -> None:
    fill(database)
    age(database)
    tidy(database)
    assert (count(database, "work"), count(database, "runs"), count(database, "connection_events")) == (0, 0, 0)
    assert count(database, "connection_hours") == 1


def test_a_pass_whose_process_died_is_told_as_interrupted(database: Database) -> None:
    with database.write() as connection:
        run = runs.begin(connection, "r", "c", "schedule")
        connection.execute(update(tables.runs).values(started_at=now(connection) - timedelta(hours=2)))
    tidy(database)
    with database.read() as connection:
        (told,) = runs.page(connection)
    assert (told.id, told.outcome) == (run, "interrupted")


@pytest.mark.parametrize("state", PlanState)
def test_a_pass_goes_on_as_long_as_its_plan_is_open_however_old_it_is(database: Database, state: PlanState) -> None:
    with database.write() as connection:
        run = runs.begin(connection, "r", "c", "schedule")
        runs.at_stage(connection, run, "plan", plan_id=a_plan(connection, state, run_id=run))
    age(database)
    tidy(database)
    assert outcomes(database) == [None if state in plans.OPEN else "interrupted"]


def test_a_pass_goes_on_as_long_as_the_planning_of_its_extract_waits_however_long(database: Database) -> None:
    with database.write() as connection:
        run = runs.begin(connection, "r", "c", "schedule")
        planned = kept_work.enqueue(connection, kind="plan", lane="t", argument={"document": 7, "run": run})
    age(database)
    tidy(database)
    assert outcomes(database) == [None]
    with database.write() as connection:
        connection.execute(update(tables.work).where(tables.work.c.id == planned).values(state="done"))
    tidy(database)
    assert outcomes(database) == ["interrupted"]


def test_a_plan_that_has_ended_is_forgotten_with_its_changes_and_no_other_is(database: Database) -> None:
    ended = (PlanState.APPLIED, PlanState.REFUSED, PlanState.STALE, PlanState.SUPERSEDED)
    with database.write() as connection:
        for state in ended:
            a_plan(connection, state)
        going = {a_plan(connection, state) for state in plans.OPEN}
        newest = a_plan(connection, PlanState.APPLIED)
    tidy(database)
    assert len(left(database)) == len(ended) + len(going) + 1
    age(database)
    tidy(database)
    assert left(database) == going | {newest}
    assert count(database, "plan_changes") == 2 * (len(going) + 1)


def test_a_plan_of_many_changes_is_forgotten_a_handful_at_a_time(database: Database) -> None:
    with database.write() as connection:
        a_plan(connection, PlanState.APPLIED, changes=NUMBER)
        newest = a_plan(connection, PlanState.APPLIED, changes=1)
    age(database)
    with database.write() as connection:
        old = now(connection) - KEPT.plans
        assert [plans.forget_before(connection, old, 500, ["apply"]) for _ in range(4)] == [500, 500, 201, 0]
    assert (left(database), count(database, "plan_changes")) == ({newest}, 1)


def test_what_the_next_plan_is_compared_with_is_kept(database: Database) -> None:
    with database.write() as connection:
        a_plan(connection, PlanState.APPLIED)
        compared = a_plan(connection, PlanState.APPLIED)
        elsewhere = a_plan(connection, PlanState.APPLIED, target="u")
        a_plan(connection, PlanState.REFUSED)
        newest = a_plan(connection, PlanState.REFUSED)
        other_route = a_plan(connection, PlanState.SUPERSEDED, route="q")
    age(database)
    tidy(database)
    assert left(database) == {compared, elsewhere, newest, other_route}


def test_a_plan_that_its_work_still_names_is_kept_and_other_work_is_not_asked(database: Database) -> None:
    with database.write() as connection:
        named, gone, newest = (a_plan(connection, PlanState.APPLIED) for _ in range(3))
        kept_work.enqueue(connection, kind="fetch", lane="l", argument={"plan": named})
        ended = kept_work.enqueue(connection, kind="fetch", lane="l", argument={"plan": gone})
        connection.execute(update(tables.work).where(tables.work.c.id == ended).values(state="done"))
        kept_work.enqueue(connection, kind="handle", lane="l", argument={"plan": gone})
    age(database)
    tidy(database)
    assert left(database) == {named, newest}


def test_a_plan_whose_maker_died_is_forgotten_with_what_was_staged(database: Database) -> None:
    with database.write() as connection:
        plan = a_plan(connection, PlanState.MAKING)
        staged.keep(connection, plan, [Staged("a1", staged.CREATE)])
    tidy(database)
    assert (left(database), count(database, "staged")) == ({plan}, 1)
    age(database)
    tidy(database)
    assert (left(database), count(database, "staged"), count(database, "plan_changes")) == (set(), 0, 0)


def test_an_incident_is_forgotten_with_its_events_and_messages_once_it_is_closed_and_old(database: Database) -> None:
    with database.write() as connection:
        closed, still = an_incident(connection, "a"), an_incident(connection, "b", closes=False)
        for incident in (closed, still):
            messages.sent(connection, a_message(connection, f"m{incident}", incident))
    tidy(database)
    assert (count(database, "incidents"), count(database, "messages")) == (2, 2)
    age(database)
    tidy(database)
    with database.read() as connection:
        assert incidents.get(connection, closed) is None
        assert incidents.events(connection, closed) == []
        assert [each.id for each in incidents.all_open(connection)] == [still]
        assert incidents.events(connection, still) != []
    assert keys(database) == {f"m{still}"}


def test_an_incident_is_kept_as_long_as_a_message_of_it(database: Database) -> None:
    with database.write() as connection:
        a_message(connection, "told", an_incident(connection, "a"))
    age(database)
    tidy(database, Retention(messages=timedelta(days=2_000)))
    assert (count(database, "incidents"), keys(database)) == (1, {"told"})
    tidy(database)
    assert (count(database, "incidents"), count(database, "incident_events"), keys(database)) == (0, 0, set())


def test_a_message_that_its_work_may_still_send_is_kept_and_one_that_was_rejected_for_good_is_not(
    database: Database,
) -> None:
    with database.write() as connection:
        incident = an_incident(connection, "a")
        digest = a_message(connection, "digest", None)
        a_message(connection, "in the digest", incident, digest)
        a_message(connection, "waiting", None)
        a_message(connection, "rejected", None)
        messages.sent(connection, a_message(connection, "sent", None))
        for key in ("digest", "waiting"):
            kept_work.enqueue(connection, kind="tell", lane="notify:mail", argument={"message": key})
        kept_work.enqueue(connection, kind="handle", lane="judging", argument={"message": "rejected"})
    age(database)
    tidy(database)
    assert keys(database) == {"digest", "in the digest", "waiting"}
    assert count(database, "incidents") == 1


def test_a_replay_that_has_ended_is_forgotten_and_one_that_goes_on_is_not(database: Database) -> None:
    with database.write() as connection:
        ids = {name: replays.begin(connection, Chosen(), "anna", rehearsal=True, priority=0, last=9) for name in "eg"}
        for replay in ids.values():
            found = replays.get(connection, replay)
            assert found is not None
            replays.add(connection, found, [arrive(connection, f"m{replay}")], 9, gathered=True)
        document = replays.items(connection, ids["e"])[0].document_id
        replays.mark_rehearsed(connection, ids["e"], document, replays.Outcome.RECOVERED)
    tidy(database)
    age(database)
    tidy(database)
    with database.read() as connection:
        assert [each.id for each in replays.page(connection)] == [ids["g"]]
    assert (count(database, "replay_items"), count(database, "documents")) == (1, 2)
