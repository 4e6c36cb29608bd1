"""`hub runs` and `hub queue`: what ran and what came of it, what waits, and work that is cancelled."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from hub.cli.output import Exit, Wrong, emit, escape, local, opened, say, table
from hub.cli.users import who
from hub.domain.texts import Language
from hub.store import audit, depths, work
from hub.store import runs as kept
from hub.store.depths import Depth
from hub.store.runs import SUSPICIOUS, Run
from hub.store.work import CancelResult

TOLD = {SUSPICIOUS: "succeeded, suspicious", None: "goes on"}
_ONE = {"pages": "page", "records": "record", "units": "unit", "flaws": "flaw", "documents": "document"}
_FINE = {"succeeded", "nothing", None}


@click.group()
def runs() -> None:
    """Runs: each pass of a route over one source."""


@runs.command("list")
@click.option("--route", help="Only of that route.")
@click.option("--connection", "source", help="Only over that source.")
@click.option("--outcome", type=click.Choice([*kept.OUTCOMES, "going"]), help="Only with that outcome.")
@click.option("--limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_(home: Path, route: str | None, source: str | None, outcome: str | None, limit: int, as_json: bool) -> None:
    """The latest runs, the newest first. Exit code 1 when one of them failed or is suspicious."""
    with opened(home) as hub, hub.database.read() as connection:
        found = kept.page(connection, route=route, source=source, outcome=outcome, limit=limit)
    if as_json:
        for each in found:
            emit(_as_json(each))
    else:
        columns = ("id", "began", "route", "source", "cause", "outcome", "met")
        table(columns, [_row(each) for each in found], "Nothing has run.")
    sys.exit(Exit.FINE if all(each.outcome in _FINE or each.normal_by for each in found) else Exit.FINDINGS)


@runs.command()
@click.argument("run_id", type=int)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show(home: Path, run_id: int, as_json: bool) -> None:
    """One run: how far it came, what it met, what is odd about it, and the attempts at its work."""
    with opened(home) as hub, hub.database.read() as connection:
        run = kept.find(connection, run_id)
        if run is None:
            raise Wrong(f"there is no run {run_id} (hub runs list)")
        attempts = work.attempts_of(connection, run.work_id) if run.work_id else ()
        language = hub.settings.language
    if as_json:
        made = [{"number": each.number, "outcome": each.outcome, "worker": each.worker} for each in attempts]
        emit(_as_json(run) | {"attempts": made})
        return
    _tell(run, language)
    for each in attempts:
        why = f": {each.failure.get(language, '')}" if each.failure else ""
        say(f"attempt {each.number} by {escape(each.worker)}: {each.outcome or 'goes on'}{escape(why)}")


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def queue(context: click.Context, as_json: bool) -> None:
    """How much waits in each lane, since when, and what holds it back."""
    if context.invoked_subcommand is not None:
        return
    with opened(context.obj) as hub, hub.database.read() as connection:
        found = depths.depths(connection)
    if as_json:
        for each in found:
            emit(_depth(each))
        return
    columns = ("lane", "waits", "behind", "under way", "dead", "oldest", "next", "held back by")
    table(columns, [_lane(each) for each in found], "There are no lanes: nothing has been queued.")


@queue.command()
@click.argument("work_id", type=int)
@click.pass_obj
def cancel(home: Path, work_id: int) -> None:
    """Cancel a piece of work: what it was about is set aside, not lost. Exit code 1 when it had ended."""
    with opened(home) as hub, hub.database.write() as connection:
        if work.find(connection, work_id) is None:
            raise Wrong(f"there is no work {work_id} (hub queue, hub runs show)")
        asked = work.cancel(connection, work_id) is CancelResult.ASKED
        if asked:
            audit.write(connection, who(), "cancel", f"work {work_id}")
    say("It is cancelled as soon as a worker sees it." if asked else "It had ended already.")
    sys.exit(Exit.FINE if asked else Exit.FINDINGS)


def met(run: Run) -> str:
    """What a run met, each with its number."""
    return ", ".join(
        f"{number} {_ONE.get(what, what) if number == 1 else what}"
        for what, number in run.counts.items()
        if number and what != "bytes"
    )


def _row(run: Run) -> tuple[Any, ...]:
    outcome = TOLD.get(run.outcome, run.outcome)
    return run.id, local(run.started_at), run.route, run.connection, run.cause, outcome, met(run)


def _tell(run: Run, language: Language) -> None:
    _, began, route, source, cause, outcome, counted = _row(run)
    say(f"run {run.id} of {escape(route)} over {escape(source)}, began {began} ({cause}): {outcome}")
    if counted:
        say(counted)
    for each in run.suspicions:
        say(f"suspicious: {escape(each.text.in_language(language))}")
    if run.normal_by:
        say(f"called normal by {escape(run.normal_by)}")
    if run.failure:
        say(escape(run.failure.get(language, "")))


def _as_json(run: Run) -> dict[str, Any]:
    return {
        "id": run.id,
        "route": run.route,
        "connection": run.connection,
        "cause": run.cause,
        "by": run.by,
        "started_at": run.started_at,
        "ended_at": run.ended_at,
        "outcome": run.outcome,
        "stage": run.stage,
        "rehearsal": run.rehearsal,
        "counts": dict(run.counts),
        "failure": run.failure,
        "plan_id": run.plan_id,
        "work_id": run.work_id,
        "suspicions": [each.as_json() for each in run.suspicions],
        "normal_by": run.normal_by,
    }


def _lane(depth: Depth) -> tuple[Any, ...]:
    back = depth.held_because or (f"breaker {depth.breaker}" if depth.breaker != "closed" else "")
    numbers = depth.waiting, depth.behind, depth.under_way, depth.dead
    return depth.lane, *numbers, local(depth.oldest), local(depth.next_due), back


def _depth(depth: Depth) -> dict[str, Any]:
    return {
        "lane": depth.lane,
        "waiting": depth.waiting,
        "behind": depth.behind,
        "dispatched": depth.numbers.get("dispatched", 0),
        "running": depth.numbers.get("running", 0),
        "dead": depth.dead,
        "oldest": depth.oldest,
        "next_due": depth.next_due,
        "concurrency": depth.concurrency,
        "rate": depth.rate,
        "held_because": depth.held_because,
        "breaker": depth.breaker,
    }
