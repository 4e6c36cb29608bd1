"""What was set aside: documents that wait for somebody to mend and replay them, with their reasons.

Beside the reasons stands what groups and filters ask of the document and its invoice, copied when it was set aside:
fifty thousand of them are counted and summed without touching the million others.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, bindparam, delete, false, func, select

from hub.domain.calendar import city_day
from hub.domain.documents import Step
from hub.domain.texts import Reason
from hub.store import audit
from hub.store.database import now
from hub.store.dialects import upsert
from hub.store.invoices import words_of
from hub.store.reasons import read, written
from hub.store.tables import documents, invoices, journey, set_aside_groups, set_asides

SOON = timedelta(days=7)
"""An invoice due within so many days is due soon."""

_MOST_HUNDREDTHS = 10**12
_ASKED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class SetAside:
    """Why a document was set aside, when and at which stage; `since` is when it first was."""

    document_id: int
    at: datetime
    stage: str
    fingerprint: str
    reasons: tuple[Reason, ...]
    since: datetime


@dataclass(frozen=True, slots=True)
class Chosen:
    """Some of what is set aside: what meets every condition that is stated. Nothing stated chooses nothing.

    `connection` is one the documents came by or were going to; `since` and `until` tell when they were set aside;
    `seller` is the beginning of words in its name or its organisation number; `everything` is said outright.
    """

    ids: tuple[int, ...] | None = None
    group: str | None = None
    code: str | None = None
    stage: str | None = None
    connection: str | None = None
    unit: str | None = None
    seller: str | None = None
    arrived_from: datetime | None = None
    arrived_to: datetime | None = None
    amount_from: Decimal | None = None
    amount_to: Decimal | None = None
    since: datetime | None = None
    until: datetime | None = None
    everything: bool = False

    @property
    def is_narrow(self) -> bool:
        """Whether any condition is stated."""
        return any(self._stated())

    def as_json(self, most: int | None = None) -> dict[str, Any]:
        """As it is kept: the conditions that are stated, at most so many ids."""
        kept = dict(self._stated())
        if self.ids is not None:
            kept["ids"] = sorted(self.ids)[:most]
        plain = {name: str(value) for name, value in kept.items() if isinstance(value, Decimal)}
        moments = {name: value.isoformat() for name, value in kept.items() if isinstance(value, datetime)}
        return kept | plain | moments | ({"everything": True} if self.everything else {})

    @property
    def chooses(self) -> bool:
        """Whether anything is chosen at all."""
        return self.everything or self.is_narrow

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Chosen:
        """As it was kept."""
        values = dict(kept)
        if "ids" in values:
            values["ids"] = tuple(values["ids"])
        for name in values.keys() & {"amount_from", "amount_to"}:
            values[name] = Decimal(values[name])
        for name in values.keys() & {"arrived_from", "arrived_to", "since", "until"}:
            values[name] = datetime.fromisoformat(values[name])
        return cls(**values)

    def _stated(self) -> Iterator[tuple[str, Any]]:
        for each in fields(self):
            value = getattr(self, each.name)
            if value is not None and each.name != "everything":
                yield each.name, value


@dataclass(frozen=True, slots=True)
class Sum:
    """What invoices of one currency are to be paid together."""

    currency: str
    amount: Decimal
    number: int


@dataclass(frozen=True, slots=True)
class Figures:
    """What documents that are set aside come to. `unread` of them could not be read as invoices and have no amount.

    `oldest` and `newest` are when the one that waited longest and the latest were first set aside, None when there
    are none; `source` and `target` are the connections they came by and were going to, where all share one.
    """

    number: int = 0
    sums: tuple[Sum, ...] = ()
    unread: int = 0
    overdue: int = 0
    due_soon: int = 0
    oldest: datetime | None = None
    newest: datetime | None = None
    source: str | None = None
    target: str | None = None
    last: int = 0


@dataclass(frozen=True, slots=True)
class Ownership:
    """Who has taken it upon them to mend the cause, by whose word and since when."""

    owner: str
    note: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class SetAsideGroup:
    """Documents set aside for the same reasons. The reason is the first document's: its words may hold values."""

    fingerprint: str
    code: str
    stage: str
    reason: Reason
    number: int
    oldest: datetime
    newest: datetime
    figures: Figures
    ownership: Ownership | None = None

    def owner(self, owners: Mapping[str, str]) -> str:
        """Who is to mend it: the person it was given to, else the owner of the connection that all of it shares."""
        if self.ownership is not None:
            return self.ownership.owner
        shared = (self.figures.target, self.figures.source)
        return next((owners[name] for name in shared if name and owners.get(name)), "")


@dataclass(frozen=True, slots=True)
class Cause:
    """Why documents are set aside, how many, and since when the one that waited longest."""

    fingerprint: str
    code: str
    reason: Reason
    number: int
    oldest: datetime


def keep(
    connection: Connection, document_id: int, stage: str, reasons: Sequence[Reason], target: str | None = None
) -> None:
    """Set the document aside for these reasons; a later set of reasons stands instead.

    `target` is the connection it was going to, where that is known.
    """
    row = {
        "document_id": document_id,
        "at": now(connection),
        "stage": stage,
        "fingerprint": fingerprint(stage, reasons),
        "code": reasons[0].code[:64],
        "reasons": [written(each) for each in reasons],
        "target": target,
        **_facts(connection, document_id),
    }
    row["since"] = row["since"] or row["at"]
    upsert(connection, set_asides, row, ("document_id",))


def forget(connection: Connection, document_id: int) -> None:
    """The document is no longer set aside."""
    connection.execute(delete(set_asides).where(set_asides.c.document_id == document_id))


def of(connection: Connection, document_id: int) -> SetAside | None:
    """Why the document is set aside, if it is."""
    row = connection.execute(select(set_asides).where(set_asides.c.document_id == document_id)).one_or_none()
    return None if row is None else _set_aside(row)


def groups(connection: Connection, limit: int = 100) -> list[SetAsideGroup]:
    """What is set aside, by reason, the largest group first."""
    found = _by_group(connection.execute(_figures(())))
    numbers = {name: sum(row.number for row in rows) for name, rows in found.items()}
    largest = sorted(found, key=lambda name: (-numbers[name], name))[:limit]
    return _groups(connection, {name: found[name] for name in largest})


def causes(connection: Connection, limit: int = 100) -> list[Cause]:
    """The groups, the largest first, without what they come to, which takes most of the time."""
    aside = set_asides.c
    number = func.count().label("number")
    counted = select(
        aside.fingerprint, number, func.min(aside.since).label("oldest"), func.min(aside.document_id).label("first")
    )
    largest = counted.group_by(aside.fingerprint).order_by(number.desc(), aside.fingerprint).limit(limit)
    rows = connection.execute(largest).all()
    samples = _samples(connection, [row.first for row in rows])
    found = ((row, samples[row.fingerprint]) for row in rows if row.fingerprint in samples)
    return [
        Cause(row.fingerprint, sample.reasons[0].code, sample.reasons[0], row.number, row.oldest or sample.since)
        for row, sample in found
    ]


def group(connection: Connection, fingerprint: str) -> SetAsideGroup | None:
    """The group with that fingerprint, if any document is in it."""
    rows = connection.execute(_figures((set_asides.c.fingerprint == fingerprint,))).all()
    return next(iter(_groups(connection, _by_group(rows))), None)


def assign(connection: Connection, fingerprint: str, owner: str, note: str, by: str) -> None:
    """A person says who mends the cause of that group, themselves or another; nobody when `owner` is empty."""
    audit.write(connection, by, "assign", f"group {fingerprint}", {"owner": owner, "note": note})
    if not owner:
        connection.execute(delete(set_aside_groups).where(set_aside_groups.c.fingerprint == fingerprint))
        return
    row = {"fingerprint": fingerprint, "owner": owner[:128], "note": note, "by": by, "at": now(connection)}
    upsert(connection, set_aside_groups, row, ("fingerprint",))


def figures(connection: Connection, wanted: Chosen) -> Figures:
    """What the chosen come to; `last` is the highest document id among them."""
    rows = [row for conditions in _portions(wanted) for row in connection.execute(_figures(conditions))]
    exact = [each for conditions in _portions(wanted) for each in _inexact(connection, rows, conditions)]
    return _folded(rows, exact)


def chosen(
    connection: Connection, wanted: Chosen, *, after: int = 0, last: int | None = None, limit: int = 500
) -> list[int]:
    """The ids of the chosen, oldest first, from above the id `after` up to `last`."""
    found: list[int] = []
    for conditions in _portions(wanted, after):
        query = select(set_asides.c.document_id).where(set_asides.c.document_id > after, *conditions)
        if last is not None:
            query = query.where(set_asides.c.document_id <= last)
        query = query.order_by(_in_order(wanted)).limit(limit - len(found))
        found += connection.execute(query).scalars()
        if len(found) >= limit:
            break
    return found


def _in_order(wanted: Chosen) -> ColumnElement[Any]:
    """By document id: as the rows lie, where most of them are wanted; else put in order after they were found."""
    lie_so = wanted.everything or wanted.ids is not None or wanted.group is not None
    return set_asides.c.document_id if lie_so else set_asides.c.document_id + 0


def members(connection: Connection, group: str | None = None, *, after: int = 0, limit: int = 500) -> list[int]:
    """The ids of the documents set aside (in that group), oldest first, from above the id `after`."""
    return chosen(connection, Chosen(group=group, everything=group is None), after=after, limit=limit)


def count(connection: Connection) -> int:
    """How many documents are set aside."""
    return connection.execute(select(func.count()).select_from(set_asides)).scalar_one()


def codes(connection: Connection) -> list[str]:
    """The codes that something is set aside for, in order; of several reasons the first counts."""
    return list(connection.execute(select(set_asides.c.code).distinct().order_by(set_asides.c.code)).scalars())


def fingerprint(stage: str, reasons: Sequence[Reason]) -> str:
    """What equal failures share: the stage and the reasons' codes, without ids, values or places."""
    codes = sorted({reason.code for reason in reasons})
    return hashlib.sha256("\n".join([stage, *codes]).encode()).hexdigest()[:16]


# --- figures


def _figures(conditions: Sequence[ColumnElement[bool]]) -> Select[Any]:
    today = city_day(datetime.now(UTC))
    soon = today + SOON
    aside = set_asides.c
    return (
        select(
            aside.fingerprint,
            aside.currency,
            func.count().label("number"),
            func.sum(aside.hundredths).label("hundredths"),
            func.count().filter(aside.inexact).label("inexact"),
            func.count().filter(aside.due_date < today.isoformat()).label("overdue"),
            func.count().filter(aside.due_date.between(today.isoformat(), soon.isoformat())).label("due_soon"),
            func.min(aside.since).label("oldest"),
            func.max(aside.since).label("newest"),
            func.min(aside.source).label("source_low"),
            func.max(aside.source).label("source_high"),
            func.count(aside.target).label("targets"),
            func.min(aside.target).label("target_low"),
            func.max(aside.target).label("target_high"),
            func.min(aside.document_id).label("first"),
            func.max(aside.document_id).label("last"),
        )
        .where(*conditions)
        .group_by(aside.fingerprint, aside.currency)
    )


def _inexact(
    connection: Connection, rows: Sequence[Row[Any]], conditions: Sequence[ColumnElement[bool]]
) -> list[Row[Any]]:
    """The amounts that no whole number of hundredths holds: few if any, added up one by one."""
    if not any(row.inexact for row in rows):
        return []
    amounts = (
        select(set_asides.c.fingerprint, set_asides.c.currency, set_asides.c.hundredths, invoices.c.payable)
        .join(invoices, invoices.c.document_id == set_asides.c.document_id)
        .where(set_asides.c.inexact, *conditions)
    )
    return list(connection.execute(amounts))


def _folded(rows: Sequence[Row[Any]], inexact: Sequence[Row[Any]]) -> Figures:
    if not rows:
        return Figures()
    return Figures(
        number=sum(row.number for row in rows),
        sums=tuple(_sums(rows, inexact)),
        unread=sum(row.number for row in rows if row.currency is None),
        overdue=sum(int(row.overdue) for row in rows),
        due_soon=sum(int(row.due_soon) for row in rows),
        oldest=min(row.oldest for row in rows),
        newest=max(row.newest for row in rows),
        source=_shared({row.source_low for row in rows} | {row.source_high for row in rows}),
        target=_shared(
            {row.target_low if row.targets == row.number else None for row in rows} | {row.target_high for row in rows}
        ),
        last=max(row.last for row in rows),
    )


def _sums(rows: Sequence[Row[Any]], inexact: Sequence[Row[Any]]) -> Iterator[Sum]:
    for currency in sorted({row.currency for row in rows if row.currency is not None}):
        alike = [row for row in rows if row.currency == currency]
        whole = Decimal(sum(int(row.hundredths or 0) for row in alike)).scaleb(-2)
        off = [each.payable - Decimal(each.hundredths).scaleb(-2) for each in inexact if each.currency == currency]
        rest = sum(off, Decimal(0))
        yield Sum(currency, whole + rest, sum(row.number for row in alike))


def _shared(names: set[str | None]) -> str | None:
    return names.pop() if len(names) == 1 else None


def _by_group(rows: Iterable[Row[Any]]) -> dict[str, list[Row[Any]]]:
    found: dict[str, list[Row[Any]]] = {}
    for row in rows:
        found.setdefault(row.fingerprint, []).append(row)
    return found


def _groups(connection: Connection, rows: Mapping[str, Sequence[Row[Any]]]) -> list[SetAsideGroup]:
    everything = [row for each in rows.values() for row in each]
    inexact = _by_group(_inexact(connection, everything, ()))
    samples = _samples(connection, [min(row.first for row in each) for each in rows.values()])
    owned = _ownerships(connection, list(rows))
    return [
        _group(samples[name], _folded(each, inexact.get(name, ())), owned.get(name))
        for name, each in rows.items()
        if name in samples
    ]


def _group(sample: SetAside, figures: Figures, ownership: Ownership | None) -> SetAsideGroup:
    reason = sample.reasons[0]
    return SetAsideGroup(
        fingerprint=sample.fingerprint,
        code=reason.code,
        stage=sample.stage,
        reason=reason,
        number=figures.number,
        oldest=figures.oldest or sample.since,
        newest=figures.newest or sample.since,
        figures=figures,
        ownership=ownership,
    )


def _samples(connection: Connection, document_ids: Sequence[int]) -> dict[str, SetAside]:
    query = select(set_asides).where(set_asides.c.document_id.in_(document_ids))
    return {each.fingerprint: each for each in map(_set_aside, connection.execute(query))}


def _ownerships(connection: Connection, fingerprints: Sequence[str]) -> dict[str, Ownership]:
    owned = select(set_aside_groups).where(set_aside_groups.c.fingerprint.in_(fingerprints))
    return {row.fingerprint: Ownership(row.owner, row.note, row.by, row.at) for row in connection.execute(owned)}


# --- what is chosen


def _portions(wanted: Chosen, after: int = 0) -> Iterator[tuple[ColumnElement[bool], ...]]:
    """The conditions of the chosen; of a long list of ids, a portion at a time, so that any database takes it."""
    if not wanted.chooses:
        return
    conditions = tuple(_conditions(wanted))
    if wanted.ids is None:
        yield conditions
        return
    ids = sorted({each for each in wanted.ids if each > after})
    for begin in range(0, len(ids), _ASKED_AT_ONCE):
        yield (set_asides.c.document_id.in_(ids[begin : begin + _ASKED_AT_ONCE]), *conditions)


def _conditions(wanted: Chosen) -> Iterator[ColumnElement[bool]]:
    aside = set_asides.c
    equal = ((aside.fingerprint, wanted.group), (aside.code, wanted.code), (aside.stage, wanted.stage))
    for column, value in (*equal, (aside.unit, wanted.unit)):
        if value is not None:
            yield column == value
    if wanted.connection is not None:
        yield (aside.source == wanted.connection) | (aside.target == wanted.connection)
    if wanted.seller is not None:
        yield _is_of(wanted.seller)
    yield from _between(aside.arrived_at, wanted.arrived_from, wanted.arrived_to)
    yield from _between(aside.at, wanted.since, wanted.until)
    if wanted.amount_from is not None:
        yield aside.hundredths >= _whole(wanted.amount_from)[0]
    if wanted.amount_to is not None:
        yield aside.hundredths <= _whole(wanted.amount_to)[0]


def _is_of(seller: str) -> ColumnElement[bool]:
    """Whether the seller is meant by all those words; what has no letter or digit means none."""
    words = words_of(seller.replace("-", ""))
    meant = (set_asides.c.seller.contains(f" {word}", autoescape=True) for word in words)
    return and_(*meant) if words else false()


def _between(column: ColumnElement[Any], begins: datetime | None, ends: datetime | None) -> Iterator[Any]:
    if begins is not None:
        yield column >= begins
    if ends is not None:
        yield column < ends


# --- what is kept


def _facts(connection: Connection, document_id: int) -> dict[str, Any]:
    row = connection.execute(_FACTS, {"this": document_id}).one()
    hundredths, inexact = (None, False) if row.payable is None else _whole(row.payable)
    named = [*words_of(row.seller_name or ""), *words_of((row.seller_name or "").replace("-", ""))]
    words = dict.fromkeys([*words_of((row.seller_key or "").replace("-", "")), *named])
    return {
        "since": connection.execute(_FIRST, {"this": document_id}).scalar_one(),
        "arrived_at": row.arrived_at,
        "source": row.connection,
        "unit": row.unit,
        "seller": "".join(f" {word}" for word in words)[:200],
        "currency": row.currency,
        "hundredths": hundredths,
        "inexact": inexact,
        "due_date": row.due_date,
    }


def _whole(amount: Decimal) -> tuple[int, bool]:
    """The amount in hundredths, and whether it is more or less than that; very large ones are cut short."""
    if abs(amount) > _MOST_HUNDREDTHS // 100:
        return (_MOST_HUNDREDTHS if amount > 0 else -_MOST_HUNDREDTHS), True
    hundredths = int(amount * 100)
    return hundredths, Decimal(hundredths) != amount * 100


_FACTS = (
    select(
        documents.c.connection,
        documents.c.arrived_at,
        documents.c.unit,
        invoices.c.currency,
        invoices.c.payable,
        invoices.c.due_date,
        invoices.c.seller_key,
        invoices.c.seller_name,
    )
    .select_from(documents.outerjoin(invoices, invoices.c.document_id == documents.c.id))
    .where(documents.c.id == bindparam("this"))
)
_FIRST = select(func.min(journey.c.at)).where(
    journey.c.document_id == bindparam("this"), journey.c.step == Step.SET_ASIDE.value
)


def _set_aside(row: Row[Any]) -> SetAside:
    why = tuple(read(each) for each in row.reasons)
    return SetAside(row.document_id, row.at, row.stage, row.fingerprint, why, row.since or row.at)
