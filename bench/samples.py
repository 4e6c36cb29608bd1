"""The documents that are judged: mail of the made-up city, and invoices with as many lines as one likes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from itertools import cycle, islice
from pathlib import Path
from random import Random

from hub_svefaktura.standin.bills import Numbering, write_bill
from hub_svefaktura.standin.bis import write_bis
from hub_svefaktura.standin.city import City, Letter
from hub_svefaktura.standin.suppliers import SUPPLIERS
from hub_svefaktura.standin.units import UNITS
from hub_svefaktura.standin.wrapping import written

_SEED = 20_261_122
_DAY = date(2026, 11, 2)
_UBL = re.compile(rb"<\?xml [^>]*UTF-8[^>]*>\s*<(Invoice|CreditNote)\s[^>]*specification:ubl:")
_MIB = 1024 * 1024


def mail(number: int) -> list[Letter]:
    """That many good letters, as they come: both formats, bare and in envelopes."""
    return list(islice(City(_SEED, _DAY, bad_share=0).letters(), number))


def invoices(number: int) -> list[bytes]:
    """That many good UBL invoices and credit notes, bare and in UTF-8, so that Saxon can be handed them as they are."""
    return list(islice(_bare(), number))


def _bare() -> Iterator[bytes]:
    for letter in City(_SEED, _DAY, bad_share=0).letters():
        if _UBL.match(letter.content):
            yield letter.content


def long_invoice(lines: int) -> bytes:
    """A right invoice with that many lines."""
    seller = next(each for each in SUPPLIERS if each.format == "bis")
    bill = write_bill(Random(_SEED), Numbering(f"L{lines}", _DAY, "1"), seller, UNITS)
    many = tuple(islice(cycle(bill.lines), lines))
    return written(write_bis(replace(bill, lines=many, credits="", attachment=b"")))


def write_large(file: Path, megabytes: int) -> None:
    """A file of that size which is no invoice and hard to compress."""
    chance = Random(_SEED)
    with file.open("wb") as stream:
        stream.write(b"<scanned>")
        for _ in range(megabytes):
            stream.write(chance.randbytes(_MIB // 2).hex().encode())
        stream.write(b"</scanned>")
