"""What the processes of the tests do: each writes its process id into a folder, and when it was told to end."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

from hub.jobs.executors.processes import Processes


def show(folder: Path, told: threading.Event) -> None:
    """Leave a file while it lives, and another when it has ended in good order."""
    (folder / f"{os.getpid()}.began").touch()
    told.wait()
    (folder / f"{os.getpid()}.ended").touch()


def keep(folder: Path) -> None:
    """Keep two such processes until this one is killed."""
    with Processes(2, show, folder) as kept:
        while True:
            kept.watch(1.0)


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
