"""`hub worker` and `hub workers`: one process or several, over either database, by either executor."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tomli_w

from hub.app import Hub, open_hub
from hub.jobs.executors.local import LocalExecutor
from hub.jobs.executors.procrastinate import ProcrastinateExecutor
from hub.jobs.names import FETCH
from hub.loader import Plugins
from hub.store import workers
from hub.store.database import Database, open_database
from tests.cli.conftest import Call, objects
from tests.jobs.waiting import eventually
from tests.postgres import Server, shown

NOTHING = Plugins({}, {}, (), (), (), (), ())
LONG = 150.0


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    """A database that nobody has used."""
    address = postgres.create()
    yield shown(address)
    postgres.drop(address)


def settle(home: Path, **settings: object) -> None:
    home.mkdir(parents=True, exist_ok=True)
    (home / "hub.toml").write_text(tomli_w.dumps(settings))


@contextmanager
def opened(home: Path) -> Iterator[Hub]:
    hub = open_hub(home, NOTHING)
    try:
        yield hub
    finally:
        hub.close()


def test_procrastinate_without_postgresql_is_refused_in_words(call: Call, home: Path) -> None:
    settle(home, worker={"executor": "procrastinate"})
    refused = call("workers", "list")
    assert refused.exit_code == 2
    assert "worker.executor: procrastinate works over PostgreSQL" in " ".join(refused.output.split())


def test_the_settings_choose_who_carries_work_out_but_what_is_waited_for_is_done_here(tmp_path: Path, url: str) -> None:
    settle(tmp_path, database=url, worker={"executor": "procrastinate"})
    with opened(tmp_path) as hub, hub.judge() as judge:
        ways = hub.ways(judge)
        assert isinstance(hub.executor(ways), ProcrastinateExecutor)
        assert isinstance(hub.executor(ways, scheduled=False), LocalExecutor)
    settle(tmp_path, database=url)
    with opened(tmp_path) as hub, hub.judge() as judge:
        assert isinstance(hub.executor(hub.ways(judge)), LocalExecutor)


@pytest.mark.parametrize(("processes", "judges"), [(1, 5), (2, 2), (9, 1)])
def test_several_processes_share_the_judges_and_each_has_one(tmp_path: Path, processes: int, judges: int) -> None:
    settle(tmp_path, worker={"judges": 5})
    with opened(tmp_path) as hub:
        assert hub.share(processes).settings.worker.judges == judges


def test_the_workers_of_all_hosts_are_listed_and_a_silent_one_is_told_so(call: Call, home: Path) -> None:
    with opened(home) as hub, hub.database.write() as connection:
        workers.register_worker(connection, "a:1:x", [FETCH], places=8, judges=3)
    (told,) = objects(call("workers", "list", "--json"))
    assert (told["name"], told["places"], told["judges"], told["alive"]) == ("a:1:x", 8, 3, True)
    assert "a:1:x" in call("workers", "list").output


def living(database: Database) -> int:
    with database.read() as connection:
        return len(workers.living_workers(connection, workers.Executor.PROCRASTINATE))


@pytest.mark.timeout(400)
def test_several_processes_work_until_they_are_told_to_end_and_then_none_is_left(
    home: Path, url: str, tmp_path: Path
) -> None:
    settle(home, database=url, worker={"executor": "procrastinate", "judges": 2})
    command = [sys.executable, "-c", "from hub.program.main import main; main()", "--home", str(home)]
    with (tmp_path / "log").open("wb") as log:
        started = subprocess.Popen([*command, "worker", "--processes", "2", "--threads", "3"], stdout=log, stderr=log)
    database = open_database(url)
    try:
        eventually(lambda: started.poll() is not None or has_tables(database), LONG)
        eventually(lambda: started.poll() is not None or living(database) == 2, LONG)
        with database.read() as connection:
            told = workers.living_workers(connection)
        assert [(each.places, each.judges) for each in told] == [(3, 2), (3, 2)], (tmp_path / "log").read_text()
        os.kill(started.pid, signal.SIGTERM)
        assert started.wait(timeout=60) == 0
        with database.read() as connection:
            assert workers.all_workers(connection) == ()
    finally:
        database.close()
        started.kill()
        started.wait()


def has_tables(database: Database) -> bool:
    """Whether the first process has brought the tables up to date."""
    with database.read() as connection:
        return connection.exec_driver_sql("SELECT to_regclass('alembic_version')").scalar() is not None
