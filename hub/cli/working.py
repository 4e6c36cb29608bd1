"""`hub init` and `hub run`: the hub set up, and one route run."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import click
from sqlalchemy import Connection
from sqlalchemy.engine import make_url

from hub.app import DATABASE_FILE, Hub
from hub.cli import plans
from hub.cli.output import Exit, Wrong, err, escape, opened, say
from hub.cli.runs import TOLD
from hub.cli.users import who
from hub.domain.changes import PlanState
from hub.domain.documents import DocumentState
from hub.jobs import routes
from hub.jobs.names import APPLY, DELIVER, HANDLE, PLAN, PULL
from hub.jobs.ways import Ways
from hub.plugin.errors import Failure
from hub.settings import FILE_NAME
from hub.status.connections import State, tell_all
from hub.store import breakers, deliveries, documents, invoices, lanes, runs, work
from hub.store import plans as kept_plans
from hub.store.breakers import BreakerState
from hub.store.database import now
from hub.store.invoices import InvoiceFilter
from hub.store.runs import Run
from hub.store.work import UNDER_WAY, UNENDED, Work, WorkState

_MOST_NAMED = 50
_PAGE = 500
_LOOKS_AFTER = 0.2
"""Seconds between two looks at work that another process carries out."""
_WAITS_FOR = {
    PlanState.HELD: "is held and waits for approval",
    PlanState.PROPOSED: "is proposed and waits for a person to let it be applied",
}
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
    """Ask all sources of a route now, and work until everything they brought is done, whoever does it.

    What waits for a person (a held connection, a plan to approve) or for a later try is told and not waited for.

    Exit code 1 when a source failed, something waits so, or something it brought was set aside; of a rehearsal, when
    its plan would be stopped or something would be set aside.
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


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked of a route: by source the work that asks it, when it was, and the newest run of before."""

    route: str
    works: Mapping[str, int]
    begun: datetime
    last_run: int


def _run(hub: Hub, route: str, longest: timedelta, whole: bool) -> Exit:
    with hub.judge() as judge:
        ways = hub.ways(judge)
        sources = _sources(ways, route)
        with hub.database.read() as connection:
            begun, last = now(connection), runs.latest(connection)
        works = {name: routes.run_now(ways, name, who(), route_name=route, whole=whole) for name in sources}
        asked = _Asked(route, works, begun, last)
        ended = _work(hub, ways, asked, longest)
    with hub.database.read() as connection:
        left, held = _lanes_left(connection, asked), _held(connection)
    ran = _tell_runs(hub, asked, held), _tell_set_aside(hub, begun), _tell_held(hub, left, held)
    return max(*ran, _tell_later(left - held.keys()) if ended else _tell_end(longest))


# --- working, and waiting for what others work at


def _work(hub: Hub, ways: Ways, asked: _Asked, longest: timedelta) -> bool:
    """Work until what was asked for has ended, whoever carries it out; whether it has in time.

    What waits for a person or for its next try counts as ended: no waiting here brings it on.
    """
    ends = time.monotonic() + longest.total_seconds()
    hub.executor(ways, scheduled=False).run_until_idle(longest)
    if not _goes_on(hub, asked):
        return True
    executor, going = hub.executor(ways, scheduled=False), True
    executor.start()
    try:
        while going and time.monotonic() < ends:
            time.sleep(_LOOKS_AFTER)
            going = _goes_on(hub, asked)
    finally:
        executor.stop(drain=not going)
    return not going


def _goes_on(hub: Hub, asked: _Asked) -> bool:
    with hub.database.read() as connection:
        stopped = {*_held(connection), *_broken(connection)}
        coming = (each for each in _unended_since(connection, asked) if _is_coming(connection, each, stopped))
        return any(_is_of(connection, each, asked) for each in coming)


def _is_coming(connection: Connection, each: Work, stopped: set[str]) -> bool:
    """Whether it is under way or will be without a person: not what has failed and is tried again later."""
    if each.state in UNDER_WAY:
        return True
    if each.lane in stopped:
        return False
    if each.state is WorkState.BEHIND:
        ahead = (work.page(connection, lane=each.lane, state=state) for state in (*UNDER_WAY, WorkState.WAITING))
        first = (one for page in ahead for one in page if one.order_key == each.order_key)
        return any(_is_coming(connection, one, stopped) for one in first)
    return not each.attempts or each.due_at <= now(connection)


def _lanes_left(connection: Connection, asked: _Asked) -> set[str]:
    """The lanes in which something of what was asked for has not ended."""
    found: set[str] = set()
    for each in _unended_since(connection, asked):
        if each.lane not in found and _is_of(connection, each, asked):
            found.add(each.lane)
    return found


def _unended_since(connection: Connection, asked: _Asked) -> Iterator[Work]:
    """All work that was queued since the sources were asked and has not ended, what is under way first."""
    first = min(asked.works.values())
    for state in reversed(UNENDED):
        before: int | None = None
        while page := work.page(connection, state=state, before_id=before, limit=_PAGE):
            yield from (each for each in page if each.id >= first)
            before = page[-1].id
            if before <= first:
                break


def _is_of(connection: Connection, each: Work, asked: _Asked) -> bool:
    """Whether the work asks the sources as it was asked for, or is about what they have brought since."""
    said = each.argument
    if each.kind in {HANDLE, PLAN}:
        return _was_brought(connection, int(said["document"]), asked)
    if each.kind == DELIVER:
        delivery = deliveries.get(connection, int(said["delivery"]))
        return delivery is not None and _was_brought(connection, delivery.document_id, asked)
    if each.kind == APPLY:
        plan = kept_plans.get(connection, int(said["plan"]))
        return plan is not None and plan.route == asked.route and plan.source in asked.works
    goes_on = each.kind == PULL and said["route"] == asked.route and said["connection"] in asked.works
    return goes_on or each.id in asked.works.values()


def _was_brought(connection: Connection, document_id: int, asked: _Asked) -> bool:
    found = documents.get(connection, document_id)
    return found is not None and found.connection in asked.works and found.arrived_at >= asked.begun


def _held(connection: Connection) -> dict[str, str]:
    """By lane that is held, why."""
    return {each.name: each.held_because or "held" for each in lanes.all_lanes(connection) if each.held_at}


def _broken(connection: Connection) -> set[str]:
    """The lanes whose circuit breaker lets nothing through now."""
    standing = breakers.standing(connection).values()
    return {each.lane for each in standing if each.state is not BreakerState.CLOSED}


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


# --- telling


def _tell_runs(hub: Hub, asked: _Asked, held: Mapping[str, str]) -> Exit:
    with hub.database.read() as connection:
        ours = [each for each in runs.page(connection, route=asked.route) if each.id > asked.last_run]
        plans_of = {each.id: _waiting_plan(connection, each) for each in ours}
        without = asked.works.keys() - {each.connection for each in ours} - held.keys()
        found = {name: work.find(connection, asked.works[name]) for name in sorted(without)}
    told = [_tell_run(each, plans_of[each.id]) for each in ours]
    return max([Exit.FINE, *told, *(_tell_no_run(name, each) for name, each in found.items())])


def _tell_run(run: Run, waiting: str) -> Exit:
    met = ", ".join(f"{number} {what}" for what, number in run.counts.items() if number and what != "bytes")
    outcome = TOLD.get(run.outcome, run.outcome) if run.outcome else waiting or "not ended"
    say(f"{escape(run.connection)}: {outcome}{f' ({met})' if met else ''}")
    for odd in run.suspicions:
        say(f"suspicious: {escape(str(odd.text))}")
    aside = _set_aside_of(run)
    if aside:
        were = "1 record was" if aside == 1 else f"{aside} records were"
        say(f"{escape(run.connection)}: {were} set aside (hub set-aside list)")
    return Exit.FINE if run.outcome in {"succeeded", "nothing"} and not aside else Exit.FINDINGS


def _waiting_plan(connection: Connection, run: Run) -> str:
    """What is told of a run whose plan waits for a person; empty for any other."""
    plan = kept_plans.get(connection, run.plan_id) if run.plan_id and not run.ended_at else None
    if plan is None or plan.state not in _WAITS_FOR:
        return ""
    return f"plan {plan.id} {_WAITS_FOR[plan.state]}: hub plan show {plan.id}"


def _set_aside_of(run: Run) -> int:
    """How many records a run set aside: of an extract those at fault or rejected, of a pull those that were left."""
    left = run.counts.get("left", 0) if "pages" in run.counts else 0
    return run.counts.get("flaws", 0) + run.counts.get("rejected", 0) + left


def _tell_no_run(name: str, asking: Work | None) -> Exit:
    """A source that was asked and made no run: it went on with an earlier one, or nobody has come to it."""
    if asking is not None and asking.state is WorkState.DONE:
        say(f"{escape(name)}: went on with a run that was begun before (hub runs list --connection {escape(name)})")
        return Exit.FINE
    state = "gone" if asking is None else asking.state
    say(f"{escape(name)}: made no run; the work that asks it is {state} (hub queue, hub runs list)")
    return Exit.FINDINGS


def _tell_set_aside(hub: Hub, begun: datetime) -> Exit:
    stopped = InvoiceFilter(state=DocumentState.SET_ASIDE, arrived_from=begun)
    with hub.database.read() as connection:
        found = invoices.page(connection, stopped, limit=_MOST_NAMED)
    for each in found:
        say(f"set aside: {each.document_id} {escape(each.name)} (hub documents show {each.document_id})")
    return Exit.FINDINGS if found else Exit.FINE


def _tell_held(hub: Hub, left: set[str], held: Mapping[str, str]) -> Exit:
    """Each held connection that what was asked for waits in, with why as `hub connections list` tells it."""
    names = sorted(left & held.keys())
    told = {each.name: each.told for each in tell_all(hub.database, hub.connections)} if names else {}
    for name in names:
        why = held[name]
        if name in told and told[name].state in {State.PAUSED, State.REFUSED}:
            why = f"{told[name].state}: {told[name].why.in_language(hub.settings.language)}"
        how = f"hub connections resume {name}"
        say(escape(f"{name} is held ({why}); what was asked for waits. Mend the cause, then: {how}"))
    return Exit.FINDINGS if names else Exit.FINE


def _tell_later(lanes_left: set[str]) -> Exit:
    for name in sorted(lanes_left):
        say(f"{escape(name)}: something waits for its next try; a worker makes it (hub queue)")
    return Exit.FINDINGS if lanes_left else Exit.FINE


def _tell_end(longest: timedelta) -> Exit:
    err.print(f"[yellow]Not everything was done within {longest}; a worker goes on with it.[/]")
    return Exit.FINDINGS
