"""Finds the installed plugins and loads them one at a time: one that will not load leaves the others working."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click
import pluggy
import structlog
from pydantic import BaseModel

from hub.domain.cron import Schedule
from hub.domain.texts import Reason, Text
from hub.plugin import ENTRY_POINTS, PROJECT, hookspecs
from hub.plugin.connector import Connector, PackSource
from hub.plugin.demonstration import Demonstration
from hub.plugin.ports import Explanation, Extract, Format

_log = structlog.get_logger()
_PRESENTABLE: Mapping[str, Callable[[object], bool]] = {
    "connectors": lambda each: isinstance(each, Connector),
    "formats": lambda each: isinstance(getattr(each, "noun", None), str),
    "extracts": lambda each: isinstance(getattr(each, "noun", None), str) and callable(getattr(each, "read", None)),
    "rule_packs": lambda each: isinstance(each, PackSource),
    "demonstration": lambda each: isinstance(each, Demonstration),
    "commands": lambda each: isinstance(each, click.Command),
}


@dataclass(frozen=True, slots=True)
class Broken:
    """A plugin that does not load, and why: for people, and for whoever wrote it."""

    name: str
    reason: str
    trace: str = ""


@dataclass(frozen=True, slots=True)
class Connection:
    """One configured connection, met with its connector.

    `broken` says why it cannot be used; it is None when `connector` and `settings` are there. `interval` is how
    often it is asked and `planned` at which times, when its settings say so themselves; `late_after` is how long it
    may stay silent before it is late.
    """

    name: str
    connector_name: str
    owner: str = ""
    concurrency: int = 4
    interval: timedelta | None = None
    connector: Connector | None = None
    settings: BaseModel | None = None
    broken: Text | None = None
    planned: Schedule | None = None
    late_after: timedelta | None = None

    @property
    def is_asked(self) -> bool:
        """Whether it is asked for documents, at intervals or at times of its own."""
        return self.every is not None or self.schedule is not None

    @property
    def every(self) -> timedelta | None:
        """How often it is asked for documents; None for what is not asked, or at times of its own."""
        if not self._can_be_asked or self.connector is None or self.planned is not None:
            return None
        return self.interval or self.connector.every

    @property
    def schedule(self) -> Schedule | None:
        """At which times it is asked for documents; None for what is not asked, or at intervals."""
        return self.planned if self._can_be_asked else None

    @property
    def _can_be_asked(self) -> bool:
        return self.connector is not None and bool(self.connector.sources or self.connector.feeds)


@dataclass(frozen=True, slots=True)
class Plugins:
    """What the installed plugins present."""

    connectors: Mapping[str, Connector]
    formats: Mapping[str, Format[Any]]
    rule_packs: tuple[PackSource, ...]
    demonstrations: tuple[Demonstration, ...]
    commands: tuple[click.Command, ...]
    explainers: tuple[Callable[[str, str, str, str], Explanation | None], ...]
    broken: tuple[Broken, ...]
    extracts: tuple[Extract[Any], ...] = ()

    def explain(self, rule: str, official: str = "", location: str = "", value: str = "") -> Explanation:
        """The rule in plain words: by the first plugin that knows it, else in the rule set's own."""
        found = self._known(rule, official, location, value)
        if found is not None:
            return found
        said = official or rule
        return Explanation(
            Text(f"Regeln {rule} är bruten: {said}", f"Rule {rule} is broken: {said}"),
            Text("Rätta dokumentet och skicka det igen.", "Correct the document and send it again."),
        )

    def in_general(self, reason: Reason) -> Reason:
        """The reason as it holds for all documents that share it: without what one of them says."""
        known = self._known(reason.code, "", "", "")
        return replace(reason, problem=known.problem, remedy=known.remedy, location="", value="") if known else reason

    def _known(self, rule: str, official: str, location: str, value: str) -> Explanation | None:
        told = (explainer(rule, official, location, value) for explainer in self.explainers)
        return next((each for each in told if each is not None), None)

    def absent(self, connector: str) -> Text:
        """Why there is no connector of that name."""
        owner = connector.partition(".")[0]
        for each in self.broken:
            if each.name == owner:
                return Text(
                    f"insticksmodulen {owner} går inte att ladda: {each.reason}",
                    f"plugin {owner} does not load: {each.reason}",
                )
        known = ", ".join(sorted(self.connectors)) or "–"
        return Text(
            f"ingen installerad insticksmodul har kopplingstypen {connector} (det finns: {known})",
            f"no installed plugin has the connector {connector} (there are: {known})",
        )


def load_plugins(found: Iterable[EntryPoint] | None = None) -> Plugins:
    """Load every installed plugin (or those given). Never raises for a plugin's fault: it is told in `broken`."""
    sound: list[tuple[str, pluggy.PluginManager]] = []
    broken: list[Broken] = []
    for point in sorted(entry_points(group=ENTRY_POINTS) if found is None else found, key=lambda each: each.name):
        try:
            sound.append((point.name, _alone(point)))
        except (Exception, SystemExit) as error:
            broken.append(_broken(point.name, error))
    return _gathered(sound, broken)


def _alone(point: EntryPoint) -> pluggy.PluginManager:
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    manager.register(point.load(), name=point.name)
    manager.check_pending()
    return manager


def _broken(name: str, error: BaseException) -> Broken:
    return Broken(name, f"{type(error).__name__}: {error}", "".join(traceback.format_exception(error)))


def _gathered(sound: list[tuple[str, pluggy.PluginManager]], broken: list[Broken]) -> Plugins:
    said: dict[str, list[Any]] = {hook: [] for hook in _PRESENTABLE}
    explainers: list[Callable[[str, str, str, str], Explanation | None]] = []
    for name, manager in sound:
        try:
            answers = {hook: list(_answers(manager, hook)) for hook in said}
        except Exception as error:
            broken.append(_broken(name, error))
            continue
        for hook, presented in answers.items():
            said[hook] += presented
        explainers.append(_explainer(name, manager))
    return Plugins(
        connectors={each.name: each for each in said["connectors"]},
        formats={each.noun: each for each in said["formats"]},
        rule_packs=tuple(said["rule_packs"]),
        demonstrations=tuple(said["demonstration"]),
        commands=tuple(said["commands"]),
        explainers=tuple(explainers),
        broken=tuple(broken),
        extracts=tuple(said["extracts"]),
    )


def _answers(manager: pluggy.PluginManager, hook: str) -> Iterator[Any]:
    for presented in getattr(manager.hook, f"hub_{hook}")():
        for each in presented:
            if not _PRESENTABLE[hook](each):
                raise TypeError(f"hub_{hook} presents {type(each).__name__}")
            yield each


def _explainer(name: str, manager: pluggy.PluginManager) -> Callable[[str, str, str, str], Explanation | None]:
    def explain(rule: str, official: str, location: str, value: str) -> Explanation | None:
        asked = {"rule": rule, "official": official, "location": location, "value": value}
        try:
            found: Explanation | None = manager.hook.hub_explain(**asked)
        except Exception as error:
            _log.warning("plugin cannot explain a rule", plugin=name, rule=rule, error=type(error).__name__)
            return None
        return found

    return explain
