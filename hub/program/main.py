"""The command `hub`: the hub's own commands, and those that plugins add."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import click

from hub import __version__
from hub.app import configured
from hub.cli import (
    connections,
    documents,
    home,
    incidents,
    invoices,
    ledger,
    orders,
    plans,
    rules,
    running,
    runs,
    schedules,
    set_aside,
    status,
    units,
    users,
    workers,
)
from hub.complaints import SettingsInvalid
from hub.loader import load_plugins
from hub.plugin.commands import ConfiguredConnection, offer
from hub.program import demo, serve
from hub.program.console import quiet
from hub.settings import home_folder

OWN: tuple[click.Command, ...] = (
    connections.connections,
    demo.demo,
    documents.documents,
    incidents.incidents,
    invoices.invoices,
    ledger.ledger,
    orders.orders,
    plans.plan,
    rules.rules,
    runs.queue,
    runs.runs,
    schedules.schedules,
    serve.serve,
    set_aside.set_aside,
    status.status,
    units.units,
    users.users,
    workers.workers,
    home.init,
    running.run,
    serve.worker,
)


class HubCommands(click.Group):
    """The hub's own commands first; a plugin's are looked for when they are asked for, never before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command's name."""
        return sorted({*(each.name or "" for each in OWN), *self._added()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        for each in OWN:
            if each.name == cmd_name:
                return each
        return self._added().get(cmd_name)

    def _added(self) -> dict[str, click.Command]:
        return {each.name: each for each in load_plugins().commands if each.name}


@click.group(cls=HubCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hub")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where everything the hub keeps lies. Default: HUB_HOME, else .hub here.",
)
@click.pass_context
def main(context: click.Context, home: Path | None) -> None:
    """An integration hub for a city's purchasing."""
    quiet()
    context.obj = (home or home_folder()).absolute()
    offer(context, partial(_of_plugin, context.obj))


def _of_plugin(home: Path, prefix: str) -> Mapping[str, ConfiguredConnection]:
    try:
        found = configured(home)
    except SettingsInvalid as error:
        raise click.UsageError(str(error)) from None
    ours = (each for each in found.values() if each.connector_name.startswith(prefix))
    return {
        each.name: ConfiguredConnection(each.name, each.connector_name, each.settings, each.broken) for each in ours
    }
