"""Keeping what is pulled: which store takes a noun's records, and what is left to do when a whole pull has ended."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from hub.store import hours, ledger, orders, suppliers
from hub.store.hours import Days
from hub.store.orders import Kept, Seen


def _nothing_left(_connection: Connection, _seen: Seen) -> int:
    """For a store that forgets nothing: what is not pulled any more stays."""
    return 0


def _nothing_to_spare(_connection: Connection, _addresses: Collection[str], _seen: Seen) -> int:
    """For a store that forgets nothing: every record may be at fault."""
    return 0


@dataclass(frozen=True, slots=True)
class Keeper:
    """How a noun's records are kept: those of a page by a pull, of the whole or not, and the days it tells all of.

    `end` is called again and again after a pull of the whole, until it says 0.

    What `end` would forget is spared where a record of such a pull was at fault; `spare` says how many of the
    addresses do not tell which: unless there are none, nothing can be forgotten.
    """

    keep: Callable[[Connection, Sequence[Any], Seen, bool, Days | None], Kept]
    end: Callable[[Connection, Seen], int] = _nothing_left
    spare: Callable[[Connection, Collection[str], Seen], int] = _nothing_to_spare


KEEPERS: Mapping[str, Keeper] = {
    "orders": Keeper(lambda connection, rows, seen, whole, _: orders.keep(connection, rows, seen, whole=whole),
                     orders.forget_unseen, orders.spare),
    "suppliers": Keeper(lambda connection, rows, seen, *_: suppliers.keep(connection, rows, seen)),
    "ledger": Keeper(lambda connection, rows, seen, *_: ledger.keep(connection, rows, seen)),
    "hours": Keeper(lambda connection, rows, seen, _, days: hours.keep(connection, rows, seen, days)),
}  # fmt: skip
"""The nouns that can be pulled, each with its store."""
