"""Rehearsing a route: its sources are read for real, what would become of it all is a plan, and nothing is applied.

Nothing is landed and nothing acknowledged. For a register the plan is that of the newest extract. For documents that
are delivered one by one it names each: the delivery it would become, or why it would be set aside.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import BinaryIO, cast

from sqlalchemy import Connection

from hub.domain.changes import Change, ChangeKind, Figures, PlanState, digest_of
from hub.domain.documents import DocumentState
from hub.domain.texts import Reason, Text
from hub.flow import land
from hub.flow.guards import FirstRun
from hub.jobs import endings, handling, planning
from hub.jobs.kinds import Job
from hub.jobs.planning import Asked
from hub.jobs.ways import Route, Ways
from hub.jobs.worker import REFUSED
from hub.plugin.errors import Failure, Refused, Rejected, Unavailable
from hub.plugin.ports import Item, Source
from hub.store import connections, documents, leases, plans
from hub.store.blobs import PIECE
from hub.store.connections import Happening
from hub.store.database import now
from hub.store.documents import Document
from hub.store.lanes import hold_lane, released_since
from hub.store.plans import SET_ASIDE, NewPlan, StoredPlan
from hub.store.texts import storable

ThenFetch = Callable[[Connection, str, StoredPlan], None]
"""Asks a source for what the plan names and nothing else, in the caller's transaction."""

_IN_MEMORY = 4 * PIECE


def rehearse(ways: Ways, route: Route, by: str) -> StoredPlan | None:
    """The plan of what the route would do now; None when nothing waits at its sources. Raises Failure."""
    if route.to:
        return _rehearse_register(ways, route, by)
    asked = _asked(ways, route, "")
    return _rehearse_documents(ways, route, asked[0] if len(asked) == 1 else "", by)


def is_first(ways: Ways, route: Route, source: str) -> bool:
    """Whether what the source brings is rehearsed first: nothing of it was ever landed, or rehearsed and applied."""
    if route.to or route.guards.first_run is not FirstRun.REHEARSE:
        return False
    with ways.database.read() as connection:
        return not (
            documents.page(connection, noun=route.noun, connection_name=source, limit=1)
            or plans.latest_applied(connection, route.name, source, "")
            or _is_in_the_last_of_all(connection, route, source)
        )


def rehearse_first(ways: Ways, route: Route, job: Job) -> None:
    """Instead of fetching: rehearse the job's source alone, unless a rehearsal of it waits or is applied already."""
    source = str(job.argument["connection"])
    with ways.database.read() as connection:
        waits = any(each.source in {"", source} for each in plans.open_in(connection, route.name))
    if not waits:
        _rehearse_documents(ways, route, source, endings.HUB, job)
    with ways.database.write() as connection:
        job.complete_in(connection)
        connections.succeeded(connection, job.lane, Happening.ARRIVED, 0)


def apply(ways: Ways, job: Job, then: ThenFetch) -> None:
    """Let a rehearsed route run, when its sources hold exactly what they held; else the plan is stale."""
    with ways.database.read() as connection:
        plan = plans.get(connection, int(job.argument["plan"]))
    if plan is None or plan.state not in plans.UNDER_WAY:
        return
    route = ways.routes.get(plan.route)
    same = route is not None and not route.to and _digest(route, _told(ways, route, plan.source, job)) == plan.digest
    with ways.database.write() as connection:
        job.complete_in(connection)
        if not same or route is None:
            endings.stale(connection, plan, _other_things(plan))
            return
        plans.move(connection, plan.id, PlanState.APPLIED)
        for source in _asked(ways, route, plan.source):
            then(connection, source, plan)


def names(connection: Connection, plan_id: int) -> frozenset[str]:
    """The items that a rehearsal met, by source and external id."""
    found: set[str] = set()
    after = 0
    while changes := plans.changes(connection, plan_id, after=after, limit=1000):
        found.update(each.change.address for each in changes)
        after = changes[-1].number
    return frozenset(found)


def name_of(source: str, item: Item) -> str:
    """How a plan names an item of a source."""
    said = storable(f"{source}/{item.external_id}")
    return said if len(said) <= 300 else f"{said[:235]}~{hashlib.sha256(said.encode()).hexdigest()}"


# --- a register


def _rehearse_register(ways: Ways, route: Route, by: str) -> StoredPlan | None:
    [source_name] = route.sources
    with closing(_opened(ways, route, source_name)) as source:
        newest = _last(source.fetch())
        if newest is None:
            return None
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as spool:
            _spool(source, newest, cast("BinaryIO", spool), ways.landed)

            def opened() -> BinaryIO:
                spool.seek(0)
                return cast("BinaryIO", spool)

            return planning.rehearse(ways, Asked(route, source_name, newest.name, opened, by=by))


def _last(items: Iterator[Item]) -> Item | None:
    found = None
    for each in items:
        found = each
    return found


def _spool(source: Source, item: Item, spool: BinaryIO, largest: int) -> None:
    size = 0
    with source.open(item) as stream:
        while piece := stream.read(PIECE):
            size += len(piece)
            if size > largest:
                raise Unavailable(_too_large(item, largest))
            spool.write(piece)


# --- documents, one by one


@dataclass(frozen=True, slots=True)
class Told:
    """What would become of one item: the change it would make, and why it would be set aside if it would."""

    change: Change
    reasons: tuple[Reason, ...]


def _rehearse_documents(ways: Ways, route: Route, source: str, by: str, job: Job | None = None) -> StoredPlan | None:
    """The plan of what that source has, or every one that is asked when none is named."""
    told = list(_told(ways, route, source, job))
    if not told:
        return None
    with ways.database.write() as connection:
        plans.hold_route(connection, route.name)
        return plans.lock(connection, _keep(connection, route, source, by, told))


def _told(ways: Ways, route: Route, source: str, job: Job | None) -> Iterator[Told]:
    """Every item of that source, or every one that is asked, unless it is landed already; in the order of their names.

    In a job of another lane a source that fails is blamed itself.
    """
    taken: dict[tuple[str, str], int] = {}
    numbers = count(1)
    for name in sorted(_asked(ways, route, source)):
        with _on_its_own(ways, job, name), closing(_opened(ways, route, name)) as opened:
            for item in opened.fetch():
                if job is not None:
                    job.beat()
                with suppress(_Known):
                    yield _rehearsed(ways, route, name, opened, item, -next(numbers), taken)


@contextmanager
def _on_its_own(ways: Ways, job: Job | None, name: str) -> Iterator[None]:
    """A source that fails in a job of another lane is blamed, or held, itself; one that is held is not asked."""
    if job is None or job.lane == name:
        yield
        return
    with ways.database.read() as connection:
        known = connections.lived(connection, name)
    if known.paused_at or known.refused_at:
        raise Unavailable(_held(name))
    try:
        yield
    except Refused as failure:
        _blame(ways, job, name, Happening.REFUSED, failure)
        raise Unavailable(_held(name)) from failure
    except Unavailable as failure:
        _blame(ways, job, name, Happening.UNAVAILABLE, failure)
        raise


def _blame(ways: Ways, job: Job, name: str, happening: Happening, failure: Failure) -> None:
    with ways.database.write() as connection:
        if happening is Happening.REFUSED:
            if released_since(connection, name, leases.begun_at(connection, job.id, job.token)):
                return
            hold_lane(connection, name, because=REFUSED)
        connections.failed(connection, name, happening, failure.text)


class _Known(Exception):
    """The item is landed already: a run would do nothing with it."""


def _rehearsed(
    ways: Ways, route: Route, name: str, source: Source, item: Item, number: int, taken: dict[tuple[str, str], int]
) -> Told:
    try:
        content, digest, size = _content(source, item, ways)
    except Rejected as failure:
        return Told(_change(name, item, "", {}), failure.reasons)
    document = _document(ways, route, name, item, number, digest, size)
    found = handling.rehearse(ways, document, content, taken)
    said = {"verdict": found.verdict, "target": found.target or "", "unit": found.unit.name if found.unit else ""}
    return Told(_change(name, item, digest, said), found.reasons)


def _content(source: Source, item: Item, ways: Ways) -> tuple[bytes, str, int]:
    """The bytes (none of what is too large to be judged), their digest and number."""
    gathered, digest, size = bytearray(), hashlib.sha256(), 0
    with source.open(item) as stream:
        while piece := stream.read(PIECE):
            size += len(piece)
            digest.update(piece)
            if size > ways.landed:
                raise Rejected((_left(item, ways.landed),))
            if size <= ways.judged:
                gathered += piece
    return (bytes(gathered) if size <= ways.judged else b""), digest.hexdigest(), size


def _document(ways: Ways, route: Route, name: str, item: Item, number: int, digest: str, size: int) -> Document:
    """The item as the document it would be landed as, under a number that none has. Raises _Known."""
    details = {"file": item.name, **item.details}
    message = land.fitted(land.Message(name, item.external_id, item.name, route.noun, details))
    with ways.database.read() as connection:
        if land.is_known(connection, message, digest):
            raise _Known
        at = now(connection)
    arrived = DocumentState.ARRIVED
    told = message.external_id, message.name, digest, size, at, dict(message.details)
    return Document(number, route.noun, name, *told, arrived, at, 1, None, None, None)


def _change(source: str, item: Item, digest: str, said: dict[str, str]) -> Change:
    fields = {"file": storable(item.name), "sha256": digest, **said}
    return Change(ChangeKind.CREATE, digest[:40], name_of(source, item), fields)


def _digest(route: Route, told: Iterable[Told]) -> str:
    changes = sorted((each.change for each in told), key=lambda change: change.address)
    return digest_of(route.name, "", changes)


def _keep(connection: Connection, route: Route, source: str, by: str, told: list[Told]) -> int:
    digest, waiting = _digest(route, told), _superseded(connection, route, source)
    for plan in waiting:
        if (plan.source, plan.digest) == (source, digest):
            return plan.id
    plan_id = plans.begin(connection, NewPlan(route.name, route.noun, source, "", by=by, rehearsal=True))
    for number, each in enumerate(sorted(told, key=lambda one: one.change.address), 1):
        outcome = SET_ASIDE if each.reasons else None
        plans.add_told(connection, plan_id, number, each.change, outcome, each.reasons)
    flaws = sum(bool(each.reasons) for each in told)
    figures = Figures(len(told), len(told) - flaws, flaws, True, creates=len(told) - flaws)
    plans.made(connection, plan_id, digest, figures, (), PlanState.PROPOSED)
    for plan in waiting:
        endings.supersede(connection, plan, plan_id)
    return plan_id


def _superseded(connection: Connection, route: Route, source: str) -> list[StoredPlan]:
    """The rehearsals that wait and that one of that source stands in the place of: one of all, in that of each."""
    waiting = plans.standing(connection, route.name, (PlanState.PROPOSED,))
    return [each for each in waiting if each.rehearsal and source in {"", each.source}]


def _is_in_the_last_of_all(connection: Connection, route: Route, source: str) -> bool:
    """Whether the last rehearsal of all sources that was applied met something of that one."""
    plan = plans.latest_applied(connection, route.name, "", "")
    return plan is not None and any(each.startswith(f"{source}/") for each in names(connection, plan.id))


def _asked(ways: Ways, route: Route, source: str) -> list[str]:
    """That source, or every source of the route when none is named, where it is one that can be asked."""
    return [
        name
        for name in route.sources
        if (configured := ways.connections.get(name)) and configured.connector and configured.is_asked
        if source in {"", name}
    ]


def _opened(ways: Ways, route: Route, name: str) -> Source:
    configured = ways.connections[name]
    if configured.connector is None or route.noun not in configured.connector.sources:
        why = configured.broken or _without_rehearsal(ways, route, name)
        raise Unavailable(Text(f"Kopplingen {name}: {why.sv}", f"The connection {name}: {why.en}"))
    return configured.connector.sources[route.noun](configured.settings)


def _without_rehearsal(ways: Ways, route: Route, name: str) -> Text:
    """Why there is no rehearsal of what that connection brings to the route."""
    connector = ways.connections[name].connector
    if connector is not None and route.noun in connector.feeds:
        return Text(
            f"{route.noun} hämtas hem och ändrar inget någon annanstans; sådana rutter har ingen generalrepetition",
            f"{route.noun} are pulled and change nothing elsewhere; such routes have no rehearsal",
        )
    return Text(f"lämnar inga {route.noun}", f"brings no {route.noun}")


def _held(name: str) -> Text:
    return Text(
        f"Kopplingen {name} väntar på en person. Det försöks igen när den får fortsätta.",
        f"The connection {name} waits for a person. It is tried again once that lets it go on.",
    )


def _other_things(plan: StoredPlan) -> Reason:
    return Reason(
        "SOURCE-CHANGED",
        Text(
            "Källorna har inte längre exakt det som planen gjordes av. Inget av planen utförs.",
            "The sources no longer hold exactly what the plan was made of. Nothing of the plan is done.",
        ),
        Text("Gör en ny generalrepetition av rutten.", "Rehearse the route again."),
        value=plan.route,
    )


def _too_large(item: Item, largest: int) -> Text:
    name = storable(item.name)
    return Text(
        f"{name} är större än {largest} byte (limits.landed_megabytes).",
        f"{name} is larger than {largest} bytes (limits.landed_megabytes).",
    )


def _left(item: Item, largest: int) -> Reason:
    remedy = Text("Dela upp filen, eller höj gränsen.", "Divide the file, or raise the limit.")
    return Reason("TOO-LARGE", _too_large(item, largest), remedy, value=storable(item.name))
