"""Agresso's web API in the demonstration city: suppliers, orders and ledger of a city made from its seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hub.plugin.demonstration import Stage
from hub_agresso.standin.city import COMPANY, City
from hub_agresso.standin.server import served
from hub_agresso.standin.web_api import Agresso

CONNECTION = "agresso"


@contextmanager
def open_web_api(stage: Stage) -> Iterator[Mapping[str, Mapping[str, Any]]]:
    """Serve the system and give the connection to it."""
    agresso = Agresso(city=City(seed=stage.seed))
    (user, password), *_ = agresso.users.items()
    with served(agresso) as address:
        entered = {"address": address, "user": user, "password": password, "company": COMPANY}
        yield {CONNECTION: {"connector": "agresso.web", "owner": "Ekonomisystem", **entered}}
