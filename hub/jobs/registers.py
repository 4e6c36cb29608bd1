"""Registers and extracts as the settings name them: which route takes a document, and what opens its two ends."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from hub.domain.texts import Reason, Text
from hub.jobs.ways import Route, Ways
from hub.plugin.errors import Rejected, Unavailable
from hub.plugin.ports import Extract, Flaw, Register, Whole

HEAD = 64 * 1024
"""How much of a document is shown to whoever is asked whether he knows it."""


def route_of(ways: Ways, noun: str, source: str) -> Route | None:
    """The route that takes that noun from that source to a register, if there is one."""
    return next((each for each in ways.routes.values() if _takes(each, noun, source)), None)


def opened(ways: Ways, route: Route) -> Register[Any]:
    """The route's register, opened. Raises Unavailable while its connection cannot be used."""
    configured = ways.connections.get(route.to)
    if configured is None or configured.connector is None or route.noun not in configured.connector.registers:
        why = configured.broken if configured and configured.broken else Text("har inget register", "has no register")
        raise Unavailable(Text(f"Kopplingen {route.to}: {why.sv}", f"The connection {route.to}: {why.en}"))
    return configured.connector.registers[route.noun](configured.settings)


def records(ways: Ways, noun: str, name: str, stream: BinaryIO) -> Iterator[Any | Flaw | Whole]:
    """The records of a document, read by the first plugin that knows it. Raises Rejected when none does."""
    begins = _begins(stream)
    extract = _known(ways.plugins.extracts, noun, name, begins)
    with io.BufferedReader(_After(begins, stream), HEAD) as whole:
        yield from extract.read(whole)


def _takes(route: Route, noun: str, source: str) -> bool:
    return bool(route.to) and route.noun == noun and source in route.sources


def _begins(stream: BinaryIO) -> bytes:
    gathered = b""
    while len(gathered) < HEAD and (piece := stream.read(HEAD - len(gathered))):
        gathered += piece
    return gathered


class _After(io.RawIOBase):
    """What was read of a stream already, and then the rest of it."""

    def __init__(self, begins: bytes, stream: BinaryIO) -> None:
        self._begins, self._stream = begins, stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._begins[: len(buffer)] or self._stream.read(len(buffer))
        self._begins = self._begins[len(piece) :]
        buffer[: len(piece)] = piece
        return len(piece)


def _known(extracts: Sequence[Extract[Any]], noun: str, name: str, begins: bytes) -> Extract[Any]:
    for each in extracts:
        if each.noun == noun and each.recognise(begins, name):
            return each
    raise Rejected((_unknown(noun, ", ".join(each.name for each in extracts if each.noun == noun) or "–"),))


def _unknown(noun: str, known: str) -> Reason:
    return Reason(
        "EXTRACT-UNKNOWN",
        Text(
            f"Ingen insticksmodul känner igen dokumentet som ett utdrag av {noun} (det finns: {known}).",
            f"No plugin recognises the document as an extract of {noun} (there are: {known}).",
        ),
        Text(
            "Kontrollera filen och att rätt insticksmodul är installerad, och kör sedan igen.",
            "Check the file and that the right plugin is installed, then replay.",
        ),
    )
