"""Connections: how each one fares and why, and what a person may do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel, SecretBytes, SecretStr

from hub.domain.texts import Language
from hub.jobs import asking, holding
from hub.loader import Connection
from hub.plugin.ports import Check
from hub.status.checks import check_and_keep
from hub.status.connections import times_of
from hub.store import audit, breakers, connections, deliveries, invoices, plans, runs
from hub.store.connections import Lived
from hub.store.database import now
from hub.store.invoices import InvoiceFilter
from hub.web.pages.start import every_connection, show
from hub.web.pages.work import days_of
from hub.web.speech import N_, Tongue
from hub.web.timeline import begins, timeline
from hub.web.visits import FormOfSomebody, NotFound, Somebody, Visit
from hub.web.ways import ways

router = APIRouter(prefix="/connections")
HIDDEN = "••••"
_MOST = 20


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting as it is shown; a secret's value is hidden."""

    name: str
    title: str
    value: str
    is_secret: bool


@router.get("")
def listed(visit: Somebody) -> Response:
    """Every connection, the worst first."""
    with visit.database.read() as reading:
        shown = every_connection(visit.hub, reading, now(reading))
    return visit.page("connections.html", connections=shown)


@router.get("/{name}")
def one(visit: Somebody, name: str) -> Response:
    """One connection: its state, its day, its events, its runs and its documents."""
    return _page(visit, _connection(visit, name), ())


@router.post("/{name}/check")
def check_now(visit: FormOfSomebody, name: str) -> Response:
    """Try the connection without changing anything, and show what was tried."""
    connection = _connection(visit, name)
    results = tuple(check_and_keep(visit.database, connection))
    with visit.database.write() as writing:
        passed = all(each.passed for each in results)
        audit.write(writing, visit.who, "check", f"connection {name}", {"passed": passed})
    return _page(visit, connection, results)


@router.post("/{name}/pause")
def pause(visit: FormOfSomebody, name: str) -> Response:
    """Let nothing of the connection's work begin."""
    holding.pause(visit.database, _connection(visit, name).name, visit.who)
    return _back(visit, name, N_("The connection is paused. What arrives waits until it is resumed."))


@router.post("/{name}/resume")
def resume(visit: FormOfSomebody, name: str) -> Response:
    """Let the connection go on."""
    holding.resume(visit.database, _connection(visit, name).name, visit.who)
    return _back(visit, name, N_("The connection goes on."))


@router.post("/{name}/close-breaker")
def close_breaker(visit: FormOfSomebody, name: str) -> Response:
    """Let all its work go on, though calls failed a moment ago."""
    holding.close_breaker(visit.database, _connection(visit, name).name, visit.who)
    return _back(visit, name, N_("The circuit breaker is closed. The work goes on."))


@router.post("/{name}/run")
def run(visit: FormOfSomebody, name: str) -> Response:
    """Ask the source now."""
    if not _connection(visit, name).is_asked:
        raise NotFound
    try:
        asking.run_now(ways(visit.hub), name, visit.who)
    except LookupError:
        return _back(visit, name, N_("No route uses this connection as a source, so there is nothing to run."))
    return _back(visit, name, N_("The source will be asked at once. The run shows below when it has begun."))


def settings_shown(settings: BaseModel | None, tongue: Tongue) -> list[Setting]:
    """The settings as they may be shown."""
    if settings is None:
        return []
    return [
        Setting(
            name,
            _title(name, field.title, field.json_schema_extra, tongue.language),
            *_value(getattr(settings, name), tongue),
        )
        for name, field in type(settings).model_fields.items()
    ]


def _title(name: str, title: str | None, extra: object, language: Language) -> str:
    words = extra.get("en") if isinstance(extra, Mapping) and language == "en" else None
    english = words.get("title") if isinstance(words, Mapping) else None
    return str(english or title or name)


def _value(value: Any, tongue: Tongue) -> tuple[str, bool]:
    if isinstance(value, SecretStr | SecretBytes):
        return (HIDDEN if value.get_secret_value() else ""), True
    if isinstance(value, BaseModel):
        inner = settings_shown(value, tongue)
        return ", ".join(f"{each.name}: {each.value}" for each in inner), any(each.is_secret for each in inner)
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(_value(each, tongue)[0] for each in value), False
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_value(each, tongue)[0]}" for key, each in value.items()), False
    if isinstance(value, bool):
        return tongue.say(N_("yes") if value else N_("no")), False
    return ("" if value is None else str(value)), False


def _page(visit: Visit, connection: Connection, results: tuple[Check, ...]) -> Response:
    with visit.database.read() as reading:
        at = now(reading)
        lived = connections.all_lived(reading).get(connection.name, Lived(connection.name))
        seen: dict[str, Any] = {
            "shown": show(connection, lived, at, times_of(reading, {connection.name: connection})),
            "day": timeline(connections.hours(reading, connection.name, begins(at)), at),
            "events": connections.events(reading, connection.name, limit=_MOST),
            "runs": runs.page(reading, source=connection.name, limit=_MOST),
            "rows": invoices.page(reading, InvoiceFilter(connection=connection.name), limit=_MOST),
            "deliveries": deliveries.latest_to(reading, connection.name, _MOST),
            "deeds": audit.about(reading, f"connection {connection.name}", _MOST),
            "plans": [each for each in plans.open_in(reading) if connection.name in (each.source, each.target)],
            "breaker": breakers.of(reading, connection.name),
            "lately": days_of(visit, reading, connection.name),
        }
    settings = settings_shown(connection.settings, visit.tongue)
    return visit.page("connection.html", results=results, settings=settings, **seen)


def _connection(visit: Visit, name: str) -> Connection:
    found = visit.hub.connections.get(name)
    if found is None:
        raise NotFound
    return found


def _back(visit: Visit, name: str, said: str) -> Response:
    return visit.go(f"/connections/{name}", visit.tongue.say(said))
