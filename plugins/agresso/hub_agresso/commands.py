"""`hub agresso doctor`: a read-only look at a real installation, and a report of it that can be mailed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from hub.domain.texts import Text
from hub.plugin.commands import ConfiguredConnection, connections
from hub.plugin.ports import Check
from hub_agresso.doctor import examine

_SETTINGS = Text("Inställningarna kan inte användas", "The settings cannot be used")


@click.group()
def agresso() -> None:
    """Agresso (Unit4 ERP)."""


@agresso.command()
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line for each thing that was tried.")
@click.option("--report", type=click.Path(dir_okay=False, path_type=Path), help="Write what was found here too.")
@click.option("--language", type=click.Choice(["sv", "en"]), default="sv", show_default=True)
@click.pass_context
def doctor(context: click.Context, names: tuple[str, ...], as_json: bool, report: Path | None, language: str) -> None:
    """Look at an installation without changing anything: the server, its certificate, login, company, objects,
    templates and their columns, and how it writes dates. Nothing secret is told.

    Exit code 1 when something does not work, 2 when there is no such connection.
    """
    found = connections(context, "agresso")
    unknown = [name for name in names if name not in found]
    if unknown or not found:
        known = ", ".join(found) or "none"
        raise click.UsageError(f"no connection to Agresso is called {', '.join(unknown) or '…'}; there are: {known}")
    lines, passed = [], True
    for name in names or tuple(found):
        for check in _checks(found[name]):
            passed &= check.passed
            lines.append(_line(name, check, language))
            click.echo(_object(name, check) if as_json else lines[-1])
    if report is not None:
        report.write_text("\n".join(lines) + "\n", encoding="utf-8")
    sys.exit(0 if passed else 1)


def _checks(connection: ConfiguredConnection) -> list[Check]:
    if connection.settings is None:
        return [Check(_SETTINGS, False, connection.broken or _SETTINGS)]
    return list(examine(connection.settings))


def _line(name: str, check: Check, language: str) -> str:
    said = (check.name.sv, check.detail.sv) if language == "sv" else (check.name.en, check.detail.en)
    return f"{'ok  ' if check.passed else 'FEL ' if language == 'sv' else 'FAIL'} {name}: {said[0]} – {said[1]}"


def _object(name: str, check: Check) -> str:
    told = {
        "connection": name,
        "check": check.name.en,
        "passed": check.passed,
        "detail": check.detail.en,
        "days_left": check.days_left,
    }
    return json.dumps(told, ensure_ascii=False)
