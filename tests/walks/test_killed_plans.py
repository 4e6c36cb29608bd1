"""Workers are killed while they plan and apply: every change is made once, and the plan comes to its end."""

from __future__ import annotations

from pathlib import Path

from hub.domain.changes import PlanState
from hub.domain.documents import DocumentState
from hub.jobs import asking
from hub.testing.register_http import Shelf, serving
from tests.jobs.waiting import eventually
from tests.walks.killed import kill, worker
from tests.walks.registry import SOURCE, people, registry, work_until_killed

PEOPLE = 80
KILLED_AFTER = (1, 40)
"""After how many writes at the register a worker is killed, in the midst of whatever it does then."""


def test_killed_workers_apply_every_change_once(tmp_path: Path, database_url: str) -> None:
    shelf = Shelf(pause=0.005)
    with serving(shelf) as address, registry(tmp_path, database_url, address, {"first_run": "apply"}) as here:
        here.leave("natt-0", *people(*range(PEOPLE)))
        asking.run_now(here.ways, SOURCE, "test")
        for number in KILLED_AFTER:
            process = worker(work_until_killed, here.hub.settings.home)
            eventually(lambda number=number: len(shelf.log) >= number, seconds=60)  # type: ignore[misc]
            kill(process)
        process = worker(work_until_killed, here.hub.settings.home)
        try:
            eventually(lambda: [each.state for each in here.plans()] == [PlanState.APPLIED], seconds=60)
        finally:
            kill(process)
        written = [address for _, _, address in shelf.log]
        assert sorted(written) == [f"p{each:05d}" for each in range(PEOPLE)]
        assert [each.outcome for each in here.changes(here.plan().id)] == ["applied"] * PEOPLE
        assert here.states() == [DocumentState.DELIVERED]
        assert (here.run().outcome, here.run().counts["applied"]) == ("succeeded", PEOPLE)


def test_a_worker_killed_while_it_plans_leaves_nothing_behind(tmp_path: Path, database_url: str) -> None:
    shelf, met = Shelf(), []

    def slowly(method: str, path: str) -> None:
        met.append(path)

    shelf.before = slowly
    for each in people(*range(900)):
        shelf.put(each["id"], namn=each["namn"], enhet=each["enhet"])
    with serving(shelf) as address, registry(tmp_path, database_url, address, records=100) as here:
        here.leave("natt-0", *people(*range(880)))
        asking.run_now(here.ways, SOURCE, "test")
        process = worker(work_until_killed, here.hub.settings.home)
        eventually(lambda: len(met) >= 3, seconds=60)
        kill(process)
        process = worker(work_until_killed, here.hub.settings.home)
        try:
            eventually(lambda: [each.state for each in here.plans()] == [PlanState.HELD], seconds=60)
        finally:
            kill(process)
        assert (here.plan().figures.removals, len(here.changes(here.plan().id))) == (20, 20)
        assert len(shelf.fields()) == 900
