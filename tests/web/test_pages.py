"""What the pages say of a city at work, and of one where nothing has happened."""

from __future__ import annotations

import re

import pytest

from hub.app import Hub
from hub.domain.documents import DocumentState
from hub.domain.texts import Text
from hub.store import breakers, connections, documents, lanes, set_asides, work, workers
from hub.store.blobs import content
from hub.store.breakers import BreakerState
from hub.store.connections import Happening
from hub.web.speech import tongues
from tests.web.city import PERSON, SECRET, TOKEN, USER, faulty, put
from tests.web.conftest import Visitor, Visitors
from tests.web.paper import Paper, written
from tests.web.planned import APPLIED, EMPTY
from tests.web.replayed import CUT_SHORT, REHEARSED, UNDER_WAY

STOPPED, UNREADABLE, WAITING = 15, 22, 23
PAGES = (
    "/",
    "/invoices",
    "/invoices/1",
    f"/invoices/{STOPPED}",
    f"/invoices/{STOPPED}/source",
    f"/invoices/{UNREADABLE}",
    f"/invoices/{WAITING}",
    "/set-aside",
    "/set-aside?code=BR-CO-10",
    "/set-aside/replays",
    f"/set-aside/replays/{REHEARSED}",
    f"/set-aside/replays/{UNDER_WAY}",
    f"/set-aside/replays/{CUT_SHORT}",
    "/connections",
    "/connections/operator",
    "/connections/leverantorsmapp",
    "/connections/agresso-utb",
    "/connections/arkiv",
    "/plans",
    "/plans?state=applied",
    *(f"/plans/{number}" for number in range(APPLIED, EMPTY + 1)),
    f"/plans/{APPLIED}?outcome=rejected",
    "/incidents",
    "/incidents/1",
    "/incidents/2",
    "/rules",
    "/work",
    "/work?outcome=suspicious",
    "/work/runs/3",
    "/work/queue",
    "/work/jobs/1",
    "/work/jobs/4",
    "/orders",
    "/orders?bare=1",
    "/orders/ST/45001000",
    "/orders/ST/45001004",
    "/invoices/5",
    "/units",
    "/work/schedules",
    "/tillganglighet",
    "/login",
)


@pytest.mark.parametrize("language", ["sv", "en"])
def test_every_page_is_shown_in_the_language_that_is_read(clerk: Visitor, language: str) -> None:
    clerk.speak(language)
    for page in PAGES:
        answer = clerk.get(page)
        assert answer.status_code == 200, page
        assert f'<html lang="{language}">' in answer.text
    clerk.speak("sv")


def test_no_page_shows_a_personal_number_or_a_secret(clerk: Visitor) -> None:
    for page in (*PAGES, "/invoices?q=karin", "/invoices/18", "/invoices/18/source"):
        text = clerk.get(page).text
        assert not any(secret in text for secret in (PERSON, "640823-3234", SECRET, TOKEN)), page


def test_every_answer_is_guarded_by_its_headers(clerk: Visitor) -> None:
    for page in (*PAGES, "/health", "/static/hub.css", "/finns-inte", f"/invoices/{STOPPED}/bytes"):
        headers = clerk.get(page).headers
        assert "script-src 'self';" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert (headers["x-frame-options"], headers["x-content-type-options"]) == ("DENY", "nosniff")
        assert headers["referrer-policy"] == "same-origin"


def test_pages_are_kept_by_no_cache_and_static_files_for_ever(clerk: Visitor) -> None:
    page = clerk.get("/")
    assert page.headers["cache-control"] == "no-store"
    address = re.search(r'href="(/static/hub\.css\?v=\w+)"', page.text)
    assert address
    assert "immutable" in clerk.get(address[1]).headers["cache-control"]
    assert clerk.get("/static/htmx.js").headers["cache-control"] == "no-cache"
    assert clerk.get("/static/..%2fapp.py").status_code == 404


def test_no_page_holds_script_or_style_of_its_own(clerk: Visitor) -> None:
    for page in PAGES:
        text = clerk.get(page).text
        assert not re.search(r"<style|<script(?! src=\"/static/)|\sstyle=|\son\w+=\"|javascript:", text), page


def test_the_start_page_tells_what_needs_a_person(clerk: Visitor) -> None:
    text = clerk.get("/").text
    for said in (
        "8 dokument är stoppade",
        "3 kopplingar behöver tillsyn",
        "3 planer väntar",
        "hub-peppol-billing-3.0.16",
        "zeep",
    ):
        assert said in text


def test_the_start_page_names_work_that_no_living_worker_knows_and_what_to_do(anna: Visitor, hub: Hub) -> None:
    with hub.database.write() as connection:
        work.enqueue(connection, kind="ny-sort", lane="judging", argument={})
        work.enqueue(connection, kind="match", lane="house", argument={})
        workers.register_worker(connection, "gammal", ("fetch",))
    text = anna.get("/").text
    for said in (
        "2 sorters arbete väntar på en nyare arbetare.",
        'id="kind-ny-sort"',
        "Jämför fakturor med ordrar",
        "hub workers list",
    ):
        assert said in text
    looked = re.search(r'hx-get="(/\?seen=\w+)"', text)
    assert looked
    with hub.database.write() as connection:
        workers.register_worker(connection, "ny", ("fetch", "match", "ny-sort"))
    again = anna.get(looked[1], headers={"HX-Request": "true"})
    assert again.status_code == 200, "there is something new to show"
    assert "ny-sort" not in again.text


def test_the_start_page_tells_of_work_that_waits_for_no_worker_and_behind_no_connection(
    anna: Visitor, hub: Hub
) -> None:
    with hub.database.write() as connection:
        lanes.hold_lane(connection, "borttagen", because="paused")
        for _ in range(2):
            work.enqueue(connection, kind="deliver", lane="borttagen", argument={})
    text = anna.get("/").text
    for said in (
        "2 arbeten väntar, och ingen arbetare är i gång.",
        "Arbete väntar i 1 spärrat spår utan koppling.",
        'id="unattended"',
        "Spåret borttagen",
        "hub connections resume borttagen",
    ):
        assert said in text
    anna.speak("en")
    text = anna.get("/").text
    for said in ("2 pieces of work wait, and no worker is alive.", "Work waits in 1 held lane without a connection."):
        assert said in text
    with hub.database.write() as connection:
        workers.register_worker(connection, "ny", ("deliver",))
        lanes.release_lane(connection, "borttagen")
    assert "Work that stands still" not in anna.get("/").text


def test_the_start_page_says_nothing_anew_while_nothing_is_new(clerk: Visitor) -> None:
    asked = re.search(r'hx-get="(/\?seen=\w+)"', clerk.get("/").text)
    assert asked
    assert clerk.get(asked[1], headers={"HX-Request": "true"}).status_code in {200, 204}
    assert clerk.get(asked[1]).status_code == 200


def test_a_new_hub_says_that_nothing_has_arrived_and_not_that_all_is_well(anna: Visitor) -> None:
    anna.speak("en")
    text = anna.get("/").text
    assert "Nothing has arrived yet" not in text, "a connection is broken, which must be told first"
    assert "1 connection needs a person" in text
    assert "No invoices have arrived yet" in anna.get("/invoices").text


def test_a_finding_is_marked_on_its_line_and_told_in_plain_words(clerk: Visitor) -> None:
    text = clerk.get(f"/invoices/{STOPPED}").text
    line = re.search(r'<tr role="row" class="marked" id="line-3">.*?</tr>', text, re.DOTALL)
    assert line
    assert 'href="#finding-2"' in line[0]
    assert 'id="finding-2"' in text
    assert "PEPPOL-EN16931-R120" in text
    assert "Ersatt utgåva" in text


def test_a_document_that_is_no_invoice_says_so_and_shows_what_is_known(clerk: Visitor) -> None:
    text = clerk.get(f"/invoices/{UNREADABLE}").text
    assert "går inte att läsa som en faktura" in text
    assert "faktura-scannad.xml" in text


def test_a_layer_that_failed_is_told_by_its_findings_and_not_in_english_beside_it(clerk: Visitor) -> None:
    text = clerk.get(f"/invoices/{UNREADABLE}").text
    layers = re.search(r'<ul class="layers">.*?</ul>', text, re.DOTALL)
    assert layers
    assert "underkänd</span>" in layers[0]
    assert not re.search(r"\b(the|is|not)\b", re.sub(r"<[^>]+>", " ", layers[0]))


def test_the_original_comes_back_byte_for_byte(clerk: Visitor, city: Hub) -> None:
    answer = clerk.get(f"/invoices/{STOPPED}/bytes")
    with city.database.read() as connection:
        document = documents.get(connection, STOPPED)
    assert document is not None
    assert answer.content == content(city.database, document.digest)
    assert answer.headers["content-disposition"].startswith("attachment")


def test_an_attachment_is_handed_out_as_a_file(clerk: Visitor) -> None:
    address = re.search(rf'href="(/invoices/{STOPPED}/attachments/[\d-]+)"', clerk.get(f"/invoices/{STOPPED}").text)
    assert address
    answer = clerk.get(address[1])
    assert answer.content == b"artikel;antal\npapper;40\n"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert clerk.get(f"/invoices/{STOPPED}/attachments/0").status_code == 404
    assert clerk.get(f"/invoices/{STOPPED}/attachments/x").status_code == 404


def test_the_source_marks_the_lines_where_rules_were_broken(clerk: Visitor) -> None:
    text = clerk.get(f"/invoices/{STOPPED}/source").text
    assert re.search(r'<li id="l47" class="marked">.*?BR-CO-10', text)
    assert "&lt;cbc:ID&gt;" in text


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("q=2026-1103", 1),
        ("q=exempelby+skol", 3),
        ("state=set_aside", 8),
        ("verdict=valid", 14),
        ("unit=1302", 14),
        ("connection=leverantorsmapp", 10),
        ("kind=credit_note", 0),
        ("since=2099-01-01", 0),
        ("until=2001-01-01", 0),
        ("state=vad-som-helst&since=fel&before=x", 23),
        ("q=%25%27%22%3Cscript%3E", 23),
    ],
)
def test_the_list_shows_what_is_asked_for(clerk: Visitor, query: str, number: int) -> None:
    text = clerk.get(f"/invoices?{query}").text
    shown = len(re.findall(r'class="lead"><a href="/invoices/\d+"', text))
    if query.startswith("q=%25"):
        assert "<script>" not in text
    else:
        assert shown == number


def test_the_list_goes_on_page_by_page_until_its_end(anna: Visitor, hub: Hub) -> None:
    for number in range(120):
        put(hub.database, b"<x/>", f"{number}.xml")
    seen: list[str] = []
    address: str | None = "/invoices?connection=operator"
    while address:
        text = anna.get(address).text
        seen += re.findall(r'class="lead"><a href="/invoices/(\d+)"', text)
        onward = re.search(r'<a href="([^"]+)" rel="next"', text)
        address = onward[1].replace("&amp;", "&") if onward else None
    assert len(seen) == len(set(seen)) == 120


def test_replaying_a_group_tells_how_many_were_queued(anna: Visitor, hub: Hub) -> None:
    for number in range(3):
        faulty(hub.database, Paper(f"N-{number}"))
    group = groups(hub)[0]
    answer = anna.fill(f"/set-aside/{group}/replay", on="/set-aside")
    assert "3 dokument köade på nytt" in answer.text
    assert "0 av 3 återställda" in answer.text
    assert "köade på nytt" not in anna.get("/set-aside").text
    assert groups(hub) == []


def test_dismissing_needs_a_reason_and_keeps_it(anna: Visitor, hub: Hub) -> None:
    it = faulty(hub.database, Paper("N-1"))
    page = f"/invoices/{it.id}"
    assert anna.fill(f"{page}/dismiss", on=page, why="  ").status_code == 422
    assert state(hub, it.id) is DocumentState.SET_ASIDE
    answer = anna.fill(f"{page}/dismiss", on=page, why="Dubblett")
    assert "Dubblett" in answer.text
    assert state(hub, it.id) is DocumentState.DISMISSED


def test_replaying_what_is_not_set_aside_does_nothing_and_says_so(anna: Visitor, hub: Hub) -> None:
    it = put(hub.database, written(Paper("N-1")), "n.xml")
    answer = anna.fill(f"/invoices/{it.id}/replay", on=f"/invoices/{it.id}")
    assert "inte stoppat" in answer.text


def test_a_connection_is_paused_and_goes_on_by_a_named_person(anna: Visitor, hub: Hub) -> None:
    page = "/connections/agresso-utb"
    assert "Pausad av anna" in anna.fill(f"{page}/pause", on=page).text
    with hub.database.read() as connection:
        assert connections.lived(connection, "agresso-utb").paused_by == USER
    assert "i gång igen" in anna.fill(f"{page}/resume", on=page).text


def facts(text: str) -> set[tuple[str, str]]:
    """What a page states, each under its name."""
    found = re.findall(r"<dt>(.+?)</dt><dd>(.*?)</dd>", text)
    return {(name, re.sub(r"<[^>]+>", "", said)) for name, said in found}


def test_an_open_circuit_breaker_is_told_and_closed_by_a_named_person(anna: Visitor, hub: Hub) -> None:
    page = "/connections/agresso-utb"
    with hub.database.write() as connection:
        lanes.ensure_lane(connection, "agresso-utb")
        for _ in range(breakers.LEAST_ALL):
            connections.failed(connection, "agresso-utb", Happening.UNAVAILABLE, Text("Svarar inte.", "No answer."))
    text = anna.get(page).text
    assert "Säkringen är bruten till" in text
    with hub.database.read() as connection:
        breaker = breakers.of(connection, "agresso-utb")
    assert breaker.open_until is not None
    assert facts(text) >= {
        ("Säkring", "utlöst: för många fel"),
        ("Anrop den senaste minuten", f"{breakers.LEAST_ALL}, {breakers.LEAST_ALL} misslyckades"),
        ("Nytt försök", tongues()["sv"].exact(breaker.open_until)),
        ("Bruten i rad", "1 gång"),
    }
    answer = anna.fill(f"{page}/close-breaker", on=page)
    assert "Säkringen är tillslagen" in answer.text
    assert "slog till säkringen" in answer.text
    assert ("Säkring", "tillslagen: alla anrop släpps igenom") in facts(answer.text)
    assert "Nytt försök" not in answer.text
    with hub.database.read() as connection:
        assert breakers.of(connection, "agresso-utb").state is BreakerState.CLOSED


def test_a_check_tells_each_thing_it_tried(anna: Visitor) -> None:
    page = "/connections/agresso-miljo"
    text = anna.fill(f"{page}/check", on=page).text
    assert "Servern svarar" in text
    assert "Mappen går inte att skriva i." in text


def test_a_source_is_asked_now_and_a_target_never_is(anna: Visitor) -> None:
    page = "/connections/leverantorsmapp"
    assert "Hämtningen börjar strax" in anna.fill(f"{page}/run", on=page).text
    page = "/connections/agresso-utb"
    assert anna.fill(f"{page}/run", on=page).status_code == 404


def test_units_are_found_by_any_of_their_words(clerk: Visitor) -> None:
    assert "1 av 3 enheter" in clerk.get("/units?q=miljö 7350000000023").text
    assert "Ingen enhet motsvarar" in clerk.get("/units?q=rymdstyrelsen").text
    assert "kopplingen finns-inte finns inte" in clerk.get("/units?q=hamn").text


def test_rule_packs_tell_which_one_judges_and_which_is_superseded(clerk: Visitor) -> None:
    text = clerk.get("/rules").text
    assert "hub-svefaktura-1.0" in text
    assert "Ersatt utgåva" in text
    assert "Används i dag" in text


@pytest.mark.parametrize("page", ["/invoices/999999", "/invoices/x", "/connections/x", "/set-aside/x", "/x"])
def test_what_is_not_there_is_said_to_be_gone(clerk: Visitor, page: str) -> None:
    answer = clerk.get(page)
    assert answer.status_code == 404
    assert "<h1>" in answer.text


def test_health_is_told_without_a_login(city_address: str, visitors: Visitors) -> None:
    said = visitors(city_address).get("/health").json()
    assert said["status"] == "up"
    assert said["database"] == "ok"
    assert isinstance(said["workers"], int)


def test_health_says_when_the_database_is_gone(visitor: Visitor, hub: Hub) -> None:
    with hub.database.write() as connection:
        connection.exec_driver_sql("DROP TABLE workers")
    assert visitor.get("/health").status_code == 503


def groups(hub: Hub) -> list[str]:
    """The fingerprints of what is set aside."""
    with hub.database.read() as connection:
        return [group.fingerprint for group in set_asides.groups(connection)]


def state(hub: Hub, document_id: int) -> DocumentState:
    """Where the document stands."""
    with hub.database.read() as connection:
        document = documents.get(connection, document_id)
    assert document is not None
    return document.state
