"""What libraries may log."""

from __future__ import annotations

import logging


def quiet() -> None:
    """Let libraries say nothing of what our own log tells of the same events."""
    for name in ("paramiko", "procrastinate", "psycopg.pool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
