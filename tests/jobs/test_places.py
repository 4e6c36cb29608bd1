"""How much is dispatched: as much as the living have places for, whoever knows what, and never more."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from hub.jobs.places import Group, groups, lane_rooms, room
from hub.store.dispatches import Load
from hub.store.workers import Worker

AT = datetime(2026, 11, 22, tzinfo=UTC)


def worker(name: str, kinds: str, places: int, judges: int = 0) -> Worker:
    return Worker(name, AT, AT, tuple(kinds), places=places, judges=judges)


def rooms(living: list[Worker], loads: list[Load]) -> dict[str, int]:
    among = groups(living)
    return {"".join(sorted(each.kinds)): room(each, among, living, loads) for each in among}


def test_kinds_that_the_same_workers_know_are_one_group() -> None:
    living = [worker("a", "fh", 4), worker("b", "fhx", 4)]
    assert set(groups(living)) == {
        Group(frozenset("fh"), frozenset({"a", "b"})),
        Group(frozenset("x"), frozenset({"b"})),
    }


def test_running_and_dispatched_work_takes_places() -> None:
    living = [worker("a", "f", 4), worker("b", "f", 4)]
    assert rooms(living, [Load("a", "f", "north", 3), Load(None, "f", "south", 2)]) == {"f": 3}


def test_what_runs_at_a_worker_that_is_gone_takes_no_place_of_the_living() -> None:
    assert rooms([worker("a", "f", 2)], [Load("gone", "f", "north", 2)]) == {"f": 2}


def test_what_only_one_knows_fits_the_places_of_that_one() -> None:
    living = [worker("old", "f", 4), worker("new", "fx", 2)]
    assert rooms(living, []) == {"f": 6, "x": 2}
    assert rooms(living, [Load(None, "x", "north", 2)]) == {"f": 4, "x": 0}
    assert rooms(living, [Load(None, "f", "north", 5)]) == {"f": 1, "x": 1}


def test_judging_adds_up_over_the_judges_of_the_living() -> None:
    living = [worker("a", "f", 4, judges=3), worker("b", "f", 4, judges=3), worker("leaving", "f", 0, judges=3)]
    assert lane_rooms(["judging"], living, [Load("a", "f", "judging", 1), Load("b", "f", "north", 2)]) == {"judging": 5}


_WORKERS = st.lists(st.tuples(st.sets(st.sampled_from("fhx"), min_size=1), st.integers(0, 4)), min_size=1, max_size=4)


@given(_WORKERS, st.permutations("fhx"))
def test_whatever_is_dispatched_by_these_rooms_can_all_begin_at_once(
    drawn: list[tuple[set[str], int]], order: list[str]
) -> None:
    living = [worker(str(number), "".join(sorted(kinds)), places) for number, (kinds, places) in enumerate(drawn)]
    among, loads = groups(living), list[Load]()
    for kind in order:
        for group in among:
            if kind in group.kinds:
                loads.append(Load(None, kind, "north", room(group, among, living, loads)))
    assert seated(loads, living), "some of what was dispatched finds no place"
    assert all(room(group, among, living, loads) == 0 for group in among), "a place that somebody could use is empty"


def seated(loads: list[Load], living: list[Worker]) -> bool:
    """Whether all can sit, found by trying: each piece takes a place, asking those who sit there to move."""
    seats = [(each, number) for each in living for number in range(each.places)]
    taken: dict[int, str] = {}

    def sit(kind: str, asked: set[int]) -> bool:
        for at, (each, _) in enumerate(seats):
            if kind in each.kinds and at not in asked:
                asked.add(at)
                if at not in taken or sit(taken[at], asked):
                    taken[at] = kind
                    return True
        return False

    return all(sit(load.kind, set()) for load in loads for _ in range(load.number))
