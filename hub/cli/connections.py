"""`hub connections`: how each fares; check, pause, resume."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hub.app import Hub
from hub.cli.output import Exit, Wrong, emit, escape, local, opened, say, table
from hub.cli.users import who
from hub.domain.texts import Language
from hub.jobs import routes
from hub.plugin.ports import Check
from hub.status.checks import check_and_keep
from hub.status.connections import tell_all
from hub.store import lanes


@click.group()
def connections() -> None:
    """Connections to other systems."""


@connections.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_(home: Path, as_json: bool) -> None:
    """Every connection and how it fares. Exit code 1 when one needs attention."""
    with opened(home) as hub:
        told = tell_all(hub.database, hub.connections)
        language = hub.settings.language
    rows = [
        (each.name, each.connector, each.told.state, each.told.why.in_language(language), local(each.lived.last_ok_at))
        for each in told
    ]
    columns = ("name", "connector", "state", "why", "last_ok")
    if as_json:
        for row in rows:
            emit(dict(zip(columns, row, strict=True)))
    else:
        table(columns, rows, "No connections are configured (hub.toml).")
    sys.exit(Exit.FINDINGS if any(each.told.state.needs_attention for each in told) else Exit.FINE)


@connections.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def check(home: Path, names: tuple[str, ...], as_json: bool) -> None:
    """Try connections without changing anything. Exit code 1 when something does not work."""
    with opened(home) as hub:
        passed = True
        if not hub.connections:
            say("No connections are configured (hub.toml).")
        for name in names or tuple(hub.connections):
            _demand(hub, name)
            for each in check_and_keep(hub.database, hub.connections[name]):
                passed &= each.passed
                _show(name, each, hub.settings.language, as_json)
    sys.exit(Exit.FINE if passed else Exit.FINDINGS)


@connections.command()
@click.argument("name")
@click.pass_obj
def pause(home: Path, name: str) -> None:
    """Stop a connection: nothing of its work begins until it is resumed."""
    with opened(home) as hub:
        _demand(hub, name)
        routes.pause(hub.database, name, who())
    say(f"{name} is paused.")


@connections.command()
@click.argument("name")
@click.pass_obj
def resume(home: Path, name: str) -> None:
    """Let a connection go on, after a pause or after mending what made it refuse us."""
    with opened(home) as hub:
        with hub.database.read() as connection:
            held = {each.name for each in lanes.all_lanes(connection) if each.held_at}
        if name not in held:
            _demand(hub, name)
        routes.resume(hub.database, name, who())
    say(f"{name} goes on.")


@connections.command("close-breaker")
@click.argument("name")
@click.pass_obj
def close_breaker(home: Path, name: str) -> None:
    """Close a connection's circuit breaker, so that all its work goes on at once."""
    with opened(home) as hub:
        _demand(hub, name)
        closed = routes.close_breaker(hub.database, name, who())
    say(f"The circuit breaker of {name} is closed." if closed else f"The circuit breaker of {name} was not open.")


def _show(name: str, done: Check, language: Language, as_json: bool) -> None:
    said, detail = done.name.in_language(language), done.detail.in_language(language)
    if as_json:
        emit({"connection": name, "check": said, "passed": done.passed, "detail": detail, "days_left": done.days_left})
    else:
        say(f"{'[green]✓[/]' if done.passed else '[red]✗[/]'} {name}: {escape(said)} [dim]{escape(detail)}[/]")


def _demand(hub: Hub, name: str) -> None:
    if name not in hub.connections:
        known = ", ".join(hub.connections) or "none"
        raise Wrong(f"no connection is called {name}; there are: {known}")
