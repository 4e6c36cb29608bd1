"""What this process and its children have used, as the Linux kernel counts it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_TICKS = os.sysconf("SC_CLK_TCK")
_RESET_PEAK = "5"
_PARENT, _USER, _SYSTEM = 1, 11, 12
"""Where the fields stand in /proc/PID/stat after the name in parentheses."""


def children() -> list[int]:
    """The processes that this one has started and that still live."""
    return [pid for pid, fields in _all() if int(fields[_PARENT]) == os.getpid()]


def own_seconds() -> float:
    """The processor time of this process so far."""
    return time.process_time()


def children_seconds() -> float:
    """The processor time of the living children so far, to a hundredth of a second."""
    here = os.getpid()
    ticks = (int(each[_USER]) + int(each[_SYSTEM]) for _, each in _all() if int(each[_PARENT]) == here)
    return sum(ticks) / _TICKS


def peak_bytes(pid: int) -> int:
    """The most memory the process has held since it started or since `forget_peak`."""
    return _status(pid, "VmHWM")


def resident_bytes(pid: int) -> int:
    """The memory the process holds now."""
    return _status(pid, "VmRSS")


def forget_peak(pid: int) -> None:
    """Let the peak of that process begin anew from what it holds now."""
    (_PROC / str(pid) / "clear_refs").write_text(_RESET_PEAK)


def _all() -> Iterator[tuple[int, list[str]]]:
    for folder in _PROC.iterdir():
        if folder.name.isdigit():
            try:
                told = (folder / "stat").read_text()
            except OSError:
                continue  # it ended while we looked
            yield int(folder.name), told.rpartition(")")[2].split()


def _status(pid: int, name: str) -> int:
    lines = (_PROC / str(pid) / "status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))
