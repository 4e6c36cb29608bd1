"""What the documents say is so: links lead somewhere, commands exist, tables are whole, the sample plugin works."""

from __future__ import annotations

import ast
import json
import re
import shlex
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from hub.app import LEASE
from hub.domain.invoices import Invoice
from hub.jobs import routes
from hub.loader import Plugins, load_plugins
from hub.plugin import hookspecs
from hub.plugin.files import FilePlace
from hub.program.main import OWN, main, own
from hub.settings import ConnectionSettings, RouteSettings, Settings, WebhookSettings
from hub.testing.ports import check_target

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted(DOCS.glob("*.md")))
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")
PLUGINS = (DOCS / "plugins.md").read_text(encoding="utf-8")
SAMPLE = ROOT / "plugins/svefaktura/samples/peppol/invoice-office.xml"

NO_WAYS: Any = None

page = pytest.mark.parametrize("file", PAGES, ids=lambda file: file.name)


# --- links ----------------------------------------------------------------------------------------------------


@page
def test_every_link_within_the_project_leads_somewhere(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if "://" in link:
            continue
        path, _, heading = link.partition("#")
        target = (file.parent / path).resolve() if path else file
        assert target.exists(), f"{file.name} leads to {link}, which is not there"
        if heading:
            assert heading in _headings(target), f"{file.name} leads to {link}; there is no such heading"


@page
def test_every_picture_says_what_it_shows(file: Path) -> None:
    for said, picture in re.findall(r"!\[([^]]*)\]\(([^)]+)\)", file.read_text(encoding="utf-8")):
        assert len(said) > 20, f"{picture} in {file.name} says too little to somebody who does not see it"


def _headings(file: Path) -> set[str]:
    found = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in found}


# --- commands -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Named:
    """A command as a document names it."""

    file: str
    words: tuple[str, ...]


def _named() -> Iterator[Named]:
    for file in PAGES:
        text = file.read_text(encoding="utf-8")
        spans = re.findall(r"(?<!`)`([^`]+)`(?!`)", text, re.DOTALL)
        lines = re.findall(r"^    (\S.*)$", text, re.MULTILINE)
        for each in [*spans, *lines]:
            said = re.sub(r"\s+", " ", each)
            if re.match(r"(HUB_\w+=\S+ )*(\S*/)?hub [a-z-]", said):
                yield Named(file.name, tuple(shlex.split(said.partition("hub ")[2], comments=True)))


def test_every_command_the_documents_name_exists_with_its_options() -> None:
    named = list(_named())
    assert len(named) > 30, "the documents name fewer commands than they should"
    wrong = [f"{each.file}: hub {' '.join(each.words)}: {why}" for each in named if (why := _wrong(each.words))]
    assert wrong == []


def _wrong(words: tuple[str, ...]) -> str:
    command: click.Command = main
    options = _options(command)
    for word in words:
        if word.startswith("--"):
            if word.partition("=")[0] not in options:
                return f"{command.name} has no {word}"
        elif isinstance(command, click.Group):
            found = _below(command).get(word)
            if found is None:
                return "" if word == "archive" else f"{command.name} has no command {word}"
            command, options = found, options | _options(found)
    return ""


def _options(command: click.Command) -> set[str]:
    return {name for each in command.params for name in each.opts} | {"--help"}


def _below(group: click.Group) -> dict[str, click.Command]:
    return {name: own(name) for name in OWN} if group is main else dict(group.commands)


def _leaves(commands: dict[str, click.Command], before: str = "hub") -> Iterator[str]:
    for name, command in commands.items():
        if isinstance(command, click.Group):
            yield from _leaves(dict(command.commands), f"{before} {name}")
        else:
            yield f"{before} {name}"


@pytest.mark.parametrize("command", sorted(_leaves(_below(main))))
def test_every_command_is_described_to_whoever_runs_the_hub(command: str) -> None:
    guide = (DOCS / "anvandarguide.md").read_text(encoding="utf-8")
    assert re.search(rf"{command}\b", re.sub(r"\s+", " ", OPERATIONS + guide)), f"neither page names {command}"


# --- settings -------------------------------------------------------------------------------------------------


def _row(key: str, default: Any) -> str:
    return f"| `{key}` | {_shown(default)} |"


def _shown(value: Any) -> str:
    if value is PydanticUndefined:
        return "demanded"
    if value is None or value == "":
        return "none"
    if isinstance(value, Decimal):
        return f"`{value:f}`"
    if isinstance(value, timedelta):
        return f"`{value.total_seconds():g}`"
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value)}`"


def _rows(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        key = prefix + (field.alias or name)
        if isinstance(field.default, BaseModel):
            yield from _rows(type(field.default), f"{key}.")
        elif field.default_factory is None:
            yield _row(key, field.default)


def _stated(section: str) -> list[str]:
    """The rows that a section's table states, up to the second bar after the key."""
    text = OPERATIONS.partition(f"\n{section}\n")[2]
    body = re.split(r"^#", text, maxsplit=1, flags=re.MULTILINE)[0]
    return [found[0] for found in re.findall(r"^(\| `[^`]+` \| [^|]+ \|)( [^|\s][^|]* \|)$", body, re.MULTILINE)]


def test_the_table_of_settings_states_every_key_with_its_default() -> None:
    models = (
        *_rows(Settings),
        *_rows(ConnectionSettings, "connections.NAME."),
        *_rows(RouteSettings, "routes.NAME."),
        *_rows(WebhookSettings, "notify.webhooks[]."),
    )
    assert _stated("## Settings") == list(models)


@pytest.mark.parametrize("name", sorted(load_plugins().connectors))
def test_the_table_of_a_connector_states_every_setting_with_its_default_and_words(name: str) -> None:
    model = load_plugins().connectors[name].settings
    assert _stated(f"#### `{name}`") == list(_rows(model))
    for key, field in model.model_fields.items():
        extra = field.json_schema_extra
        assert isinstance(extra, dict), f"{name}.{key} has no English words"
        words: Any = extra["en"]
        assert f"| `{key}` | {_shown(field.default)} | {words['description']} |" in OPERATIONS


@page
def test_every_piece_of_toml_and_python_can_be_read(file: Path) -> None:
    for language, code in _fenced(file.read_text(encoding="utf-8")):
        if language == "toml":
            tomllib.loads(code)
        if language == "python":
            ast.parse(code)


# --- plugins --------------------------------------------------------------------------------------------------


def _fenced(text: str) -> list[tuple[str, str]]:
    return re.findall(r"^```(\w+)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


HOOKS = sorted(name for name in vars(hookspecs) if name.startswith("hub_"))


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_with_an_example_that_takes_what_it_is_given(hook: str) -> None:
    wanted = getattr(hookspecs, hook).__code__
    examples = [node for _, code in _fenced(PLUGINS) if _ == "python" for node in ast.walk(ast.parse(code))]
    found = [each for each in examples if isinstance(each, ast.FunctionDef) and each.name == hook]
    assert found, f"docs/plugins.md shows no {hook}"
    for each in found:
        assert [argument.arg for argument in each.args.args] == list(wanted.co_varnames[: wanted.co_argcount])


@pytest.fixture
def sample_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    """The plugin on the page, installed as far as the loader can tell."""
    [code] = [code for language, code in _fenced(PLUGINS) if language == "python" and code.startswith('"""An archive')]
    package = tmp_path / "site" / "hub_archive"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(code, encoding="utf-8")
    monkeypatch.syspath_prepend(str(package.parent))
    return load_plugins([EntryPoint(name="archive", value="hub_archive", group="inkopshub")])


@pytest.fixture
def an_invoice() -> Invoice:
    """An invoice read by the plugin that can."""
    read: Invoice = load_plugins().formats["invoices"].read(SAMPLE.read_bytes())
    return read


def test_the_sample_plugin_loads_and_presents_itself(sample_plugin: Plugins) -> None:
    assert sample_plugin.broken == ()
    assert sorted(sample_plugin.connectors) == ["archive.folder"]
    assert sample_plugin.explain("ARCHIVE-TOO-OLD").problem.sv == "Fakturan är äldre än arkivet tar emot."
    [command] = sample_plugin.commands
    assert "One file for each invoice" in CliRunner().invoke(command).output


def test_the_sample_plugin_keeps_the_laws_of_a_target(
    sample_plugin: Plugins, tmp_path: Path, an_invoice: Invoice
) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    settings = FilePlace(address=folder.as_uri())
    connector = sample_plugin.connectors["archive.folder"]
    check_target(
        lambda: connector.targets["invoices"](settings),
        an_invoice,
        held=lambda: {file.name: file.read_bytes() for file in folder.iterdir()},
    )
    assert all(each.passed for each in connector.check(settings))


# --- the walk -------------------------------------------------------------------------------------------------


def test_every_name_on_the_walk_stands_in_the_file_that_is_named_with_it() -> None:
    text = (DOCS / "walk.md").read_text(encoding="utf-8")
    named = re.findall(r"`((?:[\w]+/)+\w+)\.(\w+)(?:\.\w+)*`", text)
    assert len(named) > 20, "the walk names fewer places than it should"
    wrong = [f"{path}.{name}" for path, name in named if name not in {"py", "md"} and not _stands(path, name)]
    assert wrong == []


def test_the_walk_says_how_long_a_lease_is_and_names_every_kind_of_work() -> None:
    text = (DOCS / "walk.md").read_text(encoding="utf-8")
    assert f"*lease* of {LEASE.seconds} seconds" in text
    assert [each.name for each in routes.kinds(NO_WAYS) if f"`{each.name}`" not in text] == []


def _stands(path: str, name: str) -> bool:
    places = [*ROOT.glob(f"hub/{path}.py"), *ROOT.glob(f"hub/{path}/__init__.py"), *ROOT.glob(f"plugins/*/{path}.py")]
    return any(re.search(rf"^(class|def|async def) {name}\b", at.read_text(), re.MULTILINE) for at in places)
