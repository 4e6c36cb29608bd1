"""Whether the hub is well, for machines: the database answers, and when workers were last seen."""

from __future__ import annotations

from datetime import timedelta

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError

from hub import __version__
from hub.store.database import Database, now
from hub.store.workers import all_workers
from hub.web.visits import Console

router = APIRouter()
_SEEN_LATELY = timedelta(seconds=60)


@router.api_route("/health", methods=["GET", "HEAD"])
def health(request: Request) -> JSONResponse:
    """200 while the database answers, else 503. Tells nothing that needs a login."""
    console: Console = request.app.state.console
    try:
        seen = _workers_seen(console.hub.database)
    except DBAPIError:
        return JSONResponse({"status": "down", "database": "unreachable", "version": __version__}, 503)
    return JSONResponse({"status": "up", "database": "ok", "workers": seen, "version": __version__})


def _workers_seen(database: Database) -> int:
    with database.read() as connection:
        since = now(connection) - _SEEN_LATELY
        return sum(worker.seen_at >= since for worker in all_workers(connection))
