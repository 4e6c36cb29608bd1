"""Rounds: every contender does the same work in each, forwards and then backwards, so that noise falls on all alike.

A ratio is taken within each round; what is told is the median of the rounds, with the least and the greatest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from statistics import median

from bench.figures import Figure
from bench.processes import children_seconds, own_seconds


@dataclass(frozen=True, slots=True)
class Taken:
    """What one round of one contender took; processor seconds of this process and of its children."""

    documents: int
    seconds: float
    own: float
    children: float

    @property
    def rate(self) -> float:
        """Documents per second by the clock on the wall."""
        return self.documents / self.seconds

    @property
    def per_core(self) -> float:
        """Documents per second of processor time, whoever spent it: what one core does that nobody else uses."""
        return self.documents / max(self.own + self.children, 0.001)


Run = Callable[[], object]


@dataclass(frozen=True, slots=True)
class Contender:
    """Somebody who does so many documents when run. `prepare` makes a round ready and clears up; it is not timed."""

    name: str
    documents: int
    prepare: Callable[[], AbstractContextManager[Run]]


def contender(name: str, documents: int, run: Run) -> Contender:
    """One that needs no preparing."""
    return Contender(name, documents, lambda: nullcontext(run))


Measure = Callable[[Taken], float]
Race = Mapping[str, Sequence[Taken]]


def race(contenders: Sequence[Contender], rounds: int, told: Callable[[str], None]) -> Race:
    """Every contender's rounds, after one to warm up."""
    taken: dict[str, list[Taken]] = {each.name: [] for each in contenders}
    for each in contenders:
        told(f"warming up: {each.name}")
        timed(each)
    for number in range(rounds):
        for each in contenders if number % 2 == 0 else reversed(contenders):
            told(f"round {number + 1} of {rounds}: {each.name}")
            taken[each.name].append(timed(each))
    return taken


def timed(contender: Contender) -> Taken:
    """One round of one contender."""
    with contender.prepare() as run:
        own, others, begun = own_seconds(), children_seconds(), time.perf_counter()
        run()
        seconds = time.perf_counter() - begun
        return Taken(contender.documents, seconds, own_seconds() - own, children_seconds() - others)


def rate(race: Race, name: str) -> Figure:
    """Documents per second."""
    return figure(f"{name}: per second", [each.rate for each in race[name]], "/s")


def per_core(race: Race, name: str) -> Figure:
    """Documents per second of processor time."""
    return figure(f"{name}: per core second", [each.per_core for each in race[name]], "/s")


def ratio(title: str, race: Race, name: str, beside: str, measure: Measure, wanted: float | None = None) -> Figure:
    """How many times as fast as what stands beside it."""
    pairs = zip(race[name], race[beside], strict=True)
    return figure(title, [measure(one) / measure(other) for one, other in pairs], "×", wanted)


def figure(title: str, values: Sequence[float], unit: str, wanted: float | None = None) -> Figure:
    """The median of the values, with the least and the greatest."""
    return Figure(title, median(values), unit, min(values), max(values), wanted)
