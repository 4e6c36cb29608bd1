"""A home for the command line, its rule packs built once, and a way to call it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from hub.app import DATABASE_FILE
from hub.program.main import main

Call = Callable[..., Result]
ROOT = Path(__file__).parents[2]
SAMPLES = ROOT / "plugins" / "svefaktura" / "samples"


@pytest.fixture
def home(tmp_path: Path, packs: Path) -> Path:
    """A home with those packs, and no settings yet."""
    shutil.copytree(packs, tmp_path / "home" / "rules")
    (tmp_path / "home" / DATABASE_FILE).touch()
    return tmp_path / "home"


@pytest.fixture
def call(home: Path) -> Call:
    """Calls `hub` with these arguments at that home."""
    runner = CliRunner()

    def hub(*arguments: object, **options: Any) -> Result:
        return runner.invoke(main, ["--home", str(home), *map(str, arguments)], **options)

    return hub


@pytest.fixture(scope="session")
def artefacts() -> Path:
    """The folder of the official rule files."""
    folder = Path(os.environ.get("HUB_ARTEFACTS", ROOT.parent / "shared")) / "artefacts"
    if not folder.is_dir():
        pytest.skip("needs the official rule files: name their folder in HUB_ARTEFACTS")
    return folder


def objects(result: Result) -> list[dict[str, Any]]:
    """The JSON objects that a command wrote, a line each."""
    return [json.loads(line) for line in result.stdout.splitlines()]
