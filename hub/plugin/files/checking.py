"""Trying a place without touching what lies there."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress

from hub.domain.texts import Text
from hub.plugin.errors import Failure
from hub.plugin.files.names import place_fault, temporary
from hub.plugin.files.opening import open_place
from hub.plugin.files.place import Place
from hub.plugin.files.settings import FilePlace
from hub.plugin.ports import Check


def check_place(settings: FilePlace, *, read: bool = True) -> Iterator[Check]:
    """Try the place without touching what lies there: get in, list, and write, rename and remove a file of our own.

    `read` says that files are fetched from here: then names that cannot be fetched are told too.
    """
    reached = Text("Platsen nås", "The place is reached")
    place = open_place(settings)
    try:
        door = _tried(reached, lambda: _try_reaching(place))
        yield door
        if not door.passed:
            return
        yield _tried(Text("Mappen kan läsas", "The folder can be read"), lambda: _try_listing(place, read))
        yield _tried(
            Text("Filer kan skrivas, byta namn och tas bort", "Files can be written, renamed and removed"),
            lambda: _try_writing(place),
        )
    finally:
        place.close()


def _tried(name: Text, attempt: Callable[[], Text]) -> Check:
    try:
        return Check(name, True, attempt())
    except Failure as failure:
        return Check(name, False, failure.text)


def _try_reaching(place: Place) -> Text:
    place.reach()
    return Text(f"{place.shown} svarar.", f"{place.shown} answers.")


def _try_listing(place: Place, read: bool) -> Text:
    names = [entry.name for entry in place.entries()]
    unfit = sum(1 for name in names if place_fault(name)) if read else 0
    if unfit:
        return Text(
            f"{len(names)} filer ligger där. {unfit} av dem har namn som hubben inte hämtar: byt namn på dem.",
            f"{len(names)} files lie there. {unfit} of them have names the hub does not fetch: rename them.",
        )
    return Text(f"{len(names)} filer ligger där.", f"{len(names)} files lie there.")


def _try_writing(place: Place) -> Text:
    name = f"hub-check-{secrets.token_hex(4)}"
    first, second = temporary(name), temporary(f"{name}-2")
    try:
        place.write(first, [b"inkopshub\n"])
        place.rename(first, second)
    finally:
        with suppress(Failure):
            place.remove(first)
    place.remove(second)
    return Text("En provfil skrevs, bytte namn och togs bort.", "A trial file was written, renamed and removed.")
