"""The house's own rules: the tools are content, every room is told, nothing is too long or undeclared."""

from __future__ import annotations

import ast
import re
import shutil
import statistics
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = [ROOT / "hub", *sorted((ROOT / "libs").iterdir()), *sorted((ROOT / "plugins").iterdir())]
DISTRIBUTIONS = [each.parent for each in [ROOT / "pyproject.toml", *sorted(ROOT.glob("*/*/pyproject.toml"))]]
HISTORY = ROOT / "hub" / "store" / "migrations" / "versions"
"""What was done to the tables is a list, as long as it is; it is written once and never read as code."""


@dataclass(frozen=True)
class Function:
    """A function somewhere in the source."""

    file: Path
    name: str
    lines: int


@cache
def modules() -> tuple[tuple[Path, ast.Module], ...]:
    """Every module of ours, tests apart, with its tree."""
    found = [file for folder in OURS for file in sorted(folder.rglob("*.py")) if "tests" not in file.parts]
    return tuple((file, ast.parse(file.read_text(encoding="utf-8"))) for file in found)


def functions() -> Iterator[Function]:
    """Every function but those of the tables' history."""
    for file, tree in modules():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and HISTORY not in file.parents:
                yield Function(file.relative_to(ROOT), node.name, (node.end_lineno or 0) - node.lineno + 1)


# --- the tools


@pytest.mark.parametrize(
    "command",
    [("ruff", "check", "."), ("ruff", "format", "--check", "."), ("mypy",), ("lint-imports",)],
    ids=["lint", "format", "types", "floors"],
)
def test_the_tools_have_nothing_to_say(command: tuple[str, ...]) -> None:
    program = shutil.which(command[0], path=str(Path(sys.executable).parent)) or shutil.which(command[0])
    assert program, f"{command[0]} is not installed: it belongs to the group dev of pyproject.toml"
    told = subprocess.run([program, *command[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout[-4000:] + told.stderr[-2000:]


# --- the words


def test_every_module_says_what_is_in_the_room() -> None:
    silent = [str(file.relative_to(ROOT)) for file, tree in modules() if not ast.get_docstring(tree)]
    assert silent == []


def test_every_public_function_and_class_promises_something() -> None:
    silent = [
        f"{file.relative_to(ROOT)}: {node.name}"
        for file, tree in modules()
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert silent == []


@pytest.mark.parametrize("word", ["utils", "helpers", "common", "manager", "service", "base", "misc"])
def test_no_room_has_a_name_that_says_nothing(word: str) -> None:
    named = [file for file, _ in modules() if word in re.split(r"[_./]", str(file.relative_to(ROOT)))]
    assert named == []


# --- the size


def test_no_function_is_longer_than_a_screen() -> None:
    assert [each for each in functions() if each.lines > 60] == []


def test_functions_are_small() -> None:
    lines = [each.lines for each in functions()]
    assert statistics.median(lines) <= 8
    assert sum(each < 32 for each in lines) / len(lines) >= 0.9


# --- what is declared


_NAME = re.compile(r"[\w.-]+")


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _declared(folder: Path) -> set[str]:
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [each for names in project.get("optional-dependencies", {}).values() for each in names]
    named = (_NAME.match(each) for each in [*project["dependencies"], *extras])
    return {_plain(each[0]) for each in named if each} | {_plain(project["name"])}


def _declared_for_tests() -> set[str]:
    """What `hub.testing` may have beside: only tests import it."""
    groups = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["dependency-groups"]
    return {_plain(each[0]) for each in map(_NAME.match, groups["dev"]) if each}


@cache
def _homes() -> dict[str, set[str]]:
    """The distributions that an import name belongs to; our own are told by their folders."""
    known = {name: {_plain(each) for each in belongs} for name, belongs in packages_distributions().items()}
    for folder in DISTRIBUTIONS:
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
        for package in project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]:
            known[Path(package).name] = {_plain(project["project"]["name"])}
    return known


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name.partition(".")[0] for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


_PARTS = {"starlette": "fastapi", "anyio": "starlette", "markupsafe": "jinja2", "pydantic-core": "pydantic"}
"""Distributions that are a documented part of another, pinned by it and never chosen apart from it."""


def _is_declared(home: str, declared: set[str]) -> bool:
    if home in declared:
        return True
    whole = _PARTS.get(home)
    if whole is None or home not in {_plain(each[0]) for each in map(_NAME.match, requires(whole) or []) if each}:
        return False
    return _is_declared(whole, declared)


def _is_of(file: Path, folder: Path) -> bool:
    return (folder / "hub" if folder == ROOT else folder) in file.parents


@pytest.mark.parametrize("folder", DISTRIBUTIONS, ids=lambda each: each.name if each != ROOT else "inkopshub")
def test_nothing_is_imported_that_is_not_declared(folder: Path) -> None:
    declared, proving = _declared(folder), _declared_for_tests()
    undeclared = {
        (str(file.relative_to(ROOT)), name)
        for file, tree in modules()
        if _is_of(file, folder)
        for name in _imported(tree)
        if name not in sys.stdlib_module_names
        and not any(
            _is_declared(home, declared | proving if ROOT / "hub" / "testing" in file.parents else declared)
            for home in _homes().get(name, {name})
        )
    }
    assert undeclared == set()


def test_every_distribution_of_the_workspace_is_looked_at() -> None:
    assert {each.name for each in DISTRIBUTIONS[1:]} >= {"xmlrules", "svefaktura", "agresso"}
    assert all(any(_is_of(file, folder) for file, _ in modules()) for folder in DISTRIBUTIONS)


# --- what does not belong in the text

_HOSTS = ("py" + "pi.org", "pythonhosted" + ".org", "npm" + "js.org", "npm" + "js.com", "proxy.golang" + ".org")
# The console has pages under /work: the folders of the machine are told by their names.
_FOLDERS = tuple("/" + "work/" + each for each in ("main", "shared", "."))
_PLACES = (*_FOLDERS, "/" + "root/", "/tmp/" + "uvenv")
# A path of the machine stands at the beginning of a word: `a/work/b` is none.
_NAMED = re.compile("|".join([*map(re.escape, _HOSTS), *(rf"(?<![\w.}}\])-]){re.escape(each)}" for each in _PLACES)]))


def _texts() -> Iterator[tuple[str, str]]:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("needs a clone and git: what is tracked is looked at")
    told = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, told.stdout.split("\0")):
        file = ROOT / name
        content = file.read_bytes() if file.is_file() else b""
        if b"\0" not in content:
            yield name, content.decode("utf-8", "replace")


def test_no_text_names_a_place_on_somebodys_machine_or_a_registrys_host() -> None:
    named = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, content in _texts()
        for number, line in enumerate(content.splitlines(), 1)
        if _NAMED.search(line)
    ]
    assert named == []


def test_the_search_for_such_names_would_find_one() -> None:
    for each in (*_HOSTS, *_PLACES):
        assert _NAMED.search(f"see {each}x")
    assert not _NAMED.search("the network/" + "work/place")
