"""What a person stops and lets go on: a connection that is paused, refused us or has its circuit breaker open."""

from __future__ import annotations

from hub.store import audit, breakers, connections
from hub.store.database import Database
from hub.store.lanes import hold_lane, release_lane


def pause(database: Database, name: str, by: str) -> None:
    """A person stops a connection: nothing of its work begins until it is resumed."""
    with database.write() as connection:
        hold_lane(connection, name, because="paused")
        connections.pause(connection, name, by)
        audit.write(connection, by, "pause", f"connection {name}")


def resume(database: Database, name: str, by: str) -> None:
    """A person lets a connection go on, after a pause or after mending what made it refuse us."""
    with database.write() as connection:
        release_lane(connection, name)
        connections.resume(connection, name, by)
        audit.write(connection, by, "resume", f"connection {name}")


def close_breaker(database: Database, name: str, by: str) -> bool:
    """A person closes a connection's circuit breaker, so that all its work goes on; whether it was open."""
    with database.write() as connection:
        closed = breakers.close(connection, name)
        audit.write(connection, by, "close_breaker", f"connection {name}")
    return closed
