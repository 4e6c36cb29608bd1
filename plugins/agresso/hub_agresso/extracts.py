"""What is pulled out of files that Agresso leaves: extracts as CSV in a folder.

Semicolons, UTF-8, the columns' names first, one row to a line, `#ROWS;n` as the last line. A file that does not end so
is still being written and is waited for, a day by its own time at most; one that is older was cut. Each is judged whole
before anything of it is kept.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from tempfile import TemporaryFile
from typing import IO, Any

from hub.domain.texts import Reason, Text
from hub.plugin.errors import Rejected, Unavailable
from hub.plugin.files import FolderSource, open_inbox, shown_name
from hub.plugin.ports import Flaw, Item, Page
from hub_agresso import rows
from hub_agresso.feeds import Noun, read_values
from hub_agresso.rows import BROWSER
from hub_agresso.settings import ExtractSettings

MOST = 20
"""Files in one pull: so many are remembered by name until they are put aside when the next pull begins."""
_TRAILER, _FAULT = b"#ROWS;", b"#FAULT;"
_NAMED = 60
_PATIENCE = timedelta(days=1)
"""So long a file may be written (our own choice, 2026-11)."""
_UNFINISHED = "AGRESSO-UNFINISHED"


@dataclass(frozen=True, slots=True)
class Cursor:
    """The files of this pull that were read to their end, and how many lines of the one after them."""

    done: tuple[str, ...] = ()
    line: int = 0
    current: str = ""
    name: str = ""

    @classmethod
    def parse(cls, written: str) -> Cursor:
        """Read what `written` wrote. What is not of its kind is no cursor: everything there is read."""
        done, line, current, name, *_ = *written.split(";", 3), "", "", ""
        return cls(_digests(done), int(line), current, name) if line.isdecimal() else cls()

    @property
    def written(self) -> str:
        """The cursor as the hub keeps it."""
        return f"{' '.join(self.done)};{self.line};{self.current};{self.name}"

    def within(self, digest: str, name: str) -> Cursor:
        """In that file: where it was left, or at its beginning."""
        return replace(self, current=digest, name=shown_name(name)[:_NAMED], line=self.line * (digest == self.current))

    @property
    def mark(self) -> str:
        """What is remembered until the next pull: the files that were read."""
        return " ".join(self.done)


class ExtractFeed:
    """The extracts whose names begin with the prefix, oldest first.

    The mark names the files that were read. When the next pull begins, they are moved or removed as the settings say:
    only then is everything of them surely kept. A file that is at fault stays where it is, and the others go on. One
    that is being written is waited for when they are read, unless they are as many as one pull remembers.
    """

    def __init__(self, noun: Noun, prefix: str, settings: ExtractSettings) -> None:
        self._noun, self._settings = noun, settings
        self._source: FolderSource = open_inbox(
            settings, lambda name: name.startswith(prefix) and name.endswith(".csv")
        )

    def pages(self, since: str, cursor: str = "") -> Iterator[Page]:
        """See `Feed.pages`."""
        at = Cursor.parse(cursor)
        waiting = self._waiting(since, at)
        if at.line and at.current not in waiting:
            at = replace(at, line=0, current="")
            yield _fault(at, at.name, _taken_away(at.name))
        unfinished: list[Reason] = []
        # What was begun comes first, or each fault told before it would have it read from its beginning again.
        for digest in sorted(waiting, key=lambda each: each != at.current):
            if digest not in at.done and len(at.done) < MOST:
                item = waiting[digest]
                at = yield from self._of_file(item, at.within(digest, item.name), unfinished)
        if unfinished and len(at.done) < MOST:
            raise Unavailable(unfinished[0].problem)
        yield Page("inga fler filer", b"", at.written, True, at.mark or since)

    def _waiting(self, since: str, at: Cursor) -> Mapping[str, Item]:
        """The files there by their digests, oldest first; those that the pull before read are put aside."""
        waiting = {_digest(item): item for item in self._source.fetch()}
        for digest in {*_digests(since)} & waiting.keys() - {*at.done}:
            self._source.acknowledge(waiting.pop(digest))
        return waiting

    def read(self, content: bytes) -> Iterator[Any]:
        """See `Feed.read`."""
        if content.startswith(_FAULT):
            yield _told_fault(content)
            return
        head, *lines = content.decode("utf-8-sig").split("\n")
        columns = _cells(head)
        for line in filter(str.strip, lines):
            yield self._row_of(columns, line)

    def close(self) -> None:
        """Let go of the place."""
        self._source.close()

    def _row_of(self, columns: Sequence[str], line: str) -> Any:
        try:
            cells = _cells(line)
        except csv.Error as error:
            return Flaw(None, line.encode(), (_quoted_wrongly(str(error)),))
        if len(cells) != len(columns):
            return Flaw(None, line.encode(), (_OTHER_WIDTH,))
        values = dict(zip(columns, cells, strict=True))
        return read_values(self._noun, values, BROWSER, self._settings, self._settings.decimals)

    def _of_file(self, item: Item, at: Cursor, unfinished: list[Reason]) -> Generator[Page, None, Cursor]:
        """Its pages; one page that tells why when it is at fault, none when it is being written. Where that leads."""
        name = shown_name(item.name)
        with TemporaryFile() as copy:
            fault = self._copied(item, copy) or _judged(name, copy)
            if fault is None:
                for number, content, last in _cut(copy, at.line, self._settings.page):
                    after = replace(at, done=(*at.done, at.current), line=0) if last else replace(at, line=number)
                    yield Page(f"{name} rad {number}", content, after.written)
                    at = after
            elif fault.code == _UNFINISHED and _is_of_today(item):
                unfinished.append(fault)
            else:
                at = replace(at, line=0)
                yield _fault(at, item.name, fault)
        return at

    def _copied(self, item: Item, copy: IO[bytes]) -> Reason | None:
        """Put there the file as it stood when it was listed, to be read as often as needed; why, when it cannot be."""
        try:
            with self._source.open(item) as stream:
                shutil.copyfileobj(stream, copy)
        except Rejected as error:
            return error.reasons[0]
        return None


def _is_of_today(item: Item) -> bool:
    """Whether the file was written within a day of now; a time that is far from it is none to wait by."""
    return item.modified_at is not None and abs(datetime.now(UTC) - item.modified_at) < _PATIENCE


def _judged(name: str, copy: IO[bytes]) -> Reason | None:
    """Why nothing of the file is to be kept."""
    copy.seek(0)
    for number, line in enumerate(copy):
        if line.startswith(_TRAILER):
            stated = line.removeprefix(_TRAILER).strip().decode("ascii", "replace")
            return None if stated == str(number - 1) else _miscounted(name, stated, max(number - 1, 0))
        if not line.endswith(b"\n"):
            break
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            return _not_utf8(name, number + 1, error.start + 1)
    return _unfinished(name)


def _cut(copy: IO[bytes], done: int, size: int) -> Iterator[tuple[int, bytes, bool]]:
    """The lines from after those that are done, with the head above each piece: the last line's number, the bytes,
    and whether they end the file."""
    copy.seek(0)
    head = copy.readline()
    held: list[bytes] = []
    for number, line in enumerate(copy):
        if line.startswith(_TRAILER) or len(held) == size:
            last = line.startswith(_TRAILER)
            yield number, head + b"".join(held), last
            if last:
                return
            held = []
        if number >= done:
            held.append(line)


def _cells(line: str) -> list[str]:
    return next(csv.reader([line.removesuffix("\r")], delimiter=";", strict=True), [])


def _digest(item: Item) -> str:
    """What tells this very file from all others, briefly: `external_id` is its name, size and time."""
    return hashlib.sha256(item.external_id.encode("utf-8", "surrogateescape")).hexdigest()[:8]


def _digests(written: str) -> tuple[str, ...]:
    return tuple(written.split())


def _fault(at: Cursor, name: str, reason: Reason) -> Page:
    """A page that is read as one flaw: the file's."""
    told = {"name": name, "code": reason.code, **_languages("", reason.problem), **_languages("do_", reason.remedy)}
    # The escapes of half characters, as bytes of a name that are no UTF-8, are JSON's own.
    return Page(
        shown_name(name), _FAULT + json.dumps(told, ensure_ascii=False).encode("utf-8", "backslashreplace"), at.written
    )


def _told_fault(content: bytes) -> Flaw:
    told = json.loads(content.removeprefix(_FAULT))
    name, remedy = shown_name(told["name"]), Text(told["do_sv"], told["do_en"])
    return Flaw(name, content, (Reason(told["code"], Text(told["sv"], told["en"]), remedy, value=name),))


def _languages(before: str, text: Text) -> Mapping[str, str]:
    return {f"{before}sv": text.sv, f"{before}en": text.en}


_LEAVE_ANEW = Text(
    "Inget av det som filen har kvar läses. Lämna den på nytt, hel och som UTF-8; övriga filer läses ändå.",
    "Nothing that is left of the file is read. Leave it anew, whole and as UTF-8; other files are read all the same.",
)
_MEND_QUOTES = Text(
    "Rätta filen: ett semikolon i en text ska stå inom citattecken, och ett citattecken i den texten dubbleras.",
    "Mend the file: quote text with semicolons, and double a quotation mark within such text.",
)
_OTHER_WIDTH = Reason(
    "AGRESSO-COLUMN",
    Text("Raden har fler eller färre kolumner än rubriken.", "The row has more or fewer columns than the head."),
    _MEND_QUOTES,
)


def _quoted_wrongly(said: str) -> Reason:
    problem = Text(f"Radens citattecken går inte ihop ({said}).", f"The row's quotation marks do not match ({said}).")
    return Reason("AGRESSO-QUOTES", problem, _MEND_QUOTES)


def _not_utf8(name: str, line: int, at: int) -> Reason:
    problem = Text(
        f"Filen {name} är inte UTF-8: rad {line}, byte {at}. Spara den som UTF-8.",
        f"The file {name} is not UTF-8: line {line}, byte {at}. Save it as UTF-8.",
    )
    return Reason("AGRESSO-ENCODING", problem, _LEAVE_ANEW)


def _taken_away(name: str) -> Reason:
    problem = Text(
        f"Filen {name} togs bort eller byttes ut när hubben hade läst en del av den.",
        f"The file {name} was taken away or replaced when the hub had read a part of it.",
    )
    return Reason("AGRESSO-TAKEN", problem, _LEAVE_ANEW)


def _unfinished(name: str) -> Reason:
    problem = Text(
        f"Filen {name} slutar inte med #ROWS; och antalet rader: den skrivs ännu, eller är avbruten. Hubben väntar på "
        "den ett dygn.",
        f"The file {name} does not end with #ROWS; and its count: it is being written or was cut. The hub waits for it "
        "for a day.",
    )
    return Reason(_UNFINISHED, problem, _LEAVE_ANEW)


def _miscounted(name: str, stated: str, number: int) -> Reason:
    problem = Text(
        f"Filen {name} säger sig ha {rows.shown(stated)} rader men har {number}.",
        f"The file {name} says it has {rows.shown(stated)} rows but has {number}.",
    )
    return Reason("AGRESSO-COUNT", problem, _LEAVE_ANEW)
