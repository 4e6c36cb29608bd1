"""What the routes walk on: everything their work needs, handed in by whoever puts the hub together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.flow.checks import CityLimits
from hub.flow.guards import GuardLimits
from hub.flow.matching import Tolerance
from hub.flow.read import Editions, Rules
from hub.jobs.tidying import Retention
from hub.loader import Connection, Plugins
from hub.notify.channels import Notify
from hub.store.database import Database

MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Route:
    """Which sources feed which noun. With `to`, they are extracts of what the register there is to hold.

    `order` says what is done one after another: "source" handles and delivers what came from one source as it
    arrived, "seller" handles it so and delivers the invoices of one seller so.
    """

    name: str
    noun: str
    sources: tuple[str, ...]
    to: str = ""
    guards: GuardLimits = field(default_factory=GuardLimits)
    order: str = ""


@dataclass(frozen=True, slots=True)
class Ways:
    """The hub as its work sees it. `landed` and `judged` are the most bytes that are kept and parsed.

    `records` is how many records of an extract are held in memory at once.
    """

    database: Database
    connections: Mapping[str, Connection]
    plugins: Plugins
    routes: Mapping[str, Route]
    editions: Editions
    rules: Rules
    city: CityLimits = field(default_factory=CityLimits)
    landed: int = 1024 * MEGABYTE
    judged: int = 64 * MEGABYTE
    records: int = 1000
    notify: Notify = field(default_factory=Notify)
    tolerance: Tolerance = field(default_factory=Tolerance)
    retention: Retention = field(default_factory=Retention)

    def route_of(self, connection: str) -> Route:
        """The route that the connection feeds. Raises LookupError for one that feeds none."""
        for route in self.routes.values():
            if connection in route.sources:
                return route
        raise LookupError(f"the connection {connection} feeds no route")
