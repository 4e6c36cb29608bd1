"""Section pull: order lines out of Agresso's stand-in into the order store, beside what one would write in an hour.

Beside the hub stand bare httpx and SQLAlchemy core: pages asked for, parsed and inserted, with one commit for each; no
overlap of pages, no comparison with what is there, no versions, nothing kept of what came. The stand-in runs in a
process of its own. Memory is the most that a fresh process held while it pulled.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import timedelta
from decimal import Decimal
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import httpx
import tomli_w
from hub_agresso.standin.city import COMPANY, City
from hub_agresso.standin.server import served
from hub_agresso.standin.web_api import Agresso
from sqlalchemy import Engine, MetaData, insert

from bench.figures import Figure, Section, plain
from bench.postgres import NoPostgres, Server, server
from bench.processes import forget_peak, peak_bytes, resident_bytes
from bench.rounds import Contender, Race, Run, race, rate, ratio
from bench.sizes import Sizes
from hub.app import Hub, open_hub
from hub.jobs import asking
from hub.store import orders
from hub.store.database import open_database, sqlite_url
from hub.store.tables import order_lines
from hub.web.ways import NobodyJudges

_SPAWN = multiprocessing.get_context("spawn")
_MIB = 1024 * 1024
_PAGE = 1000
_LINES_EACH = 20
_LONGEST = timedelta(hours=1)
_ENTER = ("hubben", "hemlig-i-prov")
_ALONE = order_lines.to_metadata(MetaData())


def measure(place: Path, sizes: Sizes, told: Callable[[str], None]) -> Iterator[Section]:
    """The section. `place` is a folder whose `rules` holds the packs out of the box."""
    notes: list[str] = []
    with ExitStack() as opened:
        address, lines = opened.enter_context(_agresso(sizes.pulled))
        contenders = _beside("SQLite", lambda: None, place, address, lines)
        try:
            there = opened.enter_context(server())
            contenders += _beside("PostgreSQL", lambda: there, place, address, lines)
        except NoPostgres as missing:
            notes.append(f"PostgreSQL was not measured: {missing}")
        taken = race(contenders, sizes.walks, told)
    figures = [*_figures(taken), *_memory(place, sizes, told)]
    yield Section(f"pull: {lines} order lines into the store", tuple(figures), tuple(notes))


def _beside(name: str, where: Callable[[], Server | None], place: Path, address: str, lines: int) -> list[Contender]:
    return [
        Contender(name, lines, lambda: _hub(place, address, where())),
        Contender(f"bare {name}", lines, lambda: _bare(address, where())),
    ]


def _figures(taken: Race) -> Iterator[Figure]:
    for name in taken:
        yield rate(taken, name)
    for name in (each for each in taken if f"bare {each}" in taken):
        yield ratio(f"{name}: beside bare", taken, name, f"bare {name}", lambda each: each.rate)


@contextmanager
def _agresso(lines: int) -> Iterator[tuple[str, int]]:
    """A stand-in in a process of its own; its address, and how many order lines it has."""
    ours, theirs = _SPAWN.Pipe()
    process = _SPAWN.Process(target=_serve, args=(theirs, max(1, lines // _LINES_EACH)), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def _serve(told: Pipe, number: int) -> None:
    agresso = Agresso(city=City(orders=number, lines=_LINES_EACH))
    with served(agresso) as address:
        told.send((address, agresso.city.line_total))
        told.recv()


@contextmanager
def _hub(place: Path, address: str, there: Server | None) -> Iterator[Run]:
    with tempfile.TemporaryDirectory() as folder, closing(_opened(Path(folder), place, address, there)) as hub:
        yield lambda: _pull(hub)


def _opened(home: Path, place: Path, address: str, there: Server | None) -> Hub:
    shutil.copytree(place / "rules", home / "rules")
    own = {"connector": "agresso.web", "address": address, "user": _ENTER[0], "password": _ENTER[1]}
    settings = {
        "database": there.create() if there else "",
        "connections": {"agresso": {**own, "company": COMPANY, "page": _PAGE}},
        "routes": {"order": {"noun": "orders", "from": ["agresso"]}},
    }
    (home / "hub.toml").write_text(tomli_w.dumps(settings), encoding="utf-8")
    return open_hub(home)


def _pull(hub: Hub) -> None:
    ways = hub.ways(NobodyJudges())
    asking.run_now(ways, "agresso", "bench", route_name="order", whole=True)
    if not hub.executor(ways, scheduled=False).run_until_idle(_LONGEST):
        raise ValueError("the pull did not end: there is no figure")
    with hub.database.read() as connection:
        if not orders.are_there(connection):
            raise ValueError("nothing was pulled: there is no figure")


@contextmanager
def _bare(address: str, there: Server | None) -> Iterator[Run]:
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(there.create() if there else sqlite_url(Path(folder) / "bare.db"))
        with database.write() as connection:
            _ALONE.metadata.create_all(connection)
        yield lambda: _insert_all(address, database.engine)
        database.close()


def _insert_all(address: str, engine: Engine) -> None:
    offset = 0
    with httpx.Client(auth=_ENTER) as client:
        while True:
            asked = {"companyId": COMPANY, "offset": str(offset), "limit": str(_PAGE)}
            content = client.get(f"{address}/v1/objects/purchase-order-lines", params=asked).content
            rows = json.loads(content, parse_float=Decimal)
            if rows:
                with engine.begin() as connection:
                    connection.execute(insert(_ALONE), [_plain(row) for row in rows])
            if len(rows) < _PAGE:
                return
            offset += _PAGE


def _plain(row: dict[str, object]) -> dict[str, object]:
    return {
        "company": row["companyId"],
        "number": str(row["orderNumber"]),
        "line": row["lineNumber"],
        "product": row["productId"],
        "description": row["productDescription"],
        "quantity": Decimal(str(row["quantity"])),
        "unit": row["unit"],
        "unit_price": row["unitPrice"],
        "amount": row["amount"],
        "invoiced": Decimal(str(row["originalQuantity"])),
        "delivered": Decimal(str(row["deliveredNumber"])),
        "delivery_date": str(row["deliveryDate"])[:10],
        "account": row["account"],
        "tax_code": row["taxCode"],
        "status": row["lineStatus"],
        "contract": row["lineContractId"],
        "pull": 1,
    }


def _memory(place: Path, sizes: Sizes, told: Callable[[str], None]) -> Iterator[Figure]:
    """The most memory that pulling few and many lines takes, above what the process held before."""
    for lines in sizes.pulled_at_most:
        told(f"memory of {lines} lines")
        with _agresso(lines) as (address, _):
            ours, theirs = _SPAWN.Pipe()
            process = _SPAWN.Process(target=_weigh, args=(theirs, place, address))
            process.start()
            before, peak, seconds = ours.recv()
            process.join()
        yield plain(f"{lines} lines: memory above before", (peak - before) / _MIB, "MiB")
        yield plain(f"{lines} lines: per second, SQLite", lines / seconds, "/s")


def _weigh(told: Pipe, place: Path, address: str) -> None:
    with _hub(place, address, None) as pull:
        before = resident_bytes(os.getpid())
        forget_peak(os.getpid())
        begun = os.times().elapsed
        pull()
        told.send((before, peak_bytes(os.getpid()), os.times().elapsed - begun))
