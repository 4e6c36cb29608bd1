"""What the commands share: the opened hub, tables, JSON, progress, and how they end."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from enum import IntEnum
from pathlib import Path
from typing import Any

import click
import structlog
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import DatabaseError
from xmlrules import Pack, PackBroken, list_packs, load_pack

from hub.app import Hub, demand_home, open_hub
from hub.complaints import SettingsInvalid
from hub.domain.calendar import CITY_TIME
from hub.jobs.verdicts import is_our_database

_WIDE = 240
out = Console(width=None if sys.stdout.isatty() else _WIDE)
"""Results. Written to a file or another program they are not folded."""

err = Console(stderr=True)


class Wrong(click.ClickException):
    """The command was called rightly, but what it was to work on is not there or not usable."""

    exit_code = 2


class Exit(IntEnum):
    """How a command ends."""

    FINE = 0
    FINDINGS = 1
    USAGE = 2
    NOT_JUDGED = 3


@contextmanager
def opened(home: Path) -> Iterator[Hub]:
    """The hub at home there; what an administrator must mend ends the command with exit code 2, and says what.

    That is: no hub there, settings that cannot be used, a folder or a database that cannot be read or written.
    """
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    with reachable(home):
        demand_home(home)
        hub = open_hub(home)
    try:
        yield hub
    except DatabaseError as error:
        if not is_our_database(error):
            raise
        raise _cannot_use(home, error) from None
    finally:
        hub.close()


@contextmanager
def reachable(home: Path) -> Iterator[None]:
    """Where a home and its database are made or opened: what does not let itself be opened ends the command."""
    try:
        yield
    except SettingsInvalid as error:
        raise Wrong(str(error)) from None
    except DatabaseError as error:
        raise _cannot_use(home, error) from None
    except OSError as error:
        raise Wrong(f"{error.filename or home}: {error.strerror or error}") from None


def _cannot_use(home: Path, error: DatabaseError) -> Wrong:
    return Wrong(f"the database of the hub in {home} cannot be used: {str(error.orig).strip()}")


def say(text: str) -> None:
    """A line for reading, never broken where it stands. Words from outside go through `escape` first."""
    out.print(text, highlight=False, soft_wrap=True)


def emit(value: Any) -> None:
    """One JSON object on a line of its own."""
    click.echo(json.dumps(value, ensure_ascii=False, default=_plain))


def table(columns: Sequence[str], rows: Sequence[Sequence[object]], empty: str) -> None:
    """A table for reading; `empty` is said when there are no rows."""
    if not rows:
        out.print(empty)
        return
    drawn = Table(*columns, header_style="bold", box=None, pad_edge=False)
    for row in rows:
        drawn.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    out.print(drawn)


def pack_named(hub: Hub, name: str) -> Pack:
    """The rule pack of that name; ends the command with exit code 2 when there is none or it is broken."""
    known = [each.name for each in list_packs(hub.packs, [])]
    if name not in known:
        raise Wrong(f"no rule pack is called {name}; there are: {', '.join(known)}")
    try:
        return load_pack(hub.packs, name)
    except PackBroken as error:
        raise Wrong(error.reason) from None


def progress() -> Progress:
    """A progress bar on the terminal's error stream, so that results can be piped."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=err,
        transient=True,
    )


def local(moment: datetime | None) -> str:
    """The moment by the city's clock."""
    return moment.astimezone(CITY_TIME).strftime("%Y-%m-%d %H:%M:%S") if moment else ""


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)


__all__ = [
    "Exit",
    "Wrong",
    "emit",
    "err",
    "escape",
    "local",
    "opened",
    "out",
    "pack_named",
    "progress",
    "reachable",
    "say",
    "table",
]
