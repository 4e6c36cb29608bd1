"""Section lists: what every page of the console asks, and the pages themselves, over a million documents.

On SQLite and PostgreSQL. A figure is the time of one asking, over and over, in milliseconds; wanted is at most 100.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

import httpx
import tomli_w
from pwdlib import PasswordHash
from sqlalchemy import Connection

from bench.crowd import SOURCES, TARGETS, fill
from bench.figures import Figure, Section
from bench.postgres import NoPostgres, server
from bench.sizes import Sizes
from hub.app import Hub, open_hub
from hub.domain.documents import DocumentState
from hub.domain.invoices import InvoiceKind
from hub.status import overview
from hub.store import connections, depths, documents, invoices, runs, set_asides, stranded, users
from hub.store.database import sqlite_url
from hub.store.invoices import InvoiceFilter
from tests.web.conftest import Visitor, served

WANTED = 100.0
_WHO, _WORD = "mata", "ett långt lösenord för mätning"
Read = Callable[[Connection], object]


def measure(place: Path, sizes: Sizes, told: Callable[[str], None]) -> Iterator[Section]:
    """The sections, one for each database. `place` is a folder to make homes in."""
    yield _section(place / "lists-sqlite", sqlite_url(place / "lists.db"), "SQLite", sizes, told)
    with ExitStack() as opened:
        try:
            there = opened.enter_context(server())
        except NoPostgres as missing:
            yield Section("lists: PostgreSQL", (), (f"PostgreSQL was not measured: {missing}",))
            return
        yield _section(place / "lists-postgres", there.create(), "PostgreSQL", sizes, told)


def _section(home: Path, url: str, name: str, sizes: Sizes, told: Callable[[str], None]) -> Section:
    hub = _hub(home, url)
    begun = time.perf_counter()
    told(f"{name}: filling with {sizes.listed} documents")
    fill(hub.database, sizes.listed)
    took = time.perf_counter() - begun
    figures = [*_reads(hub, sizes, told), *_pages(hub, sizes, told)]
    hub.close()
    title = f"lists: {name}, {sizes.listed:,} documents"
    return Section(title, tuple(figures), (f"Filled in {took:.0f} s; each asked {sizes.asked} times after one.",))


def _hub(home: Path, url: str) -> Hub:
    home.mkdir(exist_ok=True)
    sources = [f"kalla-{number}" for number in range(SOURCES)]
    files = {"connector": "svefaktura.files", "address": home.as_uri(), "every": 60}
    drops = {f"mal-{number}": {"connector": "agresso.filedrop", "address": home.as_uri()} for number in range(TARGETS)}
    settings = {
        "database": url,
        "connections": dict.fromkeys(sources, files) | drops,
        "routes": {"fakturor": {"from": sources}},
    }
    (home / "hub.toml").write_text(tomli_w.dumps(settings), encoding="utf-8")
    hub = open_hub(home)
    with hub.database.write() as connection:
        users.keep(connection, _WHO, PasswordHash.recommended().hash(_WORD))
    return hub


def _asks(number: int) -> Mapping[str, Read]:
    """What is asked of the store, by name."""
    at = datetime.now(UTC)
    wanted = {
        "all": InvoiceFilter(),
        "waiting": InvoiceFilter(state=DocumentState.ARRIVED),
        "dismissed": InvoiceFilter(state=DocumentState.DISMISSED),
        "a unit": InvoiceFilter(unit="u-7"),
        "a source": InvoiceFilter(connection="kalla-3"),
        "not judged": InvoiceFilter(verdict="not_judged"),
        "credit notes": InvoiceFilter(kind=InvoiceKind.CREDIT_NOTE),
        "a day three months ago": InvoiceFilter(
            arrived_from=at - timedelta(days=91), arrived_to=at - timedelta(days=90)
        ),
        "until three months ago": InvoiceFilter(arrived_to=at - timedelta(days=90)),
        "a number": InvoiceFilter(words=f"f{number // 2}"),
        "a word that all have": InvoiceFilter(words="storst"),
        "a seller": InvoiceFilter(words="s77"),
        "two words that all have": InvoiceFilter(words="ab leverant"),
        "a number and a word": InvoiceFilter(words=f"ab f{number // 3}"),
        "a word that none has": InvoiceFilter(words="finnsinte"),
        "a word and a state": InvoiceFilter(words="ab", state=DocumentState.DISMISSED),
        "a unit, a state and a verdict": InvoiceFilter(unit="u-7", state=DocumentState.DISMISSED, verdict="valid"),
    }
    lists = {f"invoices: {name}": _listing(each) for name, each in wanted.items()}
    return {
        "documents by state": lambda c: documents.counts(c, "invoices"),
        "groups of what is set aside": lambda c: set_asides.groups(c),
        "why documents are set aside": lambda c: set_asides.causes(c),
        "how many are set aside": lambda c: set_asides.count(c),
        "what happened today": lambda c: connections.moved_since(c, at - timedelta(hours=12)),
        "the last day by the hour": lambda c: connections.all_hours(c, at - timedelta(hours=24)),
        "how all connections fare": lambda c: connections.all_lived(c),
        "depth of the queue": lambda c: depths.depths(c),
        "runs": lambda c: runs.page(c),
        "runs that are suspicious": lambda c: runs.page(c, outcome="suspicious"),
        "runs from far back": lambda c: runs.page(c, before=1000),
        **lists,
    }


def _listing(wanted: InvoiceFilter) -> Read:
    return lambda connection: invoices.page(connection, wanted, limit=51)


def _reads(hub: Hub, sizes: Sizes, told: Callable[[str], None]) -> Iterator[Figure]:
    for name, read in _asks(sizes.listed).items():
        told(name)

        def ask(read: Read = read) -> None:
            with hub.database.read() as connection:
                read(connection)

        yield _figure(name, ask, sizes)
    since = datetime.now(UTC) - timedelta(hours=12)
    yield _figure("hub status", lambda: overview.look(hub.database, hub.connections, since), sizes)
    yield _figure("looking for the stranded (not a page)", lambda: _stranded(hub), sizes, wanted=None)


def _stranded(hub: Hub) -> None:
    with hub.database.read() as connection:
        if stranded.arrived(connection, ("invoices",), "handle"):
            raise ValueError("documents are stranded: there is no figure")


def _pages(hub: Hub, sizes: Sizes, told: Callable[[str], None]) -> Iterator[Figure]:
    addresses = (
        "/",
        "/invoices",
        "/invoices?q=storst",
        "/invoices?state=set_aside",
        "/set-aside",
        "/connections",
        "/connections/kalla-3",
        "/connections/mal-1",
        "/work",
        "/work/runs/1",
        "/work/queue",
        "/health",
    )
    with served(hub) as base, Visitor(base_url=base, follow_redirects=True, timeout=120) as visitor:
        visitor.enter(_WHO, _WORD)
        for each in addresses:
            told(each)
            yield _figure(f"page {each}", lambda each=each: _get(visitor, each), sizes)  # type: ignore[misc]


def _get(visitor: httpx.Client, address: str) -> None:
    answer = visitor.get(address)
    if answer.status_code != 200 or answer.url.path == "/login":
        raise ValueError(f"{address} answered {answer.status_code} {answer.url}: there is no figure")


def _figure(title: str, ask: Callable[[], object], sizes: Sizes, wanted: float | None = WANTED) -> Figure:
    ask()
    times = []
    for _ in range(sizes.asked):
        begun = time.perf_counter()
        ask()
        times.append(1000 * (time.perf_counter() - begun))
    return Figure(title, median(times), "ms", min(times), max(times), at_most=wanted)
