"""What the console's tests share: the app served for real on a free port, and visitors who log in to it."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
import uvicorn

from hub.app import Hub
from hub.web.app import create_app
from tests.web.city import PASSWORD, USER, bare_hub, busy_city

_WORD = re.compile(r'name="word" value="([^"]+)"')


@contextmanager
def served(hub: Hub) -> Iterator[str]:
    """The console of that hub on a free port; its address."""
    server = uvicorn.Server(uvicorn.Config(create_app(hub), port=0, log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started and thread.is_alive():
            time.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


class Visitor(httpx.Client):
    """Somebody with a browser: keeps cookies, follows redirects, and sends forms with the word they were given."""

    def word(self, page: str = "/login") -> str:
        """The word that forms on the page carry."""
        found = _WORD.search(self.get(page).text)
        assert found, f"no form on {page}"
        return found[1]

    def fill(self, address: str, on: str = "/", **fields: str) -> httpx.Response:
        """Send a form as the page `on` would."""
        return self.post(address, data={"word": self.word(on), **fields})

    def enter(self, name: str = USER, password: str = PASSWORD) -> httpx.Response:
        """Log in."""
        return self.fill("/login", on="/login", name=name, password=password)

    def speak(self, language: str) -> httpx.Response:
        """Read in that language from now on."""
        return self.fill("/language", on="/tillganglighet", language=language)


Visitors = Callable[[str], Visitor]


@pytest.fixture
def visitors() -> Iterator[Visitors]:
    """Gives visitors to the console at an address."""
    with ExitStack() as opened:
        yield lambda address: opened.enter_context(Visitor(base_url=address, follow_redirects=True, timeout=20))


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A hub where nothing has happened yet."""
    with bare_hub(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def address(hub: Hub) -> Iterator[str]:
    """The console of that hub."""
    with served(hub) as here:
        yield here


@pytest.fixture
def visitor(address: str, visitors: Visitors) -> Visitor:
    """Somebody not logged in."""
    return visitors(address)


@pytest.fixture
def anna(visitor: Visitor) -> Visitor:
    """Somebody logged in."""
    visitor.enter()
    return visitor


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    """A city at work, for a whole file of tests."""
    with busy_city(tmp_path_factory.mktemp("city")) as opened:
        yield opened


@pytest.fixture(scope="module")
def city_address(city: Hub) -> Iterator[str]:
    """The console of that city."""
    with served(city) as here:
        yield here


@pytest.fixture
def clerk(city_address: str, visitors: Visitors) -> Visitor:
    """Somebody logged in to the console of the city."""
    made = visitors(city_address)
    made.enter()
    return made
