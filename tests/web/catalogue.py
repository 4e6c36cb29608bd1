"""Every text the console speaks, found in its templates and its code."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from babel.messages.extract import extract
from jinja2.ext import babel_extract

_WEB = Path(str(resources.files("hub.web")))
_CODE = {"N_": None, "say_number": (1, 2)}
_PAGES = ("_", "gettext", "ngettext")

Message = str | tuple[str, str]


def spoken() -> dict[Message, str]:
    """Each text (or pair of singular and plural) and a file where it stands."""
    found: dict[Message, str] = {}
    for file, message in (*_in_pages(), *_in_code()):
        found.setdefault(message, file)
    return found


def _in_pages() -> Iterator[tuple[str, Message]]:
    for file in sorted((_WEB / "templates").glob("*.html")):
        with file.open("rb") as stream:
            for _, function, message, _ in babel_extract(stream, _PAGES, [], {"newstyle_gettext": "true"}):
                if message is not None:
                    yield file.name, _message(function == "ngettext", message)


def _in_code() -> Iterator[tuple[str, Message]]:
    for file in sorted(_WEB.rglob("*.py")):
        with file.open("rb") as stream:
            for _, message, _, _ in extract("python", stream, _CODE):
                yield file.name, _message(isinstance(message, tuple), message)


def _message(is_plural: bool, message: object) -> Message:
    if isinstance(message, tuple | list):
        texts = [str(each) for each in message if isinstance(each, str)]
        return (texts[0], texts[1]) if is_plural else texts[0]
    return str(message)
