"""Pulling page by page: wherever a feed or the hub dies, what is kept is whole and what is left goes on from there."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from pydantic import BaseModel

from hub.domain.texts import Text
from hub.flow.keeping import KEEPERS
from hub.jobs import pulling, replaying
from hub.jobs.handling import set_aside
from hub.jobs.kinds import Stopped, StopReason
from hub.jobs.ways import Route, Ways
from hub.loader import Connection, Plugins
from hub.plugin.connector import Connector
from hub.plugin.errors import Refused, Rejected, Unavailable
from hub.plugin.ports import Flaw, Page
from hub.store import connections, documents, orders, pulls, runs, set_asides
from hub.store.database import Database
from hub.store.pulls import Pull
from hub.store.runs import Run
from tests.flow.test_read import PaperEditions, PaperRules
from tests.store.rows import a_reason, arrive
from tests.store.test_orders import head, line, rows

DOWN = Unavailable(Text("nere", "down"))
REFUSED = Refused(Text("fel lösenord", "wrong password"))
WHOLE = [[(1, 1), (1, 2)], [(1, 3), (2, 1)], [(2, 2)], [(3, 1)]]
"""Pages of orders and lines: two orders are cut by the end of a page."""


class NoSettings(BaseModel):
    """A connector that needs none."""


class PaperFeed:
    """A feed of pages held here. `dies` says what is raised instead of the page of that number, once."""

    def __init__(self, pages: Sequence[Sequence[tuple[int, int]]] = WHOLE, mark: str = "m1") -> None:
        self.held, self.mark = pages, mark
        self.dies: dict[int, BaseException] = {}
        self.asked: list[tuple[str, str]] = []
        self.closed = 0
        self.between: Any = None
        self.days: tuple[date, date] | None = None
        self.everything = True

    def pages(self, since: str, cursor: str = "") -> Iterator[Page]:
        self.asked.append((since, cursor))
        for number in range(int(cursor or 0), len(self.held)):
            if number in self.dies:
                raise self.dies.pop(number)
            if self.between:
                self.between(number)
            last = number == len(self.held) - 1
            content = json.dumps(self.held[number]).encode()
            mark, tells_all = (self.mark, self.everything) if last else ("", False)
            yield Page(f"sida {number}", content, str(number + 1), last, mark, self.days, tells_all)

    def read(self, content: bytes) -> Iterator[Any]:
        for number, its_line in json.loads(content):
            if its_line < -9:
                address = f"ST/{number}/{-its_line // 10}" if number else None
                yield Flaw(address, f"{number} {its_line}".encode(), (a_reason("AGRESSO-VALUE"),))
            elif its_line < 0:
                yield Flaw(f"ST/{number}", f"{number} {its_line}".encode(), (a_reason("AGRESSO-VALUE"),))
            else:
                yield from rows(head(str(number)), line(its_line))

    def close(self) -> None:
        self.closed += 1


class PaperJob:
    """One attempt that nobody else may have."""

    id, lane = None, "webb"

    def __init__(self, **argument: object) -> None:
        self.argument: dict[str, object] = {"connection": "webb", "route": "order"} | argument

    def complete_in(self, connection: Any) -> None:
        """It is done."""

    def beat(self) -> None:
        """It may go on."""

    def progress(self, done: int, total: int) -> None:
        """How far it came."""


@pytest.fixture
def feed() -> PaperFeed:
    """A feed of four pages."""
    return PaperFeed()


def ways(database: Database, feed: PaperFeed) -> Ways:
    """A hub that pulls orders from that feed."""
    paper = Connector(
        "paper.feed", Text("Papper", "Paper"), NoSettings, lambda _: iter(()), feeds={"orders": lambda _: feed}
    )
    return Ways(
        database=database,
        connections={"webb": Connection("webb", "paper.feed", connector=paper, settings=NoSettings())},
        plugins=Plugins({}, {}, (), (), (), (), ()),
        routes={"order": Route("order", "orders", ("webb",))},
        editions=PaperEditions(),
        rules=PaperRules(),
    )


def pull(database: Database, feed: PaperFeed, **argument: object) -> list[object]:
    """Do one piece of work; the next slices that were asked for."""
    more: list[object] = []
    job: Any = PaperJob(**argument)
    pulling.perform(ways(database, feed), job, lambda _, again: more.append(again))
    return more


def standing(database: Database) -> Pull:
    with database.read() as connection:
        return pulls.get(connection, "webb", "orders")


def lines(database: Database) -> list[tuple[int, int]]:
    """Each line that is kept, by its order."""
    with database.read() as connection:
        return [(int(each.head.number), its.number) for each in orders.each(connection) for its in each.lines]


def told(database: Database) -> list[Run]:
    with database.read() as connection:
        return runs.page(connection, limit=10)


EVERY = [each for page in WHOLE for each in page]


def test_a_pull_keeps_every_page_and_moves_its_mark_at_the_end(database: Database, feed: PaperFeed) -> None:
    assert pull(database, feed) == []
    done = standing(database)
    assert lines(database) == EVERY
    assert (done.mark, done.number, done.whole, done.goes_on, feed.closed) == ("m1", 1, True, False, 1)
    [run] = told(database)
    assert (run.outcome, run.counts["new"], run.counts["pages"]) == ("succeeded", 6, 4)


@pytest.mark.parametrize("at", range(len(WHOLE)))
def test_a_feed_that_dies_before_any_page_goes_on_there_in_the_same_run(
    database: Database, feed: PaperFeed, at: int
) -> None:
    feed.dies[at] = DOWN
    with pytest.raises(Unavailable):
        pull(database, feed)
    half = standing(database)
    assert (half.mark, half.goes_on) == ("", True)
    assert lines(database) == [each for page in WHOLE[:at] for each in page]
    pull(database, feed)
    assert feed.asked == [("", ""), ("", str(at) if at else "")]
    assert (lines(database), standing(database).mark) == (EVERY, "m1")
    [run] = told(database)
    assert (run.outcome, run.counts["new"], run.counts["same"]) == ("succeeded", 6, 0)


@pytest.mark.parametrize("at", range(len(WHOLE)))
def test_what_dies_in_the_middle_of_a_pages_transaction_leaves_nothing_of_it(
    database: Database, feed: PaperFeed, at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    advance, left = pulls.advance, [at]

    def dying(*arguments: Any) -> bool:
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return advance(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(pulls, "advance", dying)
        with pytest.raises(KeyboardInterrupt):
            pull(database, feed)
    assert lines(database) == [each for page in WHOLE[:at] for each in page]
    pull(database, feed)
    assert lines(database) == EVERY
    assert told(database)[0].counts["new"] == 6


def test_what_dies_between_the_last_page_and_the_end_only_ends(
    database: Database, feed: PaperFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(pulls, "end", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            pull(database, feed)
    assert standing(database).is_read
    pull(database, feed)
    assert (len(feed.asked), standing(database).mark) == (1, "m1")


def test_one_that_was_overtaken_keeps_nothing_and_ends_quietly(database: Database, feed: PaperFeed) -> None:
    other = PaperFeed()

    def overtake(number: int) -> None:
        if number == 1:
            feed.between = None
            pull(database, other)

    feed.between = overtake
    pull(database, feed)
    assert (lines(database), standing(database).number) == (EVERY, 1)
    [run] = told(database)
    assert (run.outcome, run.counts["new"]) == ("succeeded", 6)


def test_a_long_pull_lets_others_have_a_turn_after_each_slice(
    database: Database, feed: PaperFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "SLICE", 0.0)
    turns = 1
    while pull(database, feed):
        turns += 1
    assert (turns, lines(database)) == (4, EVERY)
    assert [cursor for _, cursor in feed.asked] == ["", "1", "2", "3"]
    assert len(told(database)) == 1


def test_one_that_was_refused_ends_its_run_and_mended_goes_on_in_a_new_one(database: Database, feed: PaperFeed) -> None:
    feed.dies[2] = REFUSED
    with pytest.raises(Refused):
        pull(database, feed)
    [refused] = told(database)
    assert (refused.outcome, refused.counts["new"]) == ("refused", 4)
    pull(database, feed)
    assert feed.asked[-1] == ("", "2")
    assert [run.outcome for run in told(database)] == ["succeeded", "refused"]
    assert (lines(database), standing(database).number) == (EVERY, 1)


@pytest.mark.parametrize(
    ("failure", "outcome"), [(Rejected((a_reason("AGRESSO-COUNT"),)), "rejected"), (ZeroDivisionError(), "failed")]
)
def test_what_cannot_go_on_ends_its_run_by_name(
    database: Database, feed: PaperFeed, failure: Exception, outcome: str
) -> None:
    feed.dies[1] = failure
    with pytest.raises(type(failure)):
        pull(database, feed)
    assert [run.outcome for run in told(database)] == [outcome]


def test_one_that_is_told_to_stop_leaves_its_run_open(database: Database, feed: PaperFeed) -> None:
    feed.dies[1] = Stopped(StopReason.CANCELLED)
    with pytest.raises(Stopped):
        pull(database, feed)
    assert [run.outcome for run in told(database)] == [None]


def test_a_feed_that_ends_before_its_last_page_is_asked_again(database: Database) -> None:
    feed = PaperFeed([])
    with pytest.raises(Unavailable):
        pull(database, feed)
    assert standing(database).goes_on


def test_the_next_pull_asks_from_the_mark_and_one_that_met_nothing_leaves_no_run(
    database: Database, feed: PaperFeed
) -> None:
    pull(database, feed)
    feed.held, feed.mark = [[(3, 1)]], "m2"
    pull(database, feed)
    assert feed.asked[-1] == ("m1", "")
    assert (standing(database).mark, standing(database).number) == ("m2", 2)
    assert len(told(database)) == 1
    pull(database, feed, cause="person", by="anna")
    assert [run.outcome for run in told(database)] == ["nothing", "succeeded"]


def test_a_whole_pull_asks_from_nothing_and_forgets_lines_it_did_not_meet(database: Database, feed: PaperFeed) -> None:
    pull(database, feed)
    feed.held = [[(1, 1)], [(3, 1)]]
    pull(database, feed, whole=True)
    assert feed.asked[-1] == ("", "")
    assert lines(database) == [(1, 1), (2, 1), (2, 2), (3, 1)]


@pytest.mark.parametrize("failure", [DOWN, REFUSED])
def test_the_whole_that_is_asked_for_is_read_though_a_pull_of_what_changed_is_unfinished(
    database: Database, feed: PaperFeed, failure: Exception
) -> None:
    pull(database, feed)
    feed.dies[1] = failure
    with pytest.raises(type(failure)):
        pull(database, feed)
    assert (standing(database).whole, standing(database).goes_on) == (False, True)
    feed.held = [[(1, 1)], [(3, 1)]]
    pull(database, feed, whole=True, by="anna")
    done = standing(database)
    assert (feed.asked[-1], done.whole, done.goes_on, done.number) == (("", ""), True, False, 3)
    assert lines(database) == [(1, 1), (2, 1), (2, 2), (3, 1)]
    assert all(run.ended_at for run in told(database))


def test_whoever_is_overtaken_between_the_last_page_and_the_end_ends_no_other_pull(
    database: Database, feed: PaperFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull(database, feed)
    finish = pulling._finish

    def is_late(slice_: Any) -> None:
        job: Any = PaperJob(whole=True, by="anna")
        pulling._taken_up(ways(database, feed), job, "webb", "orders", "order")
        finish(slice_)

    with monkeypatch.context() as patched:
        patched.setattr(pulling, "_finish", is_late)
        pull(database, PaperFeed([[(1, 1)]], mark="m2"))
    assert (standing(database).mark, standing(database).ended_at, standing(database).whole) == ("m1", None, True)
    pull(database, feed, whole=True)
    assert standing(database).ended_at is not None
    assert feed.asked[-1] == ("", "")


def test_the_whole_that_is_unfinished_goes_on_whoever_asks_for_the_rest(database: Database, feed: PaperFeed) -> None:
    feed.dies[2] = DOWN
    with pytest.raises(Unavailable):
        pull(database, feed, whole=True)
    pull(database, feed)
    assert (feed.asked[-1], standing(database).whole, standing(database).number) == (("", "2"), True, 1)


def test_a_record_at_fault_is_set_aside_once_and_the_others_are_kept(database: Database) -> None:
    feed = PaperFeed([[(1, 1), (2, -1)], [(3, 1)]])
    pull(database, feed)
    pull(database, feed, whole=True)
    assert lines(database) == [(1, 1), (3, 1)]
    with database.read() as connection:
        assert set_asides.count(connection) == 1
        [(aside, content)] = [
            (each, each.name) for each in documents.page(connection, noun="orders", limit=50) if each.name == "ST/2"
        ]
    assert (aside.state.value, content) == ("set_aside", "ST/2")
    assert [run.counts["left"] for run in told(database)] == [1]


def test_a_line_at_fault_in_a_whole_pull_is_not_taken_for_gone_however_often_it_comes(
    database: Database, feed: PaperFeed
) -> None:
    pull(database, feed)
    feed.held = [[(1, 1), (1, -20)], [(1, 3), (2, 1)]]
    for _ in range(2):
        pull(database, feed, whole=True)
        assert lines(database) == [(1, 1), (1, 2), (1, 3), (2, 1), (3, 1)]


def test_where_a_record_at_fault_does_not_tell_which_it_is_nothing_is_taken_for_gone(
    database: Database, feed: PaperFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    pull(database, feed)
    feed.held = [[(0, -20)], [(1, 1), (2, 1)]]
    monkeypatch.setattr(pulling, "SLICE", 0.0)
    pull(database, feed, whole=True)
    assert pull(database, feed, whole=True) == []
    assert lines(database) == EVERY
    feed.held = [[(1, 1), (2, 1)]]
    pull(database, feed, whole=True)
    assert lines(database) == [(1, 1), (2, 1), (3, 1)]


def test_a_whole_pull_without_fault_lets_go_of_what_was_set_aside_of_it(database: Database) -> None:
    pull(database, PaperFeed([[(1, 1), (2, -1)], [(3, -1)]]))
    pull(database, PaperFeed([[(1, 1), (2, 1)]]))
    assert aside(database) == 2
    pull(database, PaperFeed([[(1, 1), (2, 1)], [(3, -1)]]), whole=True)
    assert aside(database) == 2, "a file that cannot be read may hold the others"
    pull(database, PaperFeed([[(1, 1), (2, 1)], [(3, 1)]]), whole=True)
    assert aside(database) == 0
    pull(database, PaperFeed([[(1, 1), (2, -1)]]))
    assert aside(database) == 1, "the very same fault is back"


def test_a_whole_pull_of_what_does_not_tell_everything_lets_go_of_nothing(database: Database) -> None:
    pull(database, PaperFeed([[(1, 1), (2, -1)]]))
    some = PaperFeed([[(1, 1)]])
    some.everything = False
    pull(database, some, whole=True)
    assert aside(database) == 1


def test_what_a_person_dismissed_is_not_set_aside_anew_when_it_comes_again(database: Database) -> None:
    feed = PaperFeed([[(1, 1), (2, -1)]])
    pull(database, feed)
    with database.read() as connection:
        [document_id] = set_asides.members(connection)
    assert replaying.dismiss(database, document_id, "anna", "känd")
    pull(database, feed)
    assert aside(database) == 0


def test_a_whole_pull_lets_go_of_no_other_noun_and_of_no_other_connections(database: Database) -> None:
    pull(database, PaperFeed([[(2, -1)]]))
    with database.write() as connection:
        for name, noun in (("webb", "suppliers"), ("filer", "orders")):
            kept = arrive(connection, f"{name}-{noun}", source=name, noun=noun)
            set_aside(connection, kept, pulling.RECORD_STAGE, (a_reason("AGRESSO-VALUE"),))
    pull(database, PaperFeed([[(2, 1)]]), whole=True)
    assert aside(database) == 2


def aside(database: Database) -> int:
    with database.read() as connection:
        return set_asides.count(connection)


@pytest.mark.parametrize(("second", "told"), [((1, 2), True), ((2, -1), False)])
def test_a_page_tells_everything_of_its_days_unless_a_record_of_it_is_at_fault(
    database: Database, feed: PaperFeed, monkeypatch: pytest.MonkeyPatch, second: tuple[int, int], told: bool
) -> None:
    met: list[object] = []

    def keep(connection: Any, rows: Any, seen: Any, whole: bool, days: object) -> orders.Kept:
        met.append(days)
        return orders.keep(connection, rows, seen, whole=whole)

    monkeypatch.setattr(pulling, "KEEPERS", {"orders": replace(KEEPERS["orders"], keep=keep)})
    feed.held, feed.days = [[(1, 1), second]], (date(2026, 11, 1), date(2026, 11, 30))
    pull(database, feed)
    assert met == [feed.days if told else None]


def test_the_bytes_of_a_page_that_brought_something_are_kept(database: Database, feed: PaperFeed) -> None:
    pull(database, feed)
    feed.held = [[(3, 1)], [(4, 1)]]
    pull(database, feed)
    with database.read() as connection:
        found = [each.name for each in documents.page(connection, noun="orders", limit=50)]
    assert sorted(found) == ["sida 0", "sida 1", "sida 1", "sida 2", "sida 3"]


def test_pulled_records_are_not_told_as_documents_that_arrived(database: Database, feed: PaperFeed) -> None:
    pull(database, feed)
    with database.read() as connection:
        assert connections.moved_since(connection, datetime(2020, 1, 1, tzinfo=UTC)) == {}
        [lived] = connections.all_lived(connection).values()
    assert lived.last_moved_at is not None


def test_every_noun_that_can_be_pulled_has_a_keeper() -> None:
    assert set(KEEPERS) == {"orders", "suppliers", "ledger", "hours"}
    assert replace(Pull("webb", "orders"), number=1).goes_on
