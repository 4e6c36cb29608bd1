"""What changed just before something went wrong: people's deeds, rules, settings and versions, told from the audit log.

Settings and versions are compared each time somebody begins to work; what differs is written down as a deed of the
hub's own. Secrets are not compared, so a changed password is not seen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from pydantic import BaseModel
from sqlalchemy import Connection

from hub.store import audit
from hub.store.audit import Deed

LOOKED_BACK = timedelta(hours=24)
HUB = "hub"
CHANGED = "changed"
_MOST = 30
_NO_CHANGES = (
    "check",
    "run",
    "replay",
    "dismiss",
    "login",
    "logout",
    "download",
    "repair",
    "close",
    "rehearse",
    "assign",
    "normal",
    "cancel",
)


def digest(settings: BaseModel | None, *others: object) -> str:
    """A short digest of settings as they may be shown: what is secret counts for nothing."""
    return hashlib.sha256(repr((settings, others)).encode()).hexdigest()[:12]


def note(connection: Connection, standing: Mapping[str, str]) -> tuple[str, ...]:
    """Write down what differs from the last time, by name; what that was. The first time nothing differs."""
    last = next(iter(audit.about(connection, HUB, 1)), None)
    before = last.details.get("standing", {}) if last else None
    if before == dict(standing):
        return ()
    names = sorted(before.keys() | standing.keys()) if before is not None else []
    changed = tuple(name for name in names if (before or {}).get(name) != standing.get(name))
    audit.write(connection, HUB, CHANGED, HUB, {"standing": dict(standing), "changed": list(changed)})
    return changed


def before(connection: Connection, since: datetime) -> list[Deed]:
    """What people and the hub changed from a day before that time until now, newest first."""
    found = audit.since(connection, since - LOOKED_BACK, but_not=_NO_CHANGES, limit=_MOST)
    return [each for each in found if each.what != CHANGED or each.details.get("changed")]
