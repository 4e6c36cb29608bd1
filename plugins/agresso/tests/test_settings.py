"""The laws of the plugin's settings: what could never work is refused when they are read, with what to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from hub_agresso.connectors import SOAP
from hub_agresso.settings import FileDropSettings
from pydantic import BaseModel, ValidationError

from hub.complaints import complaint
from hub.domain.texts import Text
from hub.plugin.errors import Refused
from plugins.agresso.tests.conftest import soap, web

NOWHERE = "http://127.0.0.1:9"


def dropping(_address: str, **stated: Any) -> FileDropSettings:
    return FileDropSettings(address="file:///srv/agresso/in", **stated)


def refused(stated: Callable[[], BaseModel]) -> Text:
    with pytest.raises(ValidationError) as told:
        stated()
    return complaint("connections.agresso", told.value)


@pytest.mark.parametrize(
    ("made", "noun", "known"),
    [
        (web, "biling", "orders, purchase-orders"),
        (web, "billing", "orders, purchase-orders"),
        (soap, "biling", "invoices, suppliers, billing"),
        (soap, "orders", "invoices, suppliers, billing"),
        (dropping, "biling", "billing"),
        (dropping, "invoices", "billing"),
    ],
)
def test_a_noun_that_a_connection_cannot_write_is_refused_with_those_it_can(
    made: Callable[..., BaseModel], noun: str, known: str
) -> None:
    said = refused(lambda: made(NOWHERE, writes=(noun,)))
    assert (
        said.en == f"connections.agresso: writes: {noun} cannot be written over this connection; what can is: {known}"
    )
    assert said.sv.endswith(f"det som kan är: {known}")


def test_every_noun_that_a_connection_can_write_is_taken() -> None:
    assert len(web(NOWHERE, writes=("orders", "purchase-orders")).writes) == 2
    stated = ("invoices", "suppliers", "billing")
    templates = {"imports_template": 1, "suppliers_template": 2, "billing_template": 3}
    assert soap(NOWHERE, writes=stated, **templates).writes == stated
    assert dropping(NOWHERE, writes=("billing",)).writes == ("billing",)


@pytest.mark.parametrize(
    ("noun", "template"),
    [("invoices", "imports_template"), ("suppliers", "suppliers_template"), ("billing", "billing_template")],
)
def test_what_is_to_be_written_needs_the_template_that_shows_it(noun: str, template: str) -> None:
    said = refused(lambda: soap(NOWHERE, writes=(noun,)))
    assert f"writes has {noun}, but {template} is missing" in said.en
    assert f"writes har {noun}, men {template} saknas" in said.sv
    assert soap(NOWHERE, writes=(noun,), **{template: 7}).writes == (noun,)


@pytest.mark.parametrize("noun", ["orders", "suppliers", "ledger"])
def test_a_pull_by_a_template_that_is_not_stated_is_refused_with_the_settings_name(noun: str) -> None:
    with pytest.raises(Refused) as told:
        SOAP.feeds[noun](soap(NOWHERE))
    assert f"The setting {noun}_template is missing" in told.value.text.en
    assert f"Inställningen {noun}_template saknas" in told.value.text.sv
    SOAP.feeds[noun](soap(NOWHERE, **{f"{noun}_template": 7})).close()


@pytest.mark.parametrize("zone", ["Europe/Stokholm", "../../etc/passwd", "", "/"])
def test_a_time_zone_that_is_not_there_is_refused_when_the_settings_are_read(zone: str) -> None:
    assert "There is no time zone" in refused(lambda: soap(NOWHERE, zone=zone)).en


@pytest.mark.parametrize(("zone", "day"), [("Europe/Stockholm", "2026-12-01"), ("UTC", "2026-11-30")])
def test_today_is_the_day_where_the_installation_stands(zone: str, day: str) -> None:
    with time_machine.travel(datetime(2026, 11, 30, 23, 30, tzinfo=UTC)):
        assert soap(NOWHERE, zone=zone).today().isoformat() == day
