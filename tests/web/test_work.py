"""The pages of work: runs with their sums, what is odd and when it is normal, the queue, and work that is cancelled."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from hub.app import Hub
from hub.domain.calendar import city_day
from hub.domain.suspicions import Suspicion
from hub.store import audit, lanes, runs, volumes, work
from hub.store.volumes import Volume
from tests.web.conftest import Visitor

SUSPICIOUS = 3


def test_a_suspicious_run_tells_why_and_its_sums_do_not_add_up(clerk: Visitor) -> None:
    text = clerk.get(f"/work/runs/{SUSPICIOUS}").text
    assert "Lyckades, misstänkt" in text
    assert "Källan räknade upp 9, men det som hände dem summerar till 8: skillnaden är 1." in text
    assert "Det går inte ihop" in text
    assert "Servern svarar inte." in text, "the attempt that failed is shown"
    assert "vard-1:4711:0" in text


def test_runs_are_found_by_route_outcome_and_cause(clerk: Visitor) -> None:
    def found(query: str) -> list[str]:
        return re.findall(r'href="/work/runs/(\d+)"', clerk.get(f"/work?{query}").text)

    # Other tests may have made runs after these three.
    assert found("")[-3:] == ["3", "2", "1"]
    assert "3" in found("outcome=suspicious")
    assert not {"1", "2"} & set(found("outcome=suspicious"))
    assert "1" in found("outcome=unavailable")
    assert not {"2", "3"} & set(found("outcome=unavailable"))
    assert "2" in found("cause=person")
    assert not {"1", "3"} & set(found("cause=person"))
    assert not {"1", "2", "3"} & set(found("route=invoices&outcome=going"))
    assert found("outcome=drop+table&cause=x") == found("")


def test_a_run_called_normal_is_doubted_no_more_and_keeps_who_said_so(anna: Visitor, hub: Hub) -> None:
    with hub.database.write() as connection:
        run = runs.begin(connection, "invoices", "operator", "schedule")
        odd = Suspicion.read(_KEPT)
        runs.end(connection, run, "succeeded", {"landed": 1}, suspicions=[odd])
    page = f"/work/runs/{run}"
    assert "anna har sagt att detta är normalt" in anna.fill(f"{page}/normal", on=page).text
    assert "Det var inte misstänkt" in anna.fill(f"{page}/normal", on="/units").text
    with hub.database.read() as connection:
        found = runs.find(connection, run)
        assert found is not None
        assert not found.is_doubted
        assert [each.what for each in audit.about(connection, f"run {run}")] == ["normal"]


_KEPT = {"what": "sum", "text": {"sv": "summan", "en": "the sum"}, "figure": 1, "low": 0, "high": 0, "days": []}


def test_a_day_called_normal_is_learned_from(anna: Visitor, hub: Hub) -> None:
    day = city_day(datetime.now(UTC)) - timedelta(days=1)
    odd = Suspicion.read(_KEPT)
    with hub.database.write() as connection:
        volumes.keep(connection, Volume("invoices", "operator", day, 4, suspicions=(odd,)))
    page = "/connections/operator"
    assert "Detta är normalt" in anna.get(page).text
    said = anna.fill("/work/normal", on=page, route="invoices", connection="operator", day=day.isoformat())
    assert "kallad normal av anna" in said.text
    with hub.database.read() as connection:
        found = volumes.find(connection, "invoices", "operator", day)
    assert found is not None
    assert found.normal_by == "anna"
    assert (
        anna.fill("/work/normal", on="/units", route="x", connection="finns-inte", day="2026-01-01").status_code == 404
    )


def test_the_queue_tells_each_lane_what_holds_it_back_and_who_works(clerk: Visitor) -> None:
    text = clerk.get("/work/queue").text
    assert "paused by a person" not in text
    assert "pausad av en person" in text
    assert "vard-1:4711:0" in text
    assert "a1b2c3d4" not in text
    assert 'href="/work/jobs/4"' in text


def test_the_queue_says_nothing_anew_while_nothing_is_new(clerk: Visitor) -> None:
    asked = re.search(r'hx-get="(/work/queue\?seen=\w+)"', clerk.get("/work/queue").text)
    assert asked
    assert clerk.get(asked[1], headers={"HX-Request": "true"}).status_code in {200, 204}
    assert clerk.get(asked[1]).status_code == 200
    assert "hx-get" not in clerk.get("/work/queue?still=1").text


def test_work_is_cancelled_by_a_named_person(anna: Visitor, hub: Hub) -> None:
    with hub.database.write() as connection:
        made = work.enqueue(connection, kind="deliver", lane="agresso-utb", argument={"delivery": 1})
    page = f"/work/jobs/{made}"
    assert "avbryts så snart en arbetare ser det" in anna.fill(f"{page}/cancel", on=page).text
    assert "bad " in anna.get(page).text
    with hub.database.read() as connection:
        found = work.find(connection, made or 0)
        assert found is not None
        assert found.cancel_asked_at is not None
        assert [each.who for each in audit.about(connection, f"work {made}")] == ["anna"]


def test_work_that_waits_with_nobody_to_do_it_is_told(anna: Visitor, hub: Hub) -> None:
    with hub.database.write() as connection:
        lanes.set_lane(connection, "agresso-utb", 2)
        work.enqueue(connection, kind="deliver", lane="agresso-utb", argument={"delivery": 1})
    assert "1 arbete väntar, och ingen arbetare är i gång" in anna.get("/work/queue").text


@pytest.mark.parametrize("page", ["/work/runs/999", "/work/jobs/999", "/work/runs/x", "/work/jobs/x"])
def test_work_that_is_not_there_is_said_to_be_gone(clerk: Visitor, page: str) -> None:
    assert clerk.get(page).status_code == 404
