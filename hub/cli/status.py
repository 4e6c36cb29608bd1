"""`hub status`: how everything fares, in one look."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime, time
from pathlib import Path

import click

from hub.cli.connections import why
from hub.cli.output import Exit, emit, escape, local, opened, say, table
from hub.domain.calendar import CITY_TIME
from hub.status.overview import Overview, look


@click.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def status(home: Path, as_json: bool) -> None:
    """How the hub fares. Exit code 1 when something needs attention."""
    with opened(home) as hub:
        midnight = datetime.combine(datetime.now(CITY_TIME).date(), time(), CITY_TIME)
        seen = look(hub.database, hub.connections, midnight)
        language = hub.settings.language
        broken = hub.plugins.broken
        reasons = [hub.plugins.in_general(group.reason) for group in seen.set_aside]
    if as_json:
        emit({**asdict(seen), "needs_attention": seen.needs_attention, "broken_plugins": [asdict(b) for b in broken]})
        sys.exit(Exit.FINDINGS if seen.needs_attention or broken else Exit.FINE)
    for each in broken:
        say(f"[red]plugin {each.name} does not load: {escape(each.reason)}[/]")
    for incident in seen.incidents:
        title = escape(incident.title.in_language(language))
        say(f"[red]incident {incident.id}: {title}[/] since {local(incident.since)}. hub incidents show {incident.id}")
    rows = [(f.name, f.told.state, why(f, language), local(f.told.since)) for f in seen.connections]
    table(("connection", "state", "why", "since"), rows, "No connections are configured (hub.toml).")
    _numbers(seen)
    for group, reason in zip(seen.set_aside, reasons, strict=True):
        said = reason.problem.in_language(language)
        say(f"  {group.number} set aside · {group.fingerprint} · {group.code} · {escape(said)}")
    sys.exit(Exit.FINDINGS if seen.needs_attention or broken else Exit.FINE)


def _numbers(seen: Overview) -> None:
    numbers = " · ".join(f"{number} {state}" for state, number in seen.documents.items() if number)
    say(f"Invoices: {numbers or 'none yet'}")
    if seen.standstill.unattended:
        say(f"[red]No worker is alive, and work waits: {seen.standstill.unattended}. Start one: hub worker[/]")
    for name in map(escape, seen.standstill.lanes):
        say(f"[red]Work waits in the held lane {name}, which no connection has. hub connections resume {name}[/]")
    for plan in seen.plans:
        say(f"[red]Plan {plan} waits for approval. hub plan show {plan}[/]")
    for kind in seen.standstill.unknown_kinds:
        say(f"[red]Work of the kind {escape(kind)} waits for a worker that knows it: upgrade one. hub workers list[/]")
    say(f"Work: {seen.waiting} waiting. Workers: {seen.workers}")
    if seen.dead:
        say(f"[dim]{seen.dead} pieces of work were given up; what came of them is told above, and they are history.[/]")
