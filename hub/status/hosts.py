"""Which machine a connection speaks to, told from its settings: the first address or host that stands in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel

_NAMED = frozenset({"host", "hostname", "server"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def host_of(settings: Any) -> str:
    """The host's name in lower case; empty where the settings name none, as for a folder of this machine.

    Behind a loopback address stand different systems, so its port belongs to the name.
    """
    return next(_hosts(settings), "")


def _hosts(settings: Any) -> Iterator[str]:
    if not isinstance(settings, BaseModel):
        return
    for name in type(settings).model_fields:
        yield from _of_value(name, getattr(settings, name))


def _of_value(name: str, value: Any) -> Iterator[str]:
    if isinstance(value, BaseModel):
        yield from _hosts(value)
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _of_value(str(key), each)
    elif isinstance(value, str) or type(value).__module__.startswith("pydantic.networks"):
        found = _in_address(str(value)) or (str(value).strip().lower() if name in _NAMED else "")
        if found:
            yield found


def _in_address(value: str) -> str:
    if "://" not in value:
        return ""
    try:
        parts = urlsplit(value.strip())
        return _named(parts)
    except ValueError:
        return ""


def _named(parts: SplitResult) -> str:
    host = (parts.hostname or "").lower()
    if parts.scheme == "file" or not host:
        return ""
    return f"{host}:{parts.port}" if host in _LOOPBACK and parts.port else host
