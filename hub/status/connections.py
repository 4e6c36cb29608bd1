"""The state of a connection, told from what it lived through."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol

from hub.domain.texts import Text
from hub.plugin.connector import Connector
from hub.store.connections import Lived, all_lived
from hub.store.database import Database, now

FAILING_AFTER = 5
"""Failures in a row after which a connection that retries is called failing (our own choice, 2026-11)."""

LATE_AFTER = 3
"""Intervals without an answer after which a source is called late (our own choice, 2026-11)."""

LATE_GRACE = timedelta(seconds=60)


class State(StrEnum):
    """How a connection fares; the worst first."""

    BROKEN = "broken"
    REFUSED = "refused"
    FAILING = "failing"
    HELD = "held"
    WARNING = "warning"
    LATE = "late"
    PAUSED = "paused"
    UNKNOWN = "unknown"
    NEW = "new"
    OK = "ok"

    @property
    def needs_attention(self) -> bool:
        """Whether somebody should look."""
        return self in {State.BROKEN, State.REFUSED, State.FAILING, State.HELD, State.WARNING, State.LATE}


@dataclass(frozen=True, slots=True)
class Told:
    """A connection's state, why, and since when where that is known."""

    state: State
    why: Text
    since: datetime | None = None


def tell(lived: Lived, *, at: datetime, every: timedelta | None = None, broken: Text | None = None) -> Told:
    """The connection's state at that time. `every` is how often a source is asked, None for what is not asked.

    `broken` is why its plugin or its settings cannot be used, None when they can.
    """
    return (
        _broken(broken)
        or _stopped(lived)
        or _failing(lived)
        or _late(lived, at, every)
        or _holding(lived)
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
        known, at = all_lived(connection), now(connection)
    fares = []
    for name, each in configured.items():
        so_far = known.get(name, Lived(name))
        told = tell(so_far, at=at, every=each.every, broken=each.broken)
        fares.append(Fares(name, each.connector_name, each.owner, told, so_far))
    order = list(State)
    return sorted(fares, key=lambda one: (order.index(one.told.state), one.name))


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


def _failing(lived: Lived) -> Told | None:
    if not lived.failures:
        return None
    state = State.FAILING if lived.failures >= FAILING_AFTER else State.WARNING
    return Told(state, lived.last_failure or Text("Okänt fel", "Unknown failure"), lived.failing_since)


def _holding(lived: Lived) -> Told | None:
    if not lived.left_items:
        return None
    why = Text(
        f"Dokument som ligger kvar och inte kan hämtas: {lived.left_items}. Se händelserna.",
        f"Documents that lie there and cannot be taken: {lived.left_items}. See the events.",
    )
    return Told(State.WARNING, why, lived.last_ok_at)


def _late(lived: Lived, at: datetime, every: timedelta | None) -> Told | None:
    if every is None or lived.last_ok_at is None:
        return None
    if at - lived.last_ok_at <= LATE_AFTER * every + LATE_GRACE:
        return None
    why = Text(
        "Har inte svarat på den tid den brukar. Kontrollera att hub worker är igång.",
        "Has not answered within its usual time. See that hub worker is running.",
    )
    return Told(State.LATE, why, lived.last_ok_at)


def _well(lived: Lived) -> Told:
    if lived.last_ok_at is None:
        return Told(State.NEW, Text("Har ännu inte använts", "Has not been used yet"))
    if lived.last_moved_at is None:
        why = Text("Svarar; ännu har inget dokument passerat", "Answers; no document has passed yet")
    else:
        why = Text("Svarar, och dokument passerar", "Answers, and documents pass")
    return Told(State.OK, why, lived.last_ok_at)
