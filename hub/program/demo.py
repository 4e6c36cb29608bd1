"""`hub demo`: the demonstration city: stand-ins of foreign systems, documents that keep coming, and the console."""

from __future__ import annotations

import secrets
import shutil
import socket
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import click
import tomli_w
from pwdlib import PasswordHash
from rich.live import Live
from rich.table import Table

from hub.app import Hub
from hub.cli.output import err, opened, out, reachable, say
from hub.domain.documents import DocumentState
from hub.flow.register import parse
from hub.loader import Plugins, load_plugins
from hub.plugin.demonstration import REGISTER, Stage
from hub.program.console import served
from hub.program.working import told_to_end, working
from hub.settings import FILE_NAME
from hub.store import documents, units, users

FOLDER = "demonstration"
USER = "demo"
_MARK = ".demonstration"


@click.command()
@click.option("--host", default="127.0.0.1")
@click.option("--port", type=click.IntRange(0, 65535), default=8080, help="Another is taken when it is in use.")
@click.option("--pace", type=click.FloatRange(0.01, 100), default=1.0, help="Documents a second, about.")
@click.option("--seed", type=int, default=2026, help="What the city is made from.")
@click.option("--seconds", type=int, help="End after so long. Default: when told to (Ctrl-C).")
@click.pass_obj
def demo(home: Path, host: str, port: int, pace: float, seed: int, seconds: int | None) -> None:
    """Show a city at work: stand-ins, invoices good and bad, and the console. Each start begins anew.

    Everything lies in the folder `demonstration` under HUB_HOME; a hub of yours beside it is not touched.
    """
    try:
        _show(home / FOLDER, host, port, pace, seed, seconds)
    except KeyboardInterrupt:
        err.print("ended before it had begun")


def _show(place: Path, host: str, port: int, pace: float, seed: int, seconds: int | None) -> None:
    with reachable(place):
        _begin_anew(place)
    port = _free_port(host, port)
    stage = Stage(place / "city", f"http://{host}:{port}", secrets.token_urlsafe(24), seed, pace)
    stage.folder.mkdir(parents=True)
    plugins = load_plugins()
    with ExitStack() as stack:
        tables: dict[str, Any] = {}
        for each in plugins.demonstrations:
            tables |= stack.enter_context(each.open(stage))
        _write_settings(place, host, port, tables, plugins)
        with opened(place) as hub:
            password = _furnish(hub, stage)
            _show_way_in(stage, place, password)
            _play(hub, plugins, stage, seconds)


def _begin_anew(place: Path) -> None:
    if place.exists():
        if not (place / _MARK).exists():
            raise click.UsageError(f"{place} is not of the demonstration's making; it is left alone")
        shutil.rmtree(place)
    place.mkdir(parents=True)
    (place / _MARK).touch()


def _free_port(host: str, wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise click.UsageError(f"no port is free on {host}")


def _write_settings(
    place: Path, host: str, port: int, tables: Mapping[str, Mapping[str, Any]], plugins: Plugins
) -> None:
    bringing = [name for name, table in tables.items() if _brings(plugins, str(table["connector"]))]
    written = {
        "web": {"host": host, "port": port},
        "connections": tables,
        "routes": {"fakturor": {"noun": "invoices", "from": bringing}, **_pulling(plugins, tables)},
    }
    (place / FILE_NAME).write_text(tomli_w.dumps(written), encoding="utf-8")
    (place / FILE_NAME).chmod(0o600)


def _brings(plugins: Plugins, connector: str) -> bool:
    described = plugins.connectors[connector]
    return described.pushed or "invoices" in described.sources


def _pulling(plugins: Plugins, tables: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """A route for every noun that is pulled, from all who have it."""
    sources: dict[str, list[str]] = {}
    for name, table in tables.items():
        for noun in plugins.connectors[str(table["connector"])].feeds:
            sources.setdefault(noun, []).append(name)
    return {noun: {"noun": noun, "from": names} for noun, names in sources.items()}


def _furnish(hub: Hub, stage: Stage) -> str:
    password = secrets.token_urlsafe(12)
    with hub.database.write() as connection:
        users.keep(connection, USER, PasswordHash.recommended().hash(password))
        register = stage.folder / REGISTER
        if register.exists():
            units.replace_all(connection, parse(register.read_bytes()))
    return password


def _show_way_in(stage: Stage, place: Path, password: str) -> None:
    say(f"\n  Console   [bold]{stage.hub_url}[/]")
    say(f"  Login     [bold]{USER}[/]   Password  [bold]{password}[/]")
    say(f"  Command   {_own_path()} --home {place} status\n  Ctrl-C ends.\n")


def _own_path() -> str:
    """How this very program is called from a shell."""
    own = sys.argv[0]
    return "hub" if shutil.which("hub") == own else own


def _play(hub: Hub, plugins: Plugins, stage: Stage, seconds: int | None) -> None:
    told = told_to_end()
    settings = hub.settings.web
    with hub.judge() as judge, served(hub, settings.host, settings.port), working(hub.executor(hub.ways(judge))):
        actors = [
            threading.Thread(target=each.play, args=(stage, told.wait), name=each.name.en, daemon=True)
            for each in plugins.demonstrations
            if each.play
        ]
        for actor in actors:
            actor.start()
        _watch(hub, told, seconds)
        told.set()
        err.print("ending …")
        for actor in actors:
            actor.join(timeout=10)


def _watch(hub: Hub, told: threading.Event, seconds: int | None) -> None:
    begun = time.monotonic()
    with Live(console=out, refresh_per_second=1, transient=True) as live:
        while not told.is_set() and (seconds is None or time.monotonic() - begun < seconds):
            live.update(_numbers(hub))
            if not out.is_terminal and int(time.monotonic() - begun) % 10 == 0:
                say(_sentence(hub))
            told.wait(1)
    say(_sentence(hub))


def _counted(hub: Hub) -> Mapping[DocumentState, int]:
    with hub.database.read() as connection:
        return documents.counts(connection, "invoices")


def _numbers(hub: Hub) -> Table:
    drawn = Table(box=None)
    numbers = _counted(hub)
    for state in numbers:
        drawn.add_column(state.value, justify="right")
    drawn.add_row(*(str(number) for number in numbers.values()))
    return drawn


def _sentence(hub: Hub) -> str:
    return "Documents: " + " · ".join(f"{number} {state}" for state, number in _counted(hub).items())
