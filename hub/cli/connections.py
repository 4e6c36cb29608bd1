"""`hub connections`: how each fares, one by one too; check, pause, resume, close a circuit breaker."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from hub.app import Hub
from hub.cli.output import Exit, Wrong, emit, escape, local, opened, say, table
from hub.cli.users import who
from hub.domain.texts import Language
from hub.jobs import holding
from hub.plugin.ports import Check
from hub.status.checks import check_and_keep
from hub.status.connections import Fares, State, tell_all
from hub.store import breakers, lanes
from hub.store.breakers import LEAST, LEAST_ALL, SHARE, Breaker, BreakerState


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
        (each.name, each.connector, each.told.state, why(each, language), local(each.lived.last_ok_at)) for each in told
    ]
    columns = ("name", "connector", "state", "why", "last_ok")
    if as_json:
        for row in rows:
            emit(dict(zip(columns, row, strict=True)))
    else:
        table(columns, rows, "No connections are configured (hub.toml).")
    sys.exit(Exit.FINDINGS if any(each.told.state.needs_attention for each in told) else Exit.FINE)


@connections.command()
@click.argument("name")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show(home: Path, name: str, as_json: bool) -> None:
    """One connection: how it fares, and how its circuit breaker stands. Exit code 1 when it needs attention."""
    with opened(home) as hub:
        _demand(hub, name)
        told = next(each for each in tell_all(hub.database, hub.connections) if each.name == name)
        with hub.database.read() as connection:
            breaker = breakers.of(connection, name)
        language = hub.settings.language
    if as_json:
        emit(_as_json(told, breaker, language))
    else:
        table(("", ""), _lines(told, breaker, language), "")
    sys.exit(Exit.FINDINGS if told.told.state.needs_attention else Exit.FINE)


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
            found = list(check_and_keep(hub.database, hub.connections[name]))
            for each in found:
                _show(name, each, hub.settings.language, as_json)
            passed &= all(each.passed for each in found)
            if not as_json and all(each.passed for each in found):
                _say_held(hub, name)
    sys.exit(Exit.FINE if passed else Exit.FINDINGS)


@connections.command()
@click.argument("name")
@click.pass_obj
def pause(home: Path, name: str) -> None:
    """Stop a connection: nothing of its work begins until it is resumed."""
    with opened(home) as hub:
        _demand(hub, name)
        holding.pause(hub.database, name, who())
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
        holding.resume(hub.database, name, who())
    say(f"{name} goes on.")


@connections.command("close-breaker")
@click.argument("name")
@click.pass_obj
def close_breaker(home: Path, name: str) -> None:
    """Close a connection's circuit breaker, so that all its work goes on at once."""
    with opened(home) as hub:
        _demand(hub, name)
        closed = holding.close_breaker(hub.database, name, who())
    say(f"The circuit breaker of {name} is closed." if closed else f"The circuit breaker of {name} was not open.")


def why(fares: Fares, language: Language) -> str:
    """Why it is in its state, and what is left to do when a person must let it go on."""
    said = fares.told.why.in_language(language)
    return f"{said} ({_let_go(fares.name)})" if fares.told.state is State.REFUSED else said


def _let_go(name: str) -> str:
    return f"it is held until somebody lets it go: hub connections resume {name}"


def _say_held(hub: Hub, name: str) -> None:
    """All works and yet nothing goes: say so, and what is left to do."""
    (fares,) = tell_all(hub.database, {name: hub.connections[name]})
    if fares.told.state in {State.REFUSED, State.PAUSED}:
        say(f"{escape(name)}: {fares.told.state}; {escape(_let_go(name))}")


def _as_json(fares: Fares, breaker: Breaker, language: Language) -> dict[str, Any]:
    return {
        "name": fares.name,
        "connector": fares.connector,
        "owner": fares.owner,
        "state": fares.told.state,
        "why": fares.told.why.in_language(language),
        "since": fares.told.since,
        "last_ok": fares.lived.last_ok_at,
        "last_moved": fares.lived.last_moved_at,
        "failures": fares.lived.failures,
        "breaker": {
            "state": breaker.state,
            "calls": breaker.calls,
            "failed": breaker.failed,
            "opened_at": breaker.opened_at,
            "tries_again_at": breaker.open_until,
            "trips": breaker.trips,
        },
    }


def _lines(fares: Fares, breaker: Breaker, language: Language) -> list[tuple[str, object]]:
    since = f", since {local(fares.told.since)}" if fares.told.since else ""
    lines: list[tuple[str, object]] = [
        ("name", fares.name),
        ("connector", fares.connector),
        ("owner", fares.owner or "–"),
        ("state", f"{fares.told.state}{since}: {why(fares, language)}"),
        ("last answered", local(fares.lived.last_ok_at) or "never"),
        ("last document", local(fares.lived.last_moved_at) or "never"),
        ("failures in a row", fares.lived.failures),
        ("circuit breaker", breaker.state),
        ("calls in the last minute", f"{breaker.calls}, {breaker.failed} failed{_still_closed(breaker)}"),
    ]
    if breaker.state is not BreakerState.CLOSED:
        lines += [("tries again", local(breaker.open_until)), ("opened in a row", breaker.trips)]
    return lines


def _still_closed(breaker: Breaker) -> str:
    """Why it lets calls through though some of them failed."""
    if breaker.state is not BreakerState.CLOSED or not breaker.failed:
        return ""
    return f"; it opens when {SHARE:.0%} of {LEAST} calls or more, or all of {LEAST_ALL} or more, have failed"


def _show(name: str, done: Check, language: Language, as_json: bool) -> None:
    said, detail = done.name.in_language(language), done.detail.in_language(language)
    if as_json:
        emit({"connection": name, "check": said, "passed": done.passed, "detail": detail, "days_left": done.days_left})
    else:
        say(f"{'[green]✓[/]' if done.passed else '[red]✗[/]'} {name}: {escape(said)} [dim]– {escape(detail)}[/]")


def _demand(hub: Hub, name: str) -> None:
    if name not in hub.connections:
        known = ", ".join(hub.connections) or "none"
        raise Wrong(f"no connection is called {name}; there are: {known}")
