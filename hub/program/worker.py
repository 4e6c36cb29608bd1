"""`hub worker`: the work."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import click

from hub.cli.output import err, opened
from hub.jobs.executors.processes import Processes
from hub.program.logs import quiet
from hub.program.working import demand_usable, followed, told_to_end, working


@click.command()
@click.option("--threads", type=click.IntRange(1, 200), help="In each process. Default: the settings' worker.threads.")
@click.option("--processes", type=click.IntRange(1, 64), default=1, help="How many, sharing the judges. Default: 1.")
@click.pass_obj
def worker(home: Path, threads: int | None, processes: int) -> None:
    """Do the hub's work until told to stop: ask sources, judge, deliver."""
    told = told_to_end()
    with opened(home) as hub, ExitStack() as stack:
        demand_usable(hub)
        look: Callable[[float], object] = told.wait
        if processes == 1:
            judge = stack.enter_context(hub.judge())
            stack.enter_context(working(hub.executor(hub.ways(judge), threads)))
        else:
            look = stack.enter_context(Processes(processes, _one_of, home, processes, threads)).watch
        err.print("working; Ctrl-C ends")
        followed(hub, told, look)


def _one_of(home: Path, processes: int, threads: int | None, told: threading.Event) -> None:
    """What each of several processes does: the work, with its share of the judges."""
    quiet()
    with opened(home) as whole:
        hub = whole.share(processes)
        with hub.judge() as judge, working(hub.executor(hub.ways(judge), threads)):
            told.wait()
