"""Tallies: how many documents stand in each state, kept as sums so that nobody counts a million rows.

The database's own triggers write one small row for every document that arrives, moves or goes (`tables.TALLYING`), in
the transaction that moves it. The sum of the rows is the count, exactly, at every moment and for every reader; no
row is changed, so writers never wait for one another. `compact` keeps them few.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from sqlalchemy import Connection, delete, func, select, union_all

from hub.store.tables import documents, tallies

Tally = Mapping[tuple[str, str], int]


def numbers(connection: Connection, noun: str) -> dict[str, int]:
    """How many documents of that noun stand in each state."""
    summed = select(tallies.c.state, func.sum(tallies.c.number)).where(tallies.c.noun == noun)
    return {state: int(number) for state, number in connection.execute(summed.group_by(tallies.c.state)) if number}


def compact(connection: Connection, limit: int = 5_000) -> int:
    """Let one row stand for many, at most `limit` of the oldest; how many they were. The sums stay what they are."""
    oldest = select(tallies.c.id).order_by(tallies.c.id).limit(limit).scalar_subquery()
    gone = delete(tallies).where(tallies.c.id.in_(oldest))
    sums: Counter[tuple[str, str]] = Counter()
    rows = connection.execute(gone.returning(tallies.c.noun, tallies.c.state, tallies.c.number)).all()
    for noun, state, number in rows:
        sums[noun, state] += int(number)
    _add(connection, sums)
    return len(rows)


def mend(connection: Connection) -> Tally:
    """Count the documents one by one and let the tallies say the same; what they were off by, empty when nothing.

    They cannot be off while the triggers stand. Whoever rebuilt the table by hand may have lost them.
    """
    counted = select(documents.c.noun, documents.c.state, func.count().label("number"))
    summed = select(tallies.c.noun, tallies.c.state, -func.sum(tallies.c.number))
    # One statement, so that both are seen at the same moment.
    both = union_all(
        counted.group_by(documents.c.noun, documents.c.state), summed.group_by(tallies.c.noun, tallies.c.state)
    ).subquery()
    off = select(both.c.noun, both.c.state, func.sum(both.c.number)).group_by(both.c.noun, both.c.state)
    found = {(noun, state): int(number) for noun, state, number in connection.execute(off) if number}
    _add(connection, found)
    return found


def _add(connection: Connection, sums: Tally) -> None:
    rows = [{"noun": noun, "state": state, "number": number} for (noun, state), number in sums.items() if number]
    if rows:
        connection.execute(tallies.insert(), rows)
