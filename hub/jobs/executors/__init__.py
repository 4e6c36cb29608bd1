"""Executors: how work that may run now comes to be carried out on some machine."""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol


class Executor(Protocol):
    """Carries work out from `start` to `stop`, once."""

    def start(self) -> None:
        """Begin to take work and carry it out."""

    def stop(self, drain: bool = True, timeout: timedelta = timedelta(seconds=30)) -> None:
        """Take no more, and end; with `drain`, what runs may run to its end within the timeout."""
