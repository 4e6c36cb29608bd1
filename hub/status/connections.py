"""The state of a connection, told from what it lived through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from sqlalchemy import Connection

from hub.domain.calendar import CITY_TIME
from hub.domain.cron import Schedule
from hub.domain.texts import Text
from hub.plugin.connector import Connector
from hub.store import schedules
from hub.store.breakers import Breaker, BreakerState
from hub.store.connections import NEVER, Lived, all_lived
from hub.store.database import Database, now

FAILING_AFTER = 5
"""Failures in a row after which a connection that retries is called failing (our own choice, 2026-11)."""

LATE_AFTER = 3
"""Intervals without an answer after which a source is called late (our own choice, 2026-11)."""

LATE_GRACE = timedelta(seconds=60)

UNSEEN_FOR = timedelta(minutes=15)
"""For how long no worker may have been seen until nothing is known any more (our own choice, 2026-11)."""


class State(StrEnum):
    """How a connection fares; the worst first. What is `left` lies at the source and cannot be taken."""

    BROKEN = "broken"
    REFUSED = "refused"
    FAILING = "failing"
    HELD = "held"
    LEFT = "left"
    RETRYING = "retrying"
    LATE = "late"
    SUSPICIOUS = "suspicious"
    UNKNOWN = "unknown"
    PAUSED = "paused"
    NEW = "new"
    OK = "ok"

    @property
    def needs_attention(self) -> bool:
        """Whether somebody should look."""
        return self not in {State.PAUSED, State.NEW, State.OK}


@dataclass(frozen=True, slots=True)
class Told:
    """A connection's state, why, and since when where that is known."""

    state: State
    why: Text
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Times:
    """At which times a source is asked, since when that is so, and whether it is being asked right now."""

    schedule: Schedule
    since: datetime | None = None
    is_running: bool = False


def tell(
    lived: Lived,
    *,
    at: datetime,
    every: timedelta | None = None,
    broken: Text | None = None,
    late_after: timedelta | None = None,
    times: Times | None = None,
    pushed: bool = False,
) -> Told:
    """The connection's state at that time. `every` is how often a source is asked, `times` when, None for what is not.

    `broken` is why its plugin or its settings cannot be used, None when they can. `late_after` is for how long one
    that is asked at intervals may stay silent, None for three of them and a minute. What is `pushed` to us needs no
    worker to arrive.
    """
    return (
        _broken(broken)
        or _stopped(lived)
        or (None if pushed else _unseen(lived, at))
        or _open(lived.breaker)
        or _failing(lived)
        or _rejected(lived)
        or _held(lived)
        or _late(lived, at, every, late_after)
        or _missed(lived, at, times)
        or _holding(lived)
        or _doubted(lived)
        or _well(lived)
    )


class Configured(Protocol):
    """What must be known of a configured connection to tell how it fares and to check it."""

    @property
    def name(self) -> str: ...
    @property
    def connector_name(self) -> str: ...
    @property
    def owner(self) -> str: ...
    @property
    def every(self) -> timedelta | None: ...
    @property
    def schedule(self) -> Schedule | None: ...
    @property
    def late_after(self) -> timedelta | None: ...
    @property
    def broken(self) -> Text | None: ...
    @property
    def connector(self) -> Connector | None: ...
    @property
    def settings(self) -> Any: ...


@dataclass(frozen=True, slots=True)
class Fares:
    """One connection and how it fares."""

    name: str
    connector: str
    owner: str
    told: Told
    lived: Lived


def tell_all(database: Database, configured: Mapping[str, Configured]) -> list[Fares]:
    """How every configured connection fares, the worst first."""
    with database.read() as connection:
        known, at, times = all_lived(connection), now(connection), times_of(connection, configured)
    fares = []
    for name, each in configured.items():
        so_far = known.get(name, Lived(name))
        told = tell_of(each, so_far, at, times)
        fares.append(Fares(name, each.connector_name, each.owner, told, so_far))
    order = list(State)
    return sorted(fares, key=lambda one: (order.index(one.told.state), one.name))


def times_of(connection: Connection, configured: Mapping[str, Configured]) -> dict[str, Times]:
    """The times of every connection that is asked by a schedule, by name."""
    progress, running = schedules.progress_by_lane(connection), schedules.running(connection)
    return {
        name: Times(each.schedule, progress[name].since if name in progress else None, name in running)
        for name, each in configured.items()
        if each.schedule is not None
    }


def tell_of(configured: Configured, lived: Lived, at: datetime, times: Mapping[str, Times]) -> Told:
    """The state of a configured connection at that time."""
    return tell(
        lived,
        at=at,
        every=configured.every,
        broken=configured.broken,
        late_after=configured.late_after,
        times=times.get(configured.name),
        pushed=configured.connector is not None and configured.connector.pushed,
    )


def _broken(broken: Text | None) -> Told | None:
    if broken is None:
        return None
    return Told(
        State.BROKEN, Text(f"Kopplingen kan inte användas: {broken.sv}", f"The connection cannot be used: {broken.en}")
    )


def _stopped(lived: Lived) -> Told | None:
    if lived.paused_at:
        by = lived.paused_by or "?"
        return Told(State.PAUSED, Text(f"Pausad av {by}", f"Paused by {by}"), lived.paused_at)
    if lived.refused_at:
        why = lived.refused_because or Text("Avvisad", "Refused")
        return Told(State.REFUSED, why, lived.refused_at)
    return None


def _unseen(lived: Lived, at: datetime) -> Told | None:
    """Nothing is known of what only workers can tell, when none has been seen for long."""
    used = lived.last_ok_at is not None or lived.failures
    happened = lived.worker_seen_at, lived.last_ok_at, lived.failing_since, lived.last_check_at
    signs = [each for each in happened if each is not None]
    if lived.worker_seen_at is None or not used or at - max(signs) <= UNSEEN_FOR:
        return None
    why = Text(
        "Ingen hub worker har synts på länge, så ingen vet hur det står till. Starta hub worker.",
        "No hub worker has been seen for long, so nobody knows how it fares. Start hub worker.",
    )
    return Told(State.UNKNOWN, why, max(signs) if max(signs) > NEVER else None)


def _held(lived: Lived) -> Told | None:
    if not lived.held_plans:
        return None
    named, one = ", ".join(map(str, lived.held_plans)), len(lived.held_plans) == 1
    why = Text(
        f"{'Plan' if one else 'Planerna'} {named} väntar på godkännande, se under Planer eller med hub plan show.",
        f"{'Plan' if one else 'Plans'} {named} {'waits' if one else 'wait'} for approval, see Plans or hub plan show.",
    )
    return Told(State.HELD, why, lived.held_since)


def _doubted(lived: Lived) -> Told | None:
    if not lived.suspicions:
        return None
    texts = [each.text for each in lived.suspicions]
    why = Text(" ".join(each.sv for each in texts), " ".join(each.en for each in texts))
    return Told(State.SUSPICIOUS, why, lived.doubted_since)


def _open(breaker: Breaker | None) -> Told | None:
    if breaker is None or breaker.state is BreakerState.CLOSED or breaker.open_until is None:
        return None
    until = f"{breaker.open_until.astimezone(CITY_TIME):%H:%M:%S}"
    why = Text(
        f"Säkringen är bruten till {until}: för många anrop misslyckades. Arbetet väntar; sedan görs ett försök.",
        f"The circuit breaker is open until {until}: too many calls failed. Work waits; then one try is made.",
    )
    return Told(State.FAILING, why, breaker.opened_at)


def _failing(lived: Lived) -> Told | None:
    if not lived.failures:
        return None
    state = State.FAILING if lived.failures >= FAILING_AFTER else State.RETRYING
    return Told(state, lived.last_failure or Text("Okänt fel", "Unknown failure"), lived.failing_since)


def _rejected(lived: Lived) -> Told | None:
    if lived.rejected_because is None:
        return None
    why = lived.rejected_because
    told = Text(f"Den senaste hämtningen avvisades: {why.sv}", f"The last fetch was rejected: {why.en}")
    return Told(State.LEFT, told, lived.rejected_at)


def _holding(lived: Lived) -> Told | None:
    if not lived.left_items:
        return None
    why = Text(
        f"Dokument som ligger kvar och inte kan hämtas: {lived.left_items}. Se händelserna.",
        f"Documents that lie there and cannot be taken: {lived.left_items}. See the events.",
    )
    return Told(State.LEFT, why, lived.last_ok_at)


def _late(lived: Lived, at: datetime, every: timedelta | None, late_after: timedelta | None) -> Told | None:
    if every is None or lived.last_ok_at is None:
        return None
    if at - lived.last_ok_at <= (LATE_AFTER * every + LATE_GRACE if late_after is None else late_after):
        return None
    why = Text(
        "Har inte svarat på den tid den brukar. Kontrollera att hub worker är igång.",
        "Has not answered within its usual time. See that hub worker is running.",
    )
    return Told(State.LATE, why, lived.last_ok_at)


def _missed(lived: Lived, at: datetime, times: Times | None) -> Told | None:
    """Late for a time of its schedule: nothing has begun or succeeded since, and its grace has passed."""
    known = [each for each in (lived.last_ok_at, times.since if times else None) if each is not None]
    if times is None or times.is_running or not known:
        return None
    missed = times.schedule.missed(max(known), at)
    if missed is None:
        return None
    said = f"{missed.astimezone(CITY_TIME):%Y-%m-%d %H:%M}"
    why = Text(
        f"Skulle ha frågats {said} men har inte körts sedan dess. Kontrollera att hub worker är igång.",
        f"Was to be asked at {said} but has not run since. See that hub worker is running.",
    )
    return Told(State.LATE, why, missed)


def _well(lived: Lived) -> Told:
    if lived.last_ok_at is None:
        return Told(State.NEW, Text("Har ännu inte använts", "Has not been used yet"))
    if lived.last_moved_at is None:
        why = Text("Svarar; ännu har inget dokument passerat", "Answers; no document has passed yet")
    else:
        why = Text("Svarar, och dokument passerar", "Answers, and documents pass")
    return Told(State.OK, why, lived.last_ok_at)
