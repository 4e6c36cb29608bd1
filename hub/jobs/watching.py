"""Watching: how the connections fare is looked at again and again, and incidents open and close from it."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection

from hub.jobs import telling
from hub.jobs.kinds import Job
from hub.jobs.ways import Ways
from hub.notify.channels import Notify
from hub.status import incidents as told
from hub.status.connections import tell_all
from hub.status.incidents import SERVED_FOR, Noticed
from hub.status.overview import WORKER_SEEN
from hub.store import audit, incidents, workers
from hub.store.database import Database, now

EVERY = timedelta(seconds=30)


def perform(ways: Ways, job: Job) -> None:
    """Look once."""
    job.beat()
    look(ways)


def look(ways: Ways) -> Noticed:
    """Open, widen and close incidents, and write what is to be told of them, all in one transaction."""
    fares = tell_all(ways.database, ways.connections)
    with ways.database.write() as connection:
        noticed = told.look(connection, fares, ways.connections, served=_is_served(connection))
        for incident in noticed.opened:
            telling.opened(connection, ways.notify, incident)
        for incident in noticed.reopened:
            telling.reopened(connection, ways.notify, incident)
        for incident in noticed.closed:
            telling.closed(connection, ways.notify, incident)
        telling.daily(connection, ways.notify)
    return noticed


def close(database: Database, notify: Notify, incident_id: int, by: str, reason: str) -> bool:
    """A person closes the incident; the trouble it is about opens none again until it has ended. False when closed."""
    with database.write() as connection:
        incidents.lock(connection)
        if not incidents.close(connection, incident_id, by, {"reason": reason}):
            return False
        audit.write(connection, by, "close", f"incident {incident_id}", {"reason": reason})
        found = incidents.get(connection, incident_id)
        if found is not None:
            telling.closed(connection, notify, found)
    return True


def _is_served(connection: Connection) -> bool:
    """Whether somebody has been there for a while to ask the sources: else they are late because nobody was."""
    at = now(connection)
    return any(
        at - each.seen_at < WORKER_SEEN and at - each.started_at >= SERVED_FOR
        for each in workers.all_workers(connection)
    )
