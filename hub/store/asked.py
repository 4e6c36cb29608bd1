"""What a person asked of a route's sources, and the work that came of it: asking, judging, delivering, applying."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, cast, or_, select

from hub.store.tables import Id, deliveries, documents, plans, work
from hub.store.work import UNDER_WAY, WAIT, Work, of_row

_PAGE = 500
_SAID = work.c.argument


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked of a route: by source the work that asks it, when it was, and the newest run of before."""

    route: str
    works: Mapping[str, int]
    begun: datetime
    last_run: int


def unended(connection: Connection, asked: Asked) -> Iterator[Work]:
    """The work that asks the sources, or is about what they have brought since, and has not ended.

    What is under way comes first; it is read a page at a time.
    """
    first = min(asked.works.values())
    for states in (UNDER_WAY, WAIT):
        after = first - 1
        of_it = select(work).where(work.c.state.in_(states), _is_of(asked)).order_by(work.c.id).limit(_PAGE)
        while page := [of_row(row) for row in connection.execute(of_it.where(work.c.id > after))]:
            yield from page
            after = page[-1].id


def _is_of(asked: Asked) -> ColumnElement[bool]:
    sources = tuple(asked.works)
    asks = and_(_text("route") == asked.route, _text("connection").in_(sources), _text("cause") == "person")
    brought = documents.c.connection.in_(sources), documents.c.arrived_at >= asked.begun
    for_it = plans.c.route == asked.route, plans.c.source.in_(sources)
    return or_(
        asks,
        select(documents.c.id).where(documents.c.id == _id("document"), *brought).exists(),
        select(deliveries.c.id)
        .join(documents, documents.c.id == deliveries.c.document_id)
        .where(deliveries.c.id == _id("delivery"), *brought)
        .exists(),
        select(plans.c.id).where(plans.c.id == _id("plan"), *for_it).exists(),
    )


def _text(name: str) -> Any:
    return _SAID[name].as_string()


def _id(name: str) -> Any:
    return cast(_text(name), Id)
