"""What can be wrong with an Agresso: faults that are switched on by name, over its control address or in tests."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass
class Faults:
    """Shares are of requests, 0…1. All is well as long as nothing is set.

    `limited` 429 with Retry-After of `retry_after` seconds; `failing` 500; `away` 503; `cut` the connection breaks in
    the middle of the answer; `half` the answer ends in the middle, its length told as if it were whole; `slow` seconds
    before an answer; `lost` the change is made, the answer never comes. `per_minute` requests are let through in a
    minute, 0 is no limit. `unstable` sorts each page's listing anew; `changing` orders are changed after each page;
    `again` and `skipped` are pages told twice or left out; `forbidden` objects answer 403; `homeless` is a user
    without a default company; `expired` tokens are no longer taken; so many times
    `shifting` moves the lines of an order right after it was read; `importing` seconds pass before what an import
    made stands. `clamped` is the most rows in an answer, whatever is asked for; `sick` is the status of templates and
    timesheets that are not carried out; `newer` tells faults as SOAP 1.2 does, `polite` with HTTP 200. One that is
    `deaf` takes any filter and heeds none.
    """

    limited: float = 0.0
    retry_after: int = 1
    failing: float = 0.0
    away: float = 0.0
    cut: float = 0.0
    half: float = 0.0
    slow: float = 0.0
    lost: float = 0.0
    per_minute: int = 0
    unstable: bool = False
    changing: int = 0
    again: float = 0.0
    skipped: float = 0.0
    forbidden: tuple[str, ...] = ()
    homeless: bool = False
    expired: bool = False
    shifting: int = 0
    importing: float = 0.0
    clamped: int = 0
    sick: str = ""
    newer: bool = False
    polite: bool = False
    deaf: bool = False
    seed: int = 1
    _chance: random.Random = field(default_factory=random.Random, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed)  # noqa: S311 - chance, not secrecy

    def strikes(self, share: float) -> bool:
        """Whether a fault of that share happens this time."""
        if not share:
            return False
        with self._lock:
            return self._chance.random() < share

    def shuffled(self, rows: list[Any]) -> list[Any]:
        """The rows in another order each time."""
        with self._lock:
            return self._chance.sample(rows, len(rows))

    def told(self) -> dict[str, Any]:
        """The faults as they are set."""
        return {each.name: getattr(self, each.name) for each in fields(self) if not each.name.startswith("_")}

    def set(self, wanted: dict[str, Any]) -> None:
        """Let these faults be so from now on. Raises ValueError for one that is not known."""
        known = {each.name for each in fields(self) if not each.name.startswith("_")}
        for name, value in wanted.items():
            if name not in known:
                raise ValueError(f"no fault is called {name}; there are: {', '.join(sorted(known))}")
            setattr(self, name, tuple(value) if isinstance(value, list) else value)
