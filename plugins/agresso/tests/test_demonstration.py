"""The demonstration city's drop folder and the import that empties it."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from hub_agresso.connectors import DEMONSTRATION, FILE_DROP, PURCHASING, WEB_API
from hub_agresso.standin.city import City
from hub_agresso.standin.imports import fetch_once
from hub_agresso.standin.stage import TOLD_ORDERS

from hub.plugin.demonstration import ORDERED, Stage


def a_stage(folder: Path) -> Stage:
    return Stage(folder, "http://127.0.0.1:1", "a token of sixteen", 1, 1.0)


def test_the_drop_folder_is_a_connection_that_its_connector_accepts(tmp_path: Path) -> None:
    with DEMONSTRATION.open(a_stage(tmp_path)) as tables:
        table = dict(tables["agresso-fil"])
        assert table.pop("connector") == FILE_DROP.name
        table.pop("owner")
        assert all(check.passed for check in FILE_DROP.check(FILE_DROP.settings.model_validate(table)))


def test_the_import_takes_whole_pairs_and_leaves_a_document_without_manifest(tmp_path: Path) -> None:
    for name in ("a.xml", "a.xml.json", "b.xml", ".c.xml.json.part"):
        (tmp_path / name).write_bytes(b"x")
    assert fetch_once(tmp_path, lain_seconds=0) == 1
    assert sorted(path.name for path in (tmp_path / "imported").iterdir()) == ["a.xml", "a.xml.json"]
    assert (tmp_path / "b.xml").exists()


def test_the_import_leaves_what_has_not_lain_long_enough(tmp_path: Path) -> None:
    for name in ("a.xml", "a.xml.json"):
        (tmp_path / name).write_bytes(b"x")
    assert fetch_once(tmp_path, lain_seconds=3600) == 0


def test_the_play_ends_when_it_is_stopped(tmp_path: Path) -> None:
    asked: list[float] = []

    def stopped(seconds: float) -> bool:
        asked.append(seconds)
        return len(asked) > 2

    assert DEMONSTRATION.play
    with DEMONSTRATION.open(a_stage(tmp_path)):
        DEMONSTRATION.play(a_stage(tmp_path), stopped)
    assert len(asked) == 3


def test_the_web_api_is_a_connection_that_its_connector_accepts(tmp_path: Path) -> None:
    with PURCHASING.open(a_stage(tmp_path)) as tables:
        table = dict(tables["agresso"])
        assert table.pop("connector") == WEB_API.name
        table.pop("owner")
        assert all(check.passed for check in WEB_API.check(WEB_API.settings.model_validate(table)))


def test_orders_that_are_told_for_others_to_bill_are_open_ones_of_the_city(tmp_path: Path) -> None:
    with PURCHASING.open(a_stage(tmp_path)):
        told = json.loads((tmp_path / ORDERED).read_bytes())
    city = City(seed=1)
    assert len(told) == TOLD_ORDERS
    for each in told:
        order = city.order(int(each["number"]) - city.number(0))
        assert order is not None
        assert order["orderStatus"] == "O"
        prices = {line["productDescription"]: Decimal(str(line["unitPrice"])) for line in order["orderLineInformation"]}
        assert all(prices[line["name"]] == Decimal(line["price"]) for line in each["lines"])
        assert all(Decimal(line["quantity"]) > 0 for line in each["lines"])
