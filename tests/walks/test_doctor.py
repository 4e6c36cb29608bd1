"""`hub agresso doctor` before a server behind TLS: how long its certificate lasts, and who vouches for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from hub_agresso.doctor import examine
from hub_agresso.settings import WebApiSettings

from hub.plugin.ports import Check
from tests.notify.certificates import certificate, server_context


def looked_at(address: str, **stated: Any) -> Check:
    """What the doctor says of the certificate."""
    settings = WebApiSettings(address=address, user="hubben", password="hemlig-i-prov", timeout=2, **stated)  # type: ignore[arg-type]
    (found,) = [check for check in examine(settings) if check.name.en == "The certificate is valid"]
    return found


@pytest.mark.parametrize(("days", "passes"), [(90, True), (10, False)])
def test_the_days_that_a_certificate_has_left_are_told(tmp_path: Path, days: int, passes: bool) -> None:
    file = certificate(tmp_path, days=days)
    with over_tls(file) as address:
        found = looked_at(address, authorities=str(file))
    assert (found.passed, found.days_left, found.detail.en) == (passes, days - 1, f"{days - 1} days left")


def test_a_certificate_that_nobody_vouches_for_is_told_with_why(tmp_path: Path) -> None:
    with over_tls(certificate(tmp_path)) as address:
        found = looked_at(address)
    assert not found.passed
    assert found.detail.en.startswith("cannot be verified: self")


@contextmanager
def over_tls(file: Path) -> Iterator[str]:
    """A server behind TLS that knows nothing of Agresso; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    server.socket = server_context(file).wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
