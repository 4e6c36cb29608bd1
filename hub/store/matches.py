"""Matches: each invoice beside the order it names, as it was last compared, and beside those of its lines."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from sqlalchemy import Connection, delete, func, select

from hub.domain.matches import LineMatch, Match, MatchOutcome
from hub.store.database import now
from hub.store.dialects import upsert
from hub.store.reasons import read, written
from hub.store.tables import match_orders, matches


def keep(connection: Connection, document_id: int, match: Match) -> None:
    """Keep how the invoice fits its order; the latest comparison stands."""
    row = {
        "document_id": document_id,
        "at": now(connection),
        "outcome": match.outcome.value,
        "company": match.company,
        "order": match.order,
        "contract": match.contract,
        "reasons": [written(each) for each in match.reasons],
        "lines": [asdict(line) for line in match.lines],
    }
    upsert(connection, matches, row, ("document_id",))
    _keep_others(connection, document_id, match)


def _keep_others(connection: Connection, document_id: int, match: Match) -> None:
    """Have the invoice found by the orders that only its lines are of."""
    connection.execute(delete(match_orders).where(match_orders.c.document_id == document_id))
    others = [each for each in match.orders if each != (match.company, match.order)]
    rows = [{"document_id": document_id, "company": company, "order": order} for company, order in others]
    if rows:
        connection.execute(match_orders.insert(), rows)


def of(connection: Connection, document_id: int) -> Match | None:
    """How the invoice fits its order; None where it was not compared."""
    row = connection.execute(select(matches).where(matches.c.document_id == document_id)).one_or_none()
    if row is None:
        return None
    # Lines that were kept before they told their own order are of the invoice's.
    its = {"company": row.company, "order": row.order}
    lines = tuple(LineMatch(**(its | each)) for each in row.lines)
    why = tuple(read(each) for each in row.reasons)
    return Match(MatchOutcome(row.outcome), why, row.company, row.order, row.contract, lines)


def of_order(connection: Connection, company: str, number: str, limit: int = 200) -> list[tuple[int, MatchOutcome]]:
    """The invoices that were matched to that order, or have a line that was, by their documents' ids, newest first."""
    its_own = select(matches.c.document_id).where(matches.c.company == company, matches.c.order == number)
    by_lines = select(match_orders.c.document_id).where(
        match_orders.c.company == company, match_orders.c.order == number
    )
    wanted = select(matches.c.document_id, matches.c.outcome)
    wanted = wanted.where(matches.c.document_id.in_(its_own.union(by_lines)))
    found = connection.execute(wanted.order_by(matches.c.document_id.desc()).limit(limit))
    return [(row.document_id, MatchOutcome(row.outcome)) for row in found]


def not_matched(
    connection: Connection, since: datetime, before: datetime, *, after: int = 0, limit: int = 500
) -> list[int]:
    """Documents last compared between those times that did not match, by id, from above the id `after`."""
    wanted = select(matches.c.document_id).where(matches.c.outcome != MatchOutcome.MATCHED)
    wanted = wanted.where(matches.c.at >= since, matches.c.at < before)
    ordered = wanted.where(matches.c.document_id > after).order_by(matches.c.document_id).limit(limit)
    return list(connection.execute(ordered).scalars())


def counts(connection: Connection) -> dict[MatchOutcome, int]:
    """How many invoices there are of each outcome."""
    found = connection.execute(select(matches.c.outcome, func.count()).group_by(matches.c.outcome))
    return {MatchOutcome(outcome): number for outcome, number in found}
