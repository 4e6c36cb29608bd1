"""What a plugin's own commands may ask of the hub: which connections are configured for its connectors.

A command finds them by its click context, so it needs no knowledge of where settings lie or how secrets are fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import click
from pydantic import BaseModel

from hub.domain.texts import Text

_KEY = "inkopshub.connections"


@dataclass(frozen=True, slots=True)
class ConfiguredConnection:
    """A connection of a plugin. `settings` is None when they cannot be used, which `broken` then explains."""

    name: str
    connector: str
    settings: BaseModel | None
    broken: Text | None


Find = Callable[[str], Mapping[str, ConfiguredConnection]]


def offer(context: click.Context, find: Find) -> None:
    """Let the commands below that context find connections; called by the program itself."""
    context.meta[_KEY] = find


def connections(context: click.Context, plugin: str) -> Mapping[str, ConfiguredConnection]:
    """The connections, by name, whose connectors are the plugin's (`agresso`: `agresso.web`, `agresso.soap`…).

    Raises click.UsageError when the settings cannot be read.
    """
    find: Find = context.meta[_KEY]
    return find(f"{plugin}.")
