"""What people did: appended, never changed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from hub.store.database import now
from hub.store.tables import audit


@dataclass(frozen=True, slots=True)
class Deed:
    """Who did what to what, when."""

    at: datetime
    who: str
    what: str
    about: str
    details: Mapping[str, Any]


def write(connection: Connection, who: str, what: str, about: str, details: Mapping[str, Any] | None = None) -> None:
    """Write down what a person did, in the same transaction as the deed."""
    row = {"at": now(connection), "who": who, "what": what, "about": about[:200], "details": dict(details or {})}
    connection.execute(audit.insert().values(row))


def about(connection: Connection, subject: str, limit: int = 100) -> list[Deed]:
    """What people did to that subject, newest first."""
    wanted = select(audit).where(audit.c.about == subject).order_by(audit.c.id.desc()).limit(limit)
    return [Deed(row.at, row.who, row.what, row.about, row.details) for row in connection.execute(wanted)]


def since(connection: Connection, at: datetime, *, but_not: Collection[str] = (), limit: int = 100) -> list[Deed]:
    """What people did from that time on, deeds of those kinds left out, newest first."""
    wanted = select(audit).where(audit.c.at >= at, audit.c.what.not_in(list(but_not)))
    found = connection.execute(wanted.order_by(audit.c.id.desc()).limit(limit))
    return [Deed(row.at, row.who, row.what, row.about, row.details) for row in found]
