"""The files the pages are made with: our own style, and htmx as the installed package django_htmx carries it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from importlib.util import find_spec
from pathlib import Path

HTMX = Path("static") / "django_htmx" / "htmx-2.min.js"


class AssetMissing(Exception):
    """A file the pages are made with is not installed; the message says which."""


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is served; `digest` names its content."""

    content: bytes
    media_type: str
    digest: str


@cache
def assets() -> Mapping[str, Asset]:
    """The files by the name they are served under. Raises AssetMissing."""
    own = resources.files("hub.web") / "static"
    return {
        "hub.css": _asset((own / "hub.css").read_bytes(), "text/css; charset=utf-8"),
        "icon.svg": _asset((own / "icon.svg").read_bytes(), "image/svg+xml"),
        "htmx.js": _asset(_htmx(), "text/javascript; charset=utf-8"),
    }


@cache
def addresses() -> Mapping[str, str]:
    """Where each file is reached; the address changes with the content, so that it may be cached for ever."""
    return {name: f"/static/{name}?v={asset.digest[:12]}" for name, asset in assets().items()}


def _asset(content: bytes, media_type: str) -> Asset:
    return Asset(content, media_type, hashlib.sha256(content).hexdigest())


def _htmx() -> bytes:
    found = find_spec("django_htmx")
    if found is None or found.origin is None:
        raise AssetMissing("the package django-htmx, which carries htmx, is not installed; install it")
    file = Path(found.origin).parent / HTMX
    try:
        return file.read_bytes()
    except OSError as error:
        raise AssetMissing(f"{file}, which is htmx, cannot be read: {error.strerror}") from None
