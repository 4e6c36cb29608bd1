"""The order store: purchase orders with their lines as they were last pulled, and as they stood before each change.

A page of rows is kept in a handful of statements, however many orders it touches. An order whose rows say something
else than before is set aside as a version first, whole.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, TypeAlias

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from hub.domain.orders import OrderHead, OrderLine, OrderRow, OrderStatus, PurchaseOrder
from hub.store.database import now
from hub.store.keys import among
from hub.store.tables import order_lines, order_versions, orders, suppliers

Key: TypeAlias = tuple[str, str]
"""A company and an order number."""
LineKey: TypeAlias = tuple[str, str, int]
"""And a line's number."""

_AT_ONCE = 400
_OWN = orders.c.company, orders.c.number
_ITS = order_lines.c.company, order_lines.c.number


@dataclass(frozen=True, slots=True)
class Kept:
    """What a page brought: rows new, changed and as they were, or an older picture than what is kept."""

    new: int = 0
    changed: int = 0
    same: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """By which connection and in which of its pulls rows were seen."""

    connection: str
    pull: int


def keep(connection: Connection, rows: Sequence[OrderRow], seen: Seen, *, whole: bool) -> Kept:
    """Keep a page of rows. In a pull of the `whole` also what did not change is marked as seen.

    An order of which another connection told a later picture is left as it is, unless the whole is pulled.
    """
    new = changed = same = 0
    for some in _by_orders(rows):
        kept = _keep_some(connection, some, seen, whole)
        new, changed, same = new + kept.new, changed + kept.changed, same + kept.same
    return Kept(new, changed, same)


def _keep_some(connection: Connection, some: Sequence[OrderRow], seen: Seen, whole: bool) -> Kept:
    heads = {_key(row): row.head for row in some}
    fresh = {(*_key(row), row.line.number): row.line for row in some if row.line is not None}
    known, told = _heads(connection, heads), len(fresh)
    for key in [key for key in known if not whole and _is_older(heads[key], known[key], seen)]:
        del heads[key]
    fresh = {key: line for key, line in fresh.items() if key[:2] in heads}
    lines = _lines(connection, [key for key in fresh if key[:2] in known])
    added = {key: line for key, line in fresh.items() if key not in lines}
    other = {key: line for key, line in fresh.items() if key in lines and _said(line) != _said_row(lines[key])}
    touched = {key[:2] for key in (*added, *other)} | {
        key for key, head in heads.items() if key in known and _head_values(head) != _known_values(known[key])
    }
    _set_versions_aside(connection, {key: known[key] for key in touched if key in known}, seen)
    moved = _moved(heads, added, other, lines)
    _keep_heads(connection, heads, known, touched, seen, whole, moved)
    _keep_lines(connection, added, other, seen.pull)
    _count_again(connection, [key for key in touched if key in known and _is_turned(heads[key], known[key])])
    if whole:
        _mark_seen(connection, [key for key in fresh if key not in added and key not in other], seen.pull)
    return Kept(len(added), len(other), told - len(added) - len(other))


def forget_unseen(connection: Connection, seen: Seen, limit: int = 1000) -> int:
    """After a pull of the whole: lines that were not in it are gone, each order kept as a version first.

    An order of which nothing came stays as it was: it is the purchasing system's to say that it ended. At most
    `limit` orders at once; how many it was.
    """
    gone = order_lines.c.pull < seen.pull
    mine = (orders.c.connection == seen.connection) & (orders.c.pull == seen.pull)
    joined = and_(orders.c.company == order_lines.c.company, orders.c.number == order_lines.c.number)
    wanted = select(orders.c.company, orders.c.number).distinct().join_from(orders, order_lines, joined)
    keys = [(row.company, row.number) for row in connection.execute(wanted.where(mine, gone).limit(limit))]
    for some in _portions(keys):
        _set_versions_aside(connection, _heads(connection, some), seen)
        connection.execute(delete(order_lines).where(among(connection, _ITS, some), gone))
        _count_again(connection, some)
    return len(keys)


def spare(connection: Connection, addresses: Collection[str], seen: Seen) -> int:
    """In a pull of the whole: what stands at these rows' addresses was met, though it could not be read.

    A row that does not tell its line spares all of its order. How many do not even tell their order: of those nobody
    can say what they are.
    """
    told = [_place(each) for each in addresses]
    places = [each for each in told if each is not None]
    for some in _portions(list({(company, number) for company, number, _ in places})):
        _take_over(connection, [key for key, row in _heads(connection, some).items() if _is_others(row, seen)], seen)
    _mark_seen(connection, [(company, number, line) for company, number, line in places if line is not None], seen.pull)
    for some in _portions([(company, number) for company, number, line in places if line is None]):
        connection.execute(update(order_lines).where(among(connection, _ITS, some)).values(pull=seen.pull))
    return len(told) - len(places)


def _take_over(connection: Connection, keys: Sequence[Key], seen: Seen) -> None:
    """Orders of another connection are met in this pull before any row of theirs is kept."""
    if keys:
        these = update(orders).where(among(connection, _OWN, keys))
        connection.execute(these.values(connection=seen.connection, pull=0))
        _hand_over(connection, keys, keys)


def _is_others(row: Row[Any], seen: Seen) -> bool:
    return bool(row.connection != seen.connection)


def _place(address: str) -> tuple[str, str, int | None] | None:
    """Company, order and line of an address, see `OrderRow.address`; the line is None where it tells none."""
    company, _, rest = address.partition("/")
    number, slash, line = rest.rpartition("/")
    if not slash:
        number, line = rest, ""
    if not company or not number:
        return None
    return company, number, int(line) if _LINE.fullmatch(line) else None


_LINE = re.compile(r"\d{1,9}", re.ASCII)


def get(connection: Connection, company: str, number: str) -> PurchaseOrder | None:
    """The order with its lines."""
    return next(iter(of_keys(connection, [(company, number)])), None)


def numbered(connection: Connection, number: str, limit: int = 10) -> list[PurchaseOrder]:
    """The orders of that number, and after them those of that external reference, of any company."""
    keys: dict[Key, None] = {}
    for column in (orders.c.number, orders.c.external_reference):
        wanted = select(*_OWN).where(column == number).order_by(*_OWN).limit(limit)
        keys.update(((row.company, row.number), None) for row in connection.execute(wanted))
    found = {(each.head.company, each.head.number): each for each in of_keys(connection, list(keys)[:limit])}
    return [found[key] for key in keys if key in found]


def of_keys(connection: Connection, keys: Sequence[Key]) -> list[PurchaseOrder]:
    """Those of the orders that there are, by company and number."""
    heads = _heads(connection, keys)
    lines: dict[Key, list[OrderLine]] = {}
    for key, row in sorted(_all_lines(connection, keys).items()):
        lines.setdefault(key[:2], []).append(_line(row))
    return [PurchaseOrder(_head(heads[key]), tuple(lines.get(key, ()))) for key in sorted(heads)]


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Which orders to list.

    `words` begin its number (with `COMPANY/` before it or not), its external reference or a contract, of the order or
    of a line, or are the number or begin the name of its supplier. `bare` asks for those with a line that names no
    contract, nor does the order.
    """

    words: str = ""
    bare: bool = False
    company: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """An order as lists tell it, with how many lines it has and how many of them name no contract."""

    head: OrderHead
    lines: int
    bare: int


def page(
    connection: Connection, wanted: OrderFilter | None = None, *, after: Key = ("", ""), limit: int = 50
) -> list[Listed]:
    """Orders that meet the filter, by company and number, from after that one.

    Words that few orders meet are looked up, and those sorted; what many meet is soon found by walking the orders.
    """
    asked = wanted or OrderFilter()
    query: Select[Any] = select(orders).where(tuple_(orders.c.company, orders.c.number) > tuple_(*after))
    if asked.bare:
        query = query.where(orders.c.bare > literal_column("0"))
    if asked.company:
        query = query.where(orders.c.company == asked.company)
    ordered = query.order_by(orders.c.company, orders.c.number).limit(limit)
    words = asked.words.strip()[:100]
    if not words:
        return [_listed(row) for row in connection.execute(ordered)]
    few = _few(connection, words)
    if few is None:
        return [_listed(row) for row in connection.execute(ordered.where(_meets(connection, words)))]
    found: list[Listed] = []
    for some in _portions(sorted(key for key in few if key > after)):
        these = ordered.where(among(connection, _OWN, some))
        found += [_listed(row) for row in connection.execute(these)]
        if len(found) >= limit:
            break
    return found[:limit]


_FEW = 2000


def _few(connection: Connection, words: str) -> set[Key] | None:
    """The orders that the words begin anything of, by index; None when they are many."""
    columns = orders.c.company, orders.c.number
    asked: list[Select[Any]] = [select(*columns).where(begun) for begun in _begun(words)]
    asked.append(select(order_lines.c.company, order_lines.c.number).where(_begins(order_lines.c.contract, words)))
    asked.extend(select(*columns).where(orders.c.supplier == number) for number in _sellers(connection, words))
    found: set[Key] = set()
    for each_ in asked:
        found.update((row.company, row.number) for row in connection.execute(each_.limit(_FEW + 1)))
        if len(found) > _FEW:
            return None
    return found


def _meets(connection: Connection, words: str) -> ColumnElement[bool]:
    """The same question of one order."""
    its = (order_lines.c.company == orders.c.company) & (order_lines.c.number == orders.c.number)
    named = select(order_lines.c.line).where(its, _begins(order_lines.c.contract, words)).exists()
    return or_(*_begun(words), orders.c.supplier.in_(_sellers(connection, words)), named)


def _begun(words: str) -> Iterator[ColumnElement[bool]]:
    """What of an order the words may begin; its number also after its company, as the command line tells it."""
    for column in (orders.c.number, orders.c.external_reference, orders.c.contract):
        yield _begins(column, words)
    company, slash, number = words.partition("/")
    if slash:
        yield and_(orders.c.company == company, _begins(orders.c.number, number))


def _sellers(connection: Connection, words: str) -> list[str]:
    """The numbers of suppliers with that number or organisation number, or with a name that begins so."""
    name, digits = suppliers.c.name, words.replace("-", "")
    # SQLite folds the case of English letters only.
    spelt = (words, words[:1].upper() + words[1:])
    named = or_(*(name.istartswith(each_, autoescape=True) for each_ in spelt))
    same = or_(suppliers.c.organisation_number == digits, named)
    found = select(suppliers.c.number).where(same).distinct().limit(50)
    return [words, *connection.execute(found).scalars()]


def _begins(column: ColumnElement[str], words: str) -> ColumnElement[bool]:
    return and_(column >= words, column < words + "\U0010ffff")


def each(connection: Connection, portion: int = _AT_ONCE) -> Iterator[PurchaseOrder]:
    """Every order with its lines, by company and number, a portion at a time."""
    after: Key = ("", "")
    while some := page(connection, after=after, limit=portion):
        keys = [(listed.head.company, listed.head.number) for listed in some]
        yield from of_keys(connection, keys)
        after = keys[-1]


def digest(connection: Connection) -> str:
    """A digest of every order, in whatever order a database sorts them: stores that hold the same have the same."""
    total = 0
    for order in each(connection):
        said = f"{order.head.company}/{order.head.number} {order.digest}"
        total += int.from_bytes(hashlib.sha256(said.encode()).digest())
    return f"{total % (1 << 256):064x}"


@dataclass(frozen=True, slots=True)
class Version:
    """An order as it stood until a pull brought something else; `body` as it was written then."""

    version: int
    replaced_at: datetime
    body: Mapping[str, Any]


def versions(connection: Connection, company: str, number: str) -> list[Version]:
    """How the order stood before, oldest first."""
    these = (order_versions.c.company == company) & (order_versions.c.number == number)
    found = connection.execute(select(order_versions).where(these).order_by(order_versions.c.version))
    return [Version(row.version, row.replaced_at, row.body) for row in found]


@dataclass(frozen=True, slots=True)
class Difference:
    """A field that says something else than before; `line` is None for the order's own. Empty is what is not there."""

    line: int | None
    name: str
    before: str
    after: str


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """What two bodies of an order say differently: its own fields first, then line by line."""
    told = [Difference(None, *each_) for each_ in _unlike(before["head"], after["head"]) if each_[0] != "updated_at"]
    was, became = ({int(each_["number"]): each_ for each_ in body["lines"]} for body in (before, after))
    for number in sorted(was.keys() | became.keys()):
        told += [Difference(number, *each_) for each_ in _unlike(was.get(number, {}), became.get(number, {}))]
    return told


def changes(found: Sequence[Version], now_: PurchaseOrder) -> list[tuple[Version, list[Difference]]]:
    """Each version with what came after it said differently, oldest first; `now_` is how the order stands."""
    bodies = [*(each_.body for each_ in found), body(now_)]
    return [(each_, differences(each_.body, after)) for each_, after in zip(found, bodies[1:], strict=True)]


def _unlike(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    for name in {**before, **after}:
        was, became = before.get(name, ""), after.get(name, "")
        if _spelt(was) != _spelt(became):
            yield name, was, became


def _spelt(value: str) -> str:
    """The value without the zeros that end an amount: 4.50 says the same as 4.5."""
    return value.rstrip("0").rstrip(".") if _DECIMAL.fullmatch(value) else value


_DECIMAL = re.compile(r"-?\d+\.\d+")


def are_there(connection: Connection) -> bool:
    """Whether any order was ever pulled."""
    found: object = connection.execute(select(orders.c.number).limit(1)).first()
    return found is not None


@dataclass(frozen=True, slots=True)
class Counted:
    """How many orders and lines there are, and how many lines name no contract, nor does their order."""

    orders: int
    lines: int
    without_contract: int


def count(connection: Connection) -> Counted:
    """The whole store counted. Each order knows the counts of its lines, so that one index is read and no row."""
    lines, bare = func.coalesce(func.sum(orders.c.lines), 0), func.coalesce(func.sum(orders.c.bare), 0)
    told = connection.execute(select(func.count(), lines, bare).select_from(orders)).one()
    return Counted(*map(int, told))


# --- how a page is kept


def _by_orders(rows: Sequence[OrderRow]) -> Iterator[list[OrderRow]]:
    """The rows in portions of so many orders as one statement names; all rows of one order in one portion."""
    gathered: dict[Key, list[OrderRow]] = {}
    for row in rows:
        gathered.setdefault(_key(row), []).append(row)
    for some in _portions(list(gathered)):
        yield [row for key in some for row in gathered[key]]


def _portions(keys: Sequence[Key]) -> Iterator[Sequence[Key]]:
    return (keys[at : at + _AT_ONCE] for at in range(0, len(keys), _AT_ONCE))


def _key(row: OrderRow) -> Key:
    return row.head.company, row.head.number


def _was_before(row: Row[Any], seen: Seen) -> bool:
    """Whether it was another pull than this that brought what the order says now."""
    return _is_others(row, seen) or bool(row.version_pull < seen.pull)


def _is_older(head: OrderHead, row: Row[Any], seen: Seen) -> bool:
    """Whether another connection told of a later change. What one connection tells again is as it stands there now."""
    if not _is_others(row, seen) or row.updated_at is None or head.updated_at is None:
        return False
    return bool(head.updated_at < row.updated_at)


def _is_turned(head: OrderHead, row: Row[Any]) -> bool:
    """Whether the order itself names a contract now and did not, or did and does not: that is said of every line."""
    return bool(head.contract) != bool(row.contract)


def _heads(connection: Connection, keys: Collection[Key]) -> dict[Key, Row[Any]]:
    wanted = select(orders).where(among(connection, _OWN, keys))
    return {(row.company, row.number): row for row in connection.execute(wanted)}


def _all_lines(connection: Connection, keys: Collection[Key]) -> dict[LineKey, Row[Any]]:
    wanted = select(order_lines).where(among(connection, _ITS, keys))
    return {(row.company, row.number, row.line): row for row in connection.execute(wanted)}


def _lines(connection: Connection, keys: Sequence[LineKey]) -> dict[LineKey, Row[Any]]:
    """Those of the lines that there are. Of a long order no others are read: a page costs what the page holds."""
    found: dict[LineKey, Row[Any]] = {}
    for at in range(0, len(keys), _AT_ONCE):
        these = among(connection, (*_ITS, order_lines.c.line), keys[at : at + _AT_ONCE])
        rows = connection.execute(select(order_lines).where(these))
        found.update(((row.company, row.number, row.line), row) for row in rows)
    return found


def _keep_heads(
    connection: Connection,
    heads: Mapping[Key, OrderHead],
    known: Mapping[Key, Row[Any]],
    touched: set[Key],
    seen: Seen,
    whole: bool,
    moved: Mapping[Key, dict[str, int]],
) -> None:
    marks = {"connection": seen.connection, "pull": seen.pull, "seen_at": now(connection)}
    first = marks | {"version": 1, "version_pull": seen.pull}
    fresh = [_head_row(head) | first | moved[key] for key, head in heads.items() if key not in known]
    if fresh:
        connection.execute(insert(orders), fresh)
    stale = {
        key: head
        for key, head in heads.items()
        if key in known and (whole or key in touched or head.updated_at != known[key].updated_at)
    }
    if stale:
        rows = [_head_row(head) | marks | moved[key] for key, head in stale.items()]
        connection.execute(_UPDATE_HEAD, [{f"its_{name}": value for name, value in row.items()} for row in rows])
    others = [key for key in stale if _is_others(known[key], seen)]
    _hand_over(connection, others, [key for key in others if key not in touched])


def _hand_over(connection: Connection, keys: Sequence[Key], as_they_were: Sequence[Key]) -> None:
    """These orders come by another connection now: the pulls of the one before count for nothing among its own."""
    if keys:
        connection.execute(update(order_lines).where(among(connection, _ITS, keys)).values(pull=0))
    if as_they_were:
        connection.execute(update(orders).where(among(connection, _OWN, as_they_were)).values(version_pull=0))


def _moved(
    heads: Mapping[Key, OrderHead],
    added: Mapping[LineKey, OrderLine],
    other: Mapping[LineKey, OrderLine],
    known: Mapping[LineKey, Row[Any]],
) -> dict[Key, dict[str, int]]:
    """Of each order how many more lines it has, and how many more of them name no contract, nor does it itself."""
    told = {key: {"lines": 0, "bare": 0} for key in heads}
    for key, line in (*added.items(), *other.items()):
        was = known.get(key)
        its, is_bare = told[key[:2]], not heads[key[:2]].contract
        its["lines"] += was is None
        its["bare"] += (is_bare and not line.contract) - (is_bare and was is not None and not was.contract)
    return told


def _count_again(connection: Connection, keys: Sequence[Key]) -> None:
    if keys:
        connection.execute(_COUNT_AGAIN.where(among(connection, _OWN, keys)))


def _keep_lines(
    connection: Connection,
    added: Mapping[LineKey, OrderLine],
    other: Mapping[LineKey, OrderLine],
    pull: int,
) -> None:
    if added:
        connection.execute(insert(order_lines), [_line_row(key, line, pull) for key, line in added.items()])
    if other:
        rows = [_line_row(key, line, pull) for key, line in other.items()]
        connection.execute(_UPDATE_LINE, [{f"its_{name}": value for name, value in row.items()} for row in rows])


def _mark_seen(connection: Connection, keys: Sequence[LineKey], pull: int) -> None:
    for at in range(0, len(keys), _AT_ONCE):
        these = among(connection, (*_ITS, order_lines.c.line), keys[at : at + _AT_ONCE])
        connection.execute(update(order_lines).where(these).values(pull=pull))


def _set_versions_aside(connection: Connection, known: Mapping[Key, Row[Any]], seen: Seen) -> None:
    """Keep those of the orders that this pull is the first to change as they stand now, whole.

    Each then has the next version, which is this pull's, on whichever of its pages the rest comes.
    """
    keys = [key for key, row in known.items() if _was_before(row, seen)]
    if not keys:
        return
    at = now(connection)
    written = [
        {
            "company": order.head.company,
            "number": order.head.number,
            "version": known[order.head.company, order.head.number].version,
            "replaced_at": at,
            "body": body(order),
        }
        for order in of_keys(connection, keys)
    ]
    connection.execute(insert(order_versions), written)
    these = among(connection, _OWN, keys)
    connection.execute(update(orders).where(these).values(version=orders.c.version + 1, version_pull=seen.pull))


_HEAD_COLUMNS = ("supplier", "status", "ordered_on", "currency", "responsible", "external_reference", "contract")
_ITS_LINES = select(func.count()).where(
    order_lines.c.company == orders.c.company, order_lines.c.number == orders.c.number
)
_COUNT_AGAIN = update(orders).values(
    lines=_ITS_LINES.scalar_subquery(),
    bare=_ITS_LINES.where(order_lines.c.contract == "", orders.c.contract == "").scalar_subquery(),
)
_MARKS = ("connection", "pull", "seen_at")
_COUNTS = ("lines", "bare")
_LINE_COLUMNS = tuple(
    each.name for each in order_lines.columns if each.name not in {"company", "number", "line", "pull"}
)
_UPDATE_HEAD = (
    update(orders)
    .where(orders.c.company == bindparam("its_company"), orders.c.number == bindparam("its_number"))
    .values({name: bindparam(f"its_{name}") for name in (*_HEAD_COLUMNS, "updated_at", *_MARKS)})
    .values({name: orders.c[name] + bindparam(f"its_{name}") for name in _COUNTS})
)
_UPDATE_LINE = (
    update(order_lines)
    .where(order_lines.c.company == bindparam("its_company"), order_lines.c.number == bindparam("its_number"))
    .where(order_lines.c.line == bindparam("its_line"))
    .values({name: bindparam(f"its_{name}") for name in (*_LINE_COLUMNS, "pull")})
)


def _head_row(head: OrderHead) -> dict[str, Any]:
    values = asdict(head)
    return values | {"status": head.status.value, "ordered_on": _day(head.ordered_on)}


def _head_values(head: OrderHead) -> tuple[Any, ...]:
    row = _head_row(head)
    return tuple(row[name] for name in _HEAD_COLUMNS)


def _known_values(row: Row[Any]) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in _HEAD_COLUMNS)


def _line_row(key: tuple[str, str, int], line: OrderLine, pull: int) -> dict[str, Any]:
    return {
        "company": key[0],
        "number": key[1],
        "line": line.number,
        "product": line.product,
        "description": line.description[:500],
        "quantity": line.quantity,
        "unit": line.unit,
        "unit_price": line.unit_price,
        "amount": line.amount,
        "invoiced": line.invoiced,
        "delivered": line.delivered,
        "delivery_date": _day(line.delivery_date),
        "account": line.account,
        "tax_code": line.tax_code,
        "status": line.status.value,
        "contract": line.contract,
        "pull": pull,
    }


def _said(line: OrderLine) -> tuple[Any, ...]:
    row = _line_row(("", "", line.number), line, 0)
    return tuple(row[name] for name in _LINE_COLUMNS)


def _said_row(row: Row[Any]) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in _LINE_COLUMNS)


def _listed(row: Row[Any]) -> Listed:
    return Listed(_head(row), row.lines, row.bare)


def _head(row: Row[Any]) -> OrderHead:
    return OrderHead(
        company=row.company,
        number=row.number,
        supplier=row.supplier,
        status=OrderStatus(row.status),
        ordered_on=_date(row.ordered_on),
        currency=row.currency,
        responsible=row.responsible,
        external_reference=row.external_reference,
        contract=row.contract,
        updated_at=row.updated_at,
    )


def _line(row: Row[Any]) -> OrderLine:
    return OrderLine(
        number=row.line,
        product=row.product,
        description=row.description,
        quantity=row.quantity,
        unit=row.unit,
        unit_price=row.unit_price,
        amount=row.amount,
        invoiced=row.invoiced,
        delivered=row.delivered,
        delivery_date=_date(row.delivery_date),
        account=row.account,
        tax_code=row.tax_code,
        status=OrderStatus(row.status),
        contract=row.contract,
    )


def body(order: PurchaseOrder) -> dict[str, Any]:
    """The order as a version of it is written."""
    head = {name: "" if value is None else str(value) for name, value in asdict(order.head).items()}
    return {"head": head, "lines": [_written(line) for line in order.lines]}


def _written(line: OrderLine) -> dict[str, str]:
    return {name: str(value) for name, value in asdict(line).items() if value not in (None, {})}


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _date(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
