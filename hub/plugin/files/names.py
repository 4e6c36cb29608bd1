"""Names of files: those that come from outside are looked at before they are used."""

from __future__ import annotations

from hub.domain.texts import Reason, Text
from hub.plugin.errors import Rejected

LONGEST_NAME = 255


def name_fault(name: str) -> Text | None:
    """What makes a name from outside unfit to be used as a file name, or None when it is fit."""
    if not name or name in {".", ".."}:
        return Text("namnet är tomt eller punkter", "the name is empty or dots")
    if "/" in name or "\\" in name:
        return Text("namnet innehåller ett sökvägstecken", "the name holds a path separator")
    if any(ord(character) < 32 or 127 <= ord(character) < 160 for character in name):
        return Text("namnet innehåller styrtecken", "the name holds control characters")
    return _encoding_fault(name)


def _encoding_fault(name: str) -> Text | None:
    try:
        length = len(name.encode())
    except UnicodeEncodeError:
        return Text("namnet är inte UTF-8", "the name is not UTF-8")
    if length > LONGEST_NAME:
        return Text(f"namnet är längre än {LONGEST_NAME} byte", f"the name is longer than {LONGEST_NAME} bytes")
    return None


def temporary(name: str) -> str:
    """The hidden name under which a file is written before it takes its own; no receiver picks it up."""
    return f".{name}.part"


def shown_name(name: str) -> str:
    """The name as it may be printed and kept: what cannot be shown becomes a replacement character, 255 at most."""
    return "".join(each if each.isprintable() else "\ufffd" for each in name)[:LONGEST_NAME]


def checked(path: str) -> str:
    """The path, when each of its one or two parts may be used. Raises Rejected."""
    for part in path.split("/", 1):
        fault = name_fault(part)
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
