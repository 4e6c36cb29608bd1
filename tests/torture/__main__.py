"""`make torture`: round after round, each from a seed of its own, until the time is up or something is wrong."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count, cycle
from pathlib import Path

from hub.loader import load_plugins
from hub.store.database import sqlite_url
from hub.testing.register_http import Shelf, serving
from tests.postgres import server, shown
from tests.torture.invoices import Invoices
from tests.torture.mail import mail
from tests.torture.records import MOST_KILLS, Records
from tests.torture.run import Standstill, Trial, run
from tests.torture.scenario import Scenario

DATABASES = ("sqlite", "postgresql")


def main() -> int:
    """As the command line says; 1 when something was lost, done twice or left standing."""
    options = _options()
    ends = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory(prefix="torture") as folder:
        packs = Path(folder) / "packs"
        packs.mkdir()
        for source in load_plugins().rule_packs:
            source.build(packs)
        for number, (trial, database) in enumerate(_trials(options)):
            if not _survived(trial, database, options.register, Path(folder) / str(number), packs):
                return 1
            if time.monotonic() > ends:
                return 0
    return 0


def _trials(options: argparse.Namespace) -> Iterator[tuple[Trial, str]]:
    """The trials asked for, over every database and crew in turn; with a seed given, that one over each of them."""
    first = random.randrange(10**6) if options.seed is None else options.seed
    kinds = [(workers, naive) for workers in options.workers for naive in options.naive]
    variants = [(database, *kind) for kind in kinds for database in options.database]
    endless = zip(count(first), cycle(variants), strict=False)
    once = ((first, variant) for variant in variants)
    for seed, (database, workers, naive) in endless if options.seed is None else once:
        kills = min(options.kills, MOST_KILLS) if options.register else options.kills
        trial = Trial(seed, options.documents, workers, naive, options.judged, kills, options.cuts)
        yield replace(trial, share=options.share), database


def _survived(trial: Trial, database: str, register: bool, place: Path, packs: Path) -> bool:
    print(trial.again(database) + " --register" * register, flush=True)
    place.mkdir()
    try:
        with _database(database, place) as url, _scenario(trial, register) as scenario:
            outcome = run(trial, scenario, place, url, packs)
    except Standstill as error:
        print(f"STANDS STILL: {error}")
        return False
    print(f"  {outcome}", flush=True)
    for each in outcome.wrong[:50]:
        print(f"WRONG: {each}")
    return not outcome.wrong


@contextmanager
def _scenario(trial: Trial, register: bool) -> Iterator[Scenario]:
    """Invoices to the faulty peer; or as many records to a register."""
    if not register:
        yield Invoices(mail(trial.seed, trial.documents), trial.naive)
        return
    shelf = Shelf()
    with serving(shelf) as address:
        yield Records(trial.documents, address, shelf)


@contextmanager
def _database(name: str, place: Path) -> Iterator[str]:
    if name == "sqlite":
        yield sqlite_url(place / "hub.db")
        return
    with server() as here:
        yield shown(here.create_empty())


def _options() -> argparse.Namespace:
    reader = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    reader.add_argument("--seed", type=int, help="this one round, over each database and crew; default: by chance")
    reader.add_argument("--documents", type=int, default=3000)
    reader.add_argument("--minutes", type=float, default=15, help="no round is begun after so long")
    reader.add_argument("--database", nargs="+", choices=DATABASES, default=DATABASES)
    reader.add_argument("--workers", nargs="+", type=int, default=[3, 1])
    reader.add_argument("--kills", type=int, default=25)
    reader.add_argument("--cuts", type=int, default=8)
    reader.add_argument("--share", type=float, default=0.2, help="the part of all requests that a fault hits")
    reader.add_argument("--naive", action="store_const", const=[True], default=[False, True], help="no keys honoured")
    reader.add_argument("--keys", dest="naive", action="store_const", const=[False], help="a peer that honours keys")
    reader.add_argument("--register", action="store_true", help="records to a register instead of invoices to a peer")
    reader.add_argument("--judged", action="store_true", help="judged by the real rules")
    return reader.parse_args()


if __name__ == "__main__":
    sys.exit(main())
