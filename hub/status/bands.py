"""Bands: what a route usually brings, learned from comparable days, and what lies outside. Nothing is kept here.

A band is the median of the comparable days and a spread around it: 3.5 times their median distance from the median
(scaled to a standard deviation, so that one odd day moves it hardly at all), and never narrower than a floor that
follows the measure. Days are comparable when they are of one kind: the same weekday, or the last three workdays of a
month, or a day on which the city is closed. Below six of them nothing is claimed. (Our own choices, 2026-11.)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median

from hub.domain.calendar import is_workday, next_workday
from hub.domain.suspicions import Suspicion
from hub.domain.texts import Text

LEAST = 6
"""Comparable days below which nothing is claimed."""

WEEKS = 16
"""How far back one learns: long enough for two months' ends, short enough to forget how it was a year ago."""

_SPREADS = 3.5 * 1.4826
_MONTHS_LAST = 3
_USUALLY = 5
_SURELY = 12
MONTH_END, FREE = "month-end", "free"
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_ON: Mapping[str, Text] = {
    MONTH_END: Text("månadens tre sista arbetsdagar", "the last three workdays of a month"),
    FREE: Text("lediga dagar", "days off"),
} | {
    name: Text(sv, name.capitalize() + "s")
    for name, sv in zip(
        _WEEKDAYS,
        ("måndagar", "tisdagar", "onsdagar", "torsdagar", "fredagar", "lördagar", "söndagar"),
        strict=True,
    )
}


@dataclass(frozen=True, slots=True)
class Measure:
    """Something that is measured of a day or a run.

    A band is never narrower to either side than `share` of the median and than `least`. `below` says whether too
    little of it is a reason to doubt.
    """

    name: str
    noun: Text
    share: float
    least: float
    below: bool
    unit: str = ""


DOCUMENTS = Measure("documents", Text("dokument", "documents"), 0.2, 3, below=True)
BYTES = Measure("bytes", Text("datamängd", "amount of data"), 0.5, 100_000, below=True, unit="kB")
SECONDS = Measure("seconds", Text("tidsåtgång", "duration"), 1.0, 60, below=False, unit="s")
REMOVALS = Measure("removals", Text("andel borttagningar", "share of removals"), 0.5, 0.01, below=False, unit="%")
MEASURES = (DOCUMENTS, BYTES, SECONDS, REMOVALS)


@dataclass(frozen=True, slots=True)
class Learned:
    """What one day, or one run, came to. `is_normal` is set when a person has said of an odd one that it is as it
    should be: then the band reaches as far.
    """

    day: date
    value: float
    is_normal: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """What is usual: from `low` to `high` around `middle`, learned from those days. `always` says that every one of
    them brought something.
    """

    low: float
    high: float
    middle: float
    days: tuple[date, ...]
    always: bool

    def holds(self, value: float) -> bool:
        """Whether that is usual."""
        return self.low <= value <= self.high


def kind_of(day: date) -> str:
    """What sort of day it is: those of the same sort are compared."""
    if is_month_end(day):
        return MONTH_END
    weekday = _WEEKDAYS[day.weekday()]
    return weekday if is_workday(day) or weekday in {"saturday", "sunday"} else FREE


def is_month_end(day: date) -> bool:
    """Whether it is one of the last three workdays of its month."""
    if not is_workday(day):
        return False
    later = day
    for _ in range(_MONTHS_LAST):
        later = next_workday(later)
    return later.month != day.month


def band(learned: Iterable[Learned], measure: Measure) -> Band | None:
    """What those days make usual; None while they are too few to say."""
    known = sorted(learned, key=lambda each: each.day)
    if len({each.day for each in known}) < LEAST:
        return None
    values = [each.value for each in known]
    middle = median(values)
    spread = max(_SPREADS * median(abs(value - middle) for value in values), measure.share * middle, measure.least)
    said = [each.value for each in known if each.is_normal]
    low = min([max(0.0, middle - spread), *said]) if measure.below else 0.0
    return Band(low, max([middle + spread, *said]), middle, tuple(each.day for each in known), min(values) > 0)


def doubt(value: float, usual: Band | None, measure: Measure, on: str, hour: int | None = None) -> Suspicion | None:
    """Why a day or a run of that kind that came to `value` is to be doubted, if it is. `hour` says until when the day
    was counted, None that it is over.
    """
    if usual is None:
        return None
    nothing = value == 0 and measure.below and usual.always and _is_sure(usual)
    if usual.holds(value) and not nothing:
        return None
    days = tuple(day.isoformat() for day in usual.days)
    return Suspicion(measure.name, _told(value, usual, measure, on, hour), value, usual.low, usual.high, days)


def silence(hours: Sequence[int], hour: int) -> int | None:
    """The hour since which nothing more has come, counted until `hour`; None when something came in the last one."""
    so_far = hours[hour - 1]
    since = next(number for number, come in enumerate(hours, start=1) if come == so_far)
    return since if since < hour and so_far else None


def _is_sure(usual: Band) -> bool:
    return usual.middle >= _USUALLY or len(usual.days) >= _SURELY


def _told(value: float, usual: Band, measure: Measure, on: str, hour: int | None) -> Text:
    low, high, met = (shown(each, measure) for each in (usual.low, usual.high, value))
    number, days = len(usual.days), _ON[on]
    by_sv = f" till kl. {hour:02d}:00" if hour is not None else ""
    by_en = f" by {hour:02d}:00" if hour is not None else ""
    if measure is DOCUMENTS:
        met_sv, met_en = ("Inget har kommit", "Nothing came") if not value else (f"{met} dokument", f"{met} documents")
    else:
        met_sv, met_en = f"{measure.noun.sv.capitalize()}: {met}", f"{measure.noun.en.capitalize()}: {met}"
    return Text(
        f"{met_sv}{by_sv}. På {days.sv} brukar det vara {low}–{high}{by_sv} (av {number} jämförbara dagar).",
        f"{met_en}{by_en}. On {days.en} it is usually {low}–{high}{by_en} (from {number} comparable days).",
    )


def shown(value: float, measure: Measure) -> str:
    """A figure of that measure as it stands in a sentence."""
    if measure is REMOVALS:
        return f"{100 * value:.1f} %"
    if measure is BYTES:
        return f"{value / 1000:.0f} kB"
    return f"{value:.0f}" + (f" {measure.unit}" if measure.unit else "")
