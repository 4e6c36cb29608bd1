"""Bringing the accounts payable in out of a file, and giving them out as one."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import astuple, dataclass
from datetime import date
from itertools import islice
from typing import BinaryIO, TextIO

from hub.domain.ledger import LedgerRow
from hub.domain.texts import Reason, Text
from hub.flow import reskontra
from hub.flow.reskontra import Fault, Posting
from hub.store import audit, ledger
from hub.store.database import Database
from hub.store.orders import Seen

IMPORTED = Seen("import", 0)
_AT_ONCE = 500
_COUNTED = "INSERT INTO places VALUES (?, 1) ON CONFLICT (key) DO UPDATE SET number = number + 1 RETURNING number"


@dataclass(slots=True)
class Brought:
    """What a file brought: postings new, changed and as they were; `left` could not be read, `twins` came again."""

    new: int = 0
    changed: int = 0
    same: int = 0
    left: int = 0
    twins: int = 0


def bring_in(
    database: Database, stream: BinaryIO, by: str, name: str, tell: Callable[[Fault], None], *, once: bool = False
) -> Brought:
    """Keep the postings of a file, a portion in each transaction, and tell of each row that is at fault.

    Brought in again it changes nothing, so one that was broken off is begun anew. A posting that says word for word
    what an earlier row of the file said is told, and kept as one more; with `once` it is left out. Raises Rejected
    when it is no such file.
    """
    brought = Brought()
    with closing(_Places()) as places:
        found = _readable(reskontra.read(stream), places, brought, tell, once)
        first = True
        while portion := list(islice(found, _AT_ONCE)):
            _keep(database, portion, brought, (by, name) if first else None)
            first = False
    return brought


def give_out(
    database: Database, stream: TextIO, begins: date, ends: date, by: str, *, with_persons: bool = False
) -> int:
    """Write the postings booked in those days, the first and the last among them; how many there were."""
    with database.write() as connection:
        audit.write(connection, by, "export", "ledger", {"from": str(begins), "to": str(ends), "persons": with_persons})
    with database.read() as connection:
        return reskontra.write(ledger.each(connection, begins, ends), stream, with_persons=with_persons)


def _readable(
    rows: Iterator[Posting | Fault], places: _Places, brought: Brought, tell: Callable[[Fault], None], once: bool
) -> Iterator[tuple[LedgerRow, int]]:
    """The postings, each with its place among those of its voucher, account and day."""
    for each in rows:
        if isinstance(each, Fault):
            brought.left += each.is_left
            tell(each)
            continue
        earlier = places.earlier(each)
        if earlier:
            brought.twins += 1
            tell(Fault(each.line, "", _twin(earlier, once), is_left=once))
            if once:
                continue
        yield each.row, places.next(each.row)


def _keep(
    database: Database, portion: list[tuple[LedgerRow, int]], brought: Brought, deed: tuple[str, str] | None
) -> None:
    with database.write() as connection:
        rows = ledger.numbered(connection, [row for row, _ in portion], [nth for _, nth in portion])
        kept = ledger.keep(connection, rows, IMPORTED)
        if deed:
            audit.write(connection, deed[0], "import", "ledger", {"file": deed[1]})
    brought.new += kept.new
    brought.changed += kept.changed
    brought.same += kept.same


class _Places:
    """Which rows of the file came before: kept in a file of its own that goes away, however many they are."""

    def __init__(self) -> None:
        self._kept = sqlite3.connect("", isolation_level=None)
        self._kept.execute("CREATE TABLE places (key BLOB PRIMARY KEY, number INTEGER) WITHOUT ROWID")
        self._kept.execute("CREATE TABLE said (digest BLOB PRIMARY KEY, line INTEGER) WITHOUT ROWID")
        self._kept.execute("BEGIN")

    def earlier(self, posting: Posting) -> int | None:
        """On which line the same was said first; None when it is said now."""
        key = _digest(astuple(posting.row))
        if self._kept.execute("INSERT OR IGNORE INTO said VALUES (?, ?)", (key, posting.line)).rowcount:
            return None
        return int(self._kept.execute("SELECT line FROM said WHERE digest = ?", (key,)).fetchone()[0])

    def next(self, row: LedgerRow) -> int:
        """Which it is of those on its voucher, account and day, from 1."""
        key = _digest((row.buyer_id, row.voucher, row.account, row.booked_on))
        return int(self._kept.execute(_COUNTED, (key,)).fetchone()[0])

    def close(self) -> None:
        """Let the file go."""
        self._kept.close()


def _digest(said: tuple[object, ...]) -> bytes:
    return hashlib.blake2b("\x1f".join(map(str, said)).encode(), digest_size=16).digest()


def _twin(earlier: int, once: bool) -> Reason:
    kept = ("Den lämnades.", "It was left out.") if once else ("Båda räknas.", "Both are counted.")
    return Reason(
        "LEDGER-TWIN",
        Text(f"Raden är lik rad {earlier} i allt. {kept[0]}", f"The row says the same as row {earlier}. {kept[1]}"),
        Text(
            "Är den en dubblett: ta bort den ur filen, eller läs in med --once.",
            "If it is a duplicate: take it out of the file, or import with --once.",
        ),
    )


__all__ = ["IMPORTED", "Brought", "bring_in", "give_out"]
