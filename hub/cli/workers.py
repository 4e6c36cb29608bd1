"""`hub workers`: the processes that carry work out, on every host."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from hub.cli.output import emit, local, opened, table
from hub.store.database import now
from hub.store.workers import LIVING, Worker, all_workers


@click.group()
def workers() -> None:
    """The processes that do the hub's work, on every host."""


@workers.command("list")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_(home: Path, as_json: bool) -> None:
    """Every worker that has not left in good order: host, places, judges, version, and when it was last seen."""
    with opened(home) as hub, hub.database.read() as connection:
        known, since = all_workers(connection), now(connection) - LIVING
    if as_json:
        for each in known:
            emit({**asdict(each), "alive": each.seen_at >= since})
        return
    columns = ("worker", "host", "executor", "places", "judges", "version", "started", "last seen", "")
    table(columns, [_row(each, each.seen_at >= since) for each in known], "No worker runs: hub worker starts one.")


def _row(worker: Worker, alive: bool) -> list[object]:
    return [
        worker.name,
        worker.host,
        worker.executor,
        worker.places,
        worker.judges,
        worker.version,
        local(worker.started_at),
        local(worker.seen_at),
        "" if alive else "silent",
    ]
