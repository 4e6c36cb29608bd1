"""The file drop: a document and its manifest, delivered once, whatever dies on the way.

Order of the steps, and what a crash after each of them leaves:

    1  the document under a hidden name         no marker: nothing is delivered, all is written again
    2  the manifest under a hidden name         no marker: the same
    3  the marker in `.inkopshub/`              delivered: what is still hidden only needs its name
    4  the document gets its name               the manifest still needs its name
    5  the manifest gets its name               done

The receiver takes files whenever it likes. It is to act on the manifest, which comes last. A marker without any of
the files therefore says that the receiver has taken them. One worker at a time delivers a change: the hub's leases
see to that.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hub.domain.texts import Text
from hub.plugin.errors import Failure, Unavailable
from hub.plugin.files import PIECE, Place, put, temporary
from hub.plugin.ports import Bytes

MARKERS = ".inkopshub"


@dataclass(frozen=True, slots=True)
class Pair:
    """A document to deliver, by the name it shall have, and the manifest that goes with it."""

    name: str
    digest: str
    size: int
    manifest: bytes

    @property
    def manifest_name(self) -> str:
        """The manifest's name: the document's with `.json` after it."""
        return f"{self.name}.json"

    @property
    def marker(self) -> str:
        """The marker's path."""
        return f"{MARKERS}/{self.name}.marker"


@dataclass(frozen=True, slots=True)
class Delivered:
    """A pair that is delivered: since when, and whether the receiver has taken the document or the manifest."""

    at: datetime
    taken: bool


class Drop:
    """A drop folder. `read_back` has the document read again after it was written, where reading costs little."""

    def __init__(self, place: Place, *, read_back: bool) -> None:
        self._place = place
        self._read_back = read_back

    def found(self, pair: Pair) -> Delivered | None:
        """How the pair stands if it was delivered; renames that a crash left undone are done first. Else None."""
        marker = self._place.stat(pair.marker)
        if marker is None or not self._finish_document(pair):
            return None
        self._finish_manifest(pair)
        names = (pair.name, pair.manifest_name)
        return Delivered(marker.modified_at, taken=any(self._place.stat(name) is None for name in names))

    def _finish_document(self, pair: Pair) -> bool:
        hidden = self._place.stat(temporary(pair.name))
        if hidden is None:
            return True
        if hidden.size != pair.size:
            return False
        self._place.rename(temporary(pair.name), pair.name)
        return True

    def _finish_manifest(self, pair: Pair) -> None:
        hidden = self._place.stat(temporary(pair.manifest_name))
        if hidden is None:
            return
        if hidden.size != len(pair.manifest):
            self._place.write(temporary(pair.manifest_name), [pair.manifest])
        self._place.rename(temporary(pair.manifest_name), pair.manifest_name)

    def deliver(self, pair: Pair, content: Bytes) -> Delivered:
        """Deliver the pair unless it is delivered already."""
        return self.found(pair) or self._deliver(pair, content)

    def _deliver(self, pair: Pair, content: Bytes) -> Delivered:
        self._write_document(pair, content)
        self._place.write(temporary(pair.manifest_name), [pair.manifest])
        self._place.make_folder(MARKERS)
        marker = put(self._place, pair.marker, [_marker(pair)])
        self._place.rename(temporary(pair.name), pair.name)
        self._place.rename(temporary(pair.manifest_name), pair.manifest_name)
        return Delivered(marker.modified_at, taken=False)

    def _write_document(self, pair: Pair, content: Bytes) -> None:
        hidden = temporary(pair.name)
        entry = self._place.write(hidden, _only(pair.digest, content))
        if entry.size != pair.size or (self._read_back and self._digest(hidden) != pair.digest):
            raise self._unlike(pair)

    def _digest(self, path: str) -> str:
        digest = hashlib.sha256()
        with self._place.open(path) as stream:
            while piece := stream.read(PIECE):
                digest.update(piece)
        return digest.hexdigest()

    def _unlike(self, pair: Pair) -> Unavailable:
        where = f"{self._place.shown} {pair.name}"
        return Unavailable(
            Text(
                f"{where}: filen blev inte som den skrevs. Hubben försöker igen; se om disken är full eller trasig.",
                f"{where}: the file is not what was written. The hub tries again; see if the disk is full or broken.",
            )
        )

    def sweep(self, older_than: timedelta, now: datetime | None = None) -> None:
        """Remove markers older than that. A failure here is nobody's concern: the next sweep comes."""
        limit = (now or datetime.now(UTC)) - older_than
        with suppress(Failure):
            for entry in list(self._place.entries(MARKERS)):
                if entry.modified_at < limit:
                    self._place.remove(f"{MARKERS}/{entry.name}")

    def close(self) -> None:
        """Let go of the place."""
        self._place.close()


def _only(digest: str, content: Bytes) -> Iterator[bytes]:
    """The content's pieces; raises ValueError at their end when they are not the bytes of that digest."""
    seen = hashlib.sha256()
    for piece in content.chunks():
        seen.update(piece)
        yield piece
    if seen.hexdigest() != digest:
        raise ValueError(f"the bytes to deliver are not those of {digest}")


def _marker(pair: Pair) -> bytes:
    body = {"document": pair.name, "manifest": pair.manifest_name, "sha256": pair.digest, "size": pair.size}
    return json.dumps(body, sort_keys=True).encode()
