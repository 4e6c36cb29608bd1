"""The laws of keeping several processes: as many as asked for, whoever dies, and none when their keeper is gone."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from structlog.testing import capture_logs

from hub.jobs.executors.processes import Processes
from tests.jobs.bodies import show
from tests.jobs.waiting import eventually

PATIENCE = 60.0
"""A process that is spawned loads everything anew, which takes its time on a busy machine."""


def began(folder: Path) -> set[int]:
    return {int(each.stem) for each in folder.glob("*.began")}


def ended(folder: Path) -> set[int]:
    return {int(each.stem) for each in folder.glob("*.ended")}


def test_one_that_is_killed_is_started_again_and_its_death_is_told(tmp_path: Path) -> None:
    with capture_logs() as logged, Processes(2, show, tmp_path) as kept:
        eventually(lambda: len(began(tmp_path)) == 2, PATIENCE)
        victim, other = kept.ids
        os.kill(victim, signal.SIGKILL)

        def again() -> bool:
            kept.watch(0.05)
            return len(began(tmp_path)) == 3

        eventually(again, PATIENCE)
        assert other in kept.ids
        assert victim not in kept.ids
    assert [(each["event"], each["process"], each["exit_code"]) for each in logged] == [
        ("processes.died", victim, -signal.SIGKILL)
    ]


def test_one_that_dies_again_and_again_is_started_more_and_more_seldom(tmp_path: Path) -> None:
    with capture_logs() as logged, Processes(1, show, tmp_path) as kept:

        def died_thrice() -> bool:
            for each in kept.ids:
                os.kill(each, signal.SIGKILL)
            kept.watch(0.2)
            return len(logged) == 3

        eventually(died_thrice, PATIENCE)
    assert [each["again_in_seconds"] for each in logged] == [1.0, 2.0, 4.0]


def test_all_are_told_to_end_and_waited_for(tmp_path: Path) -> None:
    with Processes(2, show, tmp_path):
        eventually(lambda: len(began(tmp_path)) == 2, PATIENCE)
    assert ended(tmp_path) == began(tmp_path)


def test_a_signal_ends_a_process_in_good_order(tmp_path: Path) -> None:
    with Processes(1, show, tmp_path) as kept:
        eventually(lambda: len(began(tmp_path)) == 1, PATIENCE)
        os.kill(kept.ids[0], signal.SIGTERM)
        eventually(lambda: ended(tmp_path) == began(tmp_path), PATIENCE)


def test_when_their_keeper_is_killed_they_end_in_good_order_by_themselves(tmp_path: Path) -> None:
    keeper = subprocess.Popen([sys.executable, "-m", "tests.jobs.bodies", str(tmp_path)])
    try:
        eventually(lambda: len(began(tmp_path)) == 2, PATIENCE)
    finally:
        keeper.kill()
        keeper.wait()
    eventually(lambda: ended(tmp_path) == began(tmp_path), PATIENCE)
