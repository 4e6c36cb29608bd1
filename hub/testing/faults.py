"""What goes wrong between two systems, as values: which faults there are, and which of them hits which request.

A fault follows from the seed, the request's method and path, and how many like it came before: never from the clock
or from which thread was first. The same seed does the same harm to the same requests.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Fault(StrEnum):
    """What becomes of one request.

    none           it is served and answered
    too_many       429 with Retry-After; nothing is done
    broken         500; nothing is done
    away           503; nothing is done
    unauthorised   401; nothing is done
    forbidden      403; nothing is done
    silent         it is taken in and never answered; nothing is done
    silent_after   it is done, and never answered
    late           it is never answered, and done when the caller has given up
    reset          the connection breaks before anything is done
    lost           it is done, and the connection breaks before the answer
    cut            it is done, and the connection breaks in the middle of the answer
    twice          the network delivers it twice
    slow           it is done, and the answer drips
    """

    NONE = "none"
    TOO_MANY = "too_many"
    BROKEN = "broken"
    AWAY = "away"
    UNAUTHORISED = "unauthorised"
    FORBIDDEN = "forbidden"
    SILENT = "silent"
    SILENT_AFTER = "silent_after"
    LATE = "late"
    RESET = "reset"
    LOST = "lost"
    CUT = "cut"
    TWICE = "twice"
    SLOW = "slow"


ONLY_WITH_KEYS = frozenset({Fault.LATE, Fault.TWICE})
"""What no caller can heal at a peer that honours no key: these are not done to a naive one."""

REFUSING = frozenset({Fault.UNAUTHORISED, Fault.FORBIDDEN})
"""What calls a person: the hub holds the connection until somebody lets it go on."""

CHANGING = frozenset({"PUT", "POST", "DELETE"})
"""The methods that change something."""


@dataclass(frozen=True, slots=True)
class Faults:
    """Which faults are switched on.

    `always` is done to every request while it stands; then `script` says what is done to the next requests that
    change something, in that order; then `shares` gives each fault its part of all requests, drawn from `seed`.
    """

    seed: int = 0
    shares: Mapping[Fault, float] = field(default_factory=dict)
    script: tuple[Fault, ...] = ()
    always: Fault = Fault.NONE

    def drawn(self, method: str, path: str, earlier: int) -> Fault:
        """What hits the request by chance, when so many with its method and path came before it."""
        left = random.Random(f"{self.seed} {method} {path} {earlier}").random()  # noqa: S311  harm, not secrets
        for fault, share in sorted(self.shares.items()):
            left -= share
            if left < 0:
                return fault
        return Fault.NONE

    def as_json(self) -> dict[str, Any]:
        """As it is sent to a peer's control address."""
        return {"seed": self.seed, "shares": dict(self.shares), "script": list(self.script), "always": self.always}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> Faults:
        """What was sent. Raises ValueError for a fault that there is none of."""
        return cls(
            seed=int(said.get("seed", 0)),
            shares={Fault(name): float(share) for name, share in said.get("shares", {}).items()},
            script=tuple(Fault(name) for name in said.get("script", ())),
            always=Fault(said.get("always", Fault.NONE)),
        )


NO_FAULTS = Faults()


def storm(seed: int, share: float = 0.3, *, without: frozenset[Fault] = REFUSING) -> Faults:
    """Every fault but those `without`, with equal parts of that share of all requests."""
    hit = [fault for fault in Fault if fault is not Fault.NONE and fault not in without]
    return Faults(seed=seed, shares=dict.fromkeys(hit, share / len(hit)))
