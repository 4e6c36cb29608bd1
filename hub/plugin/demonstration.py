"""What a plugin contributes to the demonstration city: stand-ins that run, and connections to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.domain.texts import Text

REGISTER = "register.csv"
"""The file in the stage's folder where a plugin writes the city's register of units, for the hub to import."""

ORDERED = "ordered.json"
"""The file in the stage's folder where a plugin tells some of the city's purchase orders, for others to bill.

A list of objects, all values text but `lines`: `number`, `seller`, `organisation_number`, and of each line that is
still to be billed `name`, `quantity` and `price`, of one and without VAT.
"""


@dataclass(frozen=True, slots=True)
class Stage:
    """Where the demonstration plays: a folder of its own, the hub's address, and the seed everything is made from.

    `pace` is how many documents a second the city should receive, about.
    """

    folder: Path
    hub_url: str
    intake_token: str
    seed: int
    pace: float


@dataclass(frozen=True, slots=True)
class Demonstration:
    """One plugin's part of the city.

    `open(stage)` starts its servers, makes its folders and yields the connections' tables as they would stand in
    the settings file, by name; leaving it stops them. `play(stage, stopped)` keeps documents coming until
    `stopped(seconds)`, which waits that long at most, answers true.
    """

    name: Text
    open: Callable[[Stage], AbstractContextManager[Mapping[str, Mapping[str, Any]]]]
    play: Callable[[Stage, Callable[[float], bool]], None] | None = None
