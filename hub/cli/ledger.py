"""`hub ledger`: the accounts payable, in and out of files as *leverantörsreskontra* 1.1."""

from __future__ import annotations

import sys
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import click

from hub.cli.output import Exit, Wrong, emit, err, escape, opened, say
from hub.cli.users import who
from hub.domain.texts import Language
from hub.flow import bringing
from hub.flow.reskontra import Fault
from hub.plugin.errors import Rejected
from hub.store import ledger as kept

_DAY = click.DateTime(["%Y-%m-%d"])
_TOLD = 200


@click.group()
def ledger() -> None:
    """The accounts payable, posting by posting."""


@ledger.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--once", is_flag=True, help="Leave out a row that says word for word what an earlier one said.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each fault, and one for the whole.")
@click.pass_obj
def import_(home: Path, file: Path, once: bool, as_json: bool) -> None:
    """Bring postings in out of a CSV file (leverantörsreskontra 1.1). A row at fault is told; the others are kept.

    Brought in again it changes nothing. Exit code 0 when every row was kept, 1 when some were left out.
    """
    with opened(home) as hub:
        tell = _Telling(hub.settings.language, as_json)
        try:
            with file.open("rb") as stream:
                brought = bringing.bring_in(hub.database, stream, who(), file.name, tell, once=once)
        except Rejected as error:
            said = [f"{each.problem}\n  {each.remedy}" for each in error.reasons]
            raise Wrong(f"{file.name} is no leverantörsreskontra 1.1:\n" + "\n".join(said)) from None
    if as_json:
        emit(asdict(brought))
    else:
        if tell.number > _TOLD:
            err.print(f"… and {tell.number - _TOLD} more (--json tells all)")
        twins = f" {brought.twins} said the same as an earlier row." if brought.twins else ""
        say(f"{brought.new} new, {brought.changed} changed, {brought.same} as before, {brought.left} left out.{twins}")
    sys.exit(Exit.FINDINGS if brought.left else Exit.FINE)


@ledger.command()
@click.argument("file", type=click.Path(dir_okay=False, writable=True, path_type=Path))
@click.option("--from", "begins", type=_DAY, required=True, help="Booked on that day or later.")
@click.option("--to", "ends", type=_DAY, required=True, help="Booked on that day or earlier.")
@click.option("--with-personal-numbers", is_flag=True, help="Write sole traders' personnummer whole. Never publish it.")
@click.pass_obj
def export(home: Path, file: Path, begins: datetime, ends: datetime, with_personal_numbers: bool) -> None:
    """Write the postings of those days as CSV (leverantörsreskontra 1.1), the personnummer of sole traders masked."""
    if begins > ends:
        raise click.UsageError("--from is after --to")
    half = file.with_name(f"{file.name}.part")
    with opened(home) as hub:
        days = begins.date(), ends.date()
        try:
            with half.open("w", encoding="utf-8", newline="") as stream:
                number = bringing.give_out(hub.database, stream, *days, who(), with_persons=with_personal_numbers)
            half.replace(file)
        except OSError as error:
            raise Wrong(f"{file} cannot be written: {error.strerror}") from None
        finally:
            half.unlink(missing_ok=True)
    say(f"{number} postings written to {escape(str(file))}.")


@ledger.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show(home: Path, as_json: bool) -> None:
    """How many postings there are, and how many of them name no contract."""
    with opened(home) as hub, hub.database.read() as connection:
        counted, days = kept.count(connection), kept.days(connection)
    if as_json:
        begins, ends = days or (None, None)
        emit(asdict(counted) | {"from": begins, "to": ends})
    elif days is None:
        say("There are no postings. They are pulled, or brought in: hub ledger import FILE")
    else:
        say(f"{counted.rows} postings booked {days[0]} to {days[1]}; {counted.without_contract} name no contract.")


class _Telling:
    """Tells each fault as it is met; people are told the first of them only."""

    def __init__(self, language: Language, as_json: bool) -> None:
        self.number, self._language, self._as_json = 0, language, as_json

    def __call__(self, fault: Fault) -> None:
        """Tell it."""
        self.number += 1
        reason = fault.reason
        if self._as_json:
            both = {
                "problem": {"sv": reason.problem.sv, "en": reason.problem.en},
                "remedy": {"sv": reason.remedy.sv, "en": reason.remedy.en},
            }
            place = {"line": fault.line, "column": fault.column, "code": reason.code, "value": reason.value}
            emit(place | {"left": fault.is_left} | both)
        elif self.number <= _TOLD:
            where = f"{fault.line}{f' {fault.column}' if fault.column else ''}"
            problem, remedy = reason.problem.in_language(self._language), reason.remedy.in_language(self._language)
            stated = f" ({escape(reason.value)})" if reason.value else ""
            say(f"{escape(where)}: [bold]{reason.code}[/] {escape(problem)}{stated}")
            say(f"   [dim]{escape(remedy)}[/]")
