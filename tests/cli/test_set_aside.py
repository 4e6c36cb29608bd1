"""`hub set-aside`: groups, their owners, and replays that end with what they came to."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.app import Hub, open_hub
from hub.cli.set_aside import sentence
from hub.jobs import handling
from hub.store import documents, invoices, replays, set_asides
from hub.store.replays import Outcome, Result, Stop
from hub.store.workers import register_worker
from tests.cli.conftest import Call, objects
from tests.jobs.aside import a_record_aside
from tests.jobs.waiting import eventually
from tests.store.rows import a_reason, an_invoice, arrive


@pytest.fixture
def hub(home: Path) -> Iterator[Hub]:
    """The hub at that home, with three invoices set aside for one reason and one for another."""
    opened = open_hub(home)
    with opened.database.write() as connection:
        for number, code in enumerate(("BR-02", "BR-02", "BR-02", "XML-DTD")):
            document = arrive(connection, f"m-{number}")
            invoices.keep(connection, document, an_invoice(number=f"F-{number}"))
            handling.set_aside(connection, document, "rules", [a_reason(code)])
    yield opened
    opened.close()


def group(hub: Hub, code: str = "BR-02") -> str:
    """The fingerprint of that code's group."""
    with hub.database.read() as connection:
        return next(each.fingerprint for each in set_asides.groups(connection) if each.code == code)


def test_the_groups_are_listed_with_what_they_come_to_and_end_with_findings(call: Call, hub: Hub) -> None:
    result = call("set-aside", "list", "--json")
    first, second = objects(result)
    assert (first["code"], first["number"], first["unread"]) == ("BR-02", 3, 0)
    assert first["value"] == [{"currency": "SEK", "amount": "3750.00", "number": 3}]
    assert second["code"] == "XML-DTD"
    assert result.exit_code == 1
    assert "3750.00 SEK" in call("set-aside", "list").stdout


def test_a_group_is_shown_with_its_invoices_a_page_at_a_time(call: Call, hub: Hub) -> None:
    (told,) = objects(call("set-aside", "show", group(hub), "--json", "--limit", 2))
    assert [each["number"] for each in told["documents"]] == ["F-0", "F-1"]
    after = told["documents"][-1]["document_id"]
    assert "F-2" in call("set-aside", "show", group(hub), "--after", after).stdout
    assert call("set-aside", "show", "no-such").exit_code == 2


def test_a_group_is_given_to_somebody(call: Call, hub: Hub) -> None:
    assert call("set-aside", "assign", group(hub), "Berit", "--note", "ringer").exit_code == 0
    told = objects(call("set-aside", "list", "--json"))[0]
    assert (told["owner"], told["note"]) == ("Berit", "ringer")
    assert call("set-aside", "assign", "no-such", "Berit").exit_code == 2


def test_a_replay_of_nothing_stated_is_refused(call: Call, hub: Hub) -> None:
    assert call("set-aside", "replay").exit_code == 2
    assert call("set-aside", "replay", "--seller", "").exit_code == 2
    assert call("set-aside", "replay", "--code", " ", "--amount-to", "1250").exit_code == 2
    with hub.database.read() as connection:
        assert replays.page(connection) == []


def test_without_a_worker_nothing_is_waited_for_and_it_says_so(call: Call, hub: Hub) -> None:
    result = call("set-aside", "replay", "--code", "BR-02", "--amount-to", "1250", "--arrived-to", "2026-11-22")
    assert "0 of 3 recovered; 3 still on their way" in result.stdout
    assert "No worker is running" in result.stderr
    assert result.exit_code == 1


def test_what_is_not_waited_for_is_fine_when_it_is_on_its_way(call: Call, hub: Hub) -> None:
    assert call("set-aside", "replay", "--group", group(hub), "--no-wait").exit_code == 0
    assert call("set-aside", "replay", "--code", "BR-02", "--no-wait").exit_code == 1
    assert "0 of 3 recovered" in call("set-aside", "replays").stdout


@pytest.mark.parametrize(
    ("outcomes", "said", "code"),
    [
        ((Outcome.RECOVERED,) * 3, "3 of 3 recovered", 0),
        ((Outcome.RECOVERED, Outcome.STOPPED, Outcome.DISMISSED), "1 of 3 recovered; 1 stopped again: BR-02 1", 1),
    ],
)
def test_a_replay_is_waited_for_to_its_end(
    call: Call, hub: Hub, outcomes: tuple[Outcome, ...], said: str, code: int
) -> None:
    with hub.database.write() as connection:
        register_worker(connection, "here:1:abc", ["handle"])
        ids = documents.page(connection, noun="invoices")

    def work() -> None:
        eventually(lambda: _begun(hub))
        with hub.database.write() as connection:
            for document, outcome in zip(reversed(ids[1:]), outcomes, strict=True):
                codes = ("BR-02",) if outcome is Outcome.STOPPED else ()
                replays.mark(connection, document.id, outcome, codes)

    working = threading.Thread(target=work)
    working.start()
    result = call("set-aside", "replay", "--code", "BR-02", "--seconds", 30)
    working.join()
    assert said in result.stdout
    assert result.exit_code == code


def _begun(hub: Hub) -> bool:
    with hub.database.read() as connection:
        return bool(replays.page(connection))


def test_the_old_way_of_replaying_is_the_same_way(call: Call, hub: Hub) -> None:
    assert "3 of 3 queued again" in call("documents", "replay", "--group", group(hub)).stdout
    result = call("documents", "replay", "4", "4711")
    assert "1 of 2 queued again" in result.stdout
    assert result.exit_code == 1
    with hub.database.read() as connection:
        assert [each.number for each in replays.page(connection)] == [1, 3]


@pytest.mark.parametrize(
    ("result", "stops", "rehearsal", "said"),
    [
        (
            Result(38, 31, 7, 0),
            [Stop(("CITY-RECIPIENT",), 7, 1)],
            True,
            "31 of 38 would be delivered; 7 would stop again: CITY-RECIPIENT 7",
        ),
        (Result(38, 38, 0, 0), [], False, "38 of 38 recovered"),
        (
            Result(2, 0, 0, 1, unknown=1),
            [],
            True,
            "0 of 2 would be delivered; 1 could not be looked at; 1 not looked at yet",
        ),
        (Result(0, 0, 0, 0), [], False, "Nothing that is set aside was chosen."),
    ],
)
def test_what_a_replay_came_to_is_one_sentence(result: Result, stops: list[Stop], rehearsal: bool, said: str) -> None:
    assert sentence(result, stops, rehearsal) == said


@pytest.fixture
def record(home: Path) -> Iterator[int]:
    """The id of a record that is no invoice and that was set aside for one of its fields; nothing else is there."""
    opened = open_hub(home)
    yield a_record_aside(opened.database)
    opened.close()


def test_a_record_that_is_set_aside_is_told_wherever_what_is_set_aside_is_listed(call: Call, record: int) -> None:
    (listed,) = objects(call("documents", "list", "--state", "set_aside", "--json"))
    assert (listed["document_id"], listed["name"]) == (record, "ST/7")
    assert objects(call("documents", "list", "--state", "set_aside", "--connection", "other", "--json")) == []
    assert objects(call("documents", "list", "--state", "set_aside", "--before", record, "--json")) == []
    (aside,) = objects(call("set-aside", "list", "--json"))
    assert "ST/7" in call("set-aside", "show", aside["group"]).stdout
    told = call("status").stdout
    assert "1 set aside" in told
    assert "Documents: none" not in told
    assert "Invoices: none yet" in told


def test_the_newest_of_what_is_set_aside_come_first_whatever_they_are(call: Call, record: int, hub: Hub) -> None:
    newest, *_, oldest = objects(call("documents", "list", "--state", "set_aside", "--json"))
    assert (newest["number"], oldest["document_id"]) == ("F-3", record)
    assert len(objects(call("documents", "list", "--state", "set_aside", "--limit", 2, "--json"))) == 2
    assert record not in [each["document_id"] for each in objects(call("documents", "list", "--json"))]


def test_a_document_tells_the_field_at_fault_and_what_stands_in_it(call: Call, record: int) -> None:
    shown = call("documents", "show", record).stdout
    assert re.search(r"AGRESSO-VALUE quantity: .*\(1,5\)", shown)
