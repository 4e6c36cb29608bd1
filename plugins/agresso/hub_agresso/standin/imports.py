"""A drop folder with the scheduled import that a real Agresso would run over it: it takes away what is delivered.

Only the shape of that import is known from the outside: it fetches the files and leaves the folder empty.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from hub.plugin.demonstration import Stage

CONNECTION = "agresso-fil"
_EVERY_SECONDS = 15.0
_LIES_SECONDS = 120.0


@contextmanager
def open_drop_folder(stage: Stage) -> Iterator[Mapping[str, Mapping[str, Any]]]:
    """Make the folder and give the connection to it."""
    folder = _folder(stage)
    folder.mkdir(parents=True, exist_ok=True)
    yield {CONNECTION: {"connector": "agresso.filedrop", "owner": "Ekonomisystem", "address": folder.as_uri()}}


def fetch_deliveries(stage: Stage, stopped: Callable[[float], bool]) -> None:
    """Fetch what is delivered now and then, until stopped. Deliveries lie a while first, to be looked at."""
    while not stopped(_EVERY_SECONDS):
        fetch_once(_folder(stage), _LIES_SECONDS)


def fetch_once(folder: Path, lain_seconds: float) -> int:
    """Move each pair that has lain so long to `imported/`, by its manifest; say how many."""
    imported = folder / "imported"
    imported.mkdir(exist_ok=True)
    ripe = [path for path in folder.glob("*.xml.json") if time.time() - path.stat().st_mtime >= lain_seconds]
    for manifest in ripe:
        document = manifest.with_suffix("")
        with suppress(FileNotFoundError):
            document.rename(imported / document.name)
        manifest.rename(imported / manifest.name)
    return len(ripe)


def _folder(stage: Stage) -> Path:
    return stage.folder / "agresso" / "fakturor"
