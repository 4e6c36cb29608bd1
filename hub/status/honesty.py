"""Honest success: whether what succeeded also brought what it should, by its own sums and by what is usual.

A run is doubted when what the source listed is not what became of it, or when it lies outside the band of its like.
A day is doubted when it lies outside the band of comparable days, so far by the hour or when it is over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import Connection

from hub.domain.calendar import CITY_TIME, city_day
from hub.domain.suspicions import Suspicion
from hub.domain.texts import Text
from hub.status.bands import (
    BYTES,
    DOCUMENTS,
    MEASURES,
    REMOVALS,
    SECONDS,
    WEEKS,
    Band,
    Learned,
    Measure,
    band,
    doubt,
    kind_of,
    silence,
)
from hub.store import connections, runs, volumes
from hub.store.database import now
from hub.store.runs import Run
from hub.store.volumes import Volume

_BACK = timedelta(weeks=WEEKS)
_SAME_TIME = timedelta(hours=1)
ENDS = ("landed", "known", "later", "left")
"""What may become of something that a source lists; together they are all of it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one run came to. `removals` is the share of what the target holds that it removes, 0 to 1."""

    documents: int
    bytes: int = 0
    removals: float = 0.0


def sums(counts: Mapping[str, int]) -> tuple[Suspicion, ...]:
    """Why the sums of a run over documents are to be doubted: what was listed must be what became of it."""
    listed, told = counts.get("listed", 0), sum(counts.get(name, 0) for name in ENDS)
    if listed == told:
        return ()
    text = Text(
        f"Källan räknade upp {listed}, men det som hände dem summerar till {told}: skillnaden är {listed - told}.",
        f"The source listed {listed}, but what became of them adds up to {told}: the difference is {listed - told}.",
    )
    return (Suspicion("sum", text, float(listed), float(told), float(told)),)


def kept(connection: Connection, run: Run, landed: int, after: int) -> tuple[Suspicion, ...]:
    """Why a run's count of new documents is to be doubted: as many must stand in the store, above the id `after`."""
    found = volumes.landed_after(connection, run.connection, after)
    if found == landed or not runs.is_alone(connection, run):
        return ()
    text = Text(
        f"Körningen räknade {landed} nya dokument, men {found} finns sparade.",
        f"The run counted {landed} new documents, but {found} are kept.",
    )
    return (Suspicion("sum", text, float(landed), float(found), float(found)),)


def run_suspicions(connection: Connection, run_id: int, measured: Measured) -> tuple[Suspicion, ...]:
    """Why a run that ends now is to be doubted, beside its like: the same kind of day, about the same time of day."""
    run = runs.find(connection, run_id)
    if run is None:
        return ()
    at = now(connection)
    seconds = (at - run.started_at).total_seconds()
    met = _figures(measured, seconds)
    like = _like(connection, run)
    kind = kind_of(city_day(run.started_at))
    return tuple(_doubts(met, {each: [_learned(one, each) for one in like] for each in MEASURES}, kind))


def day_suspicions(connection: Connection, volume: Volume, hour: int | None = None) -> tuple[Suspicion, ...]:
    """Why a day is to be doubted beside comparable days: until that hour, or as a whole when None."""
    like = comparable_days(connection, volume)
    kind = kind_of(volume.day)
    if hour is not None:
        usual = _so_far(like, hour)
        found = doubt(float(volume.hours[hour - 1]), usual, DOCUMENTS, kind, hour)
        return () if found is None else (_with_silence(found, volume.hours, hour),)
    met = _figures(Measured(volume.documents, volume.bytes, volume.removals), volume.seconds)
    return tuple(_doubts(met, {each: [_of_day(one, each) for one in like] for each in MEASURES}, kind))


def comparable_days(connection: Connection, volume: Volume) -> list[Volume]:
    """The days of the same kind before that one from which it is learned what is usual."""
    days = volumes.between(connection, volume.route, volume.connection, volume.day - _BACK, volume.day)
    kind = kind_of(volume.day)
    return [each for each in days if not each.is_doubted and kind_of(each.day) == kind]


def lately(
    connection: Connection, route: str, source: str, until: date, days: int = 28
) -> list[tuple[Volume, Band | None]]:
    """The last days up to that one that were counted, oldest first, each with the band it is held against."""
    known = volumes.between(connection, route, source, until - timedelta(days=days) - _BACK, until + timedelta(days=1))
    shown = [each for each in known if (until - each.day).days < days]
    return [(each, band(_before(each, known), DOCUMENTS)) for each in shown]


def _before(volume: Volume, known: Sequence[Volume]) -> Iterator[Learned]:
    kind = kind_of(volume.day)
    for each in known:
        if volume.day - _BACK <= each.day < volume.day and not each.is_doubted and kind_of(each.day) == kind:
            yield _of_day(each, DOCUMENTS)


def _doubts(
    met: Mapping[Measure, float], learned: Mapping[Measure, Sequence[Learned]], kind: str
) -> Iterator[Suspicion]:
    for measure, value in met.items():
        found = doubt(value, band(learned[measure], measure), measure, kind)
        if found is not None:
            yield found


def _figures(measured: Measured, seconds: float) -> dict[Measure, float]:
    return {
        DOCUMENTS: float(measured.documents),
        BYTES: float(measured.bytes),
        SECONDS: seconds,
        REMOVALS: measured.removals,
    }


def _like(connection: Connection, run: Run) -> list[Run]:
    """Of each day of the same kind before, the run that began at about the same time of day."""
    here = run.started_at.astimezone(CITY_TIME)
    kind = kind_of(here.date())
    days = (here.date() - timedelta(days=back) for back in range(1, _BACK.days + 1))
    times = [datetime.combine(day, here.time(), CITY_TIME).astimezone(UTC) for day in days if kind_of(day) == kind]
    return runs.comparable(connection, run.route, run.connection, times, _SAME_TIME)


def measured_of(run: Run) -> Measured:
    """What a run that has ended came to, from its counts."""
    counts = run.counts
    number = counts.get("landed", counts.get("listed", 0))
    held = max(1, counts.get("held", counts.get("listed", 0)))
    return Measured(number, counts.get("bytes", 0), counts.get("removals", 0) / held)


def _learned(run: Run, measure: Measure) -> Learned:
    seconds = run.took.total_seconds() if run.took else 0.0
    value = _figures(measured_of(run), seconds)[measure]
    return Learned(city_day(run.started_at), value, run.normal_by is not None)


def _of_day(volume: Volume, measure: Measure) -> Learned:
    values = _figures(Measured(volume.documents, volume.bytes, volume.removals), volume.seconds)
    return Learned(volume.day, values[measure], volume.normal_by is not None)


def _so_far(like: Sequence[Volume], hour: int) -> Band | None:
    """The band until that hour. Too much so far is more than usually comes in the whole day: some days begin early."""
    usual = band((_until(each, hour) for each in like), DOCUMENTS)
    whole = band((_of_day(each, DOCUMENTS) for each in like), DOCUMENTS)
    return replace(usual, high=max(usual.high, whole.high)) if usual and whole else None


def _until(volume: Volume, hour: int) -> Learned:
    return Learned(volume.day, float(volume.hours[hour - 1]), volume.normal_by is not None)


def _with_silence(found: Suspicion, hours: Sequence[int], hour: int) -> Suspicion:
    since = silence(hours, hour)
    if since is None or found.low is None or found.figure is None or found.figure >= found.low:
        return found
    text = Text(
        f"Inget har kommit sedan kl. {since:02d}:00. {found.text.sv}",
        f"Nothing has come since {since:02d}:00. {found.text.en}",
    )
    return replace(found, text=text)


def troubled(connection: Connection) -> set[str]:
    """Connections that are known to stand still: of them it is told better why nothing comes."""
    lived = connections.all_lived(connection)
    return {name for name, each in lived.items() if each.paused_at or each.refused_at or each.failures}
