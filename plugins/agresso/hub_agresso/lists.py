"""Lists that are handed to Agresso through the hub: CSV with semicolons, a known first line, `#ROWS;n` as the last."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, BinaryIO

from hub.domain.texts import Reason, Text
from hub.plugin.errors import Rejected
from hub.plugin.ports import Whole

_TRAILER = "#ROWS"
_MARK = b"\xef\xbb\xbf"


def begins_with(head: bytes, columns: Sequence[str]) -> bool:
    """Whether those bytes begin with a line of these columns, no more and no fewer."""
    line = head.removeprefix(_MARK).partition(b"\n")[0].rstrip(b"\r")
    return line == ";".join(columns).encode()


def read_list(stream: BinaryIO, understand: Callable[[Sequence[str]], Any]) -> Iterator[Any]:
    """What is understood of each row, and `Whole` after the last when the list counts right. See `Extract.read`."""
    lines = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
    rows = csv.reader(lines, delimiter=";")
    number = 0
    try:
        next(rows, None)
        for row in rows:
            if row and row[0] == _TRAILER:
                yield from _ended(row, number)
                return
            number += 1
            yield understand(row)
    except csv.Error as error:
        raise Rejected((_unreadable(rows.line_num, str(error)),)) from None
    finally:
        lines.detach()


def _ended(row: Sequence[str], number: int) -> Iterator[Whole]:
    """The list is whole only when it counts right."""
    if len(row) > 1 and row[1] == str(number):
        yield Whole(number)


def _unreadable(line: int, said: str) -> Reason:
    return Reason(
        "AGRESSO-LIST",
        Text(f"Listan kan inte läsas längre än till rad {line}.", f"The list can be read no further than line {line}."),
        Text("Spara listan på nytt som CSV med semikolon, i UTF-8.", "Save it anew as CSV with semicolons, in UTF-8."),
        said=said,
        line=line,
    )
