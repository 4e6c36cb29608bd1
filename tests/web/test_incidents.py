"""Incidents in the console: what is shown of them, repair and closing, and the picture of their course."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.app import Hub
from hub.domain.texts import Text
from hub.store import audit, incidents, work
from hub.store.database import now
from hub.store.incidents import IncidentEvent, IncidentEventKind, Scope
from hub.web import words
from hub.web.course import SLOTS, course
from hub.web.timeline import HEIGHT, WIDTH
from tests.web.city import PERSON
from tests.web.conftest import Visitor

BEGUN = datetime(2026, 11, 22, 8, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def opened(hub: Hub, title: str = "agresso-utb svarar inte") -> int:
    with hub.database.write() as connection:
        scope = Scope(("agresso-utb",), ("agresso.example",), ("unavailable",))
        since = now(connection) - timedelta(hours=2)
        said = Text(title, title)
        made = incidents.begin(connection, title, "unavailable", said, scope, since)
        why = {"sv": f"Svarade: {PERSON}", "en": f"Answered: {PERSON}"}
        incidents.note(connection, made.id, IncidentEventKind.JOINED, "agresso-utb", why)
    return made.id


def test_the_open_ones_stand_on_the_start_page_and_first_in_the_list(clerk: Visitor) -> None:
    clerk.speak("sv")
    start = clerk.get("/").text
    assert 'href="/incidents/2"' in start
    assert "1 incident är öppen." in start
    listed = clerk.get("/incidents").text
    assert listed.index("leverantorsmapp svarar inte") < listed.index("agresso.storstad.example (2 kopplingar)")


def test_an_incident_tells_what_it_is_about_what_changed_and_what_was_done(clerk: Visitor) -> None:
    clerk.speak("sv")
    shown = clerk.get("/incidents/2").text
    for said in ("filer.storstad.example", "Servern svarar inte", "hub-peppol-billing-3.0.21", "Reparera", "anna"):
        assert said in shown
    over = clerk.get("/incidents/1").text
    assert "38 av 38 återställda" in over
    assert 'action="/incidents/1/repair"' not in over
    assert clerk.get("/incidents/4711").status_code == 404


def test_a_personal_number_that_the_other_side_told_is_masked(anna: Visitor, hub: Hub) -> None:
    shown = anna.get(f"/incidents/{opened(hub)}").text
    assert PERSON not in shown
    assert "640823****" in shown


def test_repair_is_work_for_the_workers_and_is_asked_for_once(anna: Visitor, hub: Hub) -> None:
    number = opened(hub)
    page = f"/incidents/{number}"
    assert "Reparationen har börjat" in anna.fill(f"{page}/repair", on=page).text
    assert "repareras redan" in anna.fill(f"{page}/repair", on="/incidents").text
    with hub.database.read() as connection:
        (job,) = work.page(connection, kind="repair")
        (deed,) = audit.about(connection, f"incident {number}")
    assert (job.argument["incident"], deed.who, deed.what) == (number, "anna", "repair")


def test_closing_needs_a_reason_and_keeps_it(anna: Visitor, hub: Hub) -> None:
    page = f"/incidents/{opened(hub)}"
    assert anna.fill(f"{page}/close", on=page, reason=" ").status_code == 422
    shown = anna.fill(f"{page}/close", on=page, reason="Planerat avbrott").text
    assert "Avslutad av anna: Planerat avbrott" in shown
    assert anna.fill(f"{page}/close", on="/", reason="igen").status_code == 404
    assert anna.fill(f"{page}/repair", on="/").status_code == 404


def test_the_page_says_nothing_while_nothing_is_new(anna: Visitor, hub: Hub) -> None:
    page = f"/incidents/{opened(hub)}"
    look = anna.get(page).text.partition("?seen=")[2][:16]
    assert anna.get(f"{page}?seen={look}", headers={"HX-Request": "true"}).status_code == 204
    assert anna.get(f"{page}?seen={look}").status_code == 200


def test_many_closed_ones_are_shown_a_page_at_a_time(anna: Visitor, hub: Hub) -> None:
    for number in range(35):
        made = opened(hub, f"nummer {number}")
        with hub.database.write() as connection:
            incidents.close(connection, made)
    first = anna.get("/incidents").text
    assert "nummer 34" in first
    assert "nummer 4<" not in first
    assert "nummer 4<" in anna.get("/incidents?before=6").text


def test_every_event_has_a_word() -> None:
    assert set(words.INCIDENT_EVENTS) == set(IncidentEventKind)


# --- the picture


def event(kind: IncidentEventKind, at: datetime) -> IncidentEvent:
    return IncidentEvent(1, at, kind, None, {})


def test_the_course_holds_every_failure_once_within_its_frame() -> None:
    times = [BEGUN + MINUTE * step for step in range(121)]
    drawn = course(
        BEGUN, BEGUN + timedelta(hours=2), times, [event(IncidentEventKind.CLOSED, BEGUN + timedelta(hours=2))]
    )
    assert sum(slot.failures for slot in drawn.slots) == 121
    assert len(drawn.slots) == SLOTS
    assert all(0 <= bar.x <= WIDTH and 0 <= bar.y <= HEIGHT for bar in drawn.bars)
    assert [mark.x for mark in drawn.marks] == [WIDTH]


@pytest.mark.parametrize("length", [timedelta(0), timedelta(seconds=3), timedelta(days=40)])
def test_a_course_of_any_length_is_drawn(length: timedelta) -> None:
    drawn = course(BEGUN, BEGUN + length, [BEGUN, BEGUN + length], [event(IncidentEventKind.OPENED, BEGUN + length)])
    assert sum(slot.failures for slot in drawn.busy) == 2
    assert drawn.ticks[0] == BEGUN
    assert all(0 <= mark.x <= WIDTH for mark in drawn.marks)


def test_a_course_without_failures_has_a_scale_all_the_same() -> None:
    drawn = course(BEGUN, BEGUN + timedelta(hours=1), [], [])
    assert (drawn.bars, drawn.busy, drawn.most) == ((), (), 1)
