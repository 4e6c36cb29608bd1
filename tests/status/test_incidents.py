"""Incidents: what is one trouble is told as one; it opens once and closes once, whoever looks and however it flaps."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from pydantic import AnyUrl, BaseModel, SecretStr

from hub.domain.calendar import city_day
from hub.domain.changes import Change, ChangeKind, Plan
from hub.domain.documents import DocumentState
from hub.domain.invoices import InvoiceKind
from hub.domain.texts import Text
from hub.status import changes
from hub.status import incidents as told
from hub.status.connections import FAILING_AFTER, tell_all
from hub.status.hosts import host_of
from hub.status.incidents import PATIENCE, REOPENS_WITHIN, TOGETHER, WELL_FOR, Cause, Noticed, changed_before
from hub.store import audit, connections, deliveries, documents, incidents, invoices, workers
from hub.store.connections import Happening
from hub.store.database import Database, now
from hub.store.incidents import Incident, IncidentEventKind
from tests.status.passing import pass_time
from tests.status.test_connections import Paper
from tests.store.rows import an_invoice, arrive

DOWN = Text("servern svarar inte", "the server does not answer")
WRONG = Text("fel nyckel", "wrong key")
CERTIFICATE = Text("serverns certifikat har gått ut", "the server's certificate has expired")
LITTLE = timedelta(seconds=1)


class Place(BaseModel):
    """Where a connection leads."""

    address: str


def paper(name: str, host: str = "", **other: Any) -> Paper:
    return Paper(name, settings=Place(address=f"sftp://hub@{host}/in" if host else "file:///in"), **other)


def configured(*those: Paper) -> dict[str, Paper]:
    return {each.name: each for each in those}


ALONE = configured(paper("agresso", "filer.example"))
SHARED = configured(*(paper(name, "filer.example") for name in ("a", "b", "c")))
APART = configured(*(paper(name, f"{name}.example") for name in ("a", "b", "c")))


def look(database: Database, those: Mapping[str, Paper], *, served: bool = True) -> Noticed:
    with database.write() as connection:
        workers.register_worker(connection, "w", ())
    fares = tell_all(database, those)
    with database.write() as connection:
        return told.look(connection, fares, those, served=served)


def fail(database: Database, *names: str, times: int = 1, why: Text = DOWN, **other: Any) -> None:
    with database.write() as connection:
        for name in names:
            for _ in range(times):
                connections.failed(connection, name, other.get("kind", Happening.UNAVAILABLE), why)


def refuse(database: Database, *names: str, why: Text = WRONG) -> None:
    fail(database, *names, why=why, kind=Happening.REFUSED)


def answer(database: Database, *names: str) -> None:
    with database.write() as connection:
        for name in names:
            connections.succeeded(connection, name, Happening.ARRIVED, 0)


def all_open(database: Database) -> list[Incident]:
    with database.read() as connection:
        return incidents.all_open(connection)


def only(database: Database) -> Incident:
    (found,) = all_open(database)
    return found


def kinds(database: Database, incident: Incident) -> list[IncidentEventKind]:
    with database.read() as connection:
        return [each.kind for each in incidents.events(connection, incident.id)]


# --- when one opens


def test_a_connection_that_stops_answering_has_patience_before_it_is_an_incident(database: Database) -> None:
    fail(database, "agresso")
    assert look(database, ALONE).opened == []
    pass_time(database, PATIENCE - LITTLE)
    assert look(database, ALONE).opened == []
    pass_time(database, 2 * LITTLE)
    (opened,) = look(database, ALONE).opened
    assert (opened.kind, opened.scope.connections, opened.scope.hosts) == (
        "unavailable",
        ("agresso",),
        ("filer.example",),
    )
    assert opened.title == Text("agresso svarar inte", "agresso does not answer")
    assert opened.opened_at - opened.since >= PATIENCE


def test_a_connection_that_fails_again_and_again_needs_no_patience(database: Database) -> None:
    fail(database, "agresso", times=FAILING_AFTER)
    assert [each.failures for each in look(database, ALONE).opened] == [FAILING_AFTER]


@pytest.mark.parametrize(
    ("why", "cause"), [(WRONG, Cause.REFUSED), (CERTIFICATE, Cause.CERTIFICATE)], ids=["credentials", "certificate"]
)
def test_a_refusal_is_an_incident_at_once(database: Database, why: Text, cause: Cause) -> None:
    refuse(database, "agresso", why=why)
    assert [each.kind for each in look(database, ALONE).opened] == [cause.value]


def test_a_connection_that_cannot_be_used_is_an_incident_at_once(database: Database) -> None:
    broken = configured(paper("arkiv", broken=Text("insticksmodulen laddas inte", "the plugin does not load")))
    assert [each.kind for each in look(database, broken).opened] == ["broken"]
    assert look(database, broken).opened == []


def test_a_late_source_is_an_incident_once_somebody_has_been_there_to_ask_it(database: Database) -> None:
    asked = configured(paper("inkorg", every=timedelta(minutes=1)))
    answer(database, "inkorg")
    pass_time(database, timedelta(hours=1))
    assert look(database, asked, served=False).opened == []
    assert [each.kind for each in look(database, asked).opened] == ["late"]


def test_a_fault_is_told_as_one(database: Database) -> None:
    fail(database, "agresso", times=FAILING_AFTER, kind=Happening.BUG)
    assert [each.kind for each in look(database, ALONE).opened] == ["bug"]


def test_what_a_person_paused_and_what_is_well_is_no_incident(database: Database) -> None:
    fail(database, "a", times=FAILING_AFTER)
    with database.write() as connection:
        connections.pause(connection, "a", "anna")
    answer(database, "b")
    assert look(database, APART).opened == []


def test_eight_who_look_at_once_open_one(database: Database) -> None:
    refuse(database, "a", "b", "c")
    ready = threading.Barrier(8)
    opened: list[Incident] = []

    def looks() -> None:
        ready.wait()
        opened.extend(look(database, SHARED).opened)

    threads = [threading.Thread(target=looks) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(opened) == 1
    assert only(database).id == opened[0].id
    assert kinds(database, opened[0]) == [IncidentEventKind.OPENED, *[IncidentEventKind.JOINED] * 3]


# --- what is one


def test_three_connections_on_one_host_are_one_incident_however_far_apart_they_fail(database: Database) -> None:
    for name in SHARED:
        fail(database, name, times=FAILING_AFTER)
        look(database, SHARED)
        pass_time(database, 3 * TOGETHER)
    assert only(database).scope.connections == ("a", "b", "c")
    assert only(database).title.sv == "filer.example (3 kopplingar) svarar inte"


def test_failures_of_one_class_that_begin_together_are_one_incident(database: Database) -> None:
    fail(database, *APART, times=FAILING_AFTER)
    look(database, APART)
    assert only(database).scope.connections == ("a", "b", "c")
    assert only(database).title == Text("3 kopplingar svarar inte", "3 connections do not answer")


def test_failures_of_one_class_that_begin_apart_are_their_own(database: Database) -> None:
    fail(database, "a", times=FAILING_AFTER)
    look(database, APART)
    pass_time(database, TOGETHER + LITTLE)
    fail(database, "b", times=FAILING_AFTER)
    look(database, APART)
    assert [each.scope.connections for each in all_open(database)] == [("a",), ("b",)]


def test_a_refusal_and_a_silence_elsewhere_are_two(database: Database) -> None:
    fail(database, "a", times=FAILING_AFTER)
    refuse(database, "b")
    look(database, APART)
    assert len(all_open(database)) == 2


def test_refusals_for_a_certificate_are_one_whatever_the_host(database: Database) -> None:
    refuse(database, "a", why=CERTIFICATE)
    look(database, APART)
    pass_time(database, 3 * TOGETHER)
    refuse(database, "b", why=CERTIFICATE)
    look(database, APART)
    assert only(database).scope.connections == ("a", "b")


def test_what_is_late_days_after_something_else_is_an_incident_of_its_own(database: Database) -> None:
    asked = configured(*(paper(name, f"{name}.example", every=timedelta(minutes=1)) for name in ("a", "b")))
    answer(database, "a", "b")
    pass_time(database, timedelta(hours=1))
    answer(database, "b")
    look(database, asked)
    pass_time(database, timedelta(days=3))
    answer(database, "b")
    look(database, asked)
    pass_time(database, timedelta(hours=1))
    (opened,) = look(database, asked).opened
    assert (opened.kind, opened.scope.connections) == ("late", ("b",))


def test_an_incident_about_something_else_takes_no_certificate_of_another_host(database: Database) -> None:
    fail(database, "a", times=FAILING_AFTER)
    look(database, APART)
    answer(database, "a")
    refuse(database, "a", why=CERTIFICATE)
    look(database, APART)
    assert only(database).kind == "unavailable"
    pass_time(database, timedelta(days=2))
    refuse(database, "b", why=CERTIFICATE)
    (opened,) = look(database, APART).opened
    assert (opened.kind, opened.scope.connections) == ("certificate", ("b",))


# --- how it ends


def test_it_closes_by_itself_when_all_its_connections_have_been_well_for_a_while(database: Database) -> None:
    fail(database, "a", "b", times=FAILING_AFTER)
    look(database, SHARED)
    answer(database, "a")
    pass_time(database, WELL_FOR + LITTLE)
    assert look(database, SHARED).closed == []
    answer(database, "b")
    assert look(database, SHARED).closed == []
    pass_time(database, WELL_FOR + LITTLE)
    (closed,) = look(database, SHARED).closed
    assert (closed.closed_by, all_open(database)) == ("", [])
    assert look(database, SHARED).closed == []


def test_it_stays_open_while_it_is_repaired(database: Database) -> None:
    fail(database, "agresso", times=FAILING_AFTER)
    look(database, ALONE)
    answer(database, "agresso")
    note(database, IncidentEventKind.REPAIR_BEGUN)
    pass_time(database, 2 * WELL_FOR)
    assert look(database, ALONE).closed == []
    note(database, IncidentEventKind.REPAIR_ENDED)
    assert len(look(database, ALONE).closed) == 1


def note(database: Database, kind: IncidentEventKind) -> None:
    incident = only(database)
    with database.write() as connection:
        incidents.note(connection, incident.id, kind)


def test_what_would_open_again_goes_to_the_open_incident_of_the_same_host(database: Database) -> None:
    fail(database, "a", "b", times=FAILING_AFTER)
    look(database, APART)
    answer(database, "a", "b")
    pass_time(database, WELL_FOR + LITTLE)
    assert len(look(database, APART).closed) == 1
    pass_time(database, REOPENS_WITHIN - PATIENCE / 2)
    fail(database, "b")
    pass_time(database, PATIENCE - LITTLE)
    refuse(database, "a")
    (second,) = look(database, APART).opened
    pass_time(database, 2 * LITTLE)
    fail(database, "b")
    refuse(database, "c", why=CERTIFICATE)
    (third,) = look(database, APART).opened
    assert [(each.id, each.scope.connections) for each in all_open(database)] == [
        (second.id, ("a", "b")),
        (third.id, ("c",)),
    ]


def test_coming_and_going_opens_and_closes_nothing(database: Database) -> None:
    fail(database, "agresso", times=FAILING_AFTER)
    look(database, ALONE)
    for _ in range(4):
        answer(database, "agresso")
        pass_time(database, WELL_FOR - 30 * LITTLE)
        noticed = look(database, ALONE)
        fail(database, "agresso", times=FAILING_AFTER)
        again = look(database, ALONE)
        assert (noticed.closed, again.opened, again.reopened) == ([], [], [])
    assert kinds(database, only(database)) == [IncidentEventKind.OPENED, IncidentEventKind.JOINED]


def test_a_short_failure_between_two_looks_starts_the_while_anew(database: Database) -> None:
    fail(database, "agresso", times=FAILING_AFTER)
    look(database, ALONE)
    answer(database, "agresso")
    pass_time(database, WELL_FOR - LITTLE)
    fail(database, "agresso")
    answer(database, "agresso")
    pass_time(database, 2 * LITTLE)
    assert look(database, ALONE).closed == []
    pass_time(database, WELL_FOR)
    assert len(look(database, ALONE).closed) == 1


def recovered_and_closed(database: Database) -> Incident:
    fail(database, "agresso", times=FAILING_AFTER)
    look(database, ALONE)
    answer(database, "agresso")
    pass_time(database, WELL_FOR + LITTLE)
    (closed,) = look(database, ALONE).closed
    return closed


def test_a_failure_soon_after_it_closed_opens_the_same_again(database: Database) -> None:
    first = recovered_and_closed(database)
    pass_time(database, REOPENS_WITHIN - LITTLE)
    fail(database, "agresso", times=FAILING_AFTER)
    noticed = look(database, ALONE)
    assert ([each.id for each in noticed.reopened], noticed.opened) == ([first.id], [])
    assert only(database).id == first.id


def test_a_failure_long_after_it_closed_is_a_new_one(database: Database) -> None:
    first = recovered_and_closed(database)
    pass_time(database, REOPENS_WITHIN + LITTLE)
    fail(database, "agresso", times=FAILING_AFTER)
    (opened,) = look(database, ALONE).opened
    assert opened.id != first.id
    assert opened.fingerprint == first.fingerprint


def test_what_a_person_closed_stays_closed_until_it_has_answered(database: Database) -> None:
    fail(database, "agresso", times=FAILING_AFTER)
    look(database, ALONE)
    with database.write() as connection:
        assert incidents.close(connection, incidents.all_open(connection)[0].id, "anna", {"reason": "känt avbrott"})
        assert not incidents.close(connection, 1, "anna")
    fail(database, "agresso")
    pass_time(database, 2 * REOPENS_WITHIN)
    assert look(database, ALONE) == Noticed()
    answer(database, "agresso")
    fail(database, "agresso", times=FAILING_AFTER)
    assert len(look(database, ALONE).opened) == 1


def test_while_a_connection_is_paused_its_incident_neither_goes_on_nor_closes(database: Database) -> None:
    refuse(database, "agresso")
    look(database, ALONE)
    with database.write() as connection:
        connections.pause(connection, "agresso", "anna")
    pass_time(database, 3 * WELL_FOR)
    seen = only(database).seen_at
    assert look(database, ALONE) == Noticed()
    assert only(database).seen_at == seen


def test_a_connection_that_left_the_settings_keeps_nothing_open(database: Database) -> None:
    refuse(database, "agresso")
    look(database, ALONE)
    pass_time(database, WELL_FOR + LITTLE)
    assert len(look(database, {}).closed) == 1


# --- what is told of it


def planned(database: Database, number: int, due: date, target: str = "agresso", **other: Any) -> int:
    """An invoice that waits to be delivered."""
    with database.write() as connection:
        document = arrive(connection, f"m-{number}")
        invoices.keep(connection, document, an_invoice(number=f"F-{number}", due_date=due, **other))
        change = Change(ChangeKind.CREATE, f"k-{number}", f"{number}.xml")
        deliveries.intend(connection, document, Plan("invoices", target, (change,)), change)
        documents.move(connection, document, DocumentState.ROUTED)
    return document


def test_what_waits_behind_it_is_counted_with_what_is_due_and_what_it_is_worth(database: Database) -> None:
    with database.read() as connection:
        today = city_day(now(connection))
    for number, days in enumerate((0, 0, -3, 20)):
        planned(database, number, today + timedelta(days=days), payable="100.10")
    planned(database, 4, today + timedelta(days=9), currency="EUR", payable="7.00")
    planned(database, 5, today + timedelta(days=9), kind=InvoiceKind.CREDIT_NOTE, payable="3.00")
    planned(database, 6, today, target="elsewhere")
    gone = planned(database, 7, today)
    with database.write() as connection:
        documents.move(connection, gone, DocumentState.SET_ASIDE)
        waiting = incidents.waiting_behind(connection, ["agresso"], today.isoformat())
    assert (waiting.invoices, waiting.due_today, waiting.overdue, waiting.pressing) == (6, 2, 1, True)
    assert waiting.worth == {"SEK": Decimal("400.40"), "EUR": Decimal("7.00")}
    assert waiting.by_connection == {"agresso": 6}


def test_what_changed_in_the_day_before_it_is_told_newest_first(database: Database) -> None:
    with database.write() as connection:
        audit.write(connection, "anna", "activate", "pack long-ago")
    pass_time(database, timedelta(hours=25))
    with database.write() as connection:
        changes.note(connection, {"version": "1", "connections.agresso": "x"})
        audit.write(connection, "anna", "activate", "pack peppol")
        audit.write(connection, "anna", "check", "connection agresso")
        assert changes.note(connection, {"version": "2", "connections.agresso": "x"}) == ("version",)
        assert changes.note(connection, {"version": "2", "connections.agresso": "x"}) == ()
    refuse(database, "agresso")
    (incident,) = look(database, ALONE).opened
    with database.write() as connection:
        audit.write(connection, "anna", "activate", "pack afterwards")
        told_of = [(each.who, each.what, each.about) for each in changed_before(connection, incident)]
    assert told_of == [("hub", "changed", "hub"), ("anna", "activate", "pack peppol")]


def test_a_digest_of_settings_sees_what_changed_and_never_a_secret() -> None:
    class Own(BaseModel):
        address: str
        password: SecretStr

    first = Own(address="a", password=SecretStr("x"))
    assert changes.digest(first) == changes.digest(Own(address="a", password=SecretStr("y")))
    assert changes.digest(first) != changes.digest(Own(address="b", password=SecretStr("x")))


class Many(BaseModel):
    """Settings in which addresses stand in different ways."""

    note: str = "see above"
    inner: Place | None = None
    url: AnyUrl | None = None
    host: str = ""
    secret: SecretStr = SecretStr("https://secret.example")


@pytest.mark.parametrize(
    ("settings", "host"),
    [
        (None, ""),
        (Many(), ""),
        (Place(address="file:///srv/in"), ""),
        (Place(address="sftp://hub@Filer.Example:2222/in"), "filer.example"),
        (Place(address="http://127.0.0.1:8081/api"), "127.0.0.1:8081"),
        (Place(address="http://[broken"), ""),
        (Many(inner=Place(address="https://api.example/x?key=1")), "api.example"),
        (Many(url=AnyUrl("https://url.example/x")), "url.example"),
        (Many(host="Mail.Example"), "mail.example"),
    ],
    ids=str,
)
def test_the_host_is_told_from_the_settings_whatever_they_are_called(settings: Any, host: str) -> None:
    assert host_of(settings) == host
