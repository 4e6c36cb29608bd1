"""Waiting for something to become true, with an end to the patience."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


def eventually(true: Callable[[], bool], seconds: float = 15.0) -> None:
    """Return as soon as it is true; fail when it is not within so many seconds."""
    ends = time.monotonic() + seconds
    pause = threading.Event()
    while not true():
        assert time.monotonic() < ends, f"not true within {seconds} s"
        pause.wait(0.01)
