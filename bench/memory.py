"""Section memory: what long invoices and large files cost, each in a hub process of its own.

The peak is counted from after a small invoice has gone the whole way, so that everything is loaded.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

from xmlrules import Judge

from bench import samples
from bench.figures import Figure, Section, plain
from bench.processes import children, forget_peak, peak_bytes, resident_bytes
from bench.sizes import Sizes
from hub.domain.documents import DocumentState
from hub.store import judgements
from hub.store.database import sqlite_url
from tests.walks.town import Town, town

LANDING_BOUND = 64
"""Mebibytes: what landing one file may add to the hub process, however large the file is."""

_MIB = 1024 * 1024
_SPAWN = multiprocessing.get_context("spawn")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a document cost: mebibytes of the hub process and of its rule process, and seconds."""

    hub_before: float
    hub_peak: float
    rules_peak: float
    whole: float
    judging: float
    state: DocumentState


def measure(place: Path, sizes: Sizes, told: Callable[[str], None]) -> Iterator[Section]:
    """The section. `place` is a folder whose `rules` holds the packs out of the box."""
    figures: list[Figure] = []
    per_line: list[float] = []
    for lines in sizes.lines:
        told(f"an invoice of {lines} lines")
        content = samples.long_invoice(lines)
        cost = _cost(place, content, None)
        _demand(cost.state, DocumentState.DELIVERED)
        figures += _of_lines(lines, len(content), cost)
        per_line.append(cost.judging / lines)
    figures.append(plain("time per line, the longest / the shortest", per_line[-1] / per_line[0], "×"))
    told(f"a file of {sizes.megabytes} MB")
    figures += _of_landing(place, sizes.megabytes)
    note = f"Landing adds at most {LANDING_BOUND} MiB to the hub process, however large the file is."
    yield Section("memory", tuple(figures), (note,))


def _of_lines(lines: int, size: int, cost: Cost) -> Iterator[Figure]:
    what = f"{lines} lines, {size / _MIB:.1f} MiB"
    yield plain(f"{what}: hub process, peak", cost.hub_peak, "MiB")
    yield plain(f"{what}: rule process, peak", cost.rules_peak, "MiB")
    yield plain(f"{what}: judging", cost.judging, "s")
    yield plain(f"{what}: judging, for each line", 1000 * cost.judging / lines, "ms")
    yield plain(f"{what}: whole way", cost.whole, "s")


def _of_landing(place: Path, megabytes: int) -> Iterator[Figure]:
    cost = _cost(place, b"", megabytes)
    what = f"a file of {megabytes} MB"
    yield plain(f"{what}: hub process before", cost.hub_before, "MiB")
    yield plain(f"{what}: hub process, peak", cost.hub_peak, "MiB")
    yield plain(f"{what}: peak above before", cost.hub_peak - cost.hub_before, f"MiB (bound {LANDING_BOUND})")
    yield plain(f"{what}: landed and set aside in", cost.whole, "s")


def _demand(state: DocumentState, wanted: DocumentState) -> None:
    if state is not wanted:
        raise ValueError(f"the document ended {state}, not {wanted}: there is no figure")


def _cost(place: Path, content: bytes, megabytes: int | None) -> Cost:
    """What that invoice, or a file of so many megabytes, costs in a fresh process."""
    ours, theirs = _SPAWN.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(place / "rules", Path(folder) / "home" / "rules")
        document = Path(folder) / "document.xml"
        document.write_bytes(content)
        if megabytes is not None:
            samples.write_large(document, megabytes)
        process = _SPAWN.Process(target=_serve, args=(theirs, Path(folder), document))
        process.start()
        theirs.close()
        try:
            cost: Cost = ours.recv()
        finally:
            ours.close()
            process.join()
    return cost


def _serve(channel: Connection, place: Path, document: Path) -> None:
    # As many judging seconds as it needs: here time is measured, not limited.
    with Judge(workers=1, deadline=600) as rules, town(place, rules, sqlite_url(place / "hub.db")) as here:
        here.leave("warm.xml", samples.invoices(1)[0])
        here.work()
        channel.send(_walked(here, rules, document))


def _walked(here: Town, rules: Judge, document: Path) -> Cost:
    worker = children()[0]
    for pid in (os.getpid(), worker):
        forget_peak(pid)
    before = resident_bytes(os.getpid())
    shutil.move(document, here.inbox / document.name)
    begun = time.perf_counter()
    here.work()
    whole = time.perf_counter() - begun
    peaks = peak_bytes(os.getpid()), peak_bytes(worker)
    ended = here.document(document.name)
    with here.hub.database.read() as connection:
        judgement = judgements.latest(connection, ended.id)
    judging = judgement.milliseconds / 1000 if judgement else 0.0
    return Cost(before / _MIB, peaks[0] / _MIB, peaks[1] / _MIB, whole, judging, ended.state)
