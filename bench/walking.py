"""Section way: from a file in the inbox to the delivered file in the drop folder, on SQLite and on PostgreSQL.

Both databases keep what they have committed through a power cut: SQLite with synchronous=FULL, PostgreSQL with fsync.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from xmlrules import Judge

from bench import samples
from bench.figures import Figure, Section
from bench.postgres import NoPostgres, Server, server
from bench.rounds import Contender, Race, Run, contender, figure, race, rate
from bench.sizes import Sizes
from hub.app import Hub, open_hub
from hub.flow.read import judge
from hub.store.database import sqlite_url
from tests.walks.town import town

_SQLITE, _POSTGRES, _ALONE = "SQLite", "PostgreSQL", "judging alone"


def measure(place: Path, sizes: Sizes, told: Callable[[str], None]) -> Iterator[Section]:
    """The section. `place` is a folder whose `rules` holds the packs out of the box."""
    letters = {f"{number:05}-{each.name}": each.content for number, each in enumerate(samples.mail(sizes.letters))}
    notes: list[str] = []
    with ExitStack() as opened:
        hub = opened.enter_context(closing(open_hub(place)))
        rules = opened.enter_context(hub.judge(2))
        contenders = [
            Contender(_SQLITE, len(letters), lambda: _walk(place / "rules", rules, letters, None)),
            contender(_ALONE, len(letters), lambda: _judge_all(hub, rules, list(letters.values()))),
        ]
        try:
            there = opened.enter_context(server())
            contenders.append(Contender(_POSTGRES, len(letters), lambda: _walk(place / "rules", rules, letters, there)))
        except NoPostgres as missing:
            notes.append(f"PostgreSQL was not measured: {missing}")
        taken = race(contenders, sizes.walks, told)
    yield Section("way: from the inbox to the drop folder", tuple(_figures(taken)), tuple(notes))


@contextmanager
def _walk(packs: Path, rules: Judge, letters: dict[str, bytes], there: Server | None) -> Iterator[Run]:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        shutil.copytree(packs, place / "home" / "rules")
        url = there.create() if there else sqlite_url(place / "hub.db")
        with town(place, rules, url) as here:
            for name, content in letters.items():
                here.leave(name, content)
            yield here.work
            delivered = len(here.delivered())
    if delivered != len(letters):
        raise ValueError(f"{delivered} of {len(letters)} good invoices were delivered: there is no figure")


def _judge_all(hub: Hub, rules: Judge, documents: Sequence[bytes]) -> None:
    format_ = hub.plugins.formats["invoices"]
    with ThreadPoolExecutor(2) as feeders:
        judged = feeders.map(lambda each: judge(each, format_, rules, hub.editions).judgement.verdict, documents)
        if set(judged) != {"valid"}:
            raise ValueError("a good invoice was not found valid: there is no figure")


def _figures(taken: Race) -> Iterator[Figure]:
    for name in taken:
        yield rate(taken, name)
        yield figure(f"{name}: hub process", [1000 * each.own / each.documents for each in taken[name]], "ms CPU each")
        workers = [1000 * each.children / each.documents for each in taken[name]]
        yield figure(f"{name}: rule processes", workers, "ms CPU each")
    for name in (each for each in taken if each != _ALONE):
        pairs = zip(taken[_ALONE], taken[name], strict=True)
        shares = [100 * alone.seconds / whole.seconds for alone, whole in pairs]
        yield figure(f"{name}: judging alone would have taken", shares, "% of the time")
