"""Which sources are asked when, and a missed time from the schedule to the run."""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.domain.cron import Cron, Schedule
from hub.domain.texts import Text
from hub.jobs import routes
from hub.jobs.executors.local import LocalExecutor
from hub.jobs.names import FETCH
from hub.jobs.schedule import Timetable
from hub.jobs.ways import Route, Ways
from hub.loader import Connection, Plugins
from hub.plugin.connector import Connector
from hub.status.connections import State, tell_all
from hub.store import schedules, work
from hub.store.database import Database
from tests.flow.test_read import PaperEditions, PaperRules
from tests.jobs.test_fetching import NoSettings, Shelf

HOURLY = Schedule(Cron.parse("@hourly"))
MINUTE = timedelta(minutes=1)


def ways(database: Database, shelf: Shelf) -> Ways:
    """A hub with a source at times, one at intervals, one that is pushed, and one that is broken."""
    words = Text("Papper", "Paper")
    files = Connector("paper.files", words, NoSettings, lambda _: iter(()), sources={"invoices": lambda _: shelf})
    pushed = Connector("paper.push", words, NoSettings, lambda _: iter(()), pushed=True)
    made = (
        Connection("times", "paper.files", connector=files, settings=NoSettings(), planned=HOURLY),
        Connection("intervals", "paper.files", connector=files, settings=NoSettings(), interval=5 * MINUTE),
        Connection("pushed", "paper.push", connector=pushed, settings=NoSettings(), planned=HOURLY),
        Connection("broken", "paper.files", planned=HOURLY, broken=words),
    )
    return Ways(
        database=database,
        connections={each.name: each for each in made},
        plugins=Plugins({}, {}, (), (), (), (), ()),
        routes={"fakturor": Route("fakturor", "invoices", tuple(each.name for each in made))},
        editions=PaperEditions(),
        rules=PaperRules(),
    )


def test_sources_are_asked_at_their_times_or_intervals_and_what_is_pushed_or_broken_never(
    sqlite_database: Database,
) -> None:
    asked = {
        each.lane: (each.timing, each.every)
        for each in routes.recurring(ways(sqlite_database, Shelf()))
        if each.kind == FETCH
    }
    assert set(asked) == {"times", "intervals"}
    assert asked["times"][0] == HOURLY
    assert asked["intervals"] == (None, 5 * MINUTE)


def test_a_missed_time_is_run_once_by_a_worker_and_its_work_tells_which_it_was(database: Database) -> None:
    hub = ways(database, Shelf())
    [planned] = [each for each in routes.recurring(hub) if each.timing is not None]
    with database.write() as connection:
        begun = schedules.follow(connection, planned.prefix, "times", HOURLY.cron.words).since
        schedules.pass_over(connection, planned.prefix, begun - timedelta(hours=5), 0)
    for _ in range(2):
        Timetable(database, [planned]).tick()
        fetch = [each for each in routes.kinds(hub) if each.name == FETCH]
        assert LocalExecutor(database, fetch, threads=1, lease=MINUTE).run_until_idle(MINUTE)
    with database.read() as connection:
        [done] = work.page(connection, kind=FETCH)
        progress = schedules.progress_by_lane(connection)["times"]
    [told] = [each.told.state for each in tell_all(database, hub.connections) if each.name == "times"]
    assert done.state is work.WorkState.DONE
    assert progress.slot == datetime.fromisoformat(done.argument["scheduled"])
    assert begun - timedelta(hours=1) < progress.slot <= begun + MINUTE
    assert progress.passed_over == 4
    assert told == State.OK
