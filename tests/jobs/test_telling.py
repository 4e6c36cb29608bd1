"""Messages: one when an incident opens and one when it closes, sent once, held when nobody is to be disturbed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from hub.domain.calendar import city_day
from hub.domain.texts import Text
from hub.jobs import routes, telling, verdicts, watching
from hub.jobs.executors.local import LocalExecutor
from hub.jobs.kinds import Job
from hub.jobs.ways import Ways
from hub.loader import Connection, Plugins
from hub.notify.channels import Notify, lane_of
from hub.notify.hours import Hours
from hub.plugin.connector import Connector
from hub.status.connections import FAILING_AFTER
from hub.status.incidents import REOPENS_WITHIN, TOGETHER, WELL_FOR
from hub.store import connections, incidents, lanes, messages, work, workers
from hub.store.connections import Happening
from hub.store.database import Database, now
from hub.store.incidents import IncidentEventKind
from hub.store.work import WorkState
from tests.notify.receivers import Hook, Inbox, hook_server, mail_server, subjects
from tests.status.passing import pass_time
from tests.status.test_incidents import DOWN, WRONG, Place, planned

LONG_ENOUGH = timedelta(seconds=20)
LITTLE = timedelta(seconds=1)
WORKING = datetime(2026, 11, 24, 10, tzinfo=UTC)
EVENING = datetime(2026, 11, 24, 21, tzinfo=UTC)
MORNING = datetime(2026, 11, 25, 6, 31, tzinfo=UTC)
QUIET = Hours(time(18), time(7), digest=time(7, 30))


@dataclass
class Desk:
    """A hub's work without its routes, and whoever is told."""

    database: Database
    notify: Notify
    inbox: Inbox
    hook: Hook
    names: tuple[str, ...] = ("agresso",)
    _ways: Ways | None = field(default=None, repr=False)

    @property
    def ways(self) -> Ways:
        """What the work walks on."""
        connector = Connector("prov.mal", Text("Mål", "Target"), Place, lambda _settings: iter(()))
        made = {
            name: Connection(name, "prov.mal", connector=connector, settings=Place(address=f"sftp://u@{name}.example/"))
            for name in self.names
        }
        nothing: Any = None
        plugins = Plugins({}, {}, (), (), (), (), ())
        return Ways(self.database, made, plugins, {}, nothing, nothing, notify=self.notify)

    def look(self) -> None:
        """Look once at how the connections fare."""
        with self.database.write() as connection:
            workers.register_worker(connection, "w", ())
        watching.look(self.ways)

    def fail(self, name: str = "agresso") -> None:
        """The connection fails, so much that it is an incident."""
        with self.database.write() as connection:
            for _ in range(FAILING_AFTER):
                connections.failed(connection, name, Happening.UNAVAILABLE, DOWN)

    def answer(self, name: str = "agresso") -> None:
        """The connection answers."""
        with self.database.write() as connection:
            connections.succeeded(connection, name, Happening.DELIVERED, 0)

    def send(self) -> None:
        """Let the work that is due be done."""
        with self.database.write() as connection:
            for channel in self.notify.channels:
                lanes.set_lane(connection, lane_of(channel), 1)
        executor = LocalExecutor(self.database, routes.kinds(self.ways), threads=2)
        assert executor.run_until_idle(LONG_ENOUGH)

    @property
    def mails(self) -> list[EmailMessage]:
        """What was mailed."""
        return self.inbox.mails

    def told(self) -> list[str]:
        """What the webhook was told, by type."""
        return [each["type"] for each in self.hook.payloads]

    def recover(self) -> None:
        """The connection answers for so long that the incident closes."""
        self.answer()
        pass_time(self.database, WELL_FOR + LITTLE)
        self.look()


@pytest.fixture(autouse=True)
def _longest_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that is put off waits as long as it may: by chance it would be due again before a test has looked."""
    monkeypatch.setattr(verdicts, "random", SimpleNamespace(random=lambda: 1.0))


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    """Somebody to tell by mail and webhook; the test runs on both databases."""
    with ExitStack() as stack:
        yield _desk(stack, database)


@pytest.fixture
def timed_desk(sqlite_database: Database) -> Iterator[Desk]:
    """The same on a database whose clock is this process's, so that it can be set."""
    with ExitStack() as stack:
        yield _desk(stack, sqlite_database)


def _desk(stack: ExitStack, database: Database) -> Desk:
    inbox, hook = Inbox(), Hook()
    mail, webhook = stack.enter_context(mail_server(inbox)), stack.enter_context(hook_server(hook))
    return Desk(database, Notify(mail, (webhook,)), inbox, hook)


def test_one_message_when_it_opens_and_one_when_it_closes_on_every_channel(desk: Desk) -> None:
    desk.fail()
    desk.look()
    desk.look()
    desk.send()
    assert subjects(desk.mails) == ["Inköpshubben: Incident 1: agresso svarar inte"]
    desk.recover()
    pass_time(desk.database, REOPENS_WITHIN + LITTLE)
    desk.look()
    desk.send()
    assert subjects(desk.mails)[1:] == ["Inköpshubben: Avslutad 1: agresso svarar inte"]
    assert desk.told() == ["incident.opened", "incident.closed"]
    with desk.database.read() as connection:
        events = [each for each in incidents.events(connection, 1) if each.kind is IncidentEventKind.TOLD]
    assert sorted((each.details["channel"], each.details["message"]) for each in events) == [
        ("drift", "closed"),
        ("drift", "opened"),
        ("mail", "closed"),
        ("mail", "opened"),
    ]


def test_what_is_told_says_what_waits_and_what_is_due(desk: Desk) -> None:
    with desk.database.read() as connection:
        today = city_day(now(connection))
    for number in range(3):
        planned(desk.database, number, today + timedelta(days=10 * number), payable="1000.50")
    desk.fail()
    desk.look()
    desk.send()
    (mail,) = desk.mails
    said = mail.get_content().replace("\u00a0", " ")
    assert "3 fakturor väntar, 1 förfaller i dag. Värde: 3 001,50 SEK." in said
    assert "agresso: servern svarar inte" in said
    (payload,) = desk.hook.payloads
    assert payload["data"]["waiting"] == {"invoices": 3, "due_today": 1, "overdue": 0, "worth": {"SEK": "3001.50"}}
    assert payload["data"]["connections"] == ["agresso"]


def test_coming_and_going_is_one_pair_of_messages(desk: Desk) -> None:
    for _ in range(3):
        desk.fail()
        desk.look()
        desk.recover()
        desk.send()
    assert desk.told() == ["incident.opened"]
    pass_time(desk.database, REOPENS_WITHIN + LITTLE)
    desk.look()
    desk.send()
    desk.send()
    assert desk.told() == ["incident.opened", "incident.closed"]
    assert len(desk.mails) == 2


def test_a_message_that_is_put_off_is_sent_later_once(desk: Desk) -> None:
    desk.inbox.faults += ["451 try again later"]
    desk.hook.faults += [503]
    desk.fail()
    desk.look()
    desk.send()
    assert (desk.mails, desk.hook.got) == ([], [])
    pass_time(desk.database, telling.RETRIES.base)
    desk.send()
    desk.send()
    assert (len(desk.mails), desk.inbox.tries) == (1, 2)
    assert (desk.told(), len(set(desk.hook.tries)), len(desk.hook.tries)) == (["incident.opened"], 1, 2)


def test_a_worker_that_died_between_sending_and_writing_sends_the_same_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.fail()
    desk.look()
    with monkeypatch.context() as patched:
        patched.setattr(messages, "sent", _dies)
        for job in _jobs(desk.database):
            with pytest.raises(Died):
                telling.perform(desk.database, desk.notify, job)
    desk.send()
    assert [each["Message-ID"] for each in desk.mails] == [desk.mails[0]["Message-ID"]] * 2
    assert (len(desk.hook.tries), len(set(desk.hook.tries))) == (2, 1)
    assert desk.hook.got[0][1] == desk.hook.got[1][1]
    desk.send()
    assert len(desk.mails) == 2


class Died(BaseException):
    """What a process that is killed leaves behind."""


def _dies(*_: object) -> bool:
    raise Died


def _jobs(database: Database) -> list[Job]:
    with database.read() as connection:
        return [Job(each.id, each.kind, each.lane, each.argument) for each in work.page(connection, kind="tell")]


def test_a_rejected_message_is_told_in_its_incident_and_hinders_no_other_channel(desk: Desk) -> None:
    desk.hook.faults += [410]
    desk.fail()
    desk.look()
    desk.send()
    assert len(desk.mails) == 1
    with desk.database.read() as connection:
        (event,) = [each for each in incidents.events(connection, 1) if each.kind is IncidentEventKind.UNTOLD]
    assert (event.details["channel"], "410" in event.details["en"]) == ("drift", True)


def test_a_refused_channel_waits_for_a_person_and_no_other_does(desk: Desk) -> None:
    desk.hook.faults += [401]
    desk.fail()
    desk.look()
    desk.send()
    with desk.database.read() as connection:
        held = [each.name for each in lanes.all_lanes(connection) if each.held_at]
        (waits,) = work.page(connection, kind="tell", state=WorkState.WAITING)
    assert (held, waits.lane) == ([lane_of("drift")], lane_of("drift"))
    with desk.database.write() as connection:
        lanes.release_lane(connection, lane_of("drift"))
    pass_time(desk.database, timedelta(minutes=1))
    desk.send()
    assert desk.told() == ["incident.opened"]


def test_a_closing_waits_for_its_opening(desk: Desk) -> None:
    desk.hook.faults += [503]
    desk.fail()
    desk.look()
    desk.send()
    assert watching.close(desk.database, desk.notify, 1, "anna", "planerat avbrott")
    desk.send()
    assert desk.told() == ["incident.opened", "incident.closed"]
    assert "Avslutad av anna: planerat avbrott" in desk.mails[1].get_content()
    assert not watching.close(desk.database, desk.notify, 1, "anna", "igen")


@pytest.mark.parametrize("faults", [[410], [503, 410]], ids=["given up before", "rejected on the closing's way"])
def test_a_closing_is_told_though_its_opening_was_rejected(desk: Desk, faults: list[int]) -> None:
    desk.hook.faults += faults
    desk.fail()
    desk.look()
    desk.send()
    watching.close(desk.database, desk.notify, 1, "anna", "åtgärdat")
    desk.send()
    pass_time(desk.database, timedelta(hours=1))
    desk.send()
    assert (desk.told(), desk.hook.faults) == (["incident.closed"], [])
    assert len(desk.mails) == 2
    with desk.database.read() as connection:
        untold = [each for each in incidents.events(connection, 1) if each.kind is IncidentEventKind.UNTOLD]
    assert len(untold) == 1


def test_what_opens_again_after_its_closing_was_told_is_told_again(desk: Desk) -> None:
    desk.fail()
    desk.look()
    watching.close(desk.database, desk.notify, 1, "anna", "åtgärdat")
    desk.send()
    desk.answer()
    desk.fail()
    desk.look()
    desk.send()
    assert desk.told() == ["incident.opened", "incident.closed", "incident.opened"]


def test_a_flood_of_openings_becomes_a_handful_and_one_digest(desk: Desk) -> None:
    desk.names = tuple(f"mal-{number}" for number in range(20))
    for number, name in enumerate(desk.names):
        if number < 2:
            desk.fail(name)
            pass_time(desk.database, TOGETHER + LITTLE)
            desk.look()
        else:
            _refuse_alone(desk, name)
    desk.send()
    opened = [each for each in desk.told() if each == "incident.opened"]
    assert len(opened) <= desk.notify.flood + 2
    pass_time(desk.database, telling.FLOOD_WITHIN)
    desk.send()
    digests = [each for each in desk.hook.payloads if each["type"] == "incident.digest"]
    assert 1 <= len(digests) <= 2, "a flood that crosses a boundary of ten minutes is two at most"
    told_of = [number for each in digests for number in each["data"]["opened"]]
    assert len(opened) + len(told_of) == len(desk.names)
    assert len(desk.mails) == len(opened) + len(digests)


def _refuse_alone(desk: Desk, name: str) -> None:
    """An incident of its own at nearly the same time: its cause is written as another's would be."""
    with desk.database.write() as connection:
        begun = incidents.begin(connection, name, "bug", Text(name, name), incidents.Scope((name,)), now(connection))
        telling.opened(connection, desk.notify, begun)


# --- when nobody is to be disturbed


def test_in_quiet_hours_messages_wait_for_one_digest(timed_desk: Desk) -> None:
    timed_desk.notify = replace(timed_desk.notify, hours=QUIET)
    with time_machine.travel(EVENING) as clock:
        timed_desk.fail()
        timed_desk.look()
        timed_desk.send()
        timed_desk.answer()
        clock.shift(WELL_FOR + LITTLE)
        timed_desk.look()
        clock.shift(timedelta(hours=1))
        _refuse_alone(timed_desk, "marvin")
        timed_desk.send()
        assert timed_desk.told() == []
        clock.move_to(MORNING)
        timed_desk.send()
        timed_desk.send()
    assert subjects(timed_desk.mails) == ["Inköpshubben: Sammandrag: 2 nya, 1 avslutade, 1 öppna incidenter"]
    assert timed_desk.told() == ["incident.digest"]
    said = timed_desk.mails[0].get_content()
    assert said.index("Öppnade") < said.index("Avslutade") < said.index("Öppna nu")


def test_what_needs_a_person_with_invoices_due_is_told_at_night_too(timed_desk: Desk) -> None:
    timed_desk.notify = replace(timed_desk.notify, hours=QUIET)
    with time_machine.travel(EVENING):
        planned(timed_desk.database, 1, city_day(EVENING))
        with timed_desk.database.write() as connection:
            connections.failed(connection, "agresso", Happening.REFUSED, WRONG)
        timed_desk.look()
        timed_desk.send()
    assert timed_desk.told() == ["incident.opened"]


@pytest.mark.parametrize(("urgent", "due"), [(False, date(2026, 11, 24)), (True, date(2026, 12, 3))])
def test_what_is_not_due_or_not_to_disturb_waits_for_the_morning(timed_desk: Desk, urgent: bool, due: date) -> None:
    timed_desk.notify = replace(timed_desk.notify, hours=QUIET, urgent=urgent)
    with time_machine.travel(EVENING):
        planned(timed_desk.database, 1, due)
        with timed_desk.database.write() as connection:
            connections.failed(connection, "agresso", Happening.REFUSED, WRONG)
        timed_desk.look()
        timed_desk.send()
    assert timed_desk.told() == []


def test_a_closing_is_told_in_the_digest_that_holds_its_opening(timed_desk: Desk) -> None:
    timed_desk.notify = replace(timed_desk.notify, hours=QUIET)
    with time_machine.travel(EVENING) as clock:
        timed_desk.fail()
        timed_desk.look()
        clock.move_to(MORNING - timedelta(minutes=20))
        watching.close(timed_desk.database, timed_desk.notify, 1, "anna", "klart")
        timed_desk.send()
        assert timed_desk.told() == []
        clock.move_to(MORNING)
        timed_desk.send()
    assert timed_desk.told() == ["incident.digest"]
    assert (timed_desk.hook.payloads[0]["data"]["opened"], timed_desk.hook.payloads[0]["data"]["closed"]) == ([1], [1])


def test_each_morning_tells_what_is_open_still_and_says_nothing_when_nothing_is(timed_desk: Desk) -> None:
    timed_desk.notify = replace(timed_desk.notify, hours=QUIET)
    with time_machine.travel(WORKING) as clock:
        timed_desk.fail()
        timed_desk.look()
        timed_desk.send()
        for _ in range(2):
            clock.move_to(MORNING)
            timed_desk.fail()
            timed_desk.look()
            timed_desk.send()
        clock.move_to(MORNING + timedelta(days=1))
        watching.close(timed_desk.database, timed_desk.notify, 1, "anna", "klart")
        timed_desk.look()
        timed_desk.send()
    assert timed_desk.told() == ["incident.opened", "incident.digest", "incident.closed"]


def test_without_channels_incidents_are_kept_and_nobody_is_told(desk: Desk) -> None:
    desk.notify = Notify()
    desk.fail()
    desk.look()
    with desk.database.read() as connection:
        assert len(incidents.all_open(connection)) == 1
        assert messages.of_incident(connection, 1) == []


def test_a_message_for_a_channel_that_left_the_settings_ends(desk: Desk) -> None:
    desk.fail()
    desk.look()
    desk.notify = replace(desk.notify, webhooks=())
    desk.send()
    assert (len(desk.mails), desk.hook.got) == (1, [])
    with desk.database.read() as connection:
        assert work.page(connection, kind="tell", state=WorkState.WAITING) == ()
