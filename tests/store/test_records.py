"""Verdicts, rule packs, runs and deeds: what is kept of each, and in which order it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.store import audit, judgements, rule_packs, runs
from hub.store.database import Database
from hub.store.judgements import KeptFinding, KeptJudgement
from tests.store.rows import arrive

JUDGEMENT = KeptJudgement(
    verdict="invalid",
    reason="",
    format="peppol-bis-3",
    pack="peppol-billing-3.0.21",
    pack_digest="d" * 64,
    pack_superseded=False,
    layers={"xsd": ("passed", ""), "en16931": ("failed", ""), "peppol": ("skipped", "en16931 failed")},
    findings=(
        KeptFinding("BR-02", "fatal", "en16931", "/Invoice[1]/cbc:ID[1]", 7, "", "An Invoice shall have a number å"),
        KeptFinding("UBL-CR-1", "warning", "en16931", "/Invoice[1]", None, "1\u20442", "A warning"),
    ),
    findings_total=9,
    milliseconds=12,
)


def test_a_verdict_comes_back_whole(database: Database) -> None:
    with database.write() as connection:
        document = arrive(connection, "m-1")
        assert judgements.latest(connection, document) is None
        judgements.keep(connection, document, JUDGEMENT)
        kept = judgements.latest(connection, document)
    assert kept is not None
    assert kept.at is not None
    assert replace(kept, at=None) == JUDGEMENT
    assert list(kept.layers) == list(JUDGEMENT.layers)


def test_the_latest_verdict_is_told(database: Database) -> None:
    with database.write() as connection:
        document, other = arrive(connection, "m-1"), arrive(connection, "m-2")
        for verdict in ("invalid", "valid"):
            judgements.keep(connection, document, replace(JUDGEMENT, verdict=verdict))
        judgements.keep(connection, other, replace(JUDGEMENT, verdict="not_judged"))
        kept = judgements.latest(connection, document)
    assert kept is not None
    assert kept.verdict == "valid"


DAY = date(2026, 11, 22)


def activate(database: Database, name: str, begins: date | None, ends: date | None, family: str = "peppol") -> None:
    with database.write() as connection:
        rule_packs.keep(connection, name, family, "d" * 64, active_from=begins, active_to=ends, by="anna")


def in_force(database: Database, on: date = DAY, family: str = "peppol") -> str | None:
    with database.read() as connection:
        found = rule_packs.in_force(connection, family, on)
    return found.name if found else None


@pytest.mark.parametrize(
    ("begins", "ends", "is_in_force"),
    [
        (DAY, None, True),
        (DAY, DAY, True),
        (DAY - timedelta(days=9), DAY, True),
        (DAY + timedelta(days=1), None, False),
        (DAY - timedelta(days=9), DAY - timedelta(days=1), False),
        (None, None, False),
        (None, DAY, False),
    ],
)
def test_an_edition_is_in_force_from_its_first_day_to_its_last(
    database: Database, begins: date | None, ends: date | None, is_in_force: bool
) -> None:
    activate(database, "p", begins, ends)
    assert (in_force(database) == "p") is is_in_force


def test_of_editions_in_force_the_one_that_began_last_judges(database: Database) -> None:
    activate(database, "newer", DAY - timedelta(days=1), None)
    activate(database, "older", DAY - timedelta(days=9), None)
    activate(database, "coming", DAY + timedelta(days=1), None)
    activate(database, "other", DAY, None, family="svefaktura")
    assert in_force(database) == "newer"
    assert in_force(database, DAY - timedelta(days=2)) == "older"
    assert in_force(database, DAY + timedelta(days=1)) == "coming"
    assert in_force(database, family="svefaktura") == "other"
    assert in_force(database, family="unknown") is None


def test_of_editions_that_began_together_the_one_decided_last_judges(database: Database) -> None:
    activate(database, "first", DAY, None)
    activate(database, "second", DAY, None)
    assert in_force(database) == "second"
    activate(database, "first", DAY, None)
    assert in_force(database) == "first"


_DAYS = st.dates(min_value=date(2025, 12, 1), max_value=date(2026, 2, 1))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(editions=st.lists(st.tuples(_DAYS, st.one_of(st.none(), _DAYS)), max_size=5), on=_DAYS)
def test_dates_alone_decide_which_edition_judges(
    sqlite_database: Database, editions: list[tuple[date, date | None]], on: date
) -> None:
    with sqlite_database.write() as connection:
        connection.exec_driver_sql("DELETE FROM rule_packs")
    for number, (begins, ends) in enumerate(editions):
        activate(sqlite_database, f"p{number}", begins, ends)
    standing = [
        (begins, number)
        for number, (begins, ends) in enumerate(editions)
        if begins <= on and (ends is None or ends >= on)
    ]
    assert in_force(sqlite_database, on) == (f"p{max(standing)[1]}" if standing else None)


def test_every_pack_that_was_made_known_is_told(database: Database) -> None:
    activate(database, "a", DAY, None)
    activate(database, "b", None, None)
    with database.read() as connection:
        known = rule_packs.every(connection)
    assert sorted(known) == ["a", "b"]
    assert (known["a"].active_from, known["a"].active_to, known["a"].by) == (DAY, None, "anna")


def test_a_run_is_told_from_its_beginning_to_its_end(database: Database) -> None:
    with database.write() as connection:
        run = runs.begin(connection, "invoices", "inkorg", "person", "anna")
        (going,) = runs.page(connection)
        runs.progress(connection, run, {"landed": 3})
        (on_its_way,) = runs.page(connection)
        runs.end(connection, run, "unavailable", {"landed": 4}, {"sv": "nere", "en": "down"})
        (over,) = runs.page(connection)
    assert (going.outcome, going.ended_at, going.counts, going.by) == (None, None, {}, "anna")
    assert on_its_way.counts == {"landed": 3}
    assert (over.outcome, over.counts, over.failure) == ("unavailable", {"landed": 4}, {"sv": "nere", "en": "down"})
    assert over.ended_at is not None
    assert over.started_at <= over.ended_at


def test_paging_by_key_visits_every_run_of_a_route_once(database: Database) -> None:
    with database.write() as connection:
        made = [runs.begin(connection, f"route-{number % 2}", "inkorg", "schedule") for number in range(12)]
        visited: list[int] = []
        while page := runs.page(connection, route="route-0", before=visited[-1] if visited else None, limit=4):
            visited += [each.id for each in page]
        assert visited == made[0::2][::-1]
        assert len(runs.page(connection, source="inkorg")) == 12
        assert runs.page(connection, source="other") == []


def test_what_people_did_is_told_newest_first_and_by_subject(database: Database) -> None:
    with database.write() as connection:
        audit.write(connection, "anna", "pause", "connection inkorg")
        audit.write(connection, "bo", "resume", "connection inkorg", {"why": "lagad"})
        audit.write(connection, "bo", "pause", "connection other")
        told = audit.about(connection, "connection inkorg")
        assert len(audit.about(connection, "connection inkorg", limit=1)) == 1
    assert [(each.who, each.what, each.details) for each in told] == [
        ("bo", "resume", {"why": "lagad"}),
        ("anna", "pause", {}),
    ]
