"""Texts as every database takes them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.texts import Text
from hub.store import connections
from hub.store.connections import Happening
from hub.store.database import Database
from hub.store.texts import as_json, is_storable, storable

HALVES = ["\ud83d", "\udce5", "\0", "\ud83d\\ud83d", "\\\ud83d", "å\udc00\ud800"]
_ANY = st.text(st.characters() | st.sampled_from("\\\0\ud83d\ude00u"))


@given(said=_ANY)
def test_what_is_written_out_is_storable_and_what_is_storable_is_not_changed(said: str) -> None:
    assert is_storable(storable(said))
    assert (storable(said) == said) is is_storable(said)


@given(said=_ANY)
def test_what_is_storable_stands_in_json_to_the_letter_and_the_rest_is_written_out(said: str) -> None:
    kept = json.loads(as_json({"a": [said]}))["a"][0]
    # Two halves that stand side by side are one character to whoever reads the JSON.
    joined = json.loads(json.dumps(said))
    assert is_storable(kept)
    if is_storable(joined):
        assert kept == joined


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_has_no_number_for_is_kept_as_a_text(database: Database, number: float) -> None:
    with database.write() as connection:
        connections.event_once(connection, "inkorg", Happening.LEFT, about="x", details={"a": [number, 1.5, "å\udc00"]})
    with database.read() as connection:
        (left,) = connections.events(connection, "inkorg")
    first, second, third = left.details["a"]
    assert isinstance(first, str)
    assert (float(first), second, third) == (pytest.approx(number, nan_ok=True), 1.5, "å\\udc00")


@pytest.mark.parametrize("half", HALVES)
def test_what_the_other_side_says_is_kept_whatever_its_characters(database: Database, half: str) -> None:
    with database.write() as connection:
        connections.event_once(connection, "inkorg", Happening.LEFT, about=half, details={"file": half, half: "x"})
        connections.failed(connection, "inkorg", Happening.UNAVAILABLE, Text(half, half))
    with database.read() as connection:
        failed, left = connections.events(connection, "inkorg")
    assert is_storable(left.details["file"] + failed.details["en"])
    assert left.details["file"].strip("\\") != ""
