"""The file drop: a document and its manifest, delivered once, whatever dies on the way and whoever else tries.

Each attempt writes under hidden names of its own, made by chance. Order of the steps, and what a crash after each
of them leaves:

    1  the document under a hidden name         no marker: nothing is delivered, all is written again
    2  the manifest under a hidden name         no marker: the same
    3  the marker in `.inkopshub/`              delivered: what is still hidden only needs its name
    4  the document gets its name               the manifest still needs its name
    5  the manifest gets its name               done

The marker is written hidden too, and gets its name only where no marker has it. It names the attempt that wrote it,
and only that attempt's files are ever shown: another attempt that meets a marker removes its own files and finishes
those. A hidden name is made once and renamed away once, so two attempts that finish at the same time show one pair.
The receiver takes files whenever it likes. It is to act on the manifest, which comes last. A marker without any of
the files therefore says that the receiver has taken them.

How far that holds. Step 3 is one step on a disk with hard links and on an SFTP server that refuses to rename onto a
name that is taken, as its protocol says. Elsewhere a look comes right before the rename, and two attempts that are
both between the two may deliver twice; the hub's leases keep attempts apart, this is what stands when they fail.
Twice may also come of an attempt that wakes after the marker was swept, and of a server that lost its disk's last
writes, so that a file a marker names is torn: then it is delivered anew.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hub.domain.texts import Text
from hub.plugin.errors import Failure, Unavailable
from hub.plugin.files import PIECE, Entry, Place, temporary
from hub.plugin.ports import Bytes

MARKERS = ".inkopshub"
KEPT_MARKERS = ".inkopshub-kept"
"""Here lie the markers that are never swept: of what must not be delivered again, however late it is asked for."""

LEFTOVERS_STAY = timedelta(days=7)
"""So long lie the hidden files of an attempt that died before its marker; no attempt that lives is that old."""

_MARKER = ".marker"
_LARGEST_MARKER = 64 * 1024
_TOKEN = re.compile(r"[0-9a-f]{16}")
_LEFTOVER = re.compile(r"\.(?P<name>.+?)(?:\.json)?\.(?P<token>[0-9a-f]{16})\.part")


@dataclass(frozen=True, slots=True)
class Pair:
    """A document to deliver, by the name it shall have, and the manifest that goes with it.

    `memory` is what its marker is to remember of it, in the folder `markers`.
    """

    name: str
    digest: str
    size: int
    manifest: bytes
    memory: Mapping[str, str] = field(default_factory=dict)
    markers: str = MARKERS

    @property
    def manifest_name(self) -> str:
        """The manifest's name: the document's with `.json` after it."""
        return f"{self.name}.json"

    @property
    def marker(self) -> str:
        """The marker's path."""
        return _marker_path(self.name, self.markers)


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at delivering a pair, and the hidden names that are its own."""

    pair: Pair
    token: str

    @property
    def document(self) -> str:
        """Where the document lies before it gets its name."""
        return temporary(f"{self.pair.name}.{self.token}")

    @property
    def manifest(self) -> str:
        """Where the manifest lies before it gets its name."""
        return temporary(f"{self.pair.manifest_name}.{self.token}")

    @property
    def marker(self) -> str:
        """Where the marker lies before it gets its name."""
        return f"{self.pair.markers}/{temporary(f'{self.pair.name}.marker.{self.token}')}"


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
        if marker is None:
            return None
        attempt = Attempt(pair, self._token(pair.marker))
        if self._is_torn(attempt):
            self._forget(attempt)
            return None
        self._finish(attempt)
        names = (pair.name, pair.manifest_name)
        return Delivered(marker.modified_at, taken=any(self._place.stat(name) is None for name in names))

    def kept(self) -> Iterator[Mapping[str, str]]:
        """What every kept marker remembers."""
        self._place.make_folder(KEPT_MARKERS)
        for entry in list(self._place.entries(KEPT_MARKERS)):
            if entry.name.endswith(_MARKER):
                yield self._said(f"{KEPT_MARKERS}/{entry.name}").memory

    def remembered(self, pair: Pair) -> Mapping[str, str] | None:
        """What the marker of that document remembers; None where it was never delivered."""
        return None if self._place.stat(pair.marker) is None else self._said(pair.marker).memory

    def _token(self, marker: str) -> str:
        """The attempt that the marker names."""
        return self._said(marker).token

    def _said(self, marker: str) -> _Said:
        with self._place.open(marker) as stream:
            said = _read_marker(stream.read(_LARGEST_MARKER))
        if said is None:
            raise self._unreadable(marker)
        return said

    def _is_torn(self, attempt: Attempt) -> bool:
        hidden = self._place.stat(attempt.document)
        return hidden is not None and hidden.size != attempt.pair.size

    def _forget(self, attempt: Attempt) -> None:
        """Take a marker back whose document is torn; the marker first, for without files it would say `taken`."""
        if self._token(attempt.pair.marker) == attempt.token:
            self._place.remove(attempt.pair.marker)
            self._tidy(attempt)

    def _finish(self, attempt: Attempt) -> None:
        self._show(attempt.document, attempt.pair.name)
        self._mend_manifest(attempt)
        self._show(attempt.manifest, attempt.pair.manifest_name)

    def _mend_manifest(self, attempt: Attempt) -> None:
        hidden = self._place.stat(attempt.manifest)
        if hidden is None or hidden.size == len(attempt.pair.manifest):
            return
        mended = Attempt(attempt.pair, _new_token()).manifest
        self._place.write(mended, [attempt.pair.manifest])
        self._place.rename(mended, attempt.manifest)

    def _show(self, hidden: str, name: str) -> None:
        """Give the hidden file its name, unless that is done; another attempt may do it at this very moment."""
        if self._place.stat(hidden) is None:
            return
        try:
            self._place.rename(hidden, name)
        except Unavailable:
            if self._place.stat(hidden) is not None:
                raise

    def deliver(self, pair: Pair, content: Bytes) -> Delivered:
        """Deliver the pair unless it is delivered already."""
        return self.found(pair) or self._deliver(Attempt(pair, _new_token()), content)

    def _deliver(self, attempt: Attempt, content: Bytes) -> Delivered:
        marker = self._prepared(attempt, content)
        # From here on the marker may stand though we hear of a failure: what it names is no longer ours to remove.
        if self._place.rename_new(attempt.marker, attempt.pair.marker):
            self._finish(attempt)
            return Delivered(marker.modified_at, taken=False)
        return self._yielded(attempt)

    def _prepared(self, attempt: Attempt, content: Bytes) -> Entry:
        """Write all three files under their hidden names; none of them stays when one of them fails."""
        try:
            self._write_document(attempt, content)
            self._place.write(attempt.manifest, [attempt.pair.manifest])
            self._place.make_folder(attempt.pair.markers)
            return self._place.write(attempt.marker, [_marker(attempt)])
        except BaseException:
            with suppress(Failure):
                self._tidy(attempt)
            raise

    def _yielded(self, attempt: Attempt) -> Delivered:
        """Another attempt was first: finish its pair in place of ours. A lost answer may show our own marker."""
        if self._token(attempt.pair.marker) != attempt.token:
            self._tidy(attempt)
        delivered = self.found(attempt.pair)
        if delivered is None:
            raise self._unlike(attempt.pair)
        return delivered

    def _tidy(self, attempt: Attempt) -> None:
        for path in (attempt.document, attempt.manifest, attempt.marker):
            self._place.remove(path)

    def _write_document(self, attempt: Attempt, content: Bytes) -> None:
        pair = attempt.pair
        entry = self._place.write(attempt.document, _only(pair.digest, content))
        if entry.size != pair.size or (self._read_back and self._digest(attempt.document) != pair.digest):
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

    def _unreadable(self, path: str) -> Unavailable:
        where = f"{self._place.shown} {path}"
        return Unavailable(
            Text(
                f"{where}: märket går inte att tyda, så hubben vet inte om fakturan är levererad. Se efter hos "
                "mottagaren: ta bort märket om fakturan saknas där, dra annars tillbaka leveransen.",
                f"{where}: the marker cannot be understood, so the hub does not know whether the invoice is delivered. "
                "Ask the receiver: remove the marker if the invoice is missing there, else withdraw the delivery.",
            )
        )

    def sweep(self, older_than: timedelta, now: datetime | None = None) -> None:
        """Remove markers older than that, and what dead attempts left. A failure is nobody's concern: the next sweep
        comes."""
        moment = now or datetime.now(UTC)
        self._sweep(MARKERS, lambda entry: entry.modified_at < moment - older_than)
        self._sweep("", lambda entry: entry.modified_at < moment - LEFTOVERS_STAY and self._is_leftover(entry.name))

    def _sweep(self, folder: str, is_done_with: Callable[[Entry], bool]) -> None:
        with suppress(Failure):
            for entry in list(self._place.entries(folder)):
                if is_done_with(entry):
                    self._place.remove(f"{folder}/{entry.name}" if folder else entry.name)

    def _is_leftover(self, name: str) -> bool:
        """Whether it is a hidden file of an attempt that no marker names."""
        left = _LEFTOVER.fullmatch(name)
        if left is None:
            return False
        markers = [_marker_path(left["name"], folder) for folder in (MARKERS, KEPT_MARKERS)]
        named = {self._token(marker) for marker in markers if self._place.stat(marker) is not None}
        return left["token"] not in named

    def close(self) -> None:
        """Let go of the place."""
        self._place.close()


@dataclass(frozen=True, slots=True)
class _Said:
    """What a marker says: whose it is, and what it was to remember."""

    token: str
    memory: Mapping[str, str]


def _marker_path(name: str, folder: str) -> str:
    return f"{folder}/{name}{_MARKER}"


def _new_token() -> str:
    return secrets.token_hex(8)


def _only(digest: str, content: Bytes) -> Iterator[bytes]:
    """The content's pieces; raises ValueError at their end when they are not the bytes of that digest."""
    seen = hashlib.sha256()
    for piece in content.chunks():
        seen.update(piece)
        yield piece
    if seen.hexdigest() != digest:
        raise ValueError(f"the bytes to deliver are not those of {digest}")


def _marker(attempt: Attempt) -> bytes:
    pair = attempt.pair
    body = {
        "attempt": attempt.token,
        "document": pair.name,
        "manifest": pair.manifest_name,
        "sha256": pair.digest,
        "size": pair.size,
    }
    return json.dumps(body | ({"memory": dict(pair.memory)} if pair.memory else {}), sort_keys=True).encode()


def _read_marker(marker: bytes) -> _Said | None:
    try:
        body = json.loads(marker)
    except ValueError:
        return None
    token = body.get("attempt") if isinstance(body, dict) else None
    if not isinstance(token, str) or not _TOKEN.fullmatch(token):
        return None
    return _Said(token, body.get("memory", {}))
