"""Incidents, told from how the connections fare: what is one trouble is told as one, and opens and closes once.

A connection that fails is in trouble at once when it needs a person (refused, broken) and when it is late; one that
cannot be reached has a little patience first. Troubles that share connection or host are one incident however far apart
they come, and so are those of one plugin that does not load and those of certificates; what shares the class of its
failure is one when it begins together: that is rather us, or the network, than them. The times are the hub's own choice
(2026-11).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import Connection

from hub.domain.texts import Text
from hub.status import changes
from hub.status.connections import Configured, Fares, State
from hub.status.hosts import host_of
from hub.store import incidents
from hub.store.audit import Deed
from hub.store.connections import Happening
from hub.store.database import now
from hub.store.incidents import Incident, IncidentEvent, IncidentEventKind, Scope

PATIENCE = timedelta(minutes=2)
"""How long a connection may retry before it is an incident."""

TOGETHER = timedelta(minutes=10)
"""Failures of one class that begin within so long of each other are one incident."""

WELL_FOR = timedelta(minutes=5)
"""An incident closes when all its connections have been well for so long."""

REOPENS_WITHIN = timedelta(minutes=10)
"""A failure that begins so soon after an incident closed belongs to it."""

SERVED_FOR = timedelta(minutes=2)
"""A source is late only when somebody has been there for so long to ask it."""

SILENCED_FOR = timedelta(hours=24)
"""For how long a person's closing holds for a trouble of which nobody knows when it began."""

_CERTIFICATE = ("certificate", "certifikat")


class Cause(StrEnum):
    """What sort of trouble it is; the gravest first."""

    BROKEN = "broken"
    CERTIFICATE = "certificate"
    REFUSED = "refused"
    BUG = "bug"
    UNAVAILABLE = "unavailable"
    LATE = "late"

    @property
    def needs_a_person(self) -> bool:
        """Whether nothing but a person helps."""
        return self in {Cause.BROKEN, Cause.CERTIFICATE, Cause.REFUSED}


@dataclass(frozen=True, slots=True)
class Trouble:
    """A connection that fails: since when, why, at which host. `shared` is what others with the same cause share."""

    connection: str
    cause: Cause
    since: datetime
    text: Text
    host: str = ""
    plugin: str = ""
    dated: bool = True

    @property
    def shared(self) -> str:
        """The cause; a fault in a plugin, or a plugin that does not load, is that plugin's."""
        return f"{self.cause}:{self.plugin}" if self.cause in {Cause.BROKEN, Cause.BUG} else self.cause.value

    @property
    def fingerprint(self) -> str:
        """The same whenever this connection, or its host, fails."""
        about = f"host {self.host}" if self.host else f"connection {self.connection}"
        return hashlib.sha256(about.encode()).hexdigest()[:16]


@dataclass(slots=True)
class Noticed:
    """What a look came to: the incidents that opened, opened again and closed by themselves."""

    opened: list[Incident] = field(default_factory=list)
    reopened: list[Incident] = field(default_factory=list)
    closed: list[Incident] = field(default_factory=list)


def troubles(
    connection: Connection, fares: Iterable[Fares], configured: Mapping[str, Configured], *, served: bool
) -> list[Trouble]:
    """The connections that are in trouble now, the one that has been so for longest first.

    `served` says whether there has been somebody to ask the sources: without, none is called late.
    """
    at = now(connection)
    found = (_trouble(connection, each, configured[each.name], at, served) for each in fares)
    return sorted((each for each in found if each), key=lambda one: (one.since, one.connection))


def look(
    connection: Connection, fares: Sequence[Fares], configured: Mapping[str, Configured], *, served: bool
) -> Noticed:
    """Open, widen and close incidents from how the connections fare; whoever else looks meanwhile waits."""
    incidents.lock(connection)
    noticed, known = Noticed(), incidents.all_open(connection)
    met = troubles(connection, fares, configured, served=served)
    for trouble in met:
        _meet(connection, trouble, known, noticed)
    failing = {each.connection for each in met} | {each.name for each in fares if _is_failing(each)}
    unclear = {each.name for each in fares if each.told.state in {State.PAUSED, State.UNKNOWN}}
    for incident in known:
        _follow(connection, incident, failing, unclear, noticed)
    noticed.opened = _as_they_stand(connection, noticed.opened)
    noticed.reopened = _as_they_stand(connection, noticed.reopened)
    return noticed


def changed_before(connection: Connection, incident: Incident) -> list[Deed]:
    """What changed in the day before the incident's first failure, and until it was noticed."""
    return [each for each in changes.before(connection, incident.since) if each.at <= incident.opened_at]


def is_in_repair(events: Sequence[IncidentEvent]) -> bool:
    """Whether a repair has begun and not ended."""
    steps = {IncidentEventKind.REPAIR_BEGUN, IncidentEventKind.REPAIR_ENDED, IncidentEventKind.CLOSED}
    last = next((each.kind for each in reversed(events) if each.kind in steps), None)
    return last is IncidentEventKind.REPAIR_BEGUN


# --- what is in trouble


def _is_failing(fares: Fares) -> bool:
    troubled = {State.BROKEN, State.REFUSED, State.FAILING, State.LATE}
    unclear = {State.PAUSED, State.UNKNOWN}
    return fares.told.state in troubled or bool(fares.lived.failures and fares.told.state not in unclear)


def _trouble(
    connection: Connection, fares: Fares, configured: Configured, at: datetime, served: bool
) -> Trouble | None:
    cause = _cause(connection, fares, at, served)
    if cause is None:
        return None
    since, plugin = fares.told.since, fares.connector.partition(".")[0]
    host = host_of(configured.settings)
    return Trouble(fares.name, cause, since or at, fares.told.why, host, plugin, since is not None)


def _cause(connection: Connection, fares: Fares, at: datetime, served: bool) -> Cause | None:
    match fares.told.state:
        case State.BROKEN:
            return Cause.BROKEN
        case State.REFUSED:
            return Cause.CERTIFICATE if _names_a_certificate(fares.told.why) else Cause.REFUSED
        case State.LATE:
            return Cause.LATE if served else None
        case State.FAILING | State.RETRYING if fares.lived.failures:
            return _failing(connection, fares, at)
    return None


def _failing(connection: Connection, fares: Fares, at: datetime) -> Cause | None:
    lasted = at - (fares.told.since or at)
    if fares.told.state is not State.FAILING and lasted <= PATIENCE:
        return None
    if _names_a_certificate(fares.told.why):
        return Cause.CERTIFICATE
    is_bug = incidents.last_failure_kind(connection, fares.name) is Happening.BUG
    return Cause.BUG if is_bug else Cause.UNAVAILABLE


def _names_a_certificate(why: Text) -> bool:
    return any(word in why.en.lower() or word in why.sv.lower() for word in _CERTIFICATE)


# --- whose trouble it is


def _meet(connection: Connection, trouble: Trouble, known: list[Incident], noticed: Noticed) -> None:
    mine = next((each for each in known if _is_kin(trouble, each)), None)
    if mine is None and _is_silenced(connection, trouble):
        return
    earlier = None if mine else _to_reopen(connection, trouble)
    if earlier is not None:
        mine = next((each for each in known if each.fingerprint == earlier.fingerprint), None)
    if mine is None:
        mine = _opened(connection, trouble, earlier, noticed)
        known.append(mine)
    known[known.index(mine)] = _join(connection, mine, trouble)


def _is_kin(trouble: Trouble, incident: Incident) -> bool:
    scope = incident.scope
    if trouble.connection in scope.connections or (trouble.host and trouble.host in scope.hosts):
        return True
    if trouble.shared not in scope.causes:
        return False
    is_one = trouble.cause in {Cause.BROKEN, Cause.CERTIFICATE} and trouble.cause == incident.kind
    return is_one or abs(trouble.since - incident.since) <= TOGETHER


def _opened(connection: Connection, trouble: Trouble, earlier: Incident | None, noticed: Noticed) -> Incident:
    """The earlier incident, open again, or a new one."""
    if earlier is not None:
        incidents.reopen(connection, earlier)
        noticed.reopened.append(earlier)
        return earlier
    new = _begin(connection, trouble)
    noticed.opened.append(new)
    return new


def _begin(connection: Connection, trouble: Trouble) -> Incident:
    scope = Scope((), (), (trouble.shared,))
    title = title_of(trouble.cause, (trouble.connection,), ())
    return incidents.begin(connection, trouble.fingerprint, trouble.cause.value, title, scope, trouble.since)


def _join(connection: Connection, incident: Incident, trouble: Trouble) -> Incident:
    """The incident with the trouble in it; written down only when that is new."""
    scope = incident.scope.with_more(trouble.connection, trouble.host, trouble.shared)
    if scope == incident.scope:
        return incident
    is_new = trouble.connection not in incident.scope.connections
    title = title_of(Cause(incident.kind), scope.connections, scope.hosts)
    incidents.widen(connection, incident.id, scope, title)
    if is_new:
        said = {"sv": trouble.text.sv, "en": trouble.text.en, "host": trouble.host, "cause": trouble.cause.value}
        incidents.note(connection, incident.id, IncidentEventKind.JOINED, trouble.connection, said)
    return incidents.get(connection, incident.id) or incident


def _is_silenced(connection: Connection, trouble: Trouble) -> bool:
    """Whether a person closed the incident of this very trouble, which has gone on since."""
    last = incidents.last_of(connection, trouble.connection)
    if last is None or last.closed_at is None or not last.closed_by:
        return False
    if trouble.dated:
        return trouble.since <= last.closed_at
    return trouble.since - last.closed_at <= SILENCED_FOR


def _to_reopen(connection: Connection, trouble: Trouble) -> Incident | None:
    for last in (
        incidents.last_of(connection, trouble.connection),
        incidents.last_under(connection, trouble.fingerprint),
    ):
        if last and last.closed_at and trouble.since - last.closed_at <= REOPENS_WITHIN:
            return last
    return None


# --- how it goes on


def _follow(connection: Connection, incident: Incident, failing: set[str], unclear: set[str], noticed: Noticed) -> None:
    """Write down that it goes on, or close it.

    It stays while a connection of it is paused, since nobody knows then, and while it is repaired: that ends in it.
    """
    at, scope = now(connection), incident.scope
    met = incidents.failures_of(connection, scope.connections, incident.since)
    if failing & set(scope.connections):
        incidents.seen(connection, incident.id, at, met.number)
        return
    if unclear & set(scope.connections):
        return
    last = max(incident.seen_at, met.last or incident.seen_at)
    if at - last < WELL_FOR:
        if met.number != incident.failures or last != incident.seen_at:
            incidents.seen(connection, incident.id, last, met.number)
        return
    if is_in_repair(incidents.events(connection, incident.id)):
        return
    if incidents.close(connection, incident.id):
        noticed.closed += _as_they_stand(connection, [incident])


def _as_they_stand(connection: Connection, those: Iterable[Incident]) -> list[Incident]:
    found = (incidents.get(connection, each.id) for each in those)
    return [each for each in found if each is not None]


# --- what it is called


def title_of(cause: Cause, names: Sequence[str], hosts: Sequence[str]) -> Text:
    """What the incident is called: the connection, the host when several share it, or how many they are."""
    if len(names) == 1:
        return _titles(Text(names[0], names[0]), one=True)[cause]
    many = len(names)
    if len(hosts) == 1:
        return _titles(Text(f"{hosts[0]} ({many} kopplingar)", f"{hosts[0]} ({many} connections)"), one=True)[cause]
    return _titles(Text(f"{many} kopplingar", f"{many} connections"), one=False)[cause]


def _titles(who: Text, *, one: bool) -> Mapping[Cause, Text]:
    do, be = ("does", "is") if one else ("do", "are")
    return {
        Cause.BROKEN: Text(f"{who.sv} kan inte användas", f"{who.en} cannot be used"),
        Cause.CERTIFICATE: Text(
            f"{who.sv} har ett certifikat som inte godtas", f"{who.en}: the certificate is not accepted"
        ),
        Cause.REFUSED: Text(f"{who.sv} släpper inte in oss", f"{who.en} {do} not let us in"),
        Cause.BUG: Text(
            f"Ett fel i hubben eller insticksmodulen stoppar {who.sv}", f"A fault in hub or plugin stops {who.en}"
        ),
        Cause.UNAVAILABLE: Text(f"{who.sv} svarar inte", f"{who.en} {do} not answer"),
        Cause.LATE: Text(f"{who.sv} har inte svarat i tid", f"{who.en} {be} late"),
    }
