"""Pulling: a feed is read page by page into the store; each page's bytes are kept with what was read of it.

A pull that dies goes on after its last page. A long one is cut in slices, so that no job runs for hours. A record at
fault is set aside as a document of its own, and the others are kept.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, fields
from typing import Any

from sqlalchemy import Connection

from hub.domain.documents import DocumentState, RetentionClass, Step
from hub.domain.texts import Text
from hub.flow import land
from hub.flow.keeping import KEEPERS
from hub.jobs import endings
from hub.jobs.handling import set_aside
from hub.jobs.kinds import Job, Stopped
from hub.jobs.pacing import pace
from hub.jobs.ways import Ways
from hub.plugin.errors import Failure, Unavailable
from hub.plugin.ports import Feed, Flaw, Page
from hub.store import connections, documents, pulls, runs, set_asides
from hub.store.connections import Happening
from hub.store.orders import Kept, Seen
from hub.store.pulls import Pull
from hub.store.set_asides import Chosen

GoOn = Callable[[Connection, Job], None]
SLICE = 240.0
"""Seconds after which a pull lets other work of its lane have a turn (our own choice, 2026-11)."""

RECORD_STAGE = "record"
_AT_ONCE = 200


class Overtaken(Exception):
    """Another job has taken the pull further meanwhile: nothing of this page was kept, and that one goes on."""


@dataclass(slots=True)
class Counts:
    """What a pull brought so far. `new`, `changed` and `same` are records; `left` those that were set aside.

    `flaws` are all that are at fault, those that were set aside before among them.
    `unplaced` could not be read so far that they told where they stand: then nothing is taken for gone.
    """

    pages: int = 0
    bytes: int = 0
    new: int = 0
    changed: int = 0
    same: int = 0
    left: int = 0
    flaws: int = 0
    unplaced: int = 0

    @classmethod
    def read(cls, kept: Mapping[str, int] | None) -> Counts:
        """What was counted before the pull was taken up again."""
        return cls(**{each.name: (kept or {}).get(each.name, 0) for each in fields(cls)})


@dataclass(frozen=True, slots=True)
class _Pulling:
    """One slice of one pull, at work."""

    ways: Ways
    job: Job
    feed: Feed[Any]
    pull: Pull
    counts: Counts
    cursors: list[str]

    @property
    def seen(self) -> Seen:
        """By which pull its records are seen."""
        return Seen(self.pull.connection, self.pull.number)

    @property
    def met_all(self) -> bool:
        """Whether everything that the source has was asked for and has come."""
        return self.pull.whole and self.cursors[-1].startswith(pulls.READ_ALL)


def perform(ways: Ways, job: Job, go_on: GoOn) -> None:
    """Pull what the job names, from where it stopped; `go_on` enqueues the next slice of a long one."""
    name, route = job.argument["connection"], job.argument["route"]
    noun = ways.routes[route].noun
    pull = _taken_up(ways, job, name, noun, route)
    try:
        with closing(_feed(ways, name, noun)) as feed:
            slice_ = _Pulling(ways, job, feed, pull, Counts.read(pull.counts), [pull.cursor])
            if _pages(slice_, go_on):
                _finish(slice_)
    except Overtaken:
        return
    except (Stopped, Unavailable):
        raise
    except Failure as failure:
        _fail(ways, pull, type(failure).__name__.lower(), failure.text)
        raise
    except Exception as error:
        said = type(error).__name__
        _fail(ways, pull, "failed", Text(f"Fel i hubben: {said}", f"A fault in the hub: {said}"))
        raise


def _taken_up(ways: Ways, job: Job, name: str, noun: str, route: str) -> Pull:
    """The pull that was begun and has not ended, or a new one with a run of its own.

    One of what changed does not go on where the whole is asked for: nobody would be told that it was not read.
    """
    argument = job.argument
    with ways.database.write() as connection:
        last = pulls.get(connection, name, noun)
        run = runs.find(connection, last.run_id) if last.run_id is not None else None
        is_open = last.goes_on and run is not None and run.ended_at is None
        goes_on = last.goes_on and (last.whole or not argument.get("whole"))
        if is_open and goes_on:
            return last
        if is_open and last.run_id is not None:
            runs.end(
                connection, last.run_id, "interrupted", last.counts or {}, {"sv": _GIVEN_UP.sv, "en": _GIVEN_UP.en}
            )
        fresh = runs.begin(
            connection, route, name, argument.get("cause", "schedule"), argument.get("by"), work_id=job.id
        )
        if goes_on:
            return pulls.go_on(connection, last, fresh)
        return pulls.begin(connection, last, fresh, whole=bool(argument.get("whole")))


def _feed(ways: Ways, name: str, noun: str) -> Feed[Any]:
    configured = ways.connections[name]
    if configured.connector is None:
        raise LookupError(f"connection {name} cannot be used: {configured.broken}")
    return configured.connector.feeds[noun](configured.settings)


def _pages(slice_: _Pulling, go_on: GoOn) -> bool:
    """Keep page after page; whether the last was kept. When the slice's time is up, the next one is enqueued."""
    ends, pull, paced = time.monotonic() + SLICE, slice_.pull, pace(slice_.ways.database, slice_.job)
    if pull.is_read:
        return True
    for page in slice_.feed.pages("" if pull.whole else pull.mark, pull.cursor):
        slice_.job.beat()
        _keep_page(slice_, page)
        slice_.job.progress(slice_.counts.pages, 0)
        if page.last:
            return True
        if time.monotonic() > ends:
            with slice_.ways.database.write() as connection:
                slice_.job.complete_in(connection)
                go_on(connection, slice_.job)
            return False
        paced()
    raise Unavailable(_ENDED_EARLY)


def _keep_page(slice_: _Pulling, page: Page) -> None:
    """Keep the page's bytes, what was read of it and how far the pull has come: all or nothing."""
    read = list(slice_.feed.read(page.content)) if page.content else []
    flaws = [each for each in read if isinstance(each, Flaw)]
    records = [each for each in read if not isinstance(each, Flaw)]
    pull, counts = slice_.pull, slice_.counts
    with slice_.ways.database.write() as connection:
        # What could not be read may be what is missing.
        days = None if flaws else page.days
        kept = KEEPERS[pull.noun].keep(connection, records, slice_.seen, pull.whole, days)
        left = sum(_set_aside(connection, pull, flaw, slice_.ways.landed) for flaw in flaws)
        if pull.whole:
            addresses = [flaw.address or "" for flaw in flaws]
            counts.unplaced += KEEPERS[pull.noun].spare(connection, addresses, slice_.seen)
        if kept.new or kept.changed or left:
            _keep_bytes(connection, pull, page, slice_.ways.landed)
        counts.flaws += len(flaws)
        _add(counts, page, kept, left)
        after = _ended(page) if page.last else page.cursor
        if not pulls.advance(connection, slice_.cursors[-1], pull, after, asdict(counts)):
            raise Overtaken
        if pull.run_id is not None:
            runs.progress(connection, pull.run_id, asdict(counts))
    slice_.cursors.append(after)


def _ended(page: Page) -> str:
    """The cursor after a last page."""
    return (pulls.READ_ALL if page.everything else pulls.READ) + page.mark


def _add(counts: Counts, page: Page, kept: Kept, left: int) -> None:
    counts.pages += 1
    counts.bytes += len(page.content)
    counts.new += kept.new
    counts.changed += kept.changed
    counts.same += kept.same
    counts.left += left


def _keep_bytes(connection: Connection, pull: Pull, page: Page, largest: int) -> None:
    message = land.Message(pull.connection, f"{pull.noun}/{pull.number}/{page.cursor}", page.name, pull.noun)
    landed = land.within(connection, message, page.content, largest=largest, retention=RetentionClass.TECHNICAL)
    if landed.is_new:
        documents.move(connection, landed.document_id, DocumentState.DELIVERED)
        documents.note(connection, landed.document_id, Step.READ, details={"pull": pull.number})


def _set_aside(connection: Connection, pull: Pull, flaw: Flaw, largest: int) -> int:
    """Keep a record at fault as a document of its own; 1 when it is new, 0 when the same came before."""
    digest = hashlib.sha256(flaw.content).hexdigest()[:16]
    named = flaw.address or digest
    message = land.Message(pull.connection, f"{pull.noun}/record/{named}/{digest}", named, pull.noun)
    landed = land.within(connection, message, flaw.content, largest=largest, retention=RetentionClass.ACCOUNTING)
    is_due = landed.is_new or _was_let_go(connection, landed.document_id)
    if is_due:
        set_aside(connection, landed.document_id, RECORD_STAGE, flaw.reasons)
    return int(is_due)


def _was_let_go(connection: Connection, document_id: int) -> bool:
    """Whether it was at fault before and then read: it is again. What a person dismissed stays so."""
    document = documents.lock(connection, document_id)
    if document.state is not DocumentState.DISMISSED:
        return False
    steps = reversed(documents.journey_of(connection, document_id))
    return next((each.by for each in steps if each.step is Step.DISMISSED), "") == endings.HUB


def _finish(slice_: _Pulling) -> None:
    """After the last page: what a whole pull did not meet is forgotten, and the run ends."""
    pull, ways = slice_.pull, slice_.ways
    while slice_.met_all and not slice_.counts.unplaced:
        slice_.job.beat()
        with ways.database.write() as connection:
            if not KEEPERS[pull.noun].end(connection, slice_.seen):
                break
    _let_go_of_mended(slice_)
    moved = slice_.counts.new + slice_.counts.changed
    with ways.database.write() as connection:
        slice_.job.complete_in(connection)
        if not pulls.end(connection, pull, slice_.cursors[-1][1:]):
            raise Overtaken
        _end_run(connection, slice_, moved)
        # records are no documents: how many they were stands in the run, not among what arrived
        connections.succeeded(connection, pull.connection, Happening.ARRIVED, moved, counted=True)


def _let_go_of_mended(slice_: _Pulling) -> None:
    """When everything the source has was read and nothing was at fault, what was set aside of it waits for nobody."""
    pull, after = slice_.pull, 0
    records = Chosen(connection=pull.connection, stage=RECORD_STAGE)
    while slice_.met_all and not slice_.counts.flaws:
        slice_.job.beat()
        with slice_.ways.database.write() as connection:
            some = set_asides.chosen(connection, records, after=after, limit=_AT_ONCE)
            for document in (documents.lock(connection, each) for each in some):
                if (document.noun, document.state) == (pull.noun, DocumentState.SET_ASIDE):
                    endings.dismiss(connection, document.id, _READ_SINCE)
        if not some:
            return
        after = some[-1]


def _end_run(connection: Connection, slice_: _Pulling, moved: int) -> None:
    """One that met nothing new and that nobody asked for leaves no row, or the list would hold nothing else."""
    run, counts = slice_.pull.run_id, slice_.counts
    if run is None:
        return
    if moved or counts.left or "by" in slice_.job.argument or "scheduled" in slice_.job.argument:
        runs.end(connection, run, "succeeded" if moved else "nothing", asdict(counts))
    else:
        runs.forget(connection, run)


def _fail(ways: Ways, pull: Pull, outcome: str, text: Text) -> None:
    """The run ends; the pull goes on from its cursor when it is taken up again, in a run of its own."""
    with ways.database.write() as connection:
        kept = pulls.get(connection, pull.connection, pull.noun).counts or {}
        if pull.run_id is not None:
            runs.end(connection, pull.run_id, outcome, kept, {"sv": text.sv, "en": text.en})


_GIVEN_UP = Text(
    "Hämtningen gavs upp: allt begärdes, och det läser en ny hämtning från början.",
    "The pull was given up: the whole was asked for, and a new pull reads that from the beginning.",
)
_READ_SINCE = Text(
    "Allt har hämtats på nytt utan fel: posten är läst sedan dess, eller finns inte kvar.",
    "Everything was pulled anew without fault: the record is read since, or is there no more.",
)
_ENDED_EARLY = Text(
    "Flödet tog slut innan sin sista sida. Hubben fortsätter från den senast sparade sidan.",
    "The feed ended before its last page. The hub goes on from the last page it kept.",
)
