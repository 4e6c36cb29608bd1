"""Which rule packs are in force, from when, until when, and by whose word."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select, update

from hub.store.database import now
from hub.store.dialects import upsert
from hub.store.tables import rule_packs


@dataclass(frozen=True, slots=True)
class Activation:
    """A pack's time in force: from a day, to and with another. None: not active, or without end."""

    name: str
    family: str
    digest: str
    active_from: date | None
    active_to: date | None
    by: str | None
    at: datetime
    archive: str | None = None
    """Under which digest its files are kept, for hosts that lack them."""


def keep(
    connection: Connection,
    name: str,
    family: str,
    digest: str,
    *,
    active_from: date | None,
    active_to: date | None,
    by: str | None,
) -> None:
    """Let the pack be in force for that time. Whoever calls this has its files, and is to `share` them after it."""
    row = {
        "name": name,
        "family": family,
        "digest": digest,
        "active_from": active_from.isoformat() if active_from else None,
        "active_to": active_to.isoformat() if active_to else None,
        "by": by,
        "at": now(connection),
        "archive": None,
    }
    upsert(connection, rule_packs, row, ("name",))


def share(connection: Connection, name: str, digest: str, archive: str) -> None:
    """Tell under which digest the files of that pack, with exactly those rules, are kept."""
    this = update(rule_packs).where(rule_packs.c.name == name, rule_packs.c.digest == digest)
    connection.execute(this.values(archive=archive))


def every(connection: Connection) -> dict[str, Activation]:
    """All packs that were ever made known, by name."""
    return {row.name: _activation(row) for row in connection.execute(select(rule_packs))}


def in_force(connection: Connection, family: str, on: date) -> Activation | None:
    """The pack that judges that family on that day: of those in force, the one that began last."""
    row = connection.execute(_IN_FORCE, {"family": family, "day": on.isoformat()}).one_or_none()
    return None if row is None else _activation(row)


# Asked for every document: built once.
_IN_FORCE = (
    select(rule_packs)
    .where(rule_packs.c.family == bindparam("family"), rule_packs.c.active_from <= bindparam("day"))
    .where((rule_packs.c.active_to.is_(None)) | (rule_packs.c.active_to >= bindparam("day")))
    .order_by(rule_packs.c.active_from.desc(), rule_packs.c.at.desc())
    .limit(1)
)


def _activation(row: Row[Any]) -> Activation:
    begins, ends = _day(row.active_from), _day(row.active_to)
    return Activation(row.name, row.family, row.digest, begins, ends, row.by, row.at, row.archive)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
