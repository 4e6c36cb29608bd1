"""Files named on the command line: folders walked, work spread over threads, results in the order asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

_Result = TypeVar("_Result")


def each_file(paths: Iterable[Path], counted: Callable[[int], None]) -> Iterator[Path]:
    """Every file named, and every file in the folders named; `counted` hears how many so far.

    Hidden files and what is no file (a pipe, a link that leads nowhere) are left out.
    """
    number = 0
    for path in paths:
        for file in _files(path):
            number += 1
            counted(number)
            yield file


def in_order(work: Callable[[Path], _Result], files: Iterable[Path], threads: int) -> Iterator[_Result]:
    """The results of the work over the files, in their order; no more than two for each thread wait at a time."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[_Result]] = deque()
        for file in files:
            waiting.append(pool.submit(work, file))
            if len(waiting) >= 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    if not path.is_dir():
        return
    for each in sorted(path.iterdir()):
        if not each.name.startswith("."):
            yield from _files(each)
