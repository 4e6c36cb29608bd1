"""Names of files: those that come from outside are looked at before they are used.

A file system's names are bytes. Those that are no UTF-8, as old systems write them in Latin-1, stand in ours as lone
surrogates, one for each such byte; a place reads and moves such a file as any other.
"""

from __future__ import annotations

from hub.domain.texts import Reason, Text
from hub.plugin.errors import Rejected

LONGEST_NAME = 255


def name_fault(name: str) -> Text | None:
    """What makes a name from outside unfit to be given to a file, or None when it is fit."""
    return place_fault(name) or _encoding_fault(name)


def place_fault(name: str) -> Text | None:
    """What makes the name of a file that lies at a place unfit to be used there, or None when it is fit."""
    if not name or name in {".", ".."}:
        return Text("namnet är tomt eller punkter", "the name is empty or dots")
    if "/" in name or "\\" in name:
        return Text("namnet innehåller ett sökvägstecken", "the name holds a path separator")
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in name):
        return Text("namnet innehåller styrtecken", "the name holds control characters")
    try:
        length = len(name_bytes(name))
    except UnicodeEncodeError:
        return _NOT_UTF8
    if length > LONGEST_NAME:
        return Text(f"namnet är längre än {LONGEST_NAME} byte", f"the name is longer than {LONGEST_NAME} bytes")
    return None


def _encoding_fault(name: str) -> Text | None:
    return _NOT_UTF8 if any("\ud800" <= character <= "\udfff" for character in name) else None


_NOT_UTF8 = Text("namnet är inte UTF-8", "the name is not UTF-8")


def name_bytes(name: str) -> bytes:
    """The name as it stands in the file system."""
    return name.encode("utf-8", "surrogateescape")


def temporary(name: str) -> str:
    """The hidden name under which a file is written before it takes its own; no receiver picks it up."""
    return f".{name}.part"


def shown_name(name: str) -> str:
    """The name as it may be printed and kept: what cannot be shown becomes a replacement character, 255 at most."""
    return "".join(each if each.isprintable() else "\ufffd" for each in name)[:LONGEST_NAME]


def checked(path: str) -> str:
    """The path, when each of its one or two parts may be used. Raises Rejected."""
    for part in path.split("/", 1):
        fault = place_fault(part)
        if fault:
            raise Rejected((_unfit_name(part, fault),))
    return path


def _unfit_name(name: str, fault: Text) -> Reason:
    shown = shown_name(name)
    return Reason(
        code="FILE-NAME",
        problem=Text(
            f"Filnamnet {shown!r} kan inte användas: {fault.sv}.",
            f"The file name {shown!r} cannot be used: {fault.en}.",
        ),
        remedy=Text("Byt namn på filen och lägg den där igen.", "Rename the file and leave it there again."),
        value=shown,
    )


def last(path: str) -> str:
    """The name at the end of a path."""
    return path.rpartition("/")[2]
