"""The bench measures something: every section runs and tells finite figures. How large they are is never tested."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest

from bench.__main__ import SECTIONS, measured
from bench.figures import as_json, as_table
from bench.sizes import TINY
from hub.app import open_hub


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A hub's home with the rule packs that come with the plugins."""
    folder = tmp_path_factory.mktemp("bench")
    open_hub(folder).close()
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="the bench reads /proc, which Linux alone has")
@pytest.mark.parametrize("name", list(SECTIONS))
def test_every_section_tells_finite_figures_as_a_table_and_as_json(home: Path, name: str) -> None:
    sections = list(measured(name, home, TINY, lambda said: None))
    figures = [figure for section in sections for figure in section.figures]
    assert figures
    for each in figures:
        assert all(math.isfinite(value) for value in (each.least, each.value, each.greatest)), each
        assert each.least <= each.value <= each.greatest
    assert sum(as_table(section).row_count for section in sections) == len(figures)
    assert json.loads(json.dumps(as_json(sections), allow_nan=False))["machine"]["cores"]
