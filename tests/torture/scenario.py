"""What is tortured: something is put in, comes so far, settles, and is reckoned against the peer's own log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from hub.app import Hub
from hub.jobs.ways import Ways
from hub.testing.peer import Peer
from tests.torture.storm import Blow


@dataclass(frozen=True, slots=True)
class World:
    """A hub in a folder of its own, and the peer it delivers to."""

    place: Path
    hub: Hub
    ways: Ways
    peer: Peer


class Scenario(Protocol):
    """One way through the hub, for `tests.torture.run`."""

    @property
    def rejected(self) -> str:
        """The text by which the peer knows what it rejects; empty for none."""
        ...

    @property
    def befalls(self) -> tuple[Blow, ...]:
        """What befalls it beside kills and cuts, each once."""
        ...

    def settings(self, place: Path, peer: Peer) -> Mapping[str, Any]:
        """The `connections` and `routes` of the hub's settings; the peer's connection is `storm.TARGET`."""
        ...

    def put(self, world: World) -> None:
        """Leave everything where the hub finds it. The hub is not at work yet."""
        ...

    def progress(self, world: World) -> float:
        """How far the work has come, from 0 to 1; 1 means that nothing is on its way any more."""
        ...

    def check(self, world: World) -> list[str]:
        """What is not as it should be when everything has settled and no worker is left."""
        ...
