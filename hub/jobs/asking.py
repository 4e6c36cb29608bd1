"""A person asks a source, or all of a route, for what it has; whether what came of it goes on, and where it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection

from hub.jobs import routes
from hub.jobs.names import BY_HAND
from hub.jobs.ways import Ways
from hub.store import asked as kept
from hub.store import audit, breakers, lanes, runs, work
from hub.store.asked import Asked
from hub.store.breakers import BreakerState
from hub.store.database import now
from hub.store.work import UNDER_WAY, Work, WorkState


def run_now(ways: Ways, name: str, by: str, *, route_name: str = "", whole: bool = False) -> int:
    """A person asks a source for what it has, ahead of everything that waits; the work's id.

    `route_name` says which of the routes it feeds, the first when it is empty; `whole` reads everything a feed has,
    not only what has changed. What was asked for before and nobody has come to is not asked for once more.
    """
    route = ways.routes[route_name] if route_name else ways.route_of(name)
    with ways.database.write() as connection:
        audit.write(connection, by, "run", f"connection {name}")
        argument = {"connection": name, "route": route.name, "cause": "person", "whole": whole}
        kind = routes.kind_of_asking(ways.connections[name], route)
        before = _unbegun(connection, kind, name, argument)
        if before is not None:
            return before
        made = work.enqueue(connection, kind=kind, lane=name, argument={**argument, "by": by}, priority=BY_HAND)
    if made is None:
        raise LookupError(f"work without a key was not enqueued for {name}")
    return made


def ask(ways: Ways, route: str, by: str, *, whole: bool = False) -> Asked:
    """Ask every source of the route that can be asked; with `whole` for all they have."""
    sources = [name for name in ways.routes[route].sources if ways.connections[name].is_asked]
    with ways.database.read() as connection:
        begun, last = now(connection), runs.latest(connection)
    works = {name: run_now(ways, name, by, route_name=route, whole=whole) for name in sources}
    return Asked(route, works, begun, last)


def goes_on(connection: Connection, asked: Asked) -> bool:
    """Whether work that came of it is under way or will be without a person, and not only at its next try."""
    stopped = {*held(connection), *_broken(connection)}
    return any(_is_coming(connection, each, stopped) for each in kept.unended(connection, asked))


def lanes_left(connection: Connection, asked: Asked) -> set[str]:
    """The lanes in which something that came of it has not ended."""
    return {each.lane for each in kept.unended(connection, asked)}


def held(connection: Connection) -> dict[str, str]:
    """By lane that is held, why."""
    return {each.name: each.held_because or "held" for each in lanes.all_lanes(connection) if each.held_at}


def _unbegun(connection: Connection, kind: str, lane: str, argument: Mapping[str, Any]) -> int | None:
    """The work that does so much already, and that nobody has come to."""
    waiting = work.page(connection, lane=lane, kind=kind, state=WorkState.WAITING)
    unbegun = (each for each in waiting if not each.attempts and each.cancel_asked_at is None)
    return next((each.id for each in unbegun if {**each.argument, "by": ""} == {**argument, "by": ""}), None)


def _is_coming(connection: Connection, each: Work, stopped: set[str]) -> bool:
    if each.state in UNDER_WAY:
        return True
    if each.lane in stopped:
        return False
    if each.state is WorkState.BEHIND and each.order_key is not None:
        first = work.first_of_order(connection, each.lane, each.order_key)
        return first is not None and first.state is not WorkState.BEHIND and _is_coming(connection, first, stopped)
    return not each.attempts or each.due_at <= now(connection)


def _broken(connection: Connection) -> set[str]:
    """The lanes whose circuit breaker lets nothing through now."""
    standing = breakers.standing(connection).values()
    return {each.lane for each in standing if each.state is not BreakerState.CLOSED}
