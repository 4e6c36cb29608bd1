"""`python -m bench [judge] [way] [memory] [lists] [jobs] [machines] [pull] [--json FILE]`."""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import click
import structlog
from rich.console import Console

from bench import jobs, judging, lists, machines, memory, planning, pulling, walking
from bench.figures import Section, as_json, as_table, machine
from bench.sizes import TINY, USUAL, Sizes
from hub.app import open_hub

SECTIONS = {
    "judge": judging.measure,
    "way": walking.measure,
    "memory": memory.measure,
    "lists": lists.measure,
    "jobs": jobs.measure,
    "machines": machines.measure,
    "plans": planning.measure,
    "pull": pulling.measure,
}
"""Each takes a home folder with its rule packs, the sizes, and somebody to tell how far it has come."""

_console = Console()


@click.command()
@click.argument(
    "names", nargs=-1, type=click.Choice(list(SECTIONS)), metavar=" ".join(f"[{name}]" for name in SECTIONS)
)
@click.option("--json", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the figures here as well.")
@click.option("--rounds", type=click.IntRange(1, 100), help="Rounds of each race.")
@click.option("--documents", type=click.IntRange(100), help="Documents that lists are asked over.")
@click.option("--tiny", is_flag=True, help="As little as possible: shows that all runs, and nothing else.")
def main(names: Sequence[str], file: Path | None, rounds: int | None, documents: int | None, tiny: bool) -> None:
    """Figures side by side: invoices judged, whole ways walked, memory used."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    sizes = TINY if tiny else USUAL
    if rounds:
        sizes = replace(sizes, rounds=rounds, walks=rounds)
    if documents:
        sizes = replace(sizes, listed=documents)
    sections: list[Section] = []
    with tempfile.TemporaryDirectory() as folder:
        open_hub(Path(folder)).close()  # builds the rule packs that come with the plugins
        for name in names or SECTIONS:
            for section in measured(name, Path(folder), sizes, _tell):
                sections.append(section)
                _show(section)
    if file:
        file.write_text(json.dumps(as_json(sections), indent=2) + "\n", encoding="utf-8")


def measured(name: str, place: Path, sizes: Sizes, told: Callable[[str], None]) -> Iterator[Section]:
    """What that section measures, with how busy the machine was; `place` is a hub's home with its rule packs."""
    before = os.getloadavg()[0]
    for section in SECTIONS[name](place, sizes, told):
        after = os.getloadavg()[0]
        yield replace(section, load=(before, after))
        before = after


def _tell(said: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{said}")


def _show(section: Section) -> None:
    _tell("")
    _console.print(as_table(section))
    for note in section.notes:
        _console.print(f"  {note}", style="dim", highlight=False)
    told = machine()
    _console.print(f"  {told['date']}, {told['cores']} cores, {told['memory_gib']} GiB, Python {told['python']}\n")


if __name__ == "__main__":
    main()
