"""`hub init` and `hub run`: the hub set up, and one route run."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

import click
from sqlalchemy.engine import make_url

from hub.app import DATABASE_FILE, Hub
from hub.cli import plans
from hub.cli.output import Exit, Wrong, err, escape, opened, say
from hub.cli.runs import TOLD
from hub.cli.users import who
from hub.domain.documents import DocumentState
from hub.jobs import routes
from hub.jobs.ways import Ways
from hub.plugin.errors import Failure
from hub.settings import FILE_NAME
from hub.store import invoices, runs
from hub.store.database import now
from hub.store.invoices import InvoiceFilter

_MOST_NAMED = 50
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
        where = _place(hub.settings.database) or home / DATABASE_FILE
        say(f"Settings: {file}\nDatabase: {where}\nPlugins: {', '.join(sorted(hub.plugins.connectors)) or 'none'}")
    say("Next: fill in the settings, hub users add NAME, hub units import FILE.csv, hub connections check.")


@click.command()
@click.argument("route")
@click.option("--seconds", type=click.IntRange(1, 86_400), default=600, help="The longest to wait for it.")
@click.option("--whole", is_flag=True, help="Pull everything a feed has, not only what has changed.")
@click.option("--rehearse", is_flag=True, help="Read and plan for real; land, acknowledge and apply nothing.")
@click.pass_obj
def run(home: Path, route: str, seconds: int, whole: bool, rehearse: bool) -> None:
    """Ask all sources of a route now, and work until everything they brought is done.

    Exit code 1 when a source failed or something it brought was set aside; of a rehearsal, when its plan would be
    stopped or something would be set aside.
    """
    with opened(home) as hub:
        sys.exit(_rehearse(hub, route) if rehearse else _run(hub, route, timedelta(seconds=seconds), whole))


def _rehearse(hub: Hub, route: str) -> Exit:
    with hub.judge() as judge:
        ways = hub.ways(judge)
        _sources(ways, route)
        try:
            plan = routes.rehearse(ways, route, who())
        except Failure as failure:
            raise Wrong(failure.text.en) from None
    if plan is None:
        say("Nothing waits at the sources.")
        return Exit.FINE
    plans.summary(hub, plan)
    say(f"\nIts changes: hub plan show {plan.id}")
    if plan.figures.changes:
        say(f"Let it be done: hub plan apply {plan.id} --digest {plan.digest[:16]} --reason …")
    return Exit.FINDINGS if plan.stops or plan.figures.flaws else Exit.FINE


def _run(hub: Hub, route: str, longest: timedelta, whole: bool) -> Exit:
    with hub.judge() as judge:
        ways = hub.ways(judge)
        sources = _sources(ways, route)
        with hub.database.read() as connection:
            begun, last = now(connection), runs.latest(connection)
        for name in sources:
            routes.run_now(ways, name, who(), route_name=route, whole=whole)
        ended = hub.executor(ways, scheduled=False).run_until_idle(longest)
    return max(_tell_runs(hub, route, last), _tell_set_aside(hub, begun), _tell_end(ended, longest))


def _place(address: str) -> str:
    """Where a database is, without who may enter and how."""
    if not address:
        return ""
    url = make_url(address)
    return f"{url.get_backend_name()} {url.host or ''} {url.database or ''}"


def _sources(ways: Ways, route: str) -> list[str]:
    if route not in ways.routes:
        raise Wrong(f"no route is called {route}; there are: {', '.join(ways.routes) or 'none'}")
    asked = [name for name in ways.routes[route].sources if ways.connections[name].is_asked]
    if not asked:
        raise Wrong(f"the route {route} has no source that can be asked; what is pushed to us comes by itself")
    return asked


def _tell_runs(hub: Hub, route: str, after: int) -> Exit:
    with hub.database.read() as connection:
        ours = [each for each in runs.page(connection, route=route) if each.id > after]
    for each in ours:
        met = ", ".join(f"{number} {what}" for what, number in each.counts.items() if number and what != "bytes")
        outcome = TOLD.get(each.outcome, each.outcome) if each.outcome else "not ended"
        say(f"{escape(each.connection)}: {outcome}{f' ({met})' if met else ''}")
        for odd in each.suspicions:
            say(f"suspicious: {escape(str(odd.text))}")
    return Exit.FINE if all(each.outcome in {"succeeded", "nothing"} for each in ours) else Exit.FINDINGS


def _tell_set_aside(hub: Hub, begun: datetime) -> Exit:
    stopped = InvoiceFilter(state=DocumentState.SET_ASIDE, arrived_from=begun)
    with hub.database.read() as connection:
        found = invoices.page(connection, stopped, limit=_MOST_NAMED)
    for each in found:
        say(f"set aside: {each.document_id} {escape(each.name)} (hub documents show {each.document_id})")
    return Exit.FINDINGS if found else Exit.FINE


def _tell_end(ended: bool, longest: timedelta) -> Exit:
    if ended:
        return Exit.FINE
    err.print(f"[yellow]Not everything was done within {longest}; a worker goes on with it.[/]")
    return Exit.FINDINGS
