"""`hub set-aside`: what was set aside by reason, who mends it, and its replay, rehearsed or for real."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click

from hub.app import Hub
from hub.cli.output import Exit, Wrong, emit, err, escape, local, opened, progress, say, table
from hub.cli.users import who
from hub.domain.calendar import CITY_TIME
from hub.jobs import replaying
from hub.store import invoices, replays, set_asides, workers
from hub.store.replays import Result, Stop
from hub.store.set_asides import Chosen, Figures, SetAsideGroup

_Command = TypeVar("_Command", bound=Callable[..., Any])
_DAY = click.DateTime(["%Y-%m-%d"])
_CHOICES = (
    click.option("--group", help="The fingerprint of a group (hub set-aside list)."),
    click.option("--code", help="The code of the first reason, such as CITY-RECIPIENT."),
    click.option("--stage", type=click.Choice(["rules", "city", "plan", "target", "work"])),
    click.option("--connection", help="The connection they came by, or were going to."),
    click.option("--unit", help="The STH-kod of their unit."),
    click.option("--seller", help="Its name or organisation number; the beginning of a word is enough."),
    click.option("--arrived-from", type=_DAY, help="Arrived on that day or later."),
    click.option("--arrived-to", type=_DAY, help="Arrived on that day or earlier."),
    click.option("--amount-from", type=Decimal),
    click.option("--amount-to", type=Decimal),
    click.option("--since", type=_DAY, help="Set aside on that day or later."),
    click.option("--until", type=_DAY, help="Set aside on that day or earlier."),
)


def _choosing(command: _Command) -> _Command:
    """The options by which some of what is set aside is chosen."""
    for option in reversed(_CHOICES):
        command = option(command)
    return command


@click.group("set-aside")
def set_aside() -> None:
    """What was set aside, and its replay."""


@set_aside.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_(home: Path, as_json: bool) -> None:
    """The groups, by reason: count, age, owner, value, what is due. Exit code 1 when anything is set aside."""
    with opened(home) as hub:
        with hub.database.read() as connection:
            groups = set_asides.groups(connection)
        told = [_told_group(hub, each) for each in groups]
        language = hub.settings.language
        reasons = [hub.plugins.in_general(each.reason).problem.in_language(language) for each in groups]
    if as_json:
        for each in told:
            emit(each)
    else:
        rows = [
            (each["group"], each["number"], local(each["oldest"]), each["owner"], _value(group.figures), said)
            for each, group, said in zip(told, groups, reasons, strict=True)
        ]
        table(("group", "number", "oldest", "owner", "value", "why"), rows, "Nothing is set aside.")
    sys.exit(Exit.FINDINGS if groups else Exit.FINE)


@set_aside.command()
@click.argument("group")
@click.option("--after", type=int, default=0, help="Only documents with a higher id: the next page.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show(home: Path, group: str, after: int, limit: int, as_json: bool) -> None:
    """One group: its reason, what to do, and the documents in it; an invoice by its number, others by their names."""
    with opened(home) as hub:
        with hub.database.read() as connection:
            found = _found(set_asides.group(connection, group), group)
            ids = set_asides.members(connection, group, after=after, limit=limit)
            rows = invoices.rows(connection, ids)
        told = _told_group(hub, found)
        reason, language = hub.plugins.in_general(found.reason), hub.settings.language
    if as_json:
        emit({**told, "documents": [asdict(each) for each in rows]})
        return
    say(f"[bold]{found.number}[/] [red]{escape(found.code)}[/] {escape(reason.problem.in_language(language))}")
    say(f"   {escape(reason.remedy.in_language(language))}")
    say(f"   owner {escape(told['owner'] or 'nobody')} · value {_value(found.figures)} · {_due(found.figures)}")
    shown = [
        (each.document_id, local(each.arrived_at), named, each.seller_name, each.order_reference, each.payable)
        for each in rows
        for named in (each.number or each.name,)
    ]
    table(("id", "arrived", "document", "seller", "order", "amount"), shown, "")


@set_aside.command()
@click.argument("group")
@click.argument("owner")
@click.option("--note", default="", help="What they are to know, or what was agreed.")
@click.pass_obj
def assign(home: Path, group: str, owner: str, note: str) -> None:
    """Say who mends the cause of a group; an empty name gives it back to its connection's owner."""
    with opened(home) as hub, hub.database.write() as connection:
        _found(set_asides.group(connection, group), group)
        set_asides.assign(connection, group, owner.strip(), note, who())
    say(f"{group} is mended by {escape(owner)}." if owner.strip() else f"{group} has no owner of its own.")


@set_aside.command()
@click.argument("document_ids", type=int, nargs=-1)
@_choosing
@click.option("--all", "everything", is_flag=True, help="All that is set aside.")
@click.option("--rehearse", is_flag=True, help="Only look what would become of them.")
@click.option("--no-wait", is_flag=True, help="End as soon as they are on their way.")
@click.option("--seconds", type=click.IntRange(1, 86_400), default=600, help="The longest to wait.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def replay(
    home: Path,
    /,
    document_ids: tuple[int, ...],
    everything: bool,
    rehearse: bool,
    no_wait: bool,
    seconds: int,
    as_json: bool,
    **choices: Any,
) -> None:
    """Judge what was set aside anew, with today's rules and register. Exit code 1 unless all of it was recovered."""
    chosen = _chosen(document_ids, everything, choices)
    with opened(home) as hub:
        made = replaying.replay(hub.database, chosen, who(), rehearse=rehearse)
        if not no_wait:
            _wait(hub, made, timedelta(seconds=seconds))
        result, stops = _come(hub, made)
    if as_json:
        emit(_told_result(made, rehearse, result, stops))
    else:
        say(sentence(result, stops, rehearse))
    fine = result.number > 0 and (no_wait or result.is_whole)
    sys.exit(Exit.FINE if fine else Exit.FINDINGS)


@set_aside.command("replays")
@click.option("--limit", type=click.IntRange(1, 1000), default=20)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def replays_(home: Path, limit: int, as_json: bool) -> None:
    """Replays and rehearsals, the newest first, and what each came to."""
    with opened(home) as hub, hub.database.read() as connection:
        found = [(each, replays.result_of(connection, each)) for each in replays.page(connection, limit=limit)]
    if as_json:
        for each, result in found:
            emit({"at": each.at, "by": each.by, **_told_result(each.id, each.rehearsal, result, [])})
        return
    rows = [
        (each.id, local(each.at), each.by, sentence(result, [], each.rehearsal), "" if result.is_ended else "under way")
        for each, result in found
    ]
    table(("id", "begun", "by", "result", ""), rows, "Nothing has been run again.")


def sentence(result: Result, stops: list[Stop], rehearsal: bool) -> str:
    """What the replay came to: `31 of 38 would be delivered; 7 would stop again: CITY-RECIPIENT 7`."""
    if not result.number:
        return (
            "Nothing that is set aside was chosen." if result.gathered else "Queued; a worker puts them on their way."
        )
    first = f"{result.recovered} of {result.number} would be delivered" if rehearsal else str(result)
    named = ", ".join(f"{' '.join(each.codes)} {each.number}" for each in stops)
    parts = (
        (result.stopped, f"{'would stop' if rehearsal else 'stopped'} again" + (f": {named}" if named else "")),
        (result.dismissed, "dismissed"),
        (result.unknown, "could not be looked at"),
        (result.waiting, "not looked at yet" if rehearsal else "still on their way"),
    )
    return "; ".join([first, *(f"{number} {said}" for number, said in parts if number)])


def _chosen(document_ids: tuple[int, ...], everything: bool, choices: dict[str, Any]) -> Chosen:
    stated = {name: value for name, value in choices.items() if value is not None}
    for name in (name for name, value in stated.items() if isinstance(value, str) and not value.strip()):
        raise click.UsageError(f"--{name.replace('_', '-')} is empty: it would choose nothing")
    for name in ("arrived_from", "arrived_to", "since", "until"):
        if name in stated:
            stated[name] = _midnight(stated[name], days=int(name in {"arrived_to", "until"}))
    if not (document_ids or everything or stated):
        raise click.UsageError("say which: ids, --group, --code, another of the conditions, or --all")
    return Chosen(ids=document_ids or None, everything=everything, **stated)


def _midnight(day: datetime, days: int) -> datetime:
    return (day + timedelta(days=days)).replace(tzinfo=CITY_TIME)


def _wait(hub: Hub, made: int, longest: timedelta) -> None:
    with hub.database.read() as connection:
        if not workers.living_workers(connection):
            err.print("No worker is running (hub worker); what was chosen is done as soon as one does.")
            return
    ends = time.monotonic() + longest.total_seconds()
    with progress() as bar:
        task = bar.add_task("documents", total=None)
        while time.monotonic() < ends:
            result, _ = _come(hub, made)
            bar.update(task, completed=result.number - result.waiting, total=result.number)
            if result.is_ended:
                return
            time.sleep(0.5)
    err.print(f"[yellow]Not everything was done within {longest}; a worker goes on with it.[/]")


def _come(hub: Hub, made: int) -> tuple[Result, list[Stop]]:
    with hub.database.read() as connection:
        return replays.result(connection, made), replays.stops(connection, made)


def _found(group: SetAsideGroup | None, name: str) -> SetAsideGroup:
    if group is None:
        raise Wrong(f"nothing is set aside in a group {name} (hub set-aside list)")
    return group


def _told_group(hub: Hub, group: SetAsideGroup) -> dict[str, Any]:
    figures = group.figures
    return {
        "group": group.fingerprint,
        "code": group.code,
        "stage": group.stage,
        "number": group.number,
        "oldest": group.oldest,
        "newest": group.newest,
        "owner": group.owner({name: each.owner for name, each in hub.connections.items()}),
        "note": group.ownership.note if group.ownership else "",
        "value": [asdict(each) for each in figures.sums],
        "unread": figures.unread,
        "overdue": figures.overdue,
        "due_within_7_days": figures.due_soon,
    }


def _told_result(made: int, rehearsal: bool, result: Result, stops: list[Stop]) -> dict[str, Any]:
    told = {"replay": made, "rehearsal": rehearsal, **asdict(result), "ended": result.is_ended}
    return told | {"stopped_by": [{"codes": each.codes, "number": each.number} for each in stops]}


def _value(figures: Figures) -> str:
    sums = [f"{each.amount} {each.currency}" for each in figures.sums]
    return ", ".join([*sums, *([f"{figures.unread} unread"] if figures.unread else [])])


def _due(figures: Figures) -> str:
    return f"{figures.overdue} overdue, {figures.due_soon} due within 7 days"
