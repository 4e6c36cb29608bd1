"""`hub serve`: the console and the intake."""

from __future__ import annotations

from pathlib import Path

import click
import uvicorn

from hub.cli.output import opened, say
from hub.web.app import create_app


@click.command()
@click.option("--host", help="Default: the settings' web.host.")
@click.option("--port", type=int, help="Default: the settings' web.port.")
@click.option("--with-worker", is_flag=True, help="Do the work in this process too.")
@click.pass_obj
def serve(home: Path, host: str | None, port: int | None, with_worker: bool) -> None:
    """Serve the console and the intake."""
    with opened(home) as hub:
        app = create_app(hub)
        settings = hub.settings.web
        config = uvicorn.Config(
            app, host or settings.host, settings.port if port is None else port, log_level="warning"
        )
        say(f"http://{config.host}:{config.port}")
        if with_worker:
            with hub.judge() as judge:
                executor = hub.executor(hub.ways(judge))
                executor.start()
                uvicorn.Server(config).run()
                executor.stop()
        else:
            uvicorn.Server(config).run()
