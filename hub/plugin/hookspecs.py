"""What a plugin may present. Every hook collects descriptions; none does work.

A plugin is a distribution with an entry point in the group `inkopshub`; the entry point names a module (or an
object) whose functions marked with `hookimpl` answer these hooks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import click
import pluggy

from hub.plugin.connector import Connector, PackSource
from hub.plugin.demonstration import Demonstration
from hub.plugin.ports import Explanation, Extract, Format

PROJECT = "inkopshub"
ENTRY_POINTS = "inkopshub"

_Function = TypeVar("_Function", bound=Callable[..., Any])
_mark = pluggy.HookspecMarker(PROJECT)
_hookimpl = pluggy.HookimplMarker(PROJECT)


def _spec(function: _Function) -> _Function:
    return _mark(function)


def _first(function: _Function) -> _Function:
    return _mark(firstresult=True)(function)


def hookimpl(function: _Function) -> _Function:
    """Mark a plugin's function as the answer to the hook of the same name."""
    return _hookimpl(function)


@_spec
def hub_connectors() -> Iterable[Connector]:  # type: ignore[empty-body]
    """The kinds of systems this plugin can speak to."""


@_spec
def hub_formats() -> Iterable[Format[Any]]:  # type: ignore[empty-body]
    """The document formats this plugin can recognise, judge and read."""


@_spec
def hub_extracts() -> Iterable[Extract[Any]]:  # type: ignore[empty-body]
    """The documents with many records that this plugin can read."""


@_spec
def hub_rule_packs() -> Iterable[PackSource]:  # type: ignore[empty-body]
    """The rule packs that come with this plugin's own packages."""


@_first
def hub_explain(rule: str, official: str, location: str, value: str) -> Explanation | None:
    """The rule in plain words, or None when it is not this plugin's. The first plugin that knows it answers."""


@_spec
def hub_commands() -> Iterable[click.Command]:  # type: ignore[empty-body]
    """Commands this plugin adds to the command line."""


@_spec
def hub_demonstration() -> Iterable[Demonstration]:  # type: ignore[empty-body]
    """Stand-ins and sample connections for the demonstration city."""
