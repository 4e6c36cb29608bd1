"""`hub serve`: the console and the intake."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import click

from hub.cli.output import opened, say
from hub.program.console import served
from hub.program.working import demand_usable, until_told, working


@click.command()
@click.option("--host", help="Default: the settings' web.host.")
@click.option("--port", type=click.IntRange(0, 65535), help="Default: the settings' web.port; 0 takes a free one.")
@click.option("--with-worker", is_flag=True, help="Do the work in this process too.")
@click.pass_obj
def serve(home: Path, host: str | None, port: int | None, with_worker: bool) -> None:
    """Serve the console and the intake."""
    with opened(home) as hub, ExitStack() as stack:
        settings = hub.settings.web
        demand_usable(hub)
        if with_worker:
            judge = stack.enter_context(hub.judge())
            stack.enter_context(working(hub.executor(hub.ways(judge))))
        say(stack.enter_context(served(hub, host or settings.host, settings.port if port is None else port)))
        until_told()
