"""The books are compared: nothing stays stranded, each day is counted and closed, and what is odd is told once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Any, cast

import pytest
from sqlalchemy import Connection, update

from hub.domain.calendar import CITY_TIME
from hub.domain.changes import Change, ChangeKind, Plan, PlanState, Receipt
from hub.domain.documents import DocumentState
from hub.flow.guards import FirstRun, GuardLimits
from hub.jobs import reconciling, routes
from hub.jobs.names import APPLY, DELIVER, HANDLE, JUDGING_LANE, PLAN
from hub.jobs.ways import Route, Ways
from hub.loader import Plugins
from hub.store import (
    audit,
    connections,
    deliveries,
    documents,
    leases,
    plans,
    runs,
    set_asides,
    stranded,
    tallies,
    volumes,
    work,
)
from hub.store.connections import Happening
from hub.store.database import Database, now
from hub.store.runs import Run
from hub.store.tables import documents as table
from hub.store.volumes import Volume
from hub.store.work import WorkState
from tests.flow.test_read import PaperEditions, PaperRules
from tests.jobs.planned import SOURCE, TARGET, Killed, Small, person
from tests.store.rows import a_reason, arrive


class PaperJob:
    """One attempt that nobody else may have."""

    def beat(self) -> None:
        """It may go on."""


def ways(database: Database) -> Ways:
    """A hub with one route of invoices."""
    format_: Any = None
    return Ways(
        database=database,
        connections={},
        plugins=Plugins({}, {"invoices": format_}, (), (), (), (), ()),
        routes={"fakturor": Route("fakturor", "invoices", ("inkorg",))},
        editions=PaperEditions(),
        rules=PaperRules(),
    )


def reconcile(database: Database) -> None:
    """Compare the books."""
    job: Any = PaperJob()
    reconciling.perform(ways(database), job, routes.AGAIN)


def landed(database: Database) -> Small:
    """A hub with a route to a register, where one extract has just been landed."""
    small = Small(database, GuardLimits(first_run=FirstRun.APPLY))
    small.land([person(1), person(2)])
    return small


def going_runs(database: Database) -> list[Run]:
    """The runs that have not ended."""
    with database.read() as connection:
        return runs.page(connection, outcome="going")


def waiting(database: Database, kind: str) -> list[dict[str, Any]]:
    """What the waiting work of that kind is about."""
    with database.read() as connection:
        return [dict(each.argument) for each in work.page(connection, kind=kind, state=WorkState.WAITING)]


def routed(connection: Connection, external_id: str) -> tuple[int, int]:
    """A document on its way, and its planned delivery."""
    document = arrive(connection, external_id)
    change = Change(ChangeKind.CREATE, f"key-{external_id}", f"{external_id}.xml")
    delivery = deliveries.intend(connection, document, Plan("fakturor", "agresso", (change,)), change)
    documents.move(connection, document, DocumentState.ROUTED)
    return document, delivery


def happened(database: Database, kind: Happening) -> list[Any]:
    """What was told of the source."""
    with database.read() as connection:
        return [each.details for each in connections.events(connection, "inkorg") if each.kind is kind]


def test_a_document_that_no_work_waits_for_is_queued_again_and_told(database: Database) -> None:
    with database.write() as connection:
        lost, awaited = arrive(connection, "lost"), arrive(connection, "awaited")
        argument = {"document": awaited}
        work.enqueue(connection, kind=HANDLE, lane=JUDGING_LANE, argument=argument, key=f"handle:{awaited}")
    reconcile(database)
    reconcile(database)
    assert sorted(each["document"] for each in waiting(database, HANDLE)) == [lost, awaited]
    assert happened(database, Happening.STRANDED) == [{"document": lost}]


def test_a_document_whose_work_has_ended_without_moving_it_is_queued_again(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        document = arrive(connection, "lost")
        key = f"handle:{document}"
        made = work.enqueue(connection, kind=HANDLE, lane=JUDGING_LANE, argument={"document": document}, key=key)
        connection.exec_driver_sql(f"UPDATE work SET state = 'done' WHERE id = {made}")
    reconcile(sqlite_database)
    assert waiting(sqlite_database, HANDLE) == [{"document": document}]


def test_a_planned_delivery_that_no_work_waits_for_is_queued_again(database: Database) -> None:
    with database.write() as connection:
        _, delivery = routed(connection, "lost")
        _, awaited = routed(connection, "awaited")
        work.enqueue(connection, kind=DELIVER, lane="agresso", argument={"delivery": awaited})
    reconcile(database)
    assert sorted(each["delivery"] for each in waiting(database, DELIVER)) == [delivery, awaited]


@pytest.mark.parametrize("order", ["source", "seller"])
def test_what_is_queued_again_keeps_the_order_that_its_route_asks_for(database: Database, order: str) -> None:
    with database.write() as connection:
        judged = [arrive(connection, name) for name in ("first", "second")]
        made = [routed(connection, name)[1] for name in ("third", "fourth")]
    ordered = ways(database)
    ordered = replace(ordered, routes={"fakturor": replace(ordered.routes["fakturor"], order=order)})
    reconciling.perform(ordered, cast("Any", PaperJob()), routes.AGAIN)
    for kind, lane, name, numbers in (
        (HANDLE, JUDGING_LANE, "document", judged),
        (DELIVER, "agresso", "delivery", made),
    ):
        for each in numbers:
            assert [one[name] for one in waiting(database, kind)] == [each]
            with database.write() as connection:
                [begun] = leases.claim(connection, worker="w", kinds=[kind], limit=9, lease=timedelta(1)).taken
                assert begun.lane == lane
                leases.complete(connection, begun.id, begun.token)


def test_a_document_that_moved_since_it_was_found_is_left_alone(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with sqlite_database.write() as connection:
        arrive(connection, "moves")
        found = stranded.arrived(connection, ("invoices",), HANDLE)
        documents.move(connection, found[0].document_id, DocumentState.DISMISSED)
    monkeypatch.setattr(stranded, "arrived", lambda *_: found)
    reconcile(sqlite_database)
    assert waiting(sqlite_database, HANDLE) == []


def test_an_extract_that_no_planning_waits_for_is_planned_after_all_in_the_run_it_had(database: Database) -> None:
    small = landed(database)
    before = going_runs(database)
    small.lose_work()
    small.compare_books()
    small.compare_books()
    with database.read() as connection:
        (again,) = work.page(connection, kind=PLAN)
        told = [each.details for each in connections.events(connection, SOURCE) if each.kind is Happening.STRANDED]
    assert (again.lane, going_runs(database)) == (TARGET, before)
    assert told == [{"document": again.argument["document"]}]
    small.settle()
    assert sorted(small.store.records) == ["p1", "p2"]
    assert going_runs(database) == []


def test_an_extract_whose_planning_is_under_way_or_waits_or_has_ended_is_left_alone(database: Database) -> None:
    small = landed(database)
    small.compare_books()
    assert len(waiting(database, PLAN)) == 1
    while small.step():
        small.compare_books()
    with database.read() as connection:
        told = [each for each in connections.events(connection, SOURCE) if each.kind is Happening.STRANDED]
        made = plans.page(connection)
    assert (told, len(made)) == ([], 1)


def test_an_extract_that_is_to_be_tried_again_and_waits_for_its_turn_is_left_alone(database: Database) -> None:
    small = landed(database)
    small.lose_work()
    with database.write() as connection:
        (document,) = documents.page(connection, noun="administrators")
        work.enqueue(connection, kind=HANDLE, lane=JUDGING_LANE, argument={"document": document.id})
    small.compare_books()
    assert waiting(database, PLAN) == []


def test_an_extract_that_is_replayed_while_its_source_is_asked_gets_a_run_of_its_own(database: Database) -> None:
    small = landed(database)
    small.lose_work()
    with database.write() as connection:
        (document,) = documents.page(connection, noun="administrators")
        (before,) = runs.page(connection, outcome="going")
        runs.end(connection, before.id, "failed", {})
        fetching = runs.begin(connection, before.route, SOURCE, "schedule")
        work.enqueue(connection, kind=HANDLE, lane=JUDGING_LANE, argument={"document": document.id})
    small.step()
    with database.read() as connection:
        going = {each.id: (each.stage, each.document_id) for each in runs.page(connection, outcome="going")}
    assert going.pop(fetching) == (None, None)
    assert list(going.values()) == [(runs.LANDED, document.id)]


def test_an_extract_whose_run_was_ended_meanwhile_is_planned_in_a_run_of_its_own(database: Database) -> None:
    small = landed(database)
    (before,) = going_runs(database)
    small.lose_work()
    with database.write() as connection:
        runs.end(connection, before.id, "interrupted", {})
        fetching = runs.begin(connection, before.route, SOURCE, "schedule")
    small.compare_books()
    found = {each.id: each.document_id for each in going_runs(database)}
    assert found.pop(fetching) is None
    assert list(found.values()) == [before.document_id]


def test_a_record_to_be_tried_again_that_no_work_waits_for_is_planned_with_the_latest_extract(
    database: Database,
) -> None:
    small = Small(database, GuardLimits(first_run=FirstRun.APPLY))
    small.land([person(1), {"id": "p2", "namn": ""}])
    small.settle()
    with database.write() as connection:
        (part,) = documents.page(connection, noun="administrators", state=DocumentState.SET_ASIDE)
        documents.move(connection, part.id, DocumentState.ARRIVED)
    small.compare_books()
    assert waiting(database, HANDLE) == [{"document": part.id}]
    small.lose_work()
    small.land([person(1)])
    small.compare_books()
    assert waiting(database, HANDLE) == []


def told_of_plans(database: Database) -> list[dict[str, Any]]:
    """What was told of the source's plans that were queued again."""
    with database.read() as connection:
        told = [each for each in connections.events(connection, SOURCE) if each.kind is Happening.STRANDED]
    return [dict(each.details) for each in told]


def to_be_applied(database: Database, limits: GuardLimits) -> Small:
    """A hub with a plan that is to be applied: at once, or because a person approved it."""
    small = Small(database, limits)
    small.land([person(1), person(2)])
    small.step()
    if small.waiting():
        assert small.approve("anna") is PlanState.APPROVED
    return small


AT_ONCE, BY_HAND = GuardLimits(first_run=FirstRun.APPLY), GuardLimits(first_run=FirstRun.REHEARSE)


@pytest.mark.parametrize(("limits", "state"), [(AT_ONCE, PlanState.APPLYING), (BY_HAND, PlanState.APPROVED)])
def test_a_plan_whose_applying_vanished_is_applied_after_all_in_the_run_it_had_and_told_once(
    database: Database, limits: GuardLimits, state: PlanState
) -> None:
    small = to_be_applied(database, limits)
    (plan,), (run,) = small.plans(), going_runs(database)
    assert (plan.state, plan.run_id) == (state, run.id)
    small.lose_work()
    small.compare_books()
    small.compare_books()
    assert waiting(database, APPLY) == [{"plan": plan.id}]
    assert [each["plan"] for each in told_of_plans(database)] == [plan.id]
    small.settle()
    with database.read() as connection:
        ended = runs.find(connection, run.id)
    assert ended is not None
    assert (ended.outcome, ended.counts["applied"]) == ("succeeded", 2)
    assert sorted(small.store.records) == ["p1", "p2"]
    assert [each.state for each in small.plans()] == [PlanState.APPLIED]
    assert going_runs(database) == []


def test_a_plan_whose_applying_vanished_blocks_its_route_no_more(database: Database) -> None:
    small = to_be_applied(database, BY_HAND)
    small.lose_work()
    small.land([person(1), person(2), person(3)])
    for _ in range(3):
        small.step()
    assert small.store.records == {}
    small.compare_books()
    small.settle()
    assert sorted(small.store.records) == ["p1", "p2", "p3"]


def test_a_half_applied_plan_goes_on_where_it_stood_and_makes_nothing_twice(database: Database) -> None:
    small = to_be_applied(database, AT_ONCE)

    def die_over_the_second(*_of: str) -> None:
        if len(small.store.records) == 1:
            raise Killed

    small.store.hook = die_over_the_second
    small.step()
    assert sorted(small.store.records) == ["p1"]
    small.lose_work()
    small.compare_books()
    small.store.hook = small.fate.point
    small.settle()
    assert [(kind, address) for _, kind, address in small.store.log] == [("create", "p1"), ("create", "p2")]


def test_a_plan_whose_applying_waits_or_is_under_way_or_has_ended_is_left_alone(database: Database) -> None:
    small = to_be_applied(database, BY_HAND)
    small.compare_books()
    assert len(waiting(database, APPLY)) == 1
    (job,) = small.scheduler.next_jobs(1).jobs
    small.compare_books()
    assert (job.kind, waiting(database, APPLY)) == (APPLY, [])
    with database.write() as connection:
        leases.hand_back(connection, job.id, job.token)
    small.settle()
    small.compare_books()
    assert (waiting(database, APPLY), told_of_plans(database)) == ([], [])


def test_a_plan_that_ended_or_was_queued_again_since_it_was_found_is_left_alone(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = to_be_applied(database, BY_HAND)
    (plan,) = small.plans()
    monkeypatch.setattr(stranded, "unapplied", lambda *_: [plan.id])
    small.compare_books()
    assert len(waiting(database, APPLY)) == 1
    small.lose_work()
    with database.write() as connection:
        plans.move(connection, plan.id, PlanState.STALE)
    small.compare_books()
    assert (waiting(database, APPLY), told_of_plans(database)) == ([], [])


def test_documents_in_a_state_that_nothing_bears_out_are_named(database: Database) -> None:
    day = timedelta(days=1)
    with database.write() as connection:
        at = now(connection)
        good, delivery = routed(connection, "good")
        deliveries.receive(connection, delivery, Receipt(at, "good.xml", {}))
        documents.move(connection, good, DocumentState.DELIVERED)
        aside = arrive(connection, "aside")
        set_asides.keep(connection, aside, "rules", [a_reason("BR-1")])
        documents.move(connection, aside, DocumentState.SET_ASIDE)
        routed(connection, "on its way")
        wrong = [arrive(connection, name) for name in ("no receipt", "no reason", "no delivery")]
        for each, state in zip(
            wrong, (DocumentState.DELIVERED, DocumentState.SET_ASIDE, DocumentState.ROUTED), strict=True
        ):
            documents.move(connection, each, state)
        unmoved, delivery = routed(connection, "a receipt only")
        deliveries.receive(connection, delivery, Receipt(at, "x", {}))
        connection.execute(update(table).values(arrived_at=at))
        found = stranded.unexplained(connection, "invoices", at - day, at + day)
    assert found == {"inkorg": [*wrong, unmoved]}


def yesterday(connection: Connection) -> date:
    """The day that is over."""
    return (now(connection).astimezone(CITY_TIME) - timedelta(days=1)).date()


def come(connection: Connection, day: date, number: int, mark: str = "") -> None:
    """That many documents that came before noon of that day."""
    for each in range(number):
        document = arrive(connection, f"{day}-{mark}{each}")
        at = volumes.begins(day) + timedelta(hours=9, minutes=each)
        documents.move(connection, document, DocumentState.DISMISSED)
        connection.execute(update(table).where(table.c.id == document).values(arrived_at=at.astimezone(UTC)))


def test_a_day_that_is_over_is_counted_by_the_hour_and_closed(database: Database) -> None:
    with database.write() as connection:
        day = yesterday(connection)
        come(connection, day, 3)
    reconcile(database)
    with database.read() as connection:
        found = volumes.find(connection, "fakturor", "inkorg", day)
    assert found is not None
    assert (found.documents, found.hours[8], found.hours[9], found.hours[23]) == (3, 0, 3, 3)
    assert found.bytes > 0
    assert found.reconciled_at is not None
    assert found.suspicions == ()


def test_days_before_the_first_document_teach_nothing(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        day = yesterday(connection)
        come(connection, day, 1)
    reconcile(sqlite_database)
    with sqlite_database.read() as connection:
        known = volumes.between(connection, "fakturor", "inkorg", day - timedelta(days=200), day + timedelta(days=1))
    assert [each.day for each in known] == [day]


def learned(connection: Connection, day: date) -> None:
    """Sixteen weeks in which every day came to 200."""
    for back in range(1, 16 * 7):
        hours = tuple(min(200, 20 * hour) for hour in range(1, 25))
        before = day - timedelta(days=back)
        closed = datetime.now(UTC)
        volumes.keep(
            connection,
            Volume("fakturor", "inkorg", before, 200, 8_000, hours=hours, reconciled_at=closed),
        )


def test_an_odd_day_is_told_once_and_is_normal_when_a_person_says_so(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.status.honesty.kind_of", lambda day: "monday")
    with database.write() as connection:
        day = yesterday(connection)
        learned(connection, day)
        come(connection, day, 2)
        connections.succeeded(connection, "inkorg", Happening.ARRIVED)
    reconcile(database)
    reconcile(database)
    told = [each for each in happened(database, Happening.SUSPICIOUS) if each["day"] == day.isoformat()]
    assert {each["what"] for each in told} == {"documents"}
    assert len(told) == 1
    with database.read() as connection:
        lived = connections.all_lived(connection)["inkorg"]
    assert "documents" in {each.what for each in lived.suspicions}
    assert reconciling.say_day_normal(database, "fakturor", "inkorg", day, "anna")
    assert not reconciling.say_day_normal(database, "fakturor", "inkorg", day, "anna")
    with database.read() as connection:
        assert volumes.doubted(connection, day).get("inkorg", Volume("", "", day + timedelta(days=1))).day != day
        assert [each.what for each in audit.about(connection, "connection inkorg")] == ["normal"]


def test_today_is_not_judged_while_its_connection_is_known_to_stand_still(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.status.honesty.kind_of", lambda day: "monday")
    with sqlite_database.write() as connection:
        today = yesterday(connection) + timedelta(days=1)
        learned(connection, today)
        come(connection, today - timedelta(days=1), 200)
        connections.pause(connection, "inkorg", "anna")
    reconcile(sqlite_database)
    with sqlite_database.read() as connection:
        found = volumes.find(connection, "fakturor", "inkorg", today)
    assert found is not None
    assert found.suspicions == ()


def test_the_tallies_are_made_few_and_found_out_when_they_are_off(sqlite_database: Database) -> None:
    with sqlite_database.write() as connection:
        day = yesterday(connection)
        come(connection, day, 5)
        connection.exec_driver_sql("INSERT INTO tallies (noun, state, number) VALUES ('invoices', 'delivered', 9)")
    reconcile(sqlite_database)
    with sqlite_database.write() as connection:
        assert documents.counts(connection, "invoices")[DocumentState.DELIVERED] == 0
        assert tallies.compact(connection) < 5


def test_days_are_counted_while_others_may_write_and_kept_a_batch_at_a_time(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = ways(sqlite_database)
    many = replace(many, routes={f"r{each}": Route(f"r{each}", "invoices", (f"c{each}",)) for each in range(7)})
    with sqlite_database.write() as connection:
        for each in range(7):
            runs.end(connection, runs.begin(connection, f"r{each}", f"c{each}", "schedule"), "nothing", {})
    kept: list[Connection] = []
    really = volumes.keep

    def keep(connection: Connection, volume: Volume) -> None:
        assert volume.runs == 1
        kept.append(connection)
        really(connection, volume)

    def counted(connection: Connection, noun: str, day: date) -> dict[str, volumes.Arrived]:
        assert not connection.get_execution_options().get("hub_write")
        return {}

    monkeypatch.setattr(reconciling, "_KEPT_AT_ONCE", 3)
    monkeypatch.setattr(volumes, "keep", keep)
    monkeypatch.setattr(volumes, "arrived", counted)
    reconciling.perform(many, cast("Any", PaperJob()), routes.AGAIN)
    assert [len(list(each)) for _, each in groupby(kept)] == [3, 3, 1]
