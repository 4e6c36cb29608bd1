"""Lists that are handed to Agresso through the hub: CSV with semicolons, a known first line, `#ROWS;n` as the last."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, BinaryIO, TypeAlias

from hub.domain.texts import Reason, Text
from hub.plugin.errors import Rejected
from hub.plugin.ports import Flaw, Whole

Row: TypeAlias = Sequence[str]
_TRAILER = "#ROWS"
_MARK = b"\xef\xbb\xbf"
_NO_TEXT = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffd-\uffff]")
"""Control characters, bytes that are no UTF-8, and what another has put in the stead of such bytes."""


def begins_with(head: bytes, columns: Sequence[str]) -> bool:
    """Whether those bytes begin with a line of these columns, no more and no fewer."""
    line = head.removeprefix(_MARK).partition(b"\n")[0].rstrip(b"\r")
    return line == ";".join(columns).encode()


def read_list(
    stream: BinaryIO, understand: Callable[[Row], Any], address: Callable[[Row], str | None]
) -> Iterator[Any]:
    """What is understood of each row, and `Whole` after the last when the list counts right. See `Extract.read`.

    A row whose text is none is at fault, and `understand` never sees it. `address` tells where the register would hold
    what a row says, where that can be read. What stands after the count makes the list not whole.
    """
    lines = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="")
    rows = csv.reader(lines, delimiter=";")
    number = 0
    try:
        columns = next(rows, [])
        for row in rows:
            if row and row[0] == _TRAILER:
                if not any(map(any, rows)):
                    yield from _ended(row, number)
                return
            number += 1
            wrong = [number for number, cell in enumerate(row) if _NO_TEXT.search(cell)]
            yield _no_text(columns, row, wrong, address(row)) if wrong else understand(row)
    except csv.Error as error:
        raise Rejected((_unreadable(rows.line_num, str(error)),)) from None
    finally:
        lines.detach()


def as_written(row: Row) -> bytes:
    """The row's bytes, but for quotes."""
    return ";".join(row).encode("utf-8", "surrogateescape")


def _no_text(columns: Row, row: Row, wrong: Sequence[int], address: str | None) -> Flaw:
    readable = address if address and not _NO_TEXT.search(address) else None
    where = ", ".join(columns[number] for number in wrong if number < len(columns))
    return Flaw(readable, as_written(row), (replace(_NO_UTF_8, location=where),))


def _ended(row: Sequence[str], number: int) -> Iterator[Whole]:
    """The list is whole only when it counts right."""
    if len(row) > 1 and row[1] == str(number):
        yield Whole(number)


_NO_UTF_8 = Reason(
    "LIST-TEXT",
    Text("Raden har styrtecken, eller är inte skriven i UTF-8.", "The row has control characters, or is not in UTF-8."),
    Text(
        "Rätta raden, spara listan i UTF-8 och lämna hela listan igen.",
        "Mend the row, save the list in UTF-8, and leave the whole list again.",
    ),
)


def _unreadable(line: int, said: str) -> Reason:
    return Reason(
        "AGRESSO-LIST",
        Text(f"Listan kan inte läsas längre än till rad {line}.", f"The list can be read no further than line {line}."),
        Text("Spara listan på nytt som CSV med semikolon, i UTF-8.", "Save it anew as CSV with semicolons, in UTF-8."),
        said=said,
        line=line,
    )
