"""One round of torture: a scenario is carried out by workers that are killed, against a peer that fails."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import tomli_w
from sqlalchemy.exc import SQLAlchemyError

from hub.testing.faults import NO_FAULTS, ONLY_WITH_KEYS, REFUSING, Fault, Faults, storm
from hub.testing.peer import running_peer
from tests.torture import ledger
from tests.torture.crew import Crew, crew
from tests.torture.scenario import Scenario, World
from tests.torture.storm import Blow, Field, Struck, drawn, let_go, strike
from tests.torture.worker import Haste, opened

_STANDSTILL = timedelta(seconds=90)
_LOOK_SECONDS = 0.05
_CALM = 0.9
"""How far the work has come when the faults are switched off."""


class Standstill(Exception):
    """The work does not come on; the message says what stands."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a round is made of; the same trial does the same harm."""

    seed: int
    documents: int = 300
    workers: int = 3
    naive: bool = False
    judged: bool = False
    kills: int = 5
    cuts: int = 2
    share: float = 0.2

    @property
    def haste(self) -> Haste:
        """A lease outlasts every lock and hiccup where no key heals a lease that is lost by the living."""
        return Haste(lease=8.0 if self.naive else 4.0)

    def again(self, database_url: str) -> str:
        """The command that does the same once more."""
        told: dict[str, float] = {
            "seed": self.seed,
            "documents": self.documents,
            "workers": self.workers,
            "kills": self.kills,
        }
        told |= {"cuts": self.cuts, "share": self.share}
        options = " ".join(f"--{name} {value}" for name, value in told.items())
        flags = f"{'--naive' if self.naive else '--keys'}{' --judged' if self.judged else ''}"
        return (
            f"python -m tests.torture --database {database_url.partition('+')[0].partition(':')[0]} {options} {flags}"
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a round met, and what is not as it should be."""

    wrong: list[str]
    seconds: float
    faults: Counter[Fault]
    blows: Counter[Blow]
    lost: int
    changes: int

    def __str__(self) -> str:
        met = ", ".join(f"{number} {fault}" for fault, number in sorted(self.faults.items()) if fault is not Fault.NONE)
        blows = ", ".join(f"{number} {blow}" for blow, number in sorted(self.blows.items()))
        return (
            f"{self.seconds:.0f} s, {self.changes} changes at the peer; blows: {blows}; "
            f"{self.lost} attempts lost; faults: {met}"
        )


def run(trial: Trial, scenario: Scenario, place: Path, database_url: str, packs: Path) -> Outcome:
    """The whole round, in that folder and over that database. Raises Standstill when the work does not come on."""
    began = time.monotonic()
    blows = drawn(trial.seed, trial.kills, trial.cuts, scenario.befalls)
    with _world(trial, scenario, place, database_url, packs) as world:
        scenario.put(world)
        _weather(trial, scenario, world, blows)
        _drain(world, trial)
        asked = world.peer.requests()
        return Outcome(
            wrong=[*ledger.check(world.hub.database), *scenario.check(world)],
            seconds=time.monotonic() - began,
            faults=Counter(each.fault for each in asked),
            blows=Counter(each.blow for each in blows),
            lost=ledger.lost(world.hub.database),
            changes=len(world.peer.changes()),
        )


@contextmanager
def _world(trial: Trial, scenario: Scenario, place: Path, database_url: str, packs: Path) -> Iterator[World]:
    home = place / "home"
    home.mkdir()
    shutil.copytree(packs, home / "rules")
    with running_peer(place, naive=trial.naive, reject=scenario.rejected) as peer:
        settings = {"database": database_url, "worker": {"threads": 8, "judges": 1}, **scenario.settings(place, peer)}
        (home / "hub.toml").write_text(tomli_w.dumps(settings), encoding="utf-8")
        with opened(home, trial.haste) as (hub, ways):
            yield World(place, hub, ways, peer)


def _weather(trial: Trial, scenario: Scenario, world: World, blows: list[Struck]) -> None:
    """The storm, and the calm after it in which everything settles."""
    faults = _faults(trial)
    world.peer.set_faults(faults)
    with crew(world.hub.settings.home, trial.haste, trial.judged, trial.workers) as hired:
        field = Field(world.hub.database, hired, world.peer, faults)
        for struck in blows:
            _until(struck.at, scenario, world, hired)
            strike(field, struck)
        _until(_CALM, scenario, world, hired)
        world.peer.set_faults(NO_FAULTS)
        let_go(world.hub.database)
        _until(1.0, scenario, world, hired)
        hired.end()


def _faults(trial: Trial) -> Faults:
    return storm(trial.seed, trial.share, without=REFUSING | (ONLY_WITH_KEYS if trial.naive else frozenset()))


def _until(far: float, scenario: Scenario, world: World, hired: Crew) -> None:
    """Wait until the work has come so far; it may take its time, but never stand still.

    A person looks as well: a refusal that comes late holds the peer's lane though it lets everybody in again.
    """
    come, since = -1.0, time.monotonic()
    while come < far:
        hired.muster()
        now = _progress(scenario, world)
        if now > come:
            come, since = now, time.monotonic()
        elif time.monotonic() - since > _STANDSTILL.total_seconds():
            raise Standstill(f"the work came to {come:.3f} and no further; {ledger.unfinished(world.hub.database)}")
        else:
            with suppress(SQLAlchemyError):
                let_go(world.hub.database)
            time.sleep(_LOOK_SECONDS)


def _progress(scenario: Scenario, world: World) -> float:
    try:
        return scenario.progress(world)
    except SQLAlchemyError:
        return 0.0


def _drain(world: World, trial: Trial) -> None:
    """What the workers handed back when they ended: sources that were just being asked."""
    with opened(world.hub.settings.home, trial.haste, trial.judged) as (hub, ways):
        if not hub.executor(ways, scheduled=False).run_until_idle(_STANDSTILL):
            raise Standstill(f"what was left did not end; {ledger.unfinished(world.hub.database)}")
