"""Plugins: loaded one at a time, so that the fault of one is nobody else's."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from hub.loader import Plugins, load_plugins
from hub.plugin import ENTRY_POINTS, hookspecs

Write = Callable[[str, str], EntryPoint]

GOOD = """
import click
from pydantic import BaseModel
from hub.domain.texts import Text
from hub.plugin import hookimpl
from hub.plugin.connector import Connector
from hub.plugin.ports import Explanation

class Settings(BaseModel):
    address: str

@hookimpl
def hub_connectors():
    return [Connector("good.files", Text("Filer", "Files"), Settings, lambda settings: iter(()))]

@hookimpl
def hub_commands():
    return [click.Command("good")]

class Lines:
    name, noun = "good.lines", "contracts"

    def recognise(self, head, name):
        return True

    def read(self, stream):
        return iter(())

@hookimpl
def hub_extracts():
    return [Lines()]

@hookimpl
def hub_explain(rule, official, location, value):
    return Explanation(Text("sv", "en"), Text("gör", "do")) if rule == "GOOD-1" else None
"""
HOOK = "from hub.plugin import hookimpl\n@hookimpl\ndef {}:\n    {}\n"
BAD = {
    "raises at import": ("raise RuntimeError('no licence')", "RuntimeError: no licence"),
    "is no Python": ("def (", "SyntaxError"),
    "leaves at import": ("import sys\nsys.exit(3)", "SystemExit"),
    "imports what is not installed": ("import not_installed_anywhere", "not_installed_anywhere"),
    "answers a hook nobody asks": (HOOK.format("hub_conectors()", "return []"), "hub_conectors"),
    "answers a hook with other arguments": (HOOK.format("hub_explain(rule, colour)", "return None"), "colour"),
    "raises in a hook": (HOOK.format("hub_connectors()", "raise KeyError('address')"), "address"),
    "raises in a late hook": (HOOK.format("hub_demonstration()", "raise KeyError('stage')"), "stage"),
    "raises while it is read": (HOOK.format("hub_connectors()", "yield 1 / 0"), "ZeroDivisionError"),
    "presents what is no connector": (
        HOOK.format("hub_connectors()", "return ['files']"),
        "hub_connectors presents str",
    ),
    "presents what is no format": (HOOK.format("hub_formats()", "return [3]"), "hub_formats presents int"),
    "presents what is no extract": (HOOK.format("hub_extracts()", "return [3]"), "hub_extracts presents int"),
    "presents what is no list": (HOOK.format("hub_rule_packs()", "return 3"), "TypeError"),
}


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a plugin and gives the entry point that names it."""
    monkeypatch.syspath_prepend(tmp_path)

    def written(name: str, source: str) -> EntryPoint:
        module = f"hub_test_{name}_{tmp_path.name}".replace("-", "_")
        (tmp_path / f"{module}.py").write_text(source, encoding="utf-8")
        monkeypatch.delitem(sys.modules, module, raising=False)
        return EntryPoint(name, module, ENTRY_POINTS)

    return written


def works(plugins: Plugins) -> bool:
    """Whether the good plugin is all there."""
    explained = plugins.explain("GOOD-1").problem.sv == "sv"
    return (
        list(plugins.connectors) == ["good.files"]
        and [each.name for each in plugins.commands] == ["good"]
        and explained
    )


@pytest.mark.parametrize("order", ["a", "z"], ids=["before the good one", "after the good one"])
@pytest.mark.parametrize("fault", BAD)
def test_a_plugin_that_is_at_fault_is_told_and_the_others_work(write: Write, fault: str, order: str) -> None:
    source, said = BAD[fault]
    loaded = load_plugins([write("good", GOOD), write(order, source)])
    (broken,) = loaded.broken
    assert broken.name == order
    assert said in broken.reason
    assert works(loaded)


def test_of_a_plugin_that_is_at_fault_nothing_is_taken(write: Write) -> None:
    half = GOOD.replace("good", "half") + HOOK.format("hub_demonstration()", "raise KeyError('stage')")
    loaded = load_plugins([write("half", half)])
    assert (loaded.connectors, loaded.commands) == ({}, ())
    assert [each.name for each in loaded.broken] == ["half"]


def test_an_entry_point_to_nothing_is_told() -> None:
    loaded = load_plugins([EntryPoint("gone", "hub_test_not_there:plugin", ENTRY_POINTS)])
    assert [each.name for each in loaded.broken] == ["gone"]


def test_a_plugin_that_raises_while_it_explains_is_passed_over(write: Write) -> None:
    bad = HOOK.format("hub_explain(rule, official, location, value)", "raise KeyError(rule)")
    loaded = load_plugins([write("a", bad), write("good", GOOD)])
    assert loaded.explain("GOOD-1").problem.sv == "sv"
    assert "BR-02" in loaded.explain("BR-02").problem.sv


def test_a_rule_nobody_knows_is_told_in_its_own_words(write: Write) -> None:
    told = load_plugins([write("good", GOOD)]).explain("BR-02", "An Invoice shall have a number")
    assert "An Invoice shall have a number" in told.problem.en
    assert "BR-02" in told.problem.sv
    assert told.remedy.sv


def test_a_connector_that_is_absent_says_whether_its_plugin_is_broken_or_not_there(write: Write) -> None:
    loaded = load_plugins([write("good", GOOD), write("bad", "raise RuntimeError('no licence')")])
    assert "no licence" in loaded.absent("bad.files").sv
    assert "good.files" in loaded.absent("other.files").en


def test_no_plugins_at_all_are_fine() -> None:
    assert load_plugins([]) == Plugins({}, {}, (), (), (), (), ())


HOOKS = {name: hook for name, hook in inspect.getmembers(hookspecs, inspect.isfunction) if name.startswith("hub_")}


@pytest.mark.parametrize("name", sorted(HOOKS))
def test_every_hook_promises_something(name: str) -> None:
    assert len((inspect.getdoc(HOOKS[name]) or "").split()) >= 4


@pytest.mark.parametrize("name", sorted(HOOKS))
def test_every_hook_is_answered_by_an_installed_plugin_or_by_the_one_in_these_tests(name: str, write: Write) -> None:
    installed = load_plugins()
    assert installed.broken == ()
    ours = load_plugins([write("good", GOOD)])
    presented = {
        "hub_connectors": installed.connectors,
        "hub_formats": installed.formats,
        "hub_rule_packs": installed.rule_packs,
        "hub_demonstration": installed.demonstrations,
        "hub_explain": installed.explainers,
        "hub_commands": ours.commands,
        "hub_extracts": ours.extracts,
    }
    assert presented[name]
