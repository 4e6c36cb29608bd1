"""`hub incidents`: what is in trouble, what waits behind it, and its repair."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from hub.app import Hub
from hub.cli.output import Exit, Wrong, emit, escape, local, opened, say, table
from hub.cli.users import who
from hub.domain.masking import masked_text
from hub.domain.texts import Language
from hub.jobs import repairing, telling, watching
from hub.notify.channels import lane_of
from hub.notify.wording import deed_said, how_closed, waiting_said
from hub.plugin.errors import Failure
from hub.status.incidents import changed_before
from hub.store import incidents as kept
from hub.store.incidents import Incident, IncidentEvent, IncidentEventKind, Waiting
from hub.store.lanes import release_lane

_MOST_CLOSED = 20


@click.group()
def incidents() -> None:
    """Incidents: troubles told once, open to closed."""


@incidents.command("list")
@click.option("--closed", "with_closed", is_flag=True, help="Show the last that closed too.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_(home: Path, with_closed: bool, as_json: bool) -> None:
    """Open incidents with what waits behind them. Exit code 1 when any is open."""
    with opened(home) as hub, hub.database.read() as connection:
        found = kept.all_open(connection)
        number = len(found)
        found += kept.closed(connection, limit=_MOST_CLOSED) if with_closed else []
        rows = [(each, telling.behind(connection, each)) for each in found]
        language = hub.settings.language
    if as_json:
        for incident, waiting in rows:
            emit(_as_json(incident, waiting))
    else:
        columns = ("id", "incident", "since", "closed", "failures", "waits")
        table(columns, [_row(*each, language) for each in rows], "No incident is open.")
    sys.exit(Exit.FINDINGS if number else Exit.FINE)


@incidents.command()
@click.argument("number", type=int)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show(home: Path, number: int, as_json: bool) -> None:
    """One incident: who is in it and why, what waits, what changed before, and all that happened in it."""
    with opened(home) as hub, hub.database.read() as connection:
        incident = _demand(connection, number)
        waiting, events = telling.behind(connection, incident), kept.events(connection, number)
        deeds = changed_before(connection, incident)
        language = hub.settings.language
    if as_json:
        told = [{"at": each.at, "kind": each.kind, "connection": each.connection, **each.details} for each in events]
        emit({**_as_json(incident, waiting), "events": told, "changed_before": [asdict(each) for each in deeds]})
        return
    say(f"[bold]{escape(incident.title.in_language(language))}[/]")
    until = f" until {local(incident.closed_at)}" if incident.closed_at else ""
    waits = waiting_said(waiting).in_language(language)
    failures = "1 failure" if incident.failures == 1 else f"{incident.failures} failures"
    say(f"since {local(incident.since)}{until} · {failures} · {waits}")
    for deed in deeds:
        say(f"  changed before: {escape(deed_said(deed, language))}")
    for event in events:
        say(f"  {local(event.at)} {event.kind} {escape(_said(event, language))}")


@incidents.command()
@click.argument("number", type=int)
@click.option("--reason", required=True, help="Why it is closed though it may go on.")
@click.pass_obj
def close(home: Path, number: int, reason: str) -> None:
    """Close an incident by hand. The same trouble opens none again until its connections have answered."""
    with opened(home) as hub:
        _must_be_open(hub, number)
        watching.close(hub.database, hub.notify, number, who(), reason)
    say(f"Incident {number} is closed.")


@incidents.command()
@click.argument("number", type=int)
@click.pass_obj
def repair(home: Path, number: int) -> None:
    """Check its connections, let what waits go, replay what it set aside, and close it when all is recovered."""
    with opened(home) as hub:
        _must_be_open(hub, number)
        if repairing.ask(hub.database, number, who()) is None:
            raise Wrong(f"incident {number} is in repair already; hub incidents show {number}")
    say(f"Incident {number} is being repaired by the workers. hub incidents show {number} tells how it goes.")


@incidents.command("test-message")
@click.option("--channel", help="Only this channel; default: all.")
@click.pass_obj
def test_message(home: Path, channel: str | None) -> None:
    """Send a test message by every channel. Exit code 1 when one does not take it.

    A channel that takes it and was held, because it refused us before, goes on.
    """
    with opened(home) as hub:
        channels = hub.notify.channels if channel is None else (channel,)
        if unknown := set(channels) - set(hub.notify.channels):
            raise Wrong(f"no channel is called {unknown.pop()}; there are: {', '.join(hub.notify.channels) or 'none'}")
        if not channels:
            say(escape("No channels are configured (hub.toml: [notify.mail] and [[notify.webhooks]])."))
            sys.exit(Exit.FINDINGS)
        well = [_try(hub, each) for each in channels]
    sys.exit(Exit.FINE if all(well) else Exit.FINDINGS)


def _try(hub: Hub, channel: str) -> bool:
    try:
        telling.try_out(hub.notify, channel, datetime.now(UTC), who())
    except Failure as failure:
        say(f"[red]✗[/] {channel}: {escape(failure.text.in_language(hub.settings.language))}")
        return False
    with hub.database.write() as connection:
        release_lane(connection, lane_of(channel), because="refused")
    say(f"[green]✓[/] {channel}")
    return True


def _must_be_open(hub: Hub, number: int) -> None:
    with hub.database.read() as connection:
        found = _demand(connection, number)
    if found.closed_at is not None:
        raise Wrong(f"incident {number} closed {local(found.closed_at)}")


def _demand(connection: Connection, number: int) -> Incident:
    found = kept.get(connection, number)
    if found is None:
        raise Wrong(f"there is no incident {number}; hub incidents list --closed shows the last")
    return found


def _row(incident: Incident, waiting: Waiting, language: Language) -> tuple[object, ...]:
    told = incident.title.in_language(language), waiting_said(waiting).in_language(language)
    return incident.id, told[0], local(incident.since), local(incident.closed_at), incident.failures, told[1]


def _said(event: IncidentEvent, language: Language) -> str:
    if event.kind is IncidentEventKind.CLOSED:
        return how_closed(event.details).in_language(language)
    told = (event.connection or "", str(event.details.get(language, "")), _figures(event))
    return masked_text(" ".join(each for each in told if each))


def _figures(event: IncidentEvent) -> str:
    told = event.details
    if "total" in told:
        return f"{told.get('recovered', 0)} of {told['total']} recovered"
    if "channel" in told:
        return f"{told['channel']}: {told['message']}"
    return str(told.get("by", "")) or ("passed" if told.get("passed") else "")


def _as_json(incident: Incident, waiting: Waiting) -> dict[str, Any]:
    return {
        "id": incident.id,
        "kind": incident.kind,
        "title": {"sv": incident.title.sv, "en": incident.title.en},
        "connections": incident.scope.connections,
        "hosts": incident.scope.hosts,
        "since": incident.since,
        "opened_at": incident.opened_at,
        "seen_at": incident.seen_at,
        "closed_at": incident.closed_at,
        "closed_by": incident.closed_by,
        "failures": incident.failures,
        "waiting": {
            "invoices": waiting.invoices,
            "due_today": waiting.due_today,
            "overdue": waiting.overdue,
            "worth": {currency: str(value) for currency, value in waiting.worth.items()},
            "by_connection": dict(waiting.by_connection),
        },
    }
