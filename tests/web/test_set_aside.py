"""What is set aside in the console: chosen, given to somebody, rehearsed, run again, and followed to its end."""

from __future__ import annotations

import re

import pytest

from hub.app import Hub
from hub.domain.documents import DocumentState
from hub.domain.texts import Text
from hub.jobs import endings, replaying
from hub.store import replays, set_asides
from hub.store.replays import Outcome, Replay
from tests.jobs.aside import a_record_aside
from tests.web.city import USER, faulty
from tests.web.conftest import Visitor
from tests.web.paper import Paper
from tests.web.test_pages import groups, state


def latest(hub: Hub) -> Replay:
    """The replay that was made last."""
    with hub.database.read() as connection:
        return replays.page(connection, limit=1)[0]


def some(hub: Hub, number: int = 3) -> list[int]:
    """So many invoices of different suppliers that the rules stopped."""
    return [faulty(hub.database, Paper(f"N-{each}", f"Leverantör{each} AB")).id for each in range(number)]


def test_a_group_tells_its_value_its_age_and_whose_it_is(anna: Visitor, hub: Hub) -> None:
    some(hub)
    anna.speak("en")
    text = anna.get("/set-aside").text
    assert "Mended by E-handel." in text
    assert "51,648.75 SEK" in text
    assert "Rehearse 3 documents" in text


def test_a_group_is_given_to_somebody_and_given_back(anna: Visitor, hub: Hub) -> None:
    some(hub, 1)
    (group,) = groups(hub)
    page = f"/set-aside/{group}"
    assert "Berit" in anna.fill(f"{page}/owner", on=page, owner=" Berit ", note="Ringer i morgon").text
    assert "Ringer i morgon" in anna.get(page).text
    assert "ingen egen ägare" in anna.fill(f"{page}/owner", on=page, owner="").text
    assert "Berit" not in anna.get(page).text
    assert anna.fill("/set-aside/borta/owner", on=page, owner="Berit").status_code == 404


def test_what_meets_a_question_is_counted_and_run_again_and_nothing_else(anna: Visitor, hub: Hub) -> None:
    first, second, third = some(hub)
    page = "/set-aside?seller=leverant%C3%B6r1&code=BR-CO-10"
    assert "1 dokument motsvarar detta" in anna.get(page).text
    anna.fill("/set-aside/replay", on=page, seller="leverantör1", code="BR-CO-10")
    assert [state(hub, each) for each in (first, second, third)] == [
        DocumentState.SET_ASIDE,
        DocumentState.ARRIVED,
        DocumentState.SET_ASIDE,
    ]
    assert (latest(hub).by, latest(hub).number, latest(hub).rehearsal) == (USER, 1, False)


@pytest.mark.parametrize(
    "fields", [{}, {"since": "i går"}, {"least": "mycket"}, {"seller": "finns inte"}, {"everything": "ja"}]
)
def test_a_question_that_is_empty_or_cannot_be_understood_runs_nothing_again(
    anna: Visitor, hub: Hub, fields: dict[str, str]
) -> None:
    some(hub)
    assert "ingenting gjordes" in anna.fill("/set-aside/replay", on="/set-aside", **fields).text
    assert len(groups(hub)) == 1
    with hub.database.read() as connection:
        assert set_asides.count(connection) == 3
        assert replays.page(connection) == []


def test_amounts_and_days_are_understood_as_people_write_them(anna: Visitor, hub: Hub) -> None:
    some(hub)
    assert "3 dokument motsvarar detta" in anna.get("/set-aside?least=17 216,25&most=17216.25").text
    assert "Inget stoppat motsvarar" in anna.get("/set-aside?least=17 216,26").text
    assert "Inget stoppat motsvarar" in anna.get("/set-aside?until=2001-01-01").text
    assert "Inget stoppat motsvarar" in anna.get("/set-aside?until=snart").text


def test_a_rehearsal_is_followed_and_what_would_be_delivered_is_then_run_again(anna: Visitor, hub: Hub) -> None:
    first, second, third = some(hub)
    (group,) = groups(hub)
    answer = anna.fill(f"/set-aside/{group}/rehearse", on=f"/set-aside/{group}")
    assert "0 av 3 skulle levereras" in answer.text
    made = latest(hub).id
    page = f"/set-aside/replays/{made}"
    asked = re.search(rf'hx-get="({page}\?seen=\w+)"', answer.text)
    assert asked
    assert anna.get(asked[1], headers={"HX-Request": "true"}).status_code == 204
    with hub.database.write() as connection:
        replays.mark_rehearsed(connection, made, first, Outcome.RECOVERED, (), "agresso-utb")
        replays.mark_rehearsed(connection, made, second, Outcome.RECOVERED, (), "agresso-utb")
        replays.mark_rehearsed(connection, made, third, Outcome.STOPPED, ("CITY-RECIPIENT",))
    text = anna.get(asked[1], headers={"HX-Request": "true"}).text
    assert "2 av 3 skulle levereras" in text
    assert "hx-get" not in text
    assert "CITY-RECIPIENT" in text
    assert state(hub, first) is DocumentState.SET_ASIDE
    assert "0 av 2 återställda" in anna.fill(f"{page}/replay", on=page).text
    assert [state(hub, each) for each in (first, second, third)] == [
        DocumentState.ARRIVED,
        DocumentState.ARRIVED,
        DocumentState.SET_ASIDE,
    ]


def test_only_a_rehearsal_can_be_done_for_real(anna: Visitor, hub: Hub) -> None:
    some(hub, 1)
    anna.fill("/set-aside/replay", on="/set-aside", everything="1")
    made = latest(hub).id
    anna.fill(f"/set-aside/replays/{made}/replay", on=f"/set-aside/replays/{made}")
    assert latest(hub).id == made


def test_a_replay_shows_those_that_are_asked_for(anna: Visitor, hub: Hub) -> None:
    first, second, third = some(hub)
    anna.fill("/set-aside/replay", on="/set-aside", everything="1")
    made = latest(hub).id
    with hub.database.write() as connection:
        replays.mark(connection, first, Outcome.RECOVERED)
        replays.mark(connection, second, Outcome.STOPPED, ("CITY-RECIPIENT",))
    page = f"/set-aside/replays/{made}"
    for outcome, shown in (("", 3), ("recovered", 1), ("stopped", 1), ("waiting", 1), ("dismissed", 0)):
        text = anna.get(f"{page}?outcome={outcome}").text
        assert len(re.findall(r'class="lead" data-label="[^"]+"><a href="/invoices/\d+"', text)) == shown, outcome
    assert f'href="/invoices/{third}"' in anna.get(f"{page}?outcome=waiting").text


def test_long_lists_go_on_page_by_page_until_their_end(anna: Visitor, hub: Hub) -> None:
    ids = some(hub, 120)
    (group,) = groups(hub)
    for begins in (f"/set-aside/{group}", "/set-aside?code=BR-CO-10"):
        assert _walked(anna, begins) == ids
    anna.fill(f"/set-aside/{group}/replay", on=f"/set-aside/{group}")
    assert _walked(anna, f"/set-aside/replays/{latest(hub).id}") == ids


def _walked(visitor: Visitor, address: str) -> list[int]:
    seen: list[int] = []
    while address:
        text = visitor.get(address).text
        seen += map(int, re.findall(r'class="lead" data-label="[^"]+"><a href="/invoices/(\d+)"', text))
        onward = re.search(r'<a href="([^"]+)" rel="next"', text)
        address = onward[1].replace("&amp;", "&") if onward else ""
    return seen


@pytest.mark.parametrize("page", ["/set-aside/replays/999", "/set-aside/replays/x"])
def test_a_replay_that_is_not_there_is_said_to_be_gone(anna: Visitor, page: str) -> None:
    assert anna.get(page).status_code == 404


def said(visitor: Visitor, page: str) -> str:
    """What the page itself says, without its addresses and the ways to other pages."""
    text = visitor.get(page).text
    return re.sub(r"<[^>]+>", " ", text[text.index("<main") : text.index("</main>")])


@pytest.mark.parametrize(("language", "place"), [("sv", "Plats"), ("en", "Place")])
def test_a_record_is_told_with_the_field_at_fault_and_never_called_an_invoice(
    anna: Visitor, hub: Hub, language: str, place: str
) -> None:
    document = a_record_aside(hub.database)
    anna.speak(language)
    text = said(anna, f"/invoices/{document}")
    assert re.search(rf"{place}:\s+quantity\b", text)
    assert "1,5" in text
    for page in (f"/invoices/{document}", f"/invoices/{document}/source", f"/set-aside/{groups(hub)[0]}", "/set-aside"):
        assert not re.search("invoice|faktur", said(anna, page), re.IGNORECASE), page
    assert "ST/7" in said(anna, f"/set-aside/{groups(hub)[0]}")


@pytest.mark.parametrize(
    ("language", "told", "untold"), [("sv", "Ett senare utdrag", "A later"), ("en", "A later", "Ett senare utdrag")]
)
def test_a_step_of_the_journey_says_why_in_the_language_that_is_read_alone(
    anna: Visitor, hub: Hub, language: str, told: str, untold: str
) -> None:
    document = a_record_aside(hub.database)
    with hub.database.write() as connection:
        endings.dismiss(connection, document, Text("Ett senare utdrag gäller.", "A later extract stands."))
    anna.speak(language)
    text = said(anna, f"/invoices/{document}")
    assert (told in text, untold in text) == (True, False)


def test_a_persons_own_words_stand_in_the_journey_in_either_language(anna: Visitor, hub: Hub) -> None:
    document = a_record_aside(hub.database)
    replaying.dismiss(hub.database, document, USER, "Dubblett av ST/6")
    assert "“Dubblett av ST/6”" in said(anna, f"/invoices/{document}")
