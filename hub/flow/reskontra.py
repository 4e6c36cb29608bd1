"""Accounts payable as CSV: *Specifikation för leverantörsreskontra* 1.1, read strictly and written plainly.

One row for each posting; the columns are known by their names, in any order. A row at fault is told with its line and
column, and the others are read. The specification's own example has commas, decimal points and dates as 2020-01-01:
so it is written here. Semicolons and decimal commas are read too, for that is what Swedish spreadsheets save.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, BinaryIO, TextIO

from hub.domain.identifiers import masked
from hub.domain.ledger import LedgerRow
from hub.domain.texts import Reason, Text
from hub.plugin.errors import Rejected

COLUMNS: Mapping[str, str] = {
    "kopare_id": "buyer_id",
    "kopare": "buyer",
    "verifikationsnummer": "voucher",
    "leverantor": "supplier",
    "leverantor_id": "supplier_id",
    "konto_nr": "account",
    "konto_text": "account_name",
    "belopp": "amount",
    "datum": "booked_on",
    "forvaltning": "unit",
    "fakturanummer": "invoice_number",
    "grund": "ground",
    "avtal": "contract",
    "kommun_id": "municipality",
    "s_kod_nr": "s_code",
}
"""The specification's columns, in its order, and what each is called in the hub."""

DEMANDED = tuple(COLUMNS)[:9]
NEEDED = ("verifikationsnummer", "konto_nr", "belopp", "datum")
"""Without a value here it is no posting. Where one of the other demanded values is missing, as in what ledgers know of
foreign suppliers and old accounts, that is told and the posting is kept: so what is written is read again.
"""
LONGEST: Mapping[str, int] = {
    "kopare_id": 25,
    "kopare": 255,
    "verifikationsnummer": 50,
    "leverantor": 255,
    "leverantor_id": 50,
    "konto_nr": 25,
    "konto_text": 255,
    "forvaltning": 255,
    "fakturanummer": 100,
    "grund": 255,
    "avtal": 255,
    "kommun_id": 10,
    "s_kod_nr": 50,
}
"""How many characters the hub keeps of each text (our own choice, 2026-11); a longer one is a fault, never cut."""

_LINE = 64 * 1024
_LINES = 20
_AMOUNT = re.compile(r"([+-]?)(\d{1,15})(?:[.,](\d{1,20}))?", re.ASCII)
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
"""All but tabs and the ends of lines."""
_END = re.compile(r"\r\n?")


@dataclass(frozen=True, slots=True)
class Posting:
    """A row that could be read, and on which line of the file it begins."""

    line: int
    row: LedgerRow


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that could not be read; with `is_left` False a value that it lacks, or a column that is none of the
    specification's.

    `column` is empty where the fault is the whole row's.
    """

    line: int
    column: str
    reason: Reason
    is_left: bool = True


def read(stream: BinaryIO) -> Iterator[Posting | Fault]:
    """The postings of a file, one by one, and a `Fault` in the place of each row that cannot be read.

    What a posting lacks is told before it.

    The stream is read line by line, and no more than a few lines are held. Raises Rejected when the head is not that
    of such a file: then nothing can be told of any row.
    """
    lines = _Lines(stream)
    table = _head(lines)
    yield from (Fault(1, name, _unknown_column(name), is_left=False) for name in table.unknown)
    while (line := lines.next()) is not None:
        number = lines.number
        if not line.strip():
            continue
        try:
            posting = table.posting(_cells(line, lines, table.delimiter))
        except _Faulty as error:
            yield Fault(number, error.column, error.reason)
            continue
        yield from (
            Fault(number, name, _EMPTY, is_left=False) for name in DEMANDED if getattr(posting, COLUMNS[name]) == ""
        )
        yield Posting(number, posting)


def write(rows: Iterable[LedgerRow], stream: TextIO, *, with_persons: bool = False) -> int:
    """Write postings as the specification has them; how many there were. Open the stream with `newline=""`.

    The numbers of sole traders, which are personnummer, are masked unless `with_persons`.
    """
    writer, number = csv.writer(stream, lineterminator="\n"), 0
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow(_cell(row, name, with_persons) for name in COLUMNS.values())
        number += 1
    return number


# --- lines


class _Lines:
    """The file's lines as bytes; lines can be given back, to be had again."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._again, self.number = stream, deque[bytes](), 0

    def next(self) -> bytes | None:
        """The next line without its end; None after the last."""
        if self._again:
            self.number += 1
            return self._again.popleft()
        line = self._stream.readline(_LINE + 1)
        if not line:
            return None
        self.number += 1
        if len(line) > _LINE and not line.endswith(b"\n"):
            self._skip_rest()
        return line.rstrip(b"\r\n")

    def give_back(self, lines: Sequence[bytes]) -> None:
        """The last lines that were had are to be had again."""
        self._again.extendleft(reversed(lines))
        self.number -= len(lines)

    def _skip_rest(self) -> None:
        while (rest := self._stream.readline(_LINE)) and not rest.endswith(b"\n"):
            pass


class _Faulty(Exception):
    """A row cannot be read."""

    def __init__(self, reason: Reason, column: str = "") -> None:
        self.reason, self.column = reason, column


def _cells(line: bytes, lines: _Lines, delimiter: str) -> list[str]:
    """The row that begins with this line. A quoted text may go on over some lines; one that never ends is a fault of
    its first line alone, and those that follow are rows again.
    """
    more: list[bytes] = []
    while True:
        found = _parsed(b"\n".join([line, *more]), delimiter)
        if found is not None:
            return found
        another = lines.next() if len(more) < _LINES else None
        if another is None:
            lines.give_back(more)
            raise _Faulty(_QUOTE)
        more.append(another)


def _parsed(line: bytes, delimiter: str) -> list[str] | None:
    """The cells of a line; None when a quotation in it does not end."""
    if len(line) > _LINE:
        raise _Faulty(_LONG_LINE)
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise _Faulty(_NOT_UTF8) from None
    if _CONTROL.search(text):
        raise _Faulty(_STRAY)
    # One text, not its lines: the reader would take each carriage return in a quotation for an end of its own.
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        cells = next(rows, [])
    except csv.Error as error:
        if "unexpected end" in str(error):
            return None
        raise _Faulty(_QUOTE) from None
    if next(rows, None) is not None:
        raise _Faulty(_STRAY)
    return cells


# --- the head


@dataclass(frozen=True, slots=True)
class _Table:
    delimiter: str
    names: tuple[str, ...]

    @property
    def unknown(self) -> list[str]:
        return [name for name in self.names if name not in COLUMNS]

    def posting(self, cells: Sequence[str]) -> LedgerRow:
        """The posting that the cells say."""
        if len(cells) != len(self.names):
            raise _Faulty(_width(len(cells), len(self.names)))
        values = {name: cell.strip() for name, cell in zip(self.names, cells, strict=True) if name in COLUMNS}
        return LedgerRow(**{COLUMNS[name]: _value(name, text) for name, text in values.items()})


def _head(lines: _Lines) -> _Table:
    line = (lines.next() or b"").removeprefix(b"\xef\xbb\xbf")
    if line.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Rejected((_NOT_UTF8,))
    delimiter = max(",;", key=lambda each: line.count(each.encode()))
    try:
        names = tuple(name.strip().lower() for name in _parsed(line, delimiter) or ())
    except _Faulty as error:
        raise Rejected((error.reason,)) from None
    missing = [name for name in DEMANDED if name not in names]
    twice = [name for name in COLUMNS if names.count(name) > 1]
    if missing or twice:
        raise Rejected((*map(_missing_column, missing), *map(_column_twice, twice)))
    return _Table(delimiter, names)


# --- values


def _value(name: str, text: str) -> Any:
    if not text and name in NEEDED:
        raise _Faulty(_EMPTY, name)
    if name == "belopp":
        return _amount(text)
    if name == "datum":
        return _date(text)
    if len(text) > LONGEST[name]:
        raise _Faulty(_long_text(LONGEST[name], text), name)
    return text


def _amount(text: str) -> Decimal:
    found = _AMOUNT.fullmatch(text.replace("\u2212", "-"))
    if found is None:
        raise _Faulty(_not_amount(text), "belopp")
    sign, whole, part = found.groups()
    if part is not None and len(part) == 3:
        raise _Faulty(_thousands(text), "belopp")
    return Decimal(f"{sign}{whole}.{part or '0'}")


def _date(text: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise _Faulty(_not_day(text), "datum")


def _cell(row: LedgerRow, name: str, with_persons: bool) -> str:
    value = getattr(row, name)
    if isinstance(value, Decimal):
        return plain(value)
    if name == "supplier_id" and not with_persons:
        return masked(value)
    return _CONTROL.sub(" ", _END.sub("\n", value)).strip() if isinstance(value, str) else str(value)


def plain(amount: Decimal) -> str:
    """The amount with a point and at least two decimals; never three, which might be read as thousands."""
    told = f"{amount.normalize():f}"
    whole, _, part = told.partition(".")
    part = part.ljust(2, "0")
    return f"{whole}.{part}0" if len(part) == 3 else f"{whole}.{part}"


# --- what is told


def _reason(code: str, problem: tuple[str, str], remedy: tuple[str, str], value: str = "") -> Reason:
    return Reason(f"LEDGER-{code}", Text(*problem), Text(*remedy), value=value[:100])


_QUOTE = _reason(
    "QUOTE",
    ("Ett citattecken saknas eller står fel.", "A quotation mark is missing or stands wrong."),
    ("Skriv texten inom citattecken, och dubbla dem som står i den.", "Quote the text, and double quotes within it."),
)
_LONG_LINE = _reason(
    "LINE",
    (f"Raden är längre än {_LINE} tecken.", f"The row is longer than {_LINE} characters."),
    ("Kontrollera att varje kontering står på en egen rad.", "See that each posting is on a line of its own."),
)
_NOT_UTF8 = _reason(
    "UTF8",
    ("Texten är inte UTF-8.", "The text is not UTF-8."),
    ("Spara filen som CSV UTF-8.", "Save the file as CSV UTF-8."),
)
_STRAY = _reason(
    "CHARACTER",
    ("Raden innehåller ett styrtecken.", "The row holds a control character."),
    ("Ta bort tecknet och läs in filen igen.", "Take the character out and import the file again."),
)
_EMPTY = _reason(
    "EMPTY",
    ("Ett obligatoriskt värde saknas.", "A mandatory value is missing."),
    ("De nio första kolumnerna ska alltid ha ett värde.", "The first nine columns must always have a value."),
)


def _width(found: int, wanted: int) -> Reason:
    return _reason(
        "WIDTH",
        (f"Raden har {found} värden, rubriken {wanted}.", f"The row has {found} values, the head {wanted}."),
        ("Skriv text med skiljetecken inom citattecken.", "Quote text that holds the delimiter."),
    )


def _missing_column(name: str) -> Reason:
    return _reason(
        "COLUMN",
        (f"Kolumnen {name} saknas i rubriken.", f"The column {name} is missing from the head."),
        (
            "Första raden ska ha kolumnernas namn, med komma eller semikolon emellan: " + ", ".join(DEMANDED),
            "The first line must have the columns' names, with commas or semicolons: " + ", ".join(DEMANDED),
        ),
        name,
    )


def _column_twice(name: str) -> Reason:
    return _reason(
        "COLUMN-TWICE",
        (f"Kolumnen {name} står flera gånger i rubriken.", f"The column {name} is several times in the head."),
        ("Låt varje kolumn stå en gång.", "Let each column be there once."),
        name,
    )


def _unknown_column(name: str) -> Reason:
    return _reason(
        "COLUMN-UNKNOWN",
        ("Kolumnen finns inte i specifikationen och läses inte.", "The column is none of the specification's; unread."),
        ("Rätta namnet om det är felstavat.", "Mend the name if it is misspelt."),
        name,
    )


def _long_text(most: int, text: str) -> Reason:
    return _reason(
        "LONG",
        (f"Texten är längre än {most} tecken.", f"The text is longer than {most} characters."),
        ("Korta den.", "Shorten it."),
        text,
    )


def _not_amount(text: str) -> Reason:
    return _reason(
        "AMOUNT",
        ("Beloppet kan inte läsas.", "The amount cannot be read."),
        ("Skriv det som -1234.50 eller -1234,50, utan tusentalsavgränsare.", "Write -1234.50 or -1234,50."),
        text,
    )


def _thousands(text: str) -> Reason:
    return _reason(
        "THOUSANDS",
        ("Beloppet har tre decimaler: det kan vara tusental.", "The amount has three decimals: it may be thousands."),
        ("Skriv två decimaler, utan tusentalsavgränsare.", "Write two decimals, and nothing between thousands."),
        text,
    )


def _not_day(text: str) -> Reason:
    return _reason(
        "DATE",
        ("Datumet kan inte läsas.", "The date cannot be read."),
        ("Skriv det som 2026-11-30.", "Write it as 2026-11-30."),
        text,
    )
