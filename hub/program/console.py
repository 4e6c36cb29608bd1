"""The console served from a thread, so that signals stay with whoever started it and everything ends in order."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from hub.app import Hub
from hub.cli.output import Wrong
from hub.web.app import create_app

_LONGEST_END = 10


@contextmanager
def served(hub: Hub, host: str, port: int) -> Iterator[str]:
    """The console and the intake, served until the block ends; yields their address."""
    server = uvicorn.Server(uvicorn.Config(create_app(hub), host, port, log_level="warning"))
    thread = threading.Thread(target=server.run, name="console", daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise Wrong(f"the console cannot be served on {host}:{port}; is the port in use?")
        time.sleep(0.02)
    try:
        bound = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://{host}:{bound}"
    finally:
        server.should_exit = True
        thread.join(timeout=_LONGEST_END)
