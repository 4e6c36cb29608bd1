"""`hub init`, `hub worker`, `hub run`: the hub set up and set going."""

from __future__ import annotations

import signal
import sys
import threading
from datetime import timedelta
from pathlib import Path

import click

from hub.app import DATABASE_FILE, Hub
from hub.cli.output import Exit, err, opened, say
from hub.cli.users import who
from hub.jobs import routes
from hub.settings import FILE_NAME
from hub.store import runs

EXAMPLE = """\
# The settings of this hub. The environment stands above them: HUB_DATABASE, HUB_WEB__PORT and so on.
# A value may be taken from elsewhere: { env = "NAME" } or { file = "/run/credentials/…" }.

# database = "postgresql+psycopg://hub@localhost/hub"     # default: an embedded database beside this file
language = "sv"

[web]
host = "127.0.0.1"
port = 8080

[worker]
threads = 8
judges = 2

[invoices]
currencies = ["SEK", "EUR"]

# [connections.inkorg]
# connector = "svefaktura.files"
# address = "file:///var/spool/invoices"
# every = 30

# [connections.accesspunkt]
# connector = "svefaktura.accesspoint"
# token = { env = "ACCESS_POINT_TOKEN" }

# [connections.agresso]
# connector = "agresso.filedrop"
# address = "sftp://hub@agresso.example/in"
# private_key = { file = "/run/credentials/agresso-key" }
# host_key = "ssh-ed25519 …"

# [routes.fakturor]
# noun = "invoices"
# from = ["inkorg", "accesspunkt"]
"""


@click.command()
@click.pass_obj
def init(home: Path) -> None:
    """Make a home for a hub: settings to fill in, the database, the rule packs that come with the plugins."""
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = home / FILE_NAME
    if not file.exists():
        file.write_text(EXAMPLE, encoding="utf-8")
        file.chmod(0o600)
    with opened(home) as hub:
        where = hub.settings.database.rpartition("@")[2] or home / DATABASE_FILE
        say(f"Settings: {file}\nDatabase: {where}\nPlugins: {', '.join(sorted(hub.plugins.connectors)) or 'none'}")
    say("Next: fill in the settings, hub users add NAME, hub units import FILE.csv, hub connections check.")


@click.command()
@click.option("--threads", type=click.IntRange(1, 200), help="Default: the settings' worker.threads.")
@click.pass_obj
def worker(home: Path, threads: int | None) -> None:
    """Do the hub's work until told to stop: ask sources, judge, deliver."""
    with opened(home) as hub, hub.judge() as judge:
        executor = hub.executor(hub.ways(judge), threads)
        executor.start()
        err.print("working; Ctrl-C ends")
        _until_told()
        executor.stop(timeout=timedelta(seconds=30))


@click.command()
@click.argument("route")
@click.option("--seconds", type=click.IntRange(1, 86_400), default=600, help="The longest to wait for it.")
@click.pass_obj
def run(home: Path, route: str, seconds: int) -> None:
    """Ask all sources of a route now, and work until everything they brought is done."""
    with opened(home) as hub:
        sys.exit(_run(hub, route, timedelta(seconds=seconds)))


def _run(hub: Hub, route: str, longest: timedelta) -> Exit:
    with hub.judge() as judge:
        ways = hub.ways(judge)
        if route not in ways.routes:
            raise click.UsageError(f"no route is called {route}; there are: {', '.join(ways.routes) or 'none'}")
        for name in ways.routes[route].sources:
            source = hub.connections.get(name)
            if source and source.every is not None:
                routes.run_now(ways, name, who())
        ended = hub.executor(ways, scheduled=False).run_until_idle(longest)
    with hub.database.read() as connection:
        last = runs.page(connection, route=route, limit=len(ways.routes[route].sources))
    for each in last:
        say(f"{each.connection}: {each.outcome or 'not ended'} {dict(each.counts)}")
    if not ended:
        err.print(f"[yellow]Not everything was done within {longest}; a worker goes on with it.[/]")
    return Exit.FINE if ended else Exit.FINDINGS


def _until_told() -> None:
    told = threading.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: told.set())
    told.wait()
