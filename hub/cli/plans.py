"""`hub plan`: what routes want to do, who approves it, and what came of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import click
from sqlalchemy import Connection

from hub.app import Hub
from hub.cli.output import Exit, Wrong, emit, escape, local, opened, say, table
from hub.cli.users import who
from hub.domain.changes import ChangeKind, PlanState, differences
from hub.domain.texts import Language
from hub.jobs import approving, routes
from hub.store import plans as kept
from hub.store.plans import StoredChange, StoredPlan

_PAGE = 500
_SHOWN = 100
_SIGNS = {ChangeKind.CREATE: "+", ChangeKind.UPDATE: "~", ChangeKind.REMOVE: "-"}
_STATES = [each.value for each in PlanState if each is not PlanState.MAKING]


@click.group("plan")
def plan() -> None:
    """Plans: what routes want to do, who approves it, and what came of it."""


@plan.command("list")
@click.option("--route")
@click.option("--state", type=click.Choice(_STATES))
@click.option("--before", type=int, help="Only plans with a lower number: the next page.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_(home: Path, route: str | None, state: str | None, before: int | None, limit: int, as_json: bool) -> None:
    """Plans, newest first."""
    asked = PlanState(state) if state else None
    with opened(home) as hub, hub.database.read() as connection:
        found = kept.page(connection, route=route, state=asked, before=before, limit=limit)
    if as_json:
        for each in found:
            emit(as_told(each))
        return
    columns = ("plan", "made", "route", "state", "+", "~", "-", "=", "stopped by")
    table(columns, [_row(each) for each in found], "No plans.")


@plan.command()
@click.argument("number", type=int)
@click.option("--kind", type=click.Choice([each.value for each in ChangeKind]))
@click.option("--outcome", type=click.Choice([kept.APPLIED, kept.REJECTED, kept.SET_ASIDE]))
@click.option("--after", type=int, default=0, help="Only changes with a higher number: the next page.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=_SHOWN)
@click.option("--json", "as_json", is_flag=True, help="All changes, one on a line.")
@click.pass_obj
def show(home: Path, number: int, kind: str | None, outcome: str | None, after: int, limit: int, as_json: bool) -> None:
    """One plan: its figures, what stops it, who said what, and its changes field by field."""
    asked: dict[str, Any] = {"kind": ChangeKind(kind) if kind else None, "outcome": outcome}
    with opened(home) as hub:
        found = _plan(hub, number)
        if as_json:
            _emit_all(hub, found, asked, after)
            return
        summary(hub, found)
        with hub.database.read() as connection:
            changes = kept.changes(connection, number, after=after, limit=limit, **asked)
        for each in changes:
            _say_change(each, hub.settings.language)
        if len(changes) == limit:
            say(f"\nMore: hub plan show {number} --after {changes[-1].number}")


@plan.command()
@click.argument("number", type=int)
@click.option("--digest", help="The digest that was shown. Default: asked for.")
@click.option("--reason", required=True)
@click.pass_obj
def approve(home: Path, number: int, digest: str | None, reason: str) -> None:
    """Approve a held plan, exactly as it was shown. What is approved in full is applied by a worker."""
    with opened(home) as hub:
        if _plan(hub, number).state is PlanState.PROPOSED:
            raise Wrong(f"plan {number} is proposed and waits to be applied: hub plan apply {number} --reason …")
        shown = _shown_digest(hub, number, digest)
        _decide(hub, lambda: routes.approve(hub.database, number, shown, who(), reason), number)


@plan.command()
@click.argument("number", type=int)
@click.option("--digest", help="The digest that was shown. Default: asked for.")
@click.option("--reason", required=True)
@click.pass_obj
def apply(home: Path, number: int, digest: str | None, reason: str) -> None:
    """Let a plan be applied that a rehearsal, or a first run, proposed."""
    with opened(home) as hub:
        shown = _shown_digest(hub, number, digest)
        _decide(hub, lambda: routes.apply_proposed(hub.database, number, shown, who(), reason), number)


@plan.command()
@click.argument("number", type=int)
@click.option("--reason", required=True)
@click.pass_obj
def refuse(home: Path, number: int, reason: str) -> None:
    """Decide that a plan shall not be applied."""
    with opened(home) as hub:
        _decide(hub, lambda: approving.refuse(hub.database, number, who(), reason), number)


def summary(hub: Hub, found: StoredPlan) -> None:
    """The plan in a few lines: figures, stops, progress and who said what."""
    with hub.database.read() as connection:
        progress, said = kept.progress(connection, found.id), kept.approvals(connection, found.id)
    figures, language = found.figures, hub.settings.language
    way = escape(f"{found.source or found.route} → {found.target or 'the units'}")
    say(f"[bold]Plan {found.id}[/]  {escape(found.route)}: {way}  [bold]{found.state}[/]  {local(found.made_at)}")
    say(f"digest {found.digest}")
    say(
        f"+ {figures.creates} created   ~ {figures.updates} changed   - {figures.removals} removed   "
        f"= {figures.unchanged} unchanged"
    )
    stated = "?" if figures.stated is None else figures.stated
    say(f"read {figures.read} sound and {figures.flaws} at fault, {stated} stated; the target held {figures.holdings}")
    if figures.spared or figures.withheld:
        say(f"left alone at the target: {figures.spared} at fault in the extract, {figures.withheld} not removed")
    if progress.applied or progress.rejected:
        say(f"applied {progress.applied} of {progress.total}, rejected {progress.rejected}")
    for each in found.stops:
        say(f"[yellow]stopped[/] {each.code} ({each.seats} to approve): {escape(each.text.in_language(language))}")
    if found.why:
        say(f"why: {escape(found.why.in_language(language))}")
    for one in said:
        say(f"{one.decision} {escape(one.by)} {local(one.at)}: {escape(one.reason)}")


def _say_change(each: StoredChange, language: Language) -> None:
    change = each.change
    came = f"{each.outcome}, in doubt" if each.is_in_doubt else each.outcome
    after = "" if came is None else f"  [{'red' if each.reasons else 'green'}]{came}[/]"
    say(f"{each.number:>6} {_SIGNS[change.kind]} {escape(change.address)}{after}")
    for one in differences(change):
        old, new = ("" if value is None else escape(value) for value in (one.old, one.new))
        say(f"         {escape(one.field)}: {f'{old} → {new}' if change.kind is ChangeKind.UPDATE else new or old}")
    for reason in each.reasons:
        say(f"         [red]{escape(reason.code)}[/] {escape(reason.problem.in_language(language))}")


def as_told(found: StoredPlan) -> dict[str, Any]:
    """The plan as JSON tells it."""
    names = ("id", "digest", "route", "noun", "source", "target", "state", "made_at", "by", "rehearsal", "seats")
    said = {name: getattr(found, name) for name in names}
    figures = {name: getattr(found.figures, name) for name in found.figures.__slots__}
    stops = [{"code": each.code, "sv": each.text.sv, "en": each.text.en, "seats": each.seats} for each in found.stops]
    return said | {"figures": figures, "stops": stops, "run": found.run_id, "document": found.document_id}


def _emit_all(hub: Hub, found: StoredPlan, asked: Mapping[str, Any], after: int) -> None:
    emit(as_told(found))
    for each in _every(hub, found.id, asked, after):
        change = each.change
        emit(
            {
                "number": each.number,
                "kind": change.kind,
                "address": change.address,
                "fields": dict(change.fields),
                "before": dict(change.before),
                "outcome": each.outcome,
                "in_doubt": each.is_in_doubt,
                "receipt": each.receipt.reference if each.receipt else None,
                "codes": [reason.code for reason in each.reasons],
            }
        )


def _every(hub: Hub, number: int, asked: Mapping[str, Any], after: int) -> Iterator[StoredChange]:
    def page(connection: Connection) -> list[StoredChange]:
        return kept.changes(connection, number, after=after, limit=_PAGE, **asked)

    while True:
        with hub.database.read() as connection:
            found = page(connection)
        yield from found
        if len(found) < _PAGE:
            return
        after = found[-1].number


def _row(each: StoredPlan) -> tuple[object, ...]:
    figures = each.figures
    counted = figures.creates, figures.updates, figures.removals, figures.unchanged
    return each.id, local(each.made_at), each.route, each.state, *counted, ", ".join(one.code for one in each.stops)


def _plan(hub: Hub, number: int) -> StoredPlan:
    with hub.database.read() as connection:
        found = kept.get(connection, number)
    if found is None:
        raise Wrong(f"there is no plan {number}")
    return found


def _shown_digest(hub: Hub, number: int, stated: str | None) -> str:
    """The digest that the person saw: stated, or that of the plan shown now and said yes to."""
    found = _plan(hub, number)
    if stated is not None:
        return found.digest if len(stated) >= 12 and found.digest.startswith(stated) else stated
    summary(hub, found)
    click.confirm("Is this the plan you mean?", abort=True)
    return found.digest


def _decide(hub: Hub, act: Callable[[], PlanState], number: int) -> None:
    try:
        state = act()
    except approving.NotPossible as error:
        raise Wrong(error.text.in_language(hub.settings.language)) from None
    say(f"Plan {number} is {state}.")
    sys.exit(Exit.FINE if state not in kept.WAITING_FOR_SOMEBODY else Exit.FINDINGS)
