"""Making a plan for a register: what the extract says, staged beside what the target holds, written down as changes.

Whatever its size, no more than a batch of records is in memory at once; the rest lies in the database. Each batch is
a transaction of its own, and none is open while the extract or the target is read. Who dies here begins anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from itertools import islice
from typing import Any, TypeAlias, TypeVar

from sqlalchemy import Connection

from hub.domain.changes import Change, ChangeKind, Figures, digest_of, key_for
from hub.domain.texts import Reason, Text
from hub.plugin.errors import Rejected
from hub.plugin.ports import Fitted, Flaw, Holding, Whole
from hub.store import plans, staged
from hub.store.database import Database
from hub.store.staged import CREATE, FAULT, REMOVE, SAME, UPDATE, Staged
from hub.store.texts import is_storable, storable

OnFlaw: TypeAlias = Callable[[Connection, int, Flaw], None]
_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a plan is made: its id, how many records are held at once, what is called between batches."""

    database: Database
    plan_id: int
    batch: int
    beat: Callable[[], None]


@dataclass(slots=True)
class Read:
    """What an extract gave: records that are sound, those at fault (how many without an address), and its last word."""

    sound: int = 0
    flaws: int = 0
    unaddressed: int = 0
    whole: Whole | None = None

    @property
    def stated(self) -> int | None:
        """How many records it says it has."""
        return self.whole.stated if self.whole else None

    @property
    def complete(self) -> bool:
        """Whether it said that it is whole, and gave as many records as it stated."""
        return self.whole is not None and self.stated in {None, self.sound + self.flaws}

    @property
    def may_remove(self) -> bool:
        """Whether something may be removed on its word."""
        return self.complete and self.sound > 0 and not self.unaddressed


# --- the extract


def stage(desk: Desk, records: Iterable[Any], fit: Callable[[Any], Fitted], on_flaw: OnFlaw) -> Read:
    """Stage every record as the target would hold it. `on_flaw` is told of each at fault, with its number.

    Two records of one address are both at fault: nobody can say which is right.
    """
    read = Read()
    for batch in batches(_fitted(records, fit, read), desk.batch):
        desk.beat()
        with desk.database.write() as connection:
            _stage(connection, desk.plan_id, batch, read, on_flaw)
    return read


def _fitted(records: Iterable[Any], fit: Callable[[Any], Fitted], read: Read) -> Iterator[Fitted | Flaw]:
    for each in records:
        read.whole = each if isinstance(each, Whole) else None
        if isinstance(each, Flaw):
            yield each if each.address is None or _is_storable(each.address) else replace(each, address=None)
        elif not isinstance(each, Whole):
            yield _fit(each, fit)


def _fit(record: Any, fit: Callable[[Any], Fitted]) -> Fitted | Flaw:
    try:
        fitted = fit(record)
    except Rejected as failure:
        address = failure.address if failure.address and _is_storable(failure.address) else None
        return Flaw(address, _as_bytes(record), failure.reasons)
    if not _is_storable(fitted.address):
        return Flaw(None, _as_bytes(record), (_unstorable(fitted.address),))
    if not is_storable("".join(text for pair in fitted.fields.items() for text in pair)):
        return Flaw(fitted.address, _as_bytes(record), (_unstorable(fitted.address),))
    return fitted


def _stage(connection: Connection, plan_id: int, batch: Sequence[Fitted | Flaw], read: Read, on_flaw: OnFlaw) -> None:
    known = staged.find(connection, plan_id, {each.address for each in batch if each.address})
    changed: dict[str, Staged] = {}
    for each in batch:
        before = known.get(each.address or "")
        if isinstance(each, Fitted) and before is None:
            row = Staged(each.address, CREATE, dict(each.fields))
            read.sound += 1
        else:
            row = _fault(connection, each, before, read, on_flaw)
        if row.address:
            known[row.address] = changed[row.address] = row
    staged.keep(connection, plan_id, list(changed.values()))


def _fault(connection: Connection, each: Fitted | Flaw, before: Staged | None, read: Read, on_flaw: OnFlaw) -> Staged:
    """A record at fault, and with it the sound one of the same address that came before it."""
    if before is not None and before.kind == CREATE:
        read.sound -= 1
        _tell(connection, _double(Fitted(before.address, before.fields)), read, on_flaw)
    _tell(connection, _double(each) if isinstance(each, Fitted) else each, read, on_flaw)
    return Staged(each.address or "", FAULT)


def _tell(connection: Connection, flaw: Flaw, read: Read, on_flaw: OnFlaw) -> None:
    read.flaws += 1
    read.unaddressed += flaw.address is None
    on_flaw(connection, read.flaws, flaw)


# --- the target


def compare(desk: Desk, holdings: Iterable[Holding], theirs: frozenset[str]) -> None:
    """Meet what the target holds with what is staged. Fields that are theirs are not looked at."""
    for batch in batches(holdings, desk.batch):
        desk.beat()
        with desk.database.write() as connection:
            known = staged.find(connection, desk.plan_id, {each.address for each in batch})
            rows = {each.address: _met(known.get(each.address), each, theirs) for each in map(fitted, batch)}
            staged.same(connection, desk.plan_id, [each.address for each in rows.values() if each.kind == SAME])
            staged.keep(connection, desk.plan_id, [each for each in rows.values() if each.kind != SAME])


def _met(known: Staged | None, holding: Holding, theirs: frozenset[str]) -> Staged:
    if known is None or known.kind == REMOVE:
        return Staged(holding.address, REMOVE, {}, ours(holding.fields, theirs), holding.version, met=True)
    if known.kind == FAULT:
        return replace(known, met=True)
    wanted = {name: value for name, value in known.fields.items() if name not in theirs}
    before = {name: holding.fields.get(name, "") for name in wanted}
    kind = SAME if before == wanted else UPDATE
    return Staged(holding.address, kind, wanted, before, holding.version, met=True)


def ours(fields: Mapping[str, str], theirs: frozenset[str]) -> dict[str, str]:
    """What is ours of the fields, without those that are empty."""
    return {name: value for name, value in fields.items() if value and name not in theirs}


# --- the plan


def write_down(desk: Desk, route: str, target: str, *, may_remove: bool) -> str:
    """Write the staged changes down, numbered: creates, updates, removals, each by address. The plan's digest."""
    kinds = (ChangeKind.CREATE, ChangeKind.UPDATE, *((ChangeKind.REMOVE,) if may_remove else ()))
    return digest_of(route, target, _written(desk, kinds))


def figures(desk: Desk, read: Read, *, first: bool, held_before: int | None) -> Figures:
    """What was counted, once everything is staged and compared."""
    with desk.database.read() as connection:
        counted = staged.counts(connection, desk.plan_id)
    number = {kind: counted.get((kind, True), 0) + counted.get((kind, False), 0) for kind in (CREATE, REMOVE)}
    return Figures(
        stated=read.stated,
        read=read.sound,
        flaws=read.flaws,
        complete=read.complete,
        holdings=sum(found for (_, met), found in counted.items() if met),
        creates=number[CREATE],
        updates=counted.get((UPDATE, True), 0),
        removals=number[REMOVE] if read.may_remove else 0,
        unchanged=counted.get((SAME, True), 0),
        spared=counted.get((FAULT, True), 0),
        withheld=0 if read.may_remove else number[REMOVE],
        first=first,
        held_before=held_before,
    )


def _written(desk: Desk, kinds: Sequence[ChangeKind]) -> Iterator[Change]:
    number = 0
    for kind in kinds:
        for rows in _pages(desk, kind):
            made = [_change(desk.plan_id, number + place, row) for place, row in enumerate(rows, 1)]
            with desk.database.write() as connection:
                plans.add(connection, desk.plan_id, enumerate(made, number + 1))
            number += len(made)
            desk.beat()
            yield from made


def _pages(desk: Desk, kind: ChangeKind) -> Iterator[list[Staged]]:
    after = ""
    while True:
        with desk.database.read() as connection:
            rows = staged.page(connection, desk.plan_id, kind, after, desk.batch)
        if not rows:
            return
        yield rows
        after = rows[-1].address


def _change(plan_id: int, number: int, row: Staged) -> Change:
    bare = Change(ChangeKind(row.kind), "", row.address, row.fields, row.before, row.version)
    return replace(bare, key=key_for(plan_id, number, bare))


# --- pieces of things


def batches(things: Iterable[_Thing], size: int) -> Iterator[list[_Thing]]:
    """The things in lists of that size, the last one shorter."""
    left = iter(things)
    while batch := list(islice(left, size)):
        yield batch


def fitted(holding: Holding) -> Holding:
    """The holding as every database takes it."""
    if is_storable("".join((holding.address, holding.version, *holding.fields.values(), *holding.fields))):
        return holding
    plain = {storable(name): storable(value) for name, value in holding.fields.items()}
    return Holding(storable(holding.address), plain, storable(holding.version))


def _is_storable(address: str) -> bool:
    return 0 < len(address) <= staged.LONGEST and is_storable(address)


def _as_bytes(record: Any) -> bytes:
    told = asdict(record) if is_dataclass(record) and not isinstance(record, type) else record
    return json.dumps(told, ensure_ascii=False, indent=1, default=str).encode("utf-8", "backslashreplace")


def _double(record: Fitted) -> Flaw:
    reason = Reason(
        "RECORD-TWICE",
        Text("Utdraget har flera poster med samma nyckel.", "The extract has several records of one key."),
        Text("Rätta källan så att posten finns en gång.", "Mend the source, so that the record is there once."),
        value=record.address,
    )
    return Flaw(record.address, _as_bytes(record), (reason,))


def _unstorable(address: str) -> Reason:
    return Reason(
        "RECORD-UNSTORABLE",
        Text(
            f"Posten kan inte sparas: nyckeln är tom eller längre än {staged.LONGEST} tecken, eller ett NUL-tecken "
            "eller ett halvt tecken (ett ensamt surrogat) finns i den.",
            f"The record cannot be kept: its key is empty or longer than {staged.LONGEST} characters, or there is a "
            "NUL character or half a character (a lone surrogate) in it.",
        ),
        Text("Rätta posten i källan.", "Mend the record in the source."),
        value=storable(address[:100]),
    )
