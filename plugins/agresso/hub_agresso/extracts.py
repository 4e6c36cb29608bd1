"""What is pulled out of files that Agresso leaves: extracts as CSV in a folder.

Semicolons, UTF-8, the columns' names first, one row to a line, `#ROWS;n` as the last line. A file that does not end so
is still being written, or was cut, and is waited for. Each is judged whole before anything of it is kept.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from tempfile import TemporaryFile
from typing import IO, Any

from hub.domain.texts import Reason, Text
from hub.plugin.errors import Unavailable
from hub.plugin.files import FolderSource, open_inbox
from hub.plugin.ports import Flaw, Item, Page
from hub_agresso import rows
from hub_agresso.feeds import Noun, read_values
from hub_agresso.rows import BROWSER
from hub_agresso.settings import ExtractSettings

MOST = 20
"""Files in one pull: so many are remembered by name until they are put aside when the next pull begins."""
_TRAILER, _FAULT = b"#ROWS;", b"#FAULT;"
_NAMED = 60


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

    @property
    def mark(self) -> str:
        """What is remembered until the next pull: the files that were read."""
        return " ".join(self.done)


class ExtractFeed:
    """The extracts whose names begin with the prefix, oldest first.

    The mark names the files that were read. When the next pull begins, they are moved or removed as the settings say:
    only then is everything of them surely kept. A file that is at fault stays where it is, and the others go on.
    """

    def __init__(self, noun: Noun, prefix: str, settings: ExtractSettings) -> None:
        self._noun, self._settings = noun, settings
        self._source: FolderSource = open_inbox(
            settings, lambda name: name.startswith(prefix) and name.endswith(".csv")
        )

    def pages(self, since: str, cursor: str = "") -> Iterator[Page]:
        """See `Feed.pages`."""
        at = Cursor.parse(cursor)
        waiting = {_digest(item): item for item in self._source.fetch()}
        for digest in {*_digests(since)} & waiting.keys() - {*at.done}:
            self._source.acknowledge(waiting.pop(digest))
        if at.line and at.current not in waiting:
            at = replace(at, line=0, current="")
            yield _fault(at, at.name, _taken_away(at.name))
        for digest, item in waiting.items():
            if digest not in at.done and len(at.done) < MOST:
                at = replace(at, current=digest, name=item.name[:_NAMED], line=at.line if at.current == digest else 0)
                for page in self._of_file(item, at):
                    yield page
                    at = Cursor.parse(page.cursor)
        yield Page("inga fler filer", b"", at.written, True, at.mark or since)

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

    def _of_file(self, item: Item, at: Cursor) -> Iterator[Page]:
        """Its pages; one page that tells why when it is at fault."""
        with self._copied(item) as copy:
            fault = _judged(item.name, copy)
            if fault:
                yield _fault(replace(at, line=0), item.name, fault)
                return
            for number, content, last in _cut(copy, at.line, self._settings.page):
                after = replace(at, done=(*at.done, at.current), line=0) if last else replace(at, line=number)
                yield Page(f"{item.name} rad {number}", content, after.written)

    @contextmanager
    def _copied(self, item: Item) -> Iterator[IO[bytes]]:
        """The file as it stood when it was listed, to be read as often as needed."""
        with TemporaryFile() as copy:
            with self._source.open(item) as stream:
                shutil.copyfileobj(stream, copy)
            copy.seek(0)
            yield copy


def _judged(name: str, copy: IO[bytes]) -> Reason | None:
    """Why nothing of the file is to be kept. Raises Unavailable when it has no end yet."""
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
    raise Unavailable(_unfinished(name))


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
    return hashlib.sha256(item.external_id.encode()).hexdigest()[:8]


def _digests(written: str) -> tuple[str, ...]:
    return tuple(written.split())


def _fault(at: Cursor, name: str, reason: Reason) -> Page:
    """A page that is read as one flaw: the file's."""
    told = {"name": name, "code": reason.code, "sv": reason.problem.sv, "en": reason.problem.en}
    return Page(name, _FAULT + json.dumps(told, ensure_ascii=False).encode(), at.written)


def _told_fault(content: bytes) -> Flaw:
    told = json.loads(content.removeprefix(_FAULT))
    reason = Reason(told["code"], Text(told["sv"], told["en"]), _LEAVE_ANEW, value=rows.shown(told["name"]))
    return Flaw(rows.shown(told["name"]), content, (reason,))


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


def _unfinished(name: str) -> Text:
    return Text(
        f"Filen {name} slutar inte med #ROWS; och antalet rader: den skrivs ännu, eller är avbruten. Hubben väntar.",
        f"The file {name} does not end with #ROWS; and its count: it is being written or was cut. The hub waits.",
    )


def _miscounted(name: str, stated: str, number: int) -> Reason:
    problem = Text(
        f"Filen {name} säger sig ha {rows.shown(stated)} rader men har {number}.",
        f"The file {name} says it has {rows.shown(stated)} rows but has {number}.",
    )
    return Reason("AGRESSO-COUNT", problem, _LEAVE_ANEW)
