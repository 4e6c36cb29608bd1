"""How a plugin describes what it can speak to. One description gives the form, the documentation and the checks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hub.domain.texts import Text
from hub.plugin.ports import Check, Feed, Register, Source, Target


@dataclass(frozen=True, slots=True)
class Connector:
    """A plugin's ability to speak to one kind of system.

    `name` is `plugin.kind` (`agresso.filedrop`). `settings` is a Pydantic model: its fields, titles and descriptions
    become the form and the reference; secrets are `SecretStr`. `sources`, `feeds`, `targets` and `registers` open a
    port for a noun. `check` tries the connection without changing anything. `pushed` says that documents come to us
    over HTTP.
    `every` is how often a source is asked when its connection says nothing else.
    """

    name: str
    title: Text
    settings: type[BaseModel]
    check: Callable[[Any], Iterator[Check]]
    sources: Mapping[str, Callable[[Any], Source]] = field(default_factory=dict)
    feeds: Mapping[str, Callable[[Any], Feed[Any]]] = field(default_factory=dict)
    targets: Mapping[str, Callable[[Any], Target[Any]]] = field(default_factory=dict)
    registers: Mapping[str, Callable[[Any], Register[Any]]] = field(default_factory=dict)
    pushed: bool = False
    every: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class PackSource:
    """A rule pack that a plugin can build from what its packages carry, out of the box.

    `build(home)` writes the pack into that folder of packs unless it is there already.
    """

    name: str
    family: str
    build: Callable[[Path], object]
