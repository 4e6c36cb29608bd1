"""The accounts payable, posting by posting, as they were last pulled or imported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, Row, func, select, tuple_

from hub.domain.identifiers import masked
from hub.domain.ledger import LedgerRow
from hub.store.dialects import insert
from hub.store.keys import among
from hub.store.orders import Kept, Seen
from hub.store.tables import ledger

_KEY = ("buyer_id", "voucher", "row", "account")
_PORTION = 1000


def keep(connection: Connection, found: Sequence[LedgerRow], seen: Seen) -> Kept:
    """Keep a page of postings; of one that comes twice the last counts."""
    rows = {_key(row): row for row in (_row(each, seen) for each in found)}
    if not rows:
        return Kept()
    known = _known(connection, list(rows))
    other = sum(1 for key, row in rows.items() if key in known and _said(row) != _said(known[key]._asdict()))
    new = sum(1 for key in rows if key not in known)
    added = insert(connection, ledger)
    values = {each.name: added.excluded[each.name] for each in ledger.columns if each.name not in _KEY}
    connection.execute(added.on_conflict_do_update(index_elements=list(_KEY), set_=values), list(rows.values()))
    return Kept(new, other, len(rows) - new - other)


def numbered(connection: Connection, stated: Sequence[LedgerRow], nth: Sequence[int]) -> list[LedgerRow]:
    """Postings of a file, which has no numbers for them, with the numbers under which they are to be kept.

    `nth` says of each which it is in its file of those on its voucher, account and day. The nth of them that is kept
    already is meant; beyond those, one gets the next number that is free. So a file that is imported twice, or that
    was exported from here, changes nothing. A supplier's number that was masked in the file stays whole here.
    """
    taken: dict[tuple[Any, ...], int] = {}
    same: dict[tuple[Any, ...], list[Any]] = {}
    for row in _beside(connection, stated):
        group = (row.buyer_id, row.voucher, row.account)
        taken[group] = max(taken.get(group, 0), row.row)
        same.setdefault((*group, row.booked_on), []).append((row.row, row.supplier_id))
    told = []
    for posting, place in zip(stated, nth, strict=True):
        group = (posting.buyer_id, posting.voucher, posting.account)
        kept = same.setdefault((*group, posting.booked_on.isoformat()), [])
        if place > len(kept):
            taken[group] = taken.get(group, 0) + 1
            kept.append((taken[group], posting.supplier_id))
        number, supplier = kept[place - 1]
        whole = supplier if masked(supplier) == posting.supplier_id else posting.supplier_id
        told.append(replace(posting, number=number, supplier_id=whole))
    return told


def _beside(connection: Connection, stated: Sequence[LedgerRow]) -> Iterator[Any]:
    """What is kept on the vouchers and accounts of these postings, in the order of their numbers."""
    group = tuple_(ledger.c.buyer_id, ledger.c.voucher, ledger.c.account)
    columns = ledger.c.buyer_id, ledger.c.voucher, ledger.c.account, ledger.c.row, ledger.c.booked_on
    wanted = select(*columns, ledger.c.supplier_id).order_by(ledger.c.row)
    keys = list(dict.fromkeys((each.buyer_id, each.voucher, each.account) for each in stated))
    yield from connection.execute(wanted.where(group.in_(keys)))


def each(connection: Connection, begins: date, ends: date) -> Iterator[LedgerRow]:
    """The postings booked in those days, the first and the last among them, in the order of their keys."""
    columns = [ledger.c[name] for name in _KEY]
    within = ledger.c.booked_on.between(begins.isoformat(), ends.isoformat())
    wanted, after = select(ledger).where(within).order_by(*columns).limit(_PORTION), None
    while True:
        portion = wanted if after is None else wanted.where(tuple_(*columns) > tuple_(*after))
        found = connection.execute(portion).all()
        yield from map(_posting, found)
        if len(found) < _PORTION:
            return
        after = tuple(getattr(found[-1], name) for name in _KEY)


@dataclass(frozen=True, slots=True)
class Counted:
    """How many postings there are, and how many of them name no contract."""

    rows: int
    without_contract: int


def count(connection: Connection) -> Counted:
    """The whole ledger counted."""
    total = connection.execute(select(func.count()).select_from(ledger)).scalar_one()
    bare = select(func.count()).select_from(ledger).where(ledger.c.contract == "")
    return Counted(total, connection.execute(bare).scalar_one())


def days(connection: Connection) -> tuple[date, date] | None:
    """The first and the last day on which anything was booked; None when there is nothing."""
    first, last = connection.execute(select(func.min(ledger.c.booked_on), func.max(ledger.c.booked_on))).one()
    return (date.fromisoformat(first), date.fromisoformat(last)) if first else None


def _known(connection: Connection, keys: Sequence[tuple[Any, ...]]) -> dict[tuple[Any, ...], Row[Any]]:
    wanted = select(ledger).where(among(connection, [ledger.c[name] for name in _KEY], keys))
    return {_key(row._asdict()): row for row in connection.execute(wanted)}


def _key(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in _KEY)


def _said(row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[each.name] for each in ledger.columns if each.name not in (*_KEY, "connection"))


def _row(each: LedgerRow, seen: Seen) -> dict[str, Any]:
    values = asdict(each)
    number = values.pop("number")
    return values | {"row": number, "booked_on": each.booked_on.isoformat(), "connection": seen.connection}


def _posting(row: Row[Any]) -> LedgerRow:
    values = row._asdict() | {"number": row.row, "booked_on": date.fromisoformat(row.booked_on)}
    values["amount"] = Decimal(row.amount)
    return LedgerRow(**{each.name: values[each.name] for each in fields(LedgerRow)})
