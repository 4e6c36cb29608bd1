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
from sqlalchemy.exc import OperationalError
from xmlrules import Pack, PackBroken, list_packs, load_pack

from hub.app import Hub, open_hub
from hub.complaints import SettingsInvalid
from hub.domain.calendar import CITY_TIME

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
    """The hub at home there; settings that cannot be used end the command with exit code 2."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )
    try:
        hub = open_hub(home)
    except SettingsInvalid as error:
        raise Wrong(str(error)) from None
    except OperationalError as error:
        raise Wrong(f"the database cannot be reached: {str(error.orig).strip()}") from None
    try:
        yield hub
    finally:
        hub.close()


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


__all__ = ["Exit", "Wrong", "emit", "err", "escape", "local", "opened", "out", "pack_named", "progress", "say", "table"]
