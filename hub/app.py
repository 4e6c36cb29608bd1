"""Puts everything together, here and nowhere else. Doors receive a finished `Hub`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Literal, overload

from pydantic import ValidationError
from sqlalchemy.engine import make_url
from xmlrules import Judge, Limits

from hub import __version__
from hub.complaints import SettingsInvalid, complaint
from hub.domain.texts import Text
from hub.flow.checks import CityLimits
from hub.flow.editions import KeptEditions, provide
from hub.flow.guards import FirstRun, GuardLimits
from hub.flow.matching import Tolerance
from hub.flow.read import Rules
from hub.jobs import routes
from hub.jobs.executors import Executor
from hub.jobs.executors.local import LocalExecutor
from hub.jobs.executors.procrastinate import ProcrastinateExecutor
from hub.jobs.names import HOUSE_LANE, JUDGING_LANE
from hub.jobs.ways import MEGABYTE, Route, Ways
from hub.jobs.worker import REFUSED, Listeners
from hub.loader import Broken, Connection, Plugins, load_plugins
from hub.notify.channels import LANE_PREFIX, Notify, lane_of
from hub.plugin.connector import Connector
from hub.settings import FILE_NAME, ConnectionSettings, RouteSettings, Settings, read_settings
from hub.status import changes
from hub.store import blobs
from hub.store.database import Database, open_database, sqlite_url
from hub.store.lanes import release_lane, set_lane
from hub.store.migrations import DatabaseUnfit, migrate

DATABASE_FILE = "hub.db"
PACKS_FOLDER = "rules"
LEASE = timedelta(seconds=20)
"""After so long without a heartbeat a worker's work is another's: with the search for it, within 30 s."""
_COMPARED = ("limits", "invoices", "notify")
_OVER_ALL_HOSTS = 10_000
"""Judging has no limit over all hosts together: each host's own judges are its limit."""


@dataclass(frozen=True, slots=True)
class Hub:
    """A hub put together: its settings, its memory, its plugins and its connections."""

    settings: Settings
    database: Database
    plugins: Plugins
    connections: Mapping[str, Connection]
    editions: KeptEditions

    @property
    def packs(self) -> Path:
        """The folder of the rule packs."""
        return self.settings.home / PACKS_FOLDER

    @property
    def limits(self) -> Limits:
        """What may be parsed."""
        configured = self.settings.limits
        return Limits(max_bytes=configured.judged_megabytes * MEGABYTE, max_depth=configured.depth)

    def judge(self, workers: int | None = None) -> Judge:
        """Processes that run the rules; the caller closes them."""
        configured = self.settings.worker
        return Judge(
            workers=workers or configured.judges,
            limits=self.limits,
            deadline=configured.judge_seconds,
            max_findings=self.settings.limits.findings,
            max_worker_bytes=configured.judge_megabytes * MEGABYTE,
        )

    @property
    def notify(self) -> Notify:
        """Who is told of incidents, how and when."""
        return self.settings.notify.as_told(self.settings.language)

    def ways(self, rules: Rules) -> Ways:
        """What the routes walk on, with these rules."""
        configured = self.settings
        return Ways(
            database=self.database,
            connections=self.connections,
            plugins=self.plugins,
            routes=_routes(configured, self.connections),
            editions=self.editions,
            rules=rules,
            city=CityLimits(
                currencies=configured.invoices.currencies,
                largest=configured.invoices.largest,
                latest_due=timedelta(days=configured.invoices.latest_due_days),
            ),
            landed=configured.limits.landed_megabytes * MEGABYTE,
            judged=configured.limits.judged_megabytes * MEGABYTE,
            records=configured.limits.records,
            notify=self.notify,
            tolerance=Tolerance(configured.matching.amount, configured.matching.share),
            retention=configured.retention.as_kept(),
        )

    def share(self, processes: int) -> Hub:
        """The hub as one of so many processes of this machine has it: with its share of the judges, one at least."""
        own = self.settings.worker.model_copy(update={"judges": max(1, self.settings.worker.judges // processes)})
        return replace(self, settings=self.settings.model_copy(update={"worker": own}))

    @overload
    def executor(self, ways: Ways, threads: int | None = None, *, scheduled: Literal[False]) -> LocalExecutor: ...

    @overload
    def executor(self, ways: Ways, threads: int | None = None, *, scheduled: Literal[True] = True) -> Executor: ...

    def executor(self, ways: Ways, threads: int | None = None, *, scheduled: bool = True) -> Executor:
        """What does the hub's work, as the settings say; the caller starts and stops it.

        What is not scheduled, but done once and waited for, is done by threads of this process whatever they say.
        """
        with self.database.write() as connection:
            set_lane(connection, JUDGING_LANE, _OVER_ALL_HOSTS)
            for each in self.connections.values():
                stated = self.settings.connections[each.name]
                set_lane(connection, each.name, each.concurrency, stated.per_second, stated.burst)
            for channel in ways.notify.channels:
                set_lane(connection, lane_of(channel), 1)
                release_lane(connection, lane_of(channel), because=REFUSED)  # its settings may have been mended
            changes.note(connection, self._standing())
        on_hosts = scheduled and self.settings.worker.executor == "procrastinate"
        return (ProcrastinateExecutor if on_hosts else LocalExecutor)(
            self.database,
            routes.kinds(ways),
            threads=threads or self.settings.worker.threads,
            lease=LEASE,
            recurring=routes.recurring(ways) if scheduled else (),
            listeners=Listeners(on_failure=routes.failed),
            own_limits={JUDGING_LANE: self.settings.worker.judges + 1},
        )

    def _standing(self) -> dict[str, str]:
        """What incidents are compared with: the version, and a digest of everything that is configured."""
        sections = {name: getattr(self.settings, name) for name in _COMPARED}
        told = {name: changes.digest(each) for name, each in sections.items()}
        own = {
            f"connections.{name}": changes.digest(each.settings, each.broken, replace(each, connector=None))
            for name, each in self.connections.items()
        }
        routes_ = {f"routes.{name}": changes.digest(each) for name, each in self.settings.routes.items()}
        return {"version": __version__, **told, **own, **routes_}

    def pieces(self, digest: str) -> Iterator[bytes]:
        """The bytes kept under that digest, in pieces."""
        return blobs.pieces(self.database, digest)

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()


def demand_home(home: Path) -> None:
    """Refuse a folder that no hub is at home in, a misspelt one say. Raises SettingsInvalid."""
    if not any((home / each).exists() for each in (FILE_NAME, DATABASE_FILE)):
        raise SettingsInvalid(
            Text(
                f"det finns ingen hubb i {home}; gör en med hub init, eller kontrollera HUB_HOME",
                f"there is no hub in {home}; make one with hub init, or check HUB_HOME",
            )
        )


def open_hub(home: Path, plugins: Plugins | None = None) -> Hub:
    """The hub at home in that folder, made there if need be, its database brought up to date.

    Raises SettingsInvalid, and what the file system and the database say for themselves.
    """
    settings = read_settings(home)
    _check_routes(settings)
    _check_executor(settings)
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    (home / PACKS_FOLDER).mkdir(exist_ok=True)
    loaded = load_plugins() if plugins is None else plugins
    connections = _connections(settings, loaded)
    for name, route in settings.routes.items():
        if route.to:
            _check_holds(name, route, connections[route.to])
        for source in route.sources:
            _check_brings(name, route, connections[source], loaded)
    database = open_database(settings.database or _embedded(home / DATABASE_FILE), settings.worker.threads)
    try:
        migrate(database)
    except DatabaseUnfit as error:
        database.close()
        raise SettingsInvalid(error.text) from None
    unbuilt = provide(database, home / PACKS_FOLDER, loaded.rule_packs)
    loaded = replace(loaded, broken=(*loaded.broken, *(Broken(pack, why) for pack, why in unbuilt.items())))
    editions = KeptEditions(database, home / PACKS_FOLDER)
    return Hub(settings, database, loaded, connections, editions)


def _embedded(file: Path) -> str:
    """The address of the database in that file, which is nobody else's to read."""
    if not file.exists():
        file.touch(mode=0o600)
    return sqlite_url(file)


def configured(home: Path) -> Mapping[str, Connection]:
    """The connections of the hub at home there, met with their plugins; nothing is opened. Raises SettingsInvalid."""
    demand_home(home)
    return _connections(read_settings(home), load_plugins())


def _check_executor(settings: Settings) -> None:
    where = settings.database
    if settings.worker.executor == "procrastinate" and not (
        where and make_url(where).get_backend_name() == "postgresql"
    ):
        raise SettingsInvalid(
            Text(
                'worker.executor: procrastinate arbetar över PostgreSQL; ange database = "postgresql+psycopg://…" '
                "eller välj local",
                'worker.executor: procrastinate works over PostgreSQL; set database = "postgresql+psycopg://…" '
                "or choose local",
            )
        )


def _check_routes(settings: Settings) -> None:
    own = {JUDGING_LANE, HOUSE_LANE}
    for name in sorted(each for each in settings.connections if each in own or each.startswith(LANE_PREFIX)):
        raise SettingsInvalid(
            Text(
                f"connections.{name}: namnet används av hubben själv; välj ett annat",
                f"connections.{name}: the hub uses this name itself; choose another",
            )
        )
    for name, route in settings.routes.items():
        for source in route.sources:
            if source not in settings.connections:
                raise SettingsInvalid(
                    Text(
                        f"routes.{name}.from: det finns ingen koppling {source}",
                        f"routes.{name}.from: there is no connection {source}",
                    )
                )
        _check_register(settings, name, route)


def _check_register(settings: Settings, name: str, route: RouteSettings) -> None:
    """A register route has one source, and a register of its own; the guards of registers are for no other route."""
    others = [other for other, each in settings.routes.items() if (each.to, each.noun) == (route.to, route.noun)]
    idle = sorted(route.guards.model_fields_set - {"first_run"})
    if not route.to and idle:
        raise SettingsInvalid(
            Text(
                f"routes.{name}.guards.{idle[0]}: gäller bara rutter till ett register (to)",
                f"routes.{name}.guards.{idle[0]}: is for routes to a register (to) only",
            )
        )
    if route.to and route.to not in settings.connections:
        raise SettingsInvalid(
            Text(
                f"routes.{name}.to: det finns ingen koppling {route.to}",
                f"routes.{name}.to: there is no connection {route.to}",
            )
        )
    if route.to and (len(route.sources) != 1 or len(others) > 1):
        raise SettingsInvalid(
            Text(
                f"routes.{name}: det som ett register ska innehålla kommer från en enda källa, i en enda rutt",
                f"routes.{name}: what a register is to hold comes from one source alone, by one route",
            )
        )


def _check_holds(name: str, route: RouteSettings, target: Connection) -> None:
    """The register's connector can hold the route's noun; one that does not load is told as broken elsewhere."""
    if target.connector and route.noun not in target.connector.registers:
        known = ", ".join(sorted(target.connector.registers)) or "–"
        raise SettingsInvalid(
            Text(
                f"routes.{name}.to: {target.connector_name} har inget register för {route.noun} (det finns: {known})",
                f"routes.{name}.to: {target.connector_name} has no register for {route.noun} (there are: {known})",
            )
        )


def _check_brings(name: str, route: RouteSettings, source: Connection, plugins: Plugins) -> None:
    """The source's connector can give the route's noun; one that does not load is told as broken elsewhere."""
    if source.connector is None:
        return
    given = _given(source.connector, plugins)
    if route.noun not in given:
        known = ", ".join(sorted(given)) or "–"
        told = f"{source.name} ({source.connector_name})"
        raise SettingsInvalid(
            Text(
                f"routes.{name}.noun: kopplingen {told} lämnar inga {route.noun} (den kan lämna: {known})",
                f"routes.{name}.noun: the connection {told} gives no {route.noun} (it can give: {known})",
            )
        )


def _given(connector: Connector, plugins: Plugins) -> frozenset[str]:
    """The nouns that a connector can give; what is pushed to us may be whatever somebody here can read."""
    asked = frozenset({*connector.sources, *connector.feeds})
    if not connector.pushed:
        return asked
    read = {*(each.noun for each in plugins.formats.values()), *(each.noun for each in plugins.extracts)}
    return asked | read | {"invoices"}


def _routes(settings: Settings, connections: Mapping[str, Connection]) -> dict[str, Route]:
    if not settings.routes:
        return {"invoices": Route("invoices", "invoices", tuple(_bringing(connections, "invoices")))}
    return {
        name: Route(name, each.noun, each.sources, each.to, _guards(each), each.order)
        for name, each in settings.routes.items()
    }


def _guards(route: RouteSettings) -> GuardLimits:
    """The route's guards; where nothing is said, a register's first run is a rehearsal, and no other's is."""
    first = route.guards.first_run or (FirstRun.REHEARSE if route.to else FirstRun.APPLY)
    stated = route.guards.model_dump(exclude={"first_run", "theirs"})
    return GuardLimits(**stated, first_run=first, theirs=frozenset(route.guards.theirs))


def _bringing(connections: Mapping[str, Connection], noun: str) -> Iterator[str]:
    for each in connections.values():
        if each.connector and (each.connector.pushed or noun in each.connector.sources):
            yield each.name


def _connections(settings: Settings, plugins: Plugins) -> dict[str, Connection]:
    return {name: _connection(name, each, plugins) for name, each in settings.connections.items()}


def _connection(name: str, configured: ConnectionSettings, plugins: Plugins) -> Connection:
    bare = Connection(
        name,
        configured.connector,
        configured.owner,
        configured.concurrency,
        configured.every,
        late_after=configured.grace,
    )
    try:
        own, bare = configured.own, replace(bare, planned=configured.planned)
    except SettingsInvalid as error:
        place = f"connections.{name}"
        return replace(bare, broken=Text(f"{place}: {error.text.sv}", f"{place}: {error.text.en}"))
    connector = plugins.connectors.get(configured.connector)
    if connector is None:
        return replace(bare, broken=plugins.absent(configured.connector))
    try:
        return replace(bare, connector=connector, settings=connector.settings.model_validate(own))
    except ValidationError as error:
        return replace(bare, broken=complaint(f"connections.{name}", error))
