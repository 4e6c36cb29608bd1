"""What a plugin's own commands are told of the connections to its system."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import click

from hub.app import configured
from hub.complaints import SettingsInvalid
from hub.plugin.commands import ConfiguredConnection


def connections(home: Path, prefix: str) -> Mapping[str, ConfiguredConnection]:
    """The connections, by name, whose connectors' names begin so. Raises click.UsageError for unusable settings."""
    try:
        found = configured(home)
    except SettingsInvalid as error:
        raise click.UsageError(str(error)) from None
    ours = (each for each in found.values() if each.connector_name.startswith(prefix))
    return {
        each.name: ConfiguredConnection(each.name, each.connector_name, each.settings, each.broken) for each in ours
    }
