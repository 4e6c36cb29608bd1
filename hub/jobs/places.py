"""How much may be dispatched now: never more than the living workers that know a kind have places for.

What is dispatched beyond the places would wait where no priority and no "run now" reaches it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

from hub.store.dispatches import Load
from hub.store.workers import Worker

_MOST_GROUPS = 6


@dataclass(frozen=True, slots=True)
class Group:
    """Kinds that the very same workers know: in a rolling upgrade there are two or three such groups, else one."""

    kinds: frozenset[str]
    workers: frozenset[str]


def groups(living: Iterable[Worker]) -> tuple[Group, ...]:
    """The kinds that living workers know, grouped by who knows them."""
    knowing: dict[str, set[str]] = {}
    for worker in living:
        for kind in worker.kinds:
            knowing.setdefault(kind, set()).add(worker.name)
    grouped: dict[frozenset[str], set[str]] = {}
    for kind, names in knowing.items():
        grouped.setdefault(frozenset(names), set()).add(kind)
    return tuple(Group(frozenset(kinds), names) for names, kinds in grouped.items())


def room(group: Group, among: Sequence[Group], living: Iterable[Worker], loads: Iterable[Load]) -> int:
    """How much more of the group's kinds can be begun at once, whoever takes what is dispatched already.

    It fits as long as no set of groups has more dispatched than its workers together have free places: the marriage
    theorem (Hall 1935).
    """
    loads = tuple(loads)
    free = _free(living, loads)
    waiting = {
        each: sum(load.number for load in loads if load.worker is None and load.kind in each.kinds) for each in among
    }
    return max(0, min(_left(held, free, waiting) for held in _sets_with(group, among)))


def lane_rooms(limits: Iterable[str], living: Iterable[Worker], loads: Iterable[Load]) -> dict[str, int]:
    """Of those lanes, whose work needs judges, how much more the judges of all living workers bear."""
    judges = sum(each.judges for each in living if each.places)
    taken = {lane: sum(load.number for load in loads if load.lane == lane) for lane in limits}
    return {lane: judges - number for lane, number in taken.items()}


def _free(living: Iterable[Worker], loads: Sequence[Load]) -> dict[str, int]:
    running: dict[str, int] = {}
    for load in loads:
        if load.worker is not None:
            running[load.worker] = running.get(load.worker, 0) + load.number
    return {each.name: max(0, each.places - running.get(each.name, 0)) for each in living}


def _sets_with(group: Group, among: Sequence[Group]) -> Iterable[tuple[Group, ...]]:
    others = [each for each in among if each != group]
    if len(others) >= _MOST_GROUPS:
        return ((group,), (group, *others))
    subsets = chain.from_iterable(combinations(others, number) for number in range(len(others) + 1))
    return ((group, *subset) for subset in subsets)


def _left(held: Sequence[Group], free: Mapping[str, int], waiting: Mapping[Group, int]) -> int:
    names = frozenset().union(*(each.workers for each in held))
    return sum(free.get(name, 0) for name in names) - sum(waiting[each] for each in held)
