"""Workers in processes of their own, to be killed wherever they are."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from hub.jobs.executors.local import LocalExecutor

ROOT = Path(__file__).parents[2]
_AT_WORK = "working\n"


def worker(work: Callable[[Path], None], home: Path) -> subprocess.Popen[str]:
    """A worker in a process of its own, at work when this returns. The function ends in `until_killed`."""
    program = f"import sys; from pathlib import Path; from {work.__module__} import {work.__name__} as work; "
    command = [sys.executable, "-c", program + "work(Path(sys.argv[1]))", str(home)]
    started = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    assert _AT_WORK in iter(started.stdout.readline, ""), "it ended before it worked"
    return started


def until_killed(executor: LocalExecutor) -> None:
    """What such a process does: it says so before its threads can log into the same line, and works."""
    print(_AT_WORK, end="", flush=True)
    executor.start()
    sys.stdin.read()


def kill(process: subprocess.Popen[str]) -> None:
    """The worker dies on the spot."""
    process.kill()
    process.communicate()
