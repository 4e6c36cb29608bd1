"""Changes in doubt: what was handed over and may stand at the target is made by no later plan until it is answered."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from hub.domain.changes import PlanState
from hub.domain.documents import DocumentState
from hub.domain.texts import Text
from hub.flow.guards import FirstRun, GuardLimits
from hub.jobs import replaying
from hub.plugin.errors import Rejected, Unavailable
from hub.plugin.ports import Holding
from hub.store import documents, incidents, plans, set_asides
from hub.store.database import Database
from hub.store.plans import APPLIED, REJECTED, StoredChange
from hub.testing.registers import a_refusal
from tests.jobs.planned import NOUN, ROUTE, TARGET, Small, person

LIMITS = GuardLimits(changes_share=9, second_changes_share=9, removals=9, first_run=FirstRun.APPLY)
DOUBTED = "p2"


@dataclass
class Late:
    """A hub whose register takes one record and does not show it yet."""

    small: Small
    hidden: list[Holding] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.small.store.hook = self._happens

    def _happens(self, verb: str, address: str) -> None:
        if (verb, address) == ("applied", DOUBTED):
            self.hidden.append(self.small.store.records.pop(DOUBTED))
            raise Rejected((a_refusal("LATE", address),), uncertain=True)

    def come(self, *numbers: int) -> None:
        """An extract of those persons comes, and all that follows is done."""
        self.small.land([person(each) for each in numbers])
        self.small.settle()

    def show(self) -> None:
        """The register shows it after all."""
        self.small.store.records[DOUBTED] = self.hidden[-1]

    def changes(self) -> list[StoredChange]:
        """Every change to the record, of every plan."""
        with self.small.database.read() as connection:
            found = [plans.at(connection, each.id, {DOUBTED}) for each in self.small.plans()]
        return [each for changes in found for each in changes.values()]

    def waits(self) -> list[int]:
        """The documents that are set aside."""
        with self.small.database.read() as connection:
            return [each.id for each in documents.page(connection, noun=NOUN, state=DocumentState.SET_ASIDE, limit=50)]

    def answer(self, *, again: bool) -> None:
        """A person has looked: it is not there and is to be made again, or it is not to be made again."""
        [lies] = self.waits()
        if again:
            replaying.replay_these(self.small.database, [lies], "anna")
        else:
            assert replaying.dismiss(self.small.database, lies, "anna", "den finns")
        self.small.settle()


@pytest.fixture
def late(database: Database) -> Late:
    """One whose first plan has left a record in doubt."""
    here = Late(Small(database, LIMITS))
    here.come(1, 2, 3)
    return here


def test_what_is_in_doubt_is_made_by_no_later_plan_and_waits_for_a_person(late: Late) -> None:
    [lies] = late.waits()
    late.come(1, 2, 3, 4)
    late.come(1, 3, 4)
    late.come(1, 2, 3, 4)
    assert len(late.hidden) == 1
    assert sorted(late.small.store.records) == ["p1", "p3", "p4"]
    assert late.waits() == [lies]
    [change] = late.changes()
    assert (change.outcome, change.is_in_doubt, change.document_id) == (REJECTED, True, lies)


def test_what_a_person_has_not_found_is_made_again_once_it_is_replayed(late: Late) -> None:
    late.come(1, 2, 3, 4)
    late.small.store.hook = late.small.fate.point
    late.answer(again=True)
    assert sorted(late.small.store.records) == ["p1", "p2", "p3", "p4"]
    assert (late.waits(), [each.is_in_doubt for each in late.changes()]) == ([], [False, False])


def test_what_is_replayed_and_comes_to_be_in_doubt_again_waits_again(late: Late) -> None:
    late.answer(again=True)
    assert (len(late.hidden), len(late.waits())) == (2, 1)
    late.come(1, 2, 3)
    assert (len(late.hidden), len(late.waits())) == (2, 1)


def test_what_a_person_dismisses_is_never_made_again(late: Late) -> None:
    late.answer(again=False)
    late.come(1, 2, 3, 4)
    late.come(1, 2, 3)
    assert (len(late.hidden), late.waits()) == (1, [])


def test_what_the_target_shows_in_the_end_is_in_doubt_no_more(late: Late) -> None:
    late.show()
    late.come(1, 2, 3, 4)
    assert (len(late.hidden), late.waits()) == (1, [])
    [change] = late.changes()
    assert (change.outcome, change.is_in_doubt, change.reasons) == (APPLIED, False, ())


def test_a_plan_that_was_made_before_the_doubt_is_not_applied(database: Database) -> None:
    here = Late(Small(database, GuardLimits(changes_share=9, second_changes_share=9)))
    here.come(1, 2)
    with database.write() as connection:
        first = here.small.plans()[0]
        plans.fed_anew(connection, first.id, None, None)
    other = plans_twin(database, first.id)
    assert here.small.approve("anna") is not None
    here.small.settle()
    assert len(here.hidden) == 1
    with database.write() as connection:
        plans.move(connection, other, PlanState.PROPOSED)
    here.small.approve("anna")
    here.small.settle()
    assert len(here.hidden) == 1
    assert [each.state for each in here.small.plans()] == [PlanState.APPLIED, PlanState.STALE]


def plans_twin(database: Database, plan_id: int) -> int:
    """A rehearsal that says the same, as one made meanwhile; nobody sees it yet."""
    with database.write() as connection:
        first = plans.lock(connection, plan_id)
        new = plans.NewPlan(ROUTE, NOUN, first.source, TARGET, rehearsal=True)
        twin = plans.begin(connection, new)
        copied = [(each.number, each.change) for each in plans.changes(connection, plan_id)]
        plans.add(connection, twin, copied)
        plans.made(connection, twin, first.digest, first.figures, (), PlanState.MAKING)
    return twin


def test_what_came_of_a_rehearsal_and_is_in_doubt_waits_with_the_next_extract(database: Database) -> None:
    here = Late(Small(database, GuardLimits(changes_share=9, second_changes_share=9)))
    here.come(1, 2)
    with database.write() as connection:
        plans.fed_anew(connection, here.small.plans()[0].id, None, None)
    here.small.approve("anna")
    here.small.settle()
    here.come(1, 2, 3)
    [change] = here.changes()
    assert here.waits() == [change.document_id]
    here.answer(again=False)
    here.come(1, 2)
    assert (len(here.hidden), here.waits()) == (1, [])


def test_an_incident_that_is_over_lets_nothing_in_doubt_be_made_again(late: Late) -> None:
    with late.small.database.read() as connection:
        [group] = set_asides.groups(connection)
        assert group.number == 1
        long_ago = datetime(2020, 1, 1, tzinfo=UTC)
        assert incidents.set_aside_since(connection, (TARGET,), long_ago, ("target",)) == []


def test_a_plan_with_a_change_in_doubt_is_not_forgotten(late: Late) -> None:
    late.come(1, 2, 3, 4)
    late.come(1, 2, 3, 4, 5)
    with late.small.database.write() as connection:
        plans.forget_before(connection, datetime(2100, 1, 1, tzinfo=UTC), 1000, ())
    assert [each.is_in_doubt for each in late.changes()] == [True]


def test_what_a_plan_died_over_is_asked_for_twice_by_the_next(database: Database) -> None:
    small = Small(database, LIMITS)
    asked: list[str] = []

    def down(verb: str, _address: str) -> None:
        asked.append(verb)
        if verb == "apply":
            raise Unavailable(Text("nere", "down"))

    small.store.hook = down
    small.land([person(1)])
    for _ in range(3):
        small.step()
    with database.write() as connection:
        plans.move(connection, small.plans()[0].id, PlanState.STALE)
    small.lose_work()
    asked.clear()
    small.store.hook = lambda verb, _address: asked.append(verb)
    small.land([person(1), person(2)])
    small.settle()
    one = ["existing", "apply", "applied"]
    assert asked == ["holdings", "holdings", "existing", *one, *one, "holdings"]
