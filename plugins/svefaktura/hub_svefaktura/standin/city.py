"""The mail of a made-up city: an endless row of invoices from one seed, good ones and bad ones of many kinds."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from hub_svefaktura.standin.basic import write_attachment, write_basic
from hub_svefaktura.standin.bills import Bill, Numbering, write_bill
from hub_svefaktura.standin.bis import write_bis
from hub_svefaktura.standin.elements import Element
from hub_svefaktura.standin.faults import AGAIN, FAULTS, Fault
from hub_svefaktura.standin.orders import SHARE as ORDERED_SHARE
from hub_svefaktura.standin.orders import Ordered, bill_of
from hub_svefaktura.standin.suppliers import SUPPLIERS, Supplier
from hub_svefaktura.standin.units import UNITS
from hub_svefaktura.standin.wrapping import Writing, in_sbdh, in_sfti_envelope, written

BAD_SHARE = 0.12
_REMEMBERED = 50
_WRITINGS = (Writing.UTF_8, Writing.UTF_8, Writing.UTF_8, Writing.UTF_8_WITH_BOM, Writing.LATIN_1)


@dataclass(frozen=True, slots=True)
class Letter:
    """One document as it is sent. `fault` names what is wrong with it on purpose; it is empty for a good one."""

    name: str
    message_id: str
    content: bytes
    fault: str = ""


class City:
    """The mail of one city. The same seed, day and orders give the same letters."""

    def __init__(self, seed: int, today: date, bad_share: float = BAD_SHARE, orders: Sequence[Ordered] = ()) -> None:
        self._orders = orders
        self._chance = Random(seed)  # noqa: S311  samples, not secrets
        self._today = today
        self._bad_share = bad_share
        self._sent: list[Letter] = []
        self._count = 0

    def letters(self) -> Iterator[Letter]:
        """One letter after the other, for ever."""
        while True:
            letter = self._bad() if self._chance.random() < self._bad_share else self._good()
            self._sent = [*self._sent[-_REMEMBERED:], letter]
            yield letter

    def _good(self) -> Letter:
        bill = self._bill()
        if self._orders and self._chance.random() < ORDERED_SHARE:
            bill = bill_of(self._chance, bill, self._orders)
        return self._letter(bill, self._content(bill))

    def _bad(self) -> Letter:
        fault = self._chance.choice(FAULTS)
        earlier = [letter for letter in self._sent if not letter.fault]
        if fault is AGAIN and earlier:
            return self._again(self._chance.choice(earlier))
        return self._faulty(fault if fault is not AGAIN else FAULTS[0])

    def _again(self, earlier: Letter) -> Letter:
        self._count += 1
        name = f"kopia-{self._count}-{earlier.name}"
        return Letter(name, f"{earlier.message_id}-kopia-{self._count}", earlier.content, AGAIN.name)

    def _faulty(self, fault: Fault) -> Letter:
        bill = fault.bill(self._bill(fault.format))
        document = fault.document(_document(bill))
        return self._letter(bill, fault.content(written(document)), fault.name)

    def _letter(self, bill: Bill, content: bytes, fault: str = "") -> Letter:
        message_id = f"{bill.seller.organisation_number}-{bill.number}@operator.example"
        return Letter(f"{_slug(bill.seller.name)}_{bill.number}.xml", message_id, content, fault)

    def _bill(self, format: str = "") -> Bill:
        seller = self._chance.choice([each for each in SUPPLIERS if format in {"", each.format}])
        return write_bill(self._chance, self._numbering(), seller, UNITS)

    def _numbering(self) -> Numbering:
        self._count += 1
        number = 100_000 + self._count
        issued = self._today - timedelta(days=self._chance.randrange(6))
        return Numbering(str(number), issued, earlier=str(number - self._chance.randrange(1, 90)))

    def _content(self, bill: Bill) -> bytes:
        return written(self._wrapped(bill, _document(bill)), self._chance.choice(_WRITINGS))

    def _wrapped(self, bill: Bill, document: Element) -> Element:
        if _is_basic(bill.seller):
            return self._wrapped_basic(bill, document)
        return in_sbdh(bill, document) if self._chance.random() < 0.4 else document

    def _wrapped_basic(self, bill: Bill, document: Element) -> Element:
        if bill.attachment:
            return in_sfti_envelope(bill, [document, write_attachment(bill)])
        return in_sfti_envelope(bill, [document]) if self._chance.random() < 0.3 else document


def _document(bill: Bill) -> Element:
    if _is_basic(bill.seller):
        return write_basic(bill)
    return write_bis(bill)


def _is_basic(seller: Supplier) -> bool:
    return seller.format == "svefaktura"


def _slug(name: str) -> str:
    bare = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", bare.lower()).strip("-")
