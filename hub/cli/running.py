"""`hub run`: one route run now, waited for, and told of."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from pathlib import Path

import click
from sqlalchemy import Connection

from hub.app import Hub
from hub.cli import plans
from hub.cli.output import Exit, Wrong, err, escape, opened, say
from hub.cli.runs import TOLD, met
from hub.cli.users import who
from hub.domain.changes import PlanState
from hub.domain.documents import DocumentState
from hub.domain.texts import Language
from hub.jobs import asking, routes
from hub.jobs.ways import Ways
from hub.plugin.errors import Failure
from hub.status.connections import State, tell_all
from hub.store import connections, invoices, runs, work
from hub.store import plans as kept_plans
from hub.store.asked import Asked
from hub.store.invoices import InvoiceFilter
from hub.store.runs import Run
from hub.store.work import Work, WorkState

_MOST_NAMED = 50
_LOOKS_AFTER = 0.2
"""Seconds between two looks at whether what was asked for goes on."""
_WAITS_FOR = {
    PlanState.HELD: "is held and waits for approval",
    PlanState.PROPOSED: "is proposed and waits for a person to let it be applied",
}


@click.command()
@click.argument("route")
@click.option("--seconds", type=click.IntRange(1, 86_400), default=600, help="The longest to wait for it.")
@click.option("--whole", is_flag=True, help="Pull everything a feed has, not only what has changed.")
@click.option(
    "--rehearse",
    is_flag=True,
    help="Read and plan for real; land, acknowledge and apply nothing. What is pulled changes nothing elsewhere, "
    "and has no rehearsal.",
)
@click.pass_obj
def run(home: Path, route: str, seconds: int, whole: bool, rehearse: bool) -> None:
    """Ask all sources of a route now, and work until everything they brought is done, whoever does it.

    What waits for a person (a held connection, a plan to approve) or for a later try is told and not waited for.

    Exit code 1 when a source failed, something waits so, something it brought was set aside or something there cannot
    be taken; of a rehearsal, when its plan would be stopped or something would be set aside.
    """
    with opened(home) as hub:
        sys.exit(_rehearse(hub, route) if rehearse else _run(hub, route, timedelta(seconds=seconds), whole))


def _rehearse(hub: Hub, route: str) -> Exit:
    with hub.judge() as judge:
        ways = hub.ways(judge)
        _demand_sources(ways, route, hub.settings.language)
        try:
            plan = routes.rehearse(ways, route, who())
        except Failure as failure:
            raise Wrong(failure.text.in_language(hub.settings.language)) from None
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
        _demand_sources(ways, route, hub.settings.language)
        asked = asking.ask(ways, route, who(), whole=whole)
        ended = _work(hub, ways, asked, longest)
    with hub.database.read() as connection:
        left, held = asking.lanes_left(connection, asked), asking.held(connection)
    ran = _tell_runs(hub, asked, held), _tell_set_aside(hub, asked.begun), _tell_left(hub, asked.works)
    return max(*ran, _tell_held(hub, left, held), _tell_later(left - held.keys()) if ended else _tell_end(longest))


def _work(hub: Hub, ways: Ways, asked: Asked, longest: timedelta) -> bool:
    """Work until what was asked for has ended, whoever carries it out; whether it has in time.

    What waits for a person or for its next try counts as ended: no waiting here brings it on.
    """
    ends = time.monotonic() + longest.total_seconds()
    executor = hub.executor(ways, scheduled=False)
    executor.start()
    going = True
    try:
        while going and time.monotonic() < ends:
            time.sleep(_LOOKS_AFTER)
            with hub.database.read() as connection:
                going = asking.goes_on(connection, asked)
    finally:
        executor.stop(drain=not going)
    return not going


def _demand_sources(ways: Ways, route: str, language: Language) -> None:
    if route not in ways.routes:
        raise Wrong(f"no route is called {route}; there are: {', '.join(ways.routes) or 'none'}")
    sources = [ways.connections[name] for name in ways.routes[route].sources]
    if any(each.is_asked for each in sources):
        return
    broken = [f"{each.name} cannot be used: {each.broken.in_language(language)}" for each in sources if each.broken]
    pushed = [] if broken else ["what is pushed to us comes by itself"]
    raise Wrong("; ".join([f"the route {route} has no source that can be asked", *broken, *pushed]))


# --- telling


def _tell_runs(hub: Hub, asked: Asked, held: Mapping[str, str]) -> Exit:
    with hub.database.read() as connection:
        ours = [each for each in runs.page(connection, route=asked.route) if each.id > asked.last_run]
        plans_of = {each.id: _waiting_plan(connection, each) for each in ours}
        without = asked.works.keys() - {each.connection for each in ours} - held.keys()
        found = {name: work.find(connection, asked.works[name]) for name in sorted(without)}
    told = [_tell_run(each, plans_of[each.id], hub.settings.language) for each in ours]
    return max([Exit.FINE, *told, *(_tell_no_run(name, each) for name, each in found.items())])


def _tell_run(run: Run, waiting: str, language: Language) -> Exit:
    counted = met(run)
    outcome = TOLD.get(run.outcome, run.outcome) if run.outcome else waiting or "not ended"
    say(f"{escape(run.connection)}: {outcome}{f' ({counted})' if counted else ''}")
    if run.failure:
        say(f"  {escape(run.failure.get(language, ''))} (hub runs show {run.id})")
    for odd in run.suspicions:
        say(f"suspicious: {escape(odd.text.in_language(language))}")
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
    """How many records of a run are set aside: those at fault, and of an extract those that the target rejected."""
    return run.counts.get("flaws", 0) + run.counts.get("rejected", 0)


def _tell_no_run(name: str, asked: Work | None) -> Exit:
    """A source that was asked and made no run: it went on with an earlier one, or nobody has come to it."""
    if asked is not None and asked.state is WorkState.DONE:
        say(f"{escape(name)}: went on with a run that was begun before (hub runs list --connection {escape(name)})")
        return Exit.FINE
    state = "gone" if asked is None else asked.state
    say(f"{escape(name)}: made no run; the work that asks it is {state} (hub queue, hub runs list)")
    return Exit.FINDINGS


def _tell_set_aside(hub: Hub, begun: datetime) -> Exit:
    stopped = InvoiceFilter(state=DocumentState.SET_ASIDE, arrived_from=begun)
    with hub.database.read() as connection:
        found = invoices.page(connection, stopped, limit=_MOST_NAMED)
    for each in found:
        say(f"set aside: {each.document_id} {escape(each.name)} (hub documents show {each.document_id})")
    return Exit.FINDINGS if found else Exit.FINE


def _tell_left(hub: Hub, sources: Iterable[str]) -> Exit:
    """What lies at the sources because it is too large, or cannot be read there."""
    with hub.database.read() as connection:
        left = {name: connections.lived(connection, name).left_items for name in sources}
    told = {name: number for name, number in left.items() if number}
    for name, number in told.items():
        lie = "1 document lies" if number == 1 else f"{number} documents lie"
        say(f"{escape(name)}: {lie} there and cannot be taken (hub connections show {escape(name)})")
    return Exit.FINDINGS if told else Exit.FINE


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
