"""Matching again: invoices that did not fit their order are compared anew when orders have been pulled since."""

from __future__ import annotations

from datetime import timedelta

from hub.jobs.handling import match_again
from hub.jobs.kinds import Job
from hub.jobs.ways import Ways
from hub.store import matches, pulls
from hub.store.database import now

LOOKED_BACK = timedelta(days=90)
"""An invoice compared longer ago than this is paid or disputed by now (our own choice, 2026-11)."""


def perform(ways: Ways, job: Job) -> None:
    """Compare every invoice that did not match and was last compared before the last pull of orders or suppliers."""
    with ways.database.read() as connection:
        since = now(connection) - LOOKED_BACK
        ended = [pulls.ended_last(connection, noun) for noun in ("orders", "suppliers")]
    pulled = max((each for each in ended if each is not None), default=None)
    if pulled is None:
        return
    after = 0
    while True:
        with ways.database.read() as connection:
            some = matches.not_matched(connection, since, pulled, after=after)
        if not some:
            return
        for document_id in some:
            job.beat()
            match_again(ways, document_id)
        after = some[-1]
