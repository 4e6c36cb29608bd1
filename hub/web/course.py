"""The course of an incident: its failures over time as bars, and what was done as lines through them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.store.incidents import IncidentEvent, IncidentEventKind
from hub.web.timeline import HEIGHT, TOP, WIDTH, Bar

SLOTS = 48
_SHORTEST = timedelta(minutes=SLOTS)
MARKED = frozenset(
    {
        IncidentEventKind.OPENED,
        IncidentEventKind.REOPENED,
        IncidentEventKind.REPAIR_BEGUN,
        IncidentEventKind.REPAIR_ENDED,
        IncidentEventKind.CLOSED,
    }
)


@dataclass(frozen=True, slots=True)
class Slot:
    """A part of the time: when it began and ended, and how many failures were in it."""

    begins: datetime
    ends: datetime
    failures: int


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that was done, and where in the picture."""

    kind: IncidentEventKind
    at: datetime
    x: float


@dataclass(frozen=True, slots=True)
class Course:
    """The picture and its figures; `most` is the scale's top."""

    slots: tuple[Slot, ...]
    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    most: int

    @property
    def busy(self) -> tuple[Slot, ...]:
        """The parts in which something failed."""
        return tuple(each for each in self.slots if each.failures)

    @property
    def ticks(self) -> tuple[datetime, ...]:
        """Times to stand below the picture, from its beginning to its end."""
        step = SLOTS // 4
        return (*(self.slots[place].begins for place in range(0, SLOTS, step)), self.slots[-1].ends)


def course(begins: datetime, ends: datetime, failures: Iterable[datetime], events: Sequence[IncidentEvent]) -> Course:
    """The course from `begins` to `ends`, of failures at those times and of what happened."""
    step = max(ends - begins, _SHORTEST) / SLOTS
    counts = [0] * SLOTS
    for at in failures:
        counts[min(SLOTS - 1, max(0, (at - begins) // step))] += 1
    slots = tuple(Slot(begins + step * each, begins + step * (each + 1), counts[each]) for each in range(SLOTS))
    most = max(1, *counts)
    width = WIDTH / SLOTS
    bars = tuple(_bar(place, count / most, width) for place, count in enumerate(counts) if count)
    whole = step * SLOTS
    marks = tuple(
        Mark(each.kind, each.at, round(min(1.0, max(0.0, (each.at - begins) / whole)) * WIDTH, 1))
        for each in events
        if each.kind in MARKED
    )
    return Course(slots, bars, marks, most)


def _bar(place: int, share: float, width: float) -> Bar:
    height = round(max(2.0, share * (HEIGHT - TOP)), 1)
    return Bar("stopped", round(place * width + 1, 1), round(HEIGHT - height, 1), height, round(width - 2, 1))
