"""The command `hub`: the hub's own commands, and those that plugins add."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from pkgutil import resolve_name
from typing import cast

import click

from hub import __version__
from hub.plugin.commands import ConfiguredConnection, offer
from hub.program.logs import quiet

OWN: Mapping[str, str] = {
    "connections": "hub.cli.connections:connections",
    "demo": "hub.program.demo:demo",
    "documents": "hub.cli.documents:documents",
    "incidents": "hub.cli.incidents:incidents",
    "init": "hub.cli.home:init",
    "invoices": "hub.cli.invoices:invoices",
    "ledger": "hub.cli.ledger:ledger",
    "orders": "hub.cli.orders:orders",
    "plan": "hub.cli.plans:plan",
    "queue": "hub.cli.runs:queue",
    "rules": "hub.cli.rules:rules",
    "run": "hub.cli.running:run",
    "runs": "hub.cli.runs:runs",
    "schedules": "hub.cli.schedules:schedules",
    "serve": "hub.program.serve:serve",
    "set-aside": "hub.cli.set_aside:set_aside",
    "status": "hub.cli.status:status",
    "units": "hub.cli.units:units",
    "users": "hub.cli.users:users",
    "worker": "hub.program.worker:worker",
    "workers": "hub.cli.workers:workers",
}
"""Where each command is. It is loaded when it is asked for: nobody waits for the console to see a queue."""


class HubCommands(click.Group):
    """The hub's own commands first; a plugin's are looked for when they are asked for, never before."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command's name."""
        return sorted({*OWN, *self._added()})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        return own(cmd_name) if cmd_name in OWN else self._added().get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that is meant; of one that does not exist, those that it may be are told."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(args[0], possibilities=self.list_commands(ctx), ctx=ctx) from error

    def _added(self) -> dict[str, click.Command]:
        commands = resolve_name("hub.loader:load_plugins")().commands
        return {each.name: each for each in commands if each.name}


def own(name: str) -> click.Command:
    """The hub's own command of that name. Nothing has begun while it loads: Ctrl-C then ends us without a word."""
    before = signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        return cast("click.Command", resolve_name(OWN[name]))
    finally:
        signal.signal(signal.SIGINT, before)


@click.group(cls=HubCommands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="hub")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="HUB_HOME",
    default=".hub",
    help="Where everything the hub keeps lies. Default: HUB_HOME, else .hub here.",
)
@click.pass_context
def main(context: click.Context, home: Path) -> None:
    """An integration hub for a city's purchasing."""
    quiet()
    context.obj = home.absolute()
    offer(context, partial(_of_plugin, context.obj))


def _of_plugin(home: Path, prefix: str) -> Mapping[str, ConfiguredConnection]:
    found: Mapping[str, ConfiguredConnection] = resolve_name("hub.program.plugged:connections")(home, prefix)
    return found
