"""Section plans: an extract of many records planned against a register that holds as many, on both databases.

The records come from memory and the register answers from memory, so what is measured is the hub: staging, comparing,
writing the plan down with its digest. The memory is what the process grew by while it did so.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

from bench.figures import Figure, Section, plain
from bench.postgres import NoPostgres, server
from bench.processes import forget_peak, own_seconds, peak_bytes, resident_bytes
from bench.sizes import Sizes
from hub.flow import staging
from hub.flow.staging import Desk
from hub.plugin.ports import Holding, Whole
from hub.store import plans, staged
from hub.store.database import open_database, sqlite_url
from hub.store.plans import NewPlan
from hub.store.tables import metadata
from hub.testing.registers import MemoryRegister, MemoryStore

BATCH = 1000
_MIB = 1024 * 1024


def measure(place: Path, sizes: Sizes, told: Callable[[str], None]) -> Iterator[Section]:
    """The sections, one for each database there is."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=place)))
        urls = {"SQLite": sqlite_url(folder / "plans.db")}
        try:
            urls["PostgreSQL"] = stack.enter_context(server()).create()
        except NoPostgres:
            told("no PostgreSQL here")
        for name, url in urls.items():
            told(f"{sizes.planned} records on {name}")
            figures = tuple(_figures(url, sizes.planned))
            yield Section(f"plans, {sizes.planned} records, {name}", figures, _NOTES)


_NOTES = (
    "one record in a hundred is new, one in a hundred removed, one in fifty changed",
    f"batches of {BATCH}; the register and the extract are in memory and cost next to nothing",
)


def _figures(url: str, number: int) -> Iterator[Figure]:
    database = open_database(url)
    with database.write() as connection:
        metadata.create_all(connection)
        plan_id = plans.begin(connection, NewPlan("bench", "persons", "memory", "memory"))
    desk = Desk(database, plan_id, BATCH, lambda: None)
    forget_peak(os.getpid())
    before, begun, worked = resident_bytes(os.getpid()), time.monotonic(), own_seconds()
    fit = MemoryRegister(MemoryStore()).fit
    read = staging.stage(desk, _records(number), fit, lambda _connection, _number, _flaw: None)
    yield plain("staged", time.monotonic() - begun, "s")
    at = time.monotonic()
    staging.compare(desk, _holdings(number), frozenset())
    yield plain("compared", time.monotonic() - at, "s")
    at = time.monotonic()
    figures = staging.figures(desk, read, first=False, held_before=None)
    staging.write_down(desk, "bench", "memory", may_remove=True)
    with database.write() as connection:
        staged.clear(connection, plan_id)
    yield plain("written down", time.monotonic() - at, "s")
    yield plain("in all", time.monotonic() - begun, "s")
    yield plain("processor time of the hub", own_seconds() - worked, "s")
    yield plain("memory above before, peak", max(0, peak_bytes(os.getpid()) - before) / _MIB, "MiB")
    yield plain("changes planned", figures.changes, "")
    database.close()


def _records(number: int) -> Iterator[Mapping[str, str] | Whole]:
    for each in range(number):
        yield {"id": f"p{each:08d}", **_fields(each, each % 7)}
    yield Whole(number)


def _holdings(number: int) -> Iterator[Holding]:
    moved = max(1, number // 100)
    for each in range(moved, number + moved):
        yield Holding(f"p{each:08d}", _fields(each, each % 7 if each % 50 else 99), f"v{each}")


def _fields(each: int, unit: int) -> dict[str, str]:
    return {
        "namn": f"Person {each}",
        "enhet": str(unit),
        "epost": f"person.{each}@example.se",
        "telefon": "08-508 00 000",
    }
