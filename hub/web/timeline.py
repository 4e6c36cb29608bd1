"""The last day by the hour: how much arrived, was delivered and set aside, as figures and as bars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.store.connections import Happening

HOURS = 24
WIDTH, HEIGHT, TOP = 720, 120, 14
SHOWN = (Happening.ARRIVED, Happening.DELIVERED, Happening.SET_ASIDE)
FAILURES = (Happening.UNAVAILABLE, Happening.REFUSED, Happening.BUG)


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the picture, in its coordinates."""

    kind: str
    x: float
    y: float
    height: float
    width: float


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour: when it began and what was counted in it."""

    begins: datetime
    arrived: int
    delivered: int
    set_aside: int
    failures: int

    @property
    def is_quiet(self) -> bool:
        """Whether nothing at all was counted."""
        return not (self.arrived or self.delivered or self.set_aside or self.failures)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The hours, oldest first, and the picture of them; `most` is the scale's top."""

    hours: tuple[Hour, ...]
    bars: tuple[Bar, ...]
    most: int

    @property
    def busy(self) -> tuple[Hour, ...]:
        """The hours in which something was counted."""
        return tuple(hour for hour in self.hours if not hour.is_quiet)


def begins(at: datetime) -> datetime:
    """When the first hour of a timeline drawn at that time begins."""
    return at.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)


def timeline(counted: Mapping[tuple[datetime, Happening], int], at: datetime) -> Timeline:
    """The day that ends at that time, from what was counted by the hour."""
    hours = tuple(_hour(begins(at) + timedelta(hours=step), counted) for step in range(HOURS))
    most = max(1, *(max(hour.arrived, hour.delivered, hour.set_aside, hour.failures) for hour in hours))
    bars = [bar for position, hour in enumerate(hours) for bar in _bars(position, hour, most)]
    return Timeline(hours, tuple(bars), most)


def _hour(begun: datetime, counted: Mapping[tuple[datetime, Happening], int]) -> Hour:
    arrived, delivered, set_aside = (counted.get((begun, kind), 0) for kind in SHOWN)
    return Hour(begun, arrived, delivered, set_aside, sum(counted.get((begun, kind), 0) for kind in FAILURES))


def _bars(position: int, hour: Hour, most: int) -> list[Bar]:
    slot = WIDTH / HOURS
    width = (slot - 8) / 3
    stopped = hour.set_aside + hour.failures
    found = []
    for place, (kind, number) in enumerate(
        (("arrived", hour.arrived), ("delivered", hour.delivered), ("stopped", stopped))
    ):
        if number:
            height = round(max(2.0, min(1.0, number / most) * (HEIGHT - TOP)), 1)
            x = round(position * slot + 3 + place * (width + 1), 1)
            found.append(Bar(kind, x, round(HEIGHT - height, 1), height, round(width, 1)))
    return found
