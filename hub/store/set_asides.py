"""What was set aside: documents that wait for somebody to mend and replay them, with their reasons."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, select

from hub.domain.texts import Reason, Text
from hub.store.database import now
from hub.store.dialects import upsert
from hub.store.tables import set_asides


@dataclass(frozen=True, slots=True)
class SetAside:
    """Why a document was set aside, when and at which stage."""

    document_id: int
    at: datetime
    stage: str
    fingerprint: str
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True)
class SetAsideGroup:
    """Documents set aside for the same reasons."""

    fingerprint: str
    code: str
    reason: Reason
    number: int
    oldest: datetime
    newest: datetime


def keep(connection: Connection, document_id: int, stage: str, reasons: Sequence[Reason]) -> None:
    """Set the document aside for these reasons; a later set of reasons stands instead."""
    row = {
        "document_id": document_id,
        "at": now(connection),
        "stage": stage,
        "fingerprint": fingerprint(stage, reasons),
        "code": reasons[0].code[:64],
        "reasons": [_written(reason) for reason in reasons],
    }
    upsert(connection, set_asides, row, ("document_id",))


def forget(connection: Connection, document_id: int) -> None:
    """The document is no longer set aside."""
    connection.execute(delete(set_asides).where(set_asides.c.document_id == document_id))


def of(connection: Connection, document_id: int) -> SetAside | None:
    """Why the document is set aside, if it is."""
    row = connection.execute(select(set_asides).where(set_asides.c.document_id == document_id)).one_or_none()
    if row is None:
        return None
    return SetAside(row.document_id, row.at, row.stage, row.fingerprint, tuple(_read(each) for each in row.reasons))


def groups(connection: Connection, limit: int = 100) -> list[SetAsideGroup]:
    """What is set aside, by reason, the largest group first."""
    number = func.count().label("number")
    sample = func.min(set_asides.c.document_id).label("sample")
    grouped = (
        select(set_asides.c.fingerprint, number, sample, func.min(set_asides.c.at), func.max(set_asides.c.at))
        .group_by(set_asides.c.fingerprint)
        .order_by(number.desc(), set_asides.c.fingerprint)
        .limit(limit)
    )
    return [_group(connection, *row) for row in connection.execute(grouped).all()]


def group(connection: Connection, fingerprint: str) -> SetAsideGroup | None:
    """The group with that fingerprint, if any document is in it."""
    of_group = set_asides.c.fingerprint == fingerprint
    counted = select(
        func.count(), func.min(set_asides.c.document_id), func.min(set_asides.c.at), func.max(set_asides.c.at)
    ).where(of_group)
    number, sample, oldest, newest = connection.execute(counted).one()
    return _group(connection, fingerprint, number, sample, oldest, newest) if number else None


def members(connection: Connection, group: str | None = None, *, after: int = 0, limit: int = 500) -> list[int]:
    """The ids of the documents set aside (in that group), oldest first, from above the id `after`."""
    wanted = select(set_asides.c.document_id).where(set_asides.c.document_id > after)
    if group is not None:
        wanted = wanted.where(set_asides.c.fingerprint == group)
    return list(connection.execute(wanted.order_by(set_asides.c.document_id).limit(limit)).scalars())


def count(connection: Connection) -> int:
    """How many documents are set aside."""
    return connection.execute(select(func.count()).select_from(set_asides)).scalar_one()


def fingerprint(stage: str, reasons: Sequence[Reason]) -> str:
    """What equal failures share: the stage and the reasons' codes, without ids, values or places."""
    codes = sorted({reason.code for reason in reasons})
    return hashlib.sha256("\n".join([stage, *codes]).encode()).hexdigest()[:16]


def _group(connection: Connection, group: str, number: int, sample: int, oldest: Any, newest: Any) -> SetAsideGroup:
    found = of(connection, sample)
    if found is None:
        raise LookupError(f"document {sample} is counted as set aside but has no reasons")
    return SetAsideGroup(group, found.reasons[0].code, found.reasons[0], number, oldest, newest)


def _written(reason: Reason) -> dict[str, str]:
    return {
        "code": reason.code,
        "sv": reason.problem.sv,
        "en": reason.problem.en,
        "sv_do": reason.remedy.sv,
        "en_do": reason.remedy.en,
        "location": reason.location,
        "value": reason.value[:500],
    }


def _read(kept: Mapping[str, str]) -> Reason:
    problem, remedy = Text(kept["sv"], kept["en"]), Text(kept["sv_do"], kept["en_do"])
    return Reason(kept["code"], problem, remedy, kept["location"], kept["value"])
