"""What was set aside, by reason: what to do about it, and to let it be judged anew."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import APIRouter
from fastapi.responses import Response

from hub.jobs import routes
from hub.store import invoices, set_asides
from hub.store.database import Database
from hub.web.visits import FormOfSomebody, NotFound, Somebody

router = APIRouter(prefix="/set-aside")
_ROWS = 100
_AT_ONCE = 500


@router.get("")
def listed(visit: Somebody) -> Response:
    """The groups, the largest first."""
    with visit.database.read() as reading:
        groups = set_asides.groups(reading)
        total = set_asides.count(reading)
    return visit.page("set_aside.html", groups=groups, total=total)


@router.get("/{fingerprint}")
def one(visit: Somebody, fingerprint: str, after: int = 0) -> Response:
    """One group: its reason, what to do, and its documents."""
    with visit.database.read() as reading:
        group = set_asides.group(reading, fingerprint)
        if group is None:
            return visit.page("set_aside_empty.html", 404)
        ids = set_asides.members(reading, fingerprint, after=after, limit=_ROWS + 1)
        rows = invoices.rows(reading, ids[:_ROWS])
    further = ids[_ROWS - 1] if len(ids) > _ROWS else None
    return visit.page("set_aside_group.html", group=group, rows=rows, further=further)


@router.post("/{fingerprint}/replay")
def replay(visit: FormOfSomebody, fingerprint: str) -> Response:
    """Let the whole group be judged anew, and say how many of them were queued."""
    ids = tuple(_members(visit.database, fingerprint))
    if not ids:
        raise NotFound
    done = routes.replay(visit.database, ids, visit.who)
    said = visit.tongue.say_number(
        "%(done)s of %(num)s invoice queued again", "%(done)s of %(num)s invoices queued again", len(ids), done=done
    )
    return visit.go("/set-aside", said)


def _members(database: Database, fingerprint: str) -> Iterator[int]:
    after = 0
    while True:
        with database.read() as reading:
            some = set_asides.members(reading, fingerprint, after=after, limit=_AT_ONCE)
        if not some:
            return
        yield from some
        after = some[-1]
