"""Asking a source: everything that waits there is landed, and acknowledged once its bytes are safe."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial

from sqlalchemy import Connection

from hub.domain.suspicions import Suspicion
from hub.domain.texts import Text
from hub.flow import land
from hub.jobs import rehearsing
from hub.jobs.kinds import Job, Stopped
from hub.jobs.ways import Ways
from hub.plugin.errors import Failure, Refused, Rejected, Unavailable
from hub.plugin.ports import Item, Source
from hub.status import honesty
from hub.store import connections, runs, volumes
from hub.store.blobs import PIECE
from hub.store.connections import Happening

Then = Callable[[Connection, int, int], None]
"""What follows, in the caller's transaction, when a document is landed in a pass; both by their ids."""

_Landed = Callable[[Connection, int], None]
_TOLD_EVERY = 20
_PATIENCE = 3
"""Items in a row that cannot be read: then it is the source that cannot be reached, not they that change."""


@dataclass(slots=True)
class Counts:
    """What one pass met. What the source `listed` is what was landed, was known from before, is left for later or for
    a person, each in one of the four. `bytes` are those of what was landed; `unconfirmed` is how many of the landed
    and known the source could not be told about, so that they come again.
    """

    listed: int = 0
    landed: int = 0
    known: int = 0
    later: int = 0
    left: int = 0
    bytes: int = 0
    unconfirmed: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing new was met."""
        return not (self.landed or self.known or self.later)


@dataclass(slots=True)
class Weighed:
    """How many bytes have come of one item."""

    bytes: int = 0


def perform(ways: Ways, job: Job, then: Then) -> None:
    """Ask the source that the job names, and land what it has."""
    name, route = job.argument["connection"], job.argument["route"]
    with ways.database.write() as connection:
        newest = volumes.latest_of(connection, name)
        cause, by = job.argument.get("cause", "schedule"), job.argument.get("by")
        run = runs.begin(connection, route, name, cause, by, work_id=job.id)
    counts = Counts()
    try:
        with closing(_source(ways, name, route)) as source:
            _pass(ways, job, source, counts, partial(_follow, then, run), run)
    except Stopped:
        _end(ways, name, run, "interrupted", counts)
        raise
    except Failure as failure:
        _end(ways, name, run, type(failure).__name__.lower(), counts, failure.text)
        raise
    except Exception as error:
        said = type(error).__name__
        _end(ways, name, run, "failed", counts, Text(f"Fel i hubben: {said}", f"A fault in the hub: {said}"))
        raise
    with ways.database.write() as connection:
        job.complete_in(connection)
        _settle(connection, job, run, counts, newest)
        connections.succeeded(connection, name, Happening.ARRIVED, counts.landed, left=counts.left, counted=True)


def _settle(connection: Connection, job: Job, run: int, counts: Counts, newest: int) -> None:
    """End the run, doubted where it does not add up or is not what is usual.

    One that was asked for every so often and met nothing new leaves no row, or the list would hold nothing else.
    """
    if _is_handed_over(connection, run):
        return
    met, planned = asdict(counts), "scheduled" in job.argument
    suspicions = _doubts(connection, run, counts, newest, planned)
    if counts.is_empty and not suspicions and not planned and "by" not in job.argument:
        runs.forget(connection, run)
    else:
        runs.end(connection, run, "succeeded" if counts.landed else "nothing", met, suspicions=suspicions)


def _doubts(connection: Connection, run_id: int, counts: Counts, newest: int, planned: bool) -> tuple[Suspicion, ...]:
    """Why the run is to be doubted; beside its like only when it runs at stated times."""
    run = runs.find(connection, run_id)
    if run is None:
        return ()
    found = honesty.sums(asdict(counts)) + honesty.kept(connection, run, counts.landed, newest)
    if not planned:
        return found
    return found + honesty.run_suspicions(connection, run_id, honesty.Measured(counts.landed, counts.bytes))


def _source(ways: Ways, name: str, route: str) -> Source:
    configured = ways.connections[name]
    noun = ways.routes[route].noun
    if configured.connector is None:
        raise LookupError(f"connection {name} cannot be used: {configured.broken}")
    return configured.connector.sources[noun](configured.settings)


def _follow(then: Then, run: int, connection: Connection, document_id: int) -> None:
    then(connection, document_id, run)


def _pass(ways: Ways, job: Job, source: Source, counts: Counts, then: _Landed, run: int) -> None:
    unreadable, refused, wanted = 0, None, _wanted(ways, job)
    for number, item in enumerate(source.fetch()):
        if wanted is not None and rehearsing.name_of(job.argument["connection"], item) not in wanted:
            continue
        counts.listed += 1
        failure = _take(ways, job, source, item, counts, then)
        unreadable = unreadable + 1 if isinstance(failure, Unavailable) else 0
        refused = refused or (failure if isinstance(failure, Refused) else None)
        if failure and unreadable == _PATIENCE:
            raise failure
        if number % _TOLD_EVERY == 0:
            job.beat()
            with ways.database.write() as connection:
                runs.progress(connection, run, asdict(counts))
    if refused:
        raise refused


def _wanted(ways: Ways, job: Job) -> frozenset[str] | None:
    """The items that a rehearsal met and a person approved, when the job is to take these alone."""
    if "plan" not in job.argument:
        return None
    with ways.database.read() as connection:
        return rehearsing.names(connection, int(job.argument["plan"]))


def _take(ways: Ways, job: Job, source: Source, item: Item, counts: Counts, then: _Landed) -> Failure | None:
    """Land one item; the failure when it cannot be had now or not be acknowledged, so that it comes again later."""
    name = job.argument["connection"]
    details = {"file": item.name, **item.details}
    message = land.Message(name, item.external_id, item.name, ways.routes[job.argument["route"]].noun, details)
    weighed = Weighed()
    try:
        _weigh(item, ways.landed)
        with closing(_pieces(source, item, weighed)) as pieces:
            landed = land.receive(ways.database, message, pieces, largest=ways.landed, then=then)
    except Unavailable as failure:
        counts.later += 1
        return failure
    except (Rejected, land.TooLarge) as failure:
        _leave(ways, name, item, str(failure))
        counts.left += 1
        return None
    if landed.is_new:
        counts.landed += 1
        counts.bytes += weighed.bytes
    else:
        counts.known += 1
    try:
        source.acknowledge(item)
    except (Unavailable, Refused) as failure:
        counts.unconfirmed += 1
        return failure
    return None


def _weigh(item: Item, largest: int) -> None:
    if item.size is not None and item.size > largest:
        raise land.TooLarge(f"{item.size} bytes; at most {largest} are kept (limits.landed_megabytes)")


def _pieces(source: Source, item: Item, weighed: Weighed) -> Generator[bytes, None, None]:
    """The item's bytes; they end only when the source has said that they are whole."""
    with source.open(item) as stream:
        while piece := stream.read(PIECE):
            weighed.bytes += len(piece)
            yield piece


def _leave(ways: Ways, name: str, item: Item, why: str) -> None:
    told = {"file": item.name, "why": why}
    with ways.database.write() as connection:
        connections.event_once(connection, name, Happening.LEFT, about=item.external_id, details=told)


def _is_handed_over(connection: Connection, run: int) -> bool:
    """Whether the run goes on with the extract it landed: then whoever plans it ends it."""
    found = runs.find(connection, run)
    return found is not None and found.stage is not None


def _end(ways: Ways, name: str, run: int, outcome: str, counts: Counts, failure: Text | None = None) -> None:
    said = {"sv": failure.sv, "en": failure.en} if failure else None
    with ways.database.write() as connection:
        if not _is_handed_over(connection, run):
            runs.end(connection, run, outcome, asdict(counts), said)
