"""`hub units`: the register of receiving units."""

from __future__ import annotations

from pathlib import Path

import click

from hub.cli.output import Wrong, emit, opened, say, table
from hub.cli.users import who
from hub.flow.register import RegisterInvalid, loses_too_many, parse
from hub.store import audit
from hub.store import units as register


@click.group()
def units() -> None:
    """The register of units that receive invoices."""


@units.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--removals-approved", is_flag=True, help="Go on although many units disappear.")
@click.pass_obj
def import_(home: Path, file: Path, removals_approved: bool) -> None:
    """Let a CSV file be the register. Faults are told by line, and then nothing is changed."""
    try:
        found = parse(file.read_bytes())
    except RegisterInvalid as error:
        raise Wrong(f"{file}:\n  " + "\n  ".join(error.faults)) from None
    with opened(home) as hub, hub.database.write() as connection:
        lost = loses_too_many(register.every(connection), found)
        if lost and not removals_approved:
            names = ", ".join(unit.sth_code for unit in lost[:20])
            number = "1 unit" if len(lost) == 1 else f"{len(lost)} units"
            raise click.UsageError(f"{number} would disappear ({names}): say --removals-approved if they shall")
        for name in sorted({unit.target for unit in found} - hub.connections.keys()):
            say(f"[yellow]No connection is called {name}; invoices to its units will be set aside.[/]")
        register.replace_all(connection, found)
        audit.write(connection, who(), "import", "units", {"units": len(found), "removed": len(lost)})
    say(f"Units in the register: {len(found)}")


@units.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_(home: Path, as_json: bool) -> None:
    """All units."""
    with opened(home) as hub, hub.database.read() as connection:
        found = register.every(connection)
    rows = [
        (each.sth_code, each.name, each.organisation_number, each.gln, each.peppol_id, each.target) for each in found
    ]
    columns = ("sth_code", "name", "organisation_number", "gln", "peppol_id", "target")
    if as_json:
        for row in rows:
            emit(dict(zip(columns, row, strict=True)))
    else:
        table(columns, rows, "The register is empty: hub units import FILE.csv")
