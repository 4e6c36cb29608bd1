"""A stand-in of Agresso over TCP for every test that asks for one, and connections to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hub_agresso.settings import SoapSettings, WebApiSettings
from hub_agresso.standin.city import COMPANY, City
from hub_agresso.standin.server import SOAP_PATH, served
from hub_agresso.standin.web_api import Agresso

USER, PASSWORD = "hubben", "hemlig-i-prov"
Serve = Callable[..., tuple[Agresso, str]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a system with a city of that many orders; gives it and its address."""
    with ExitStack() as stack:

        def start(orders: int = 60, lines: int = 4, **kept: Any) -> tuple[Agresso, str]:
            city = City(orders=orders, lines=lines, suppliers=40, **kept)
            agresso = Agresso(city=city, ledger_rows=90, hour_rows=50)
            return agresso, stack.enter_context(served(agresso))

        yield start


def web(address: str, **stated: Any) -> WebApiSettings:
    """A connection to the web API there, with small pages."""
    own = {"user": USER, "password": PASSWORD} if "client_id" not in stated else {}
    return WebApiSettings(
        address=address, **{"company": COMPANY, "page": 50, "overlap": 5, "timeout": 5, **own, **stated}
    )


def soap(address: str, **stated: Any) -> SoapSettings:
    """A connection to the SOAP services there, with small pages."""
    own = {"user": USER, "password": PASSWORD, "company": COMPANY, "page": 50, "overlap": 5, "timeout": 5}
    return SoapSettings(address=address + SOAP_PATH, **{**own, **stated})
