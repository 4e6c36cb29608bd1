"""A bill: what an invoice says before any format is chosen, with its sums exact to the öre."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from hub_svefaktura.standin.suppliers import Supplier, Ware
from hub_svefaktura.standin.units import CityUnit

ORE = Decimal("0.01")
KRONA = Decimal(1)
NOTHING = Decimal("0.00")
FREIGHT_RATE = 25
NO_VAT_REASON = "Undantagen från moms, mervärdesskattelagen 10 kap."

_MOST_LINES = 60


def rounded(amount: Decimal, to: Decimal = ORE) -> Decimal:
    """The amount rounded half up."""
    return amount.quantize(to, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class BillLine:
    """So much of a ware; its amount is without VAT."""

    ware: Ware
    quantity: Decimal

    @property
    def amount(self) -> Decimal:
        """Price times quantity."""
        return rounded(self.ware.price * self.quantity)


@dataclass(frozen=True, slots=True)
class Vat:
    """What is taxed at one rate, and the tax."""

    rate: int
    taxable: Decimal

    @property
    def tax(self) -> Decimal:
        """The rate's part of what is taxed."""
        return rounded(self.taxable * self.rate / 100)


def category_of(rate: int) -> str:
    """The VAT category of a rate: S, the standard way, or E, exempt."""
    return "S" if rate else "E"


@dataclass(frozen=True, slots=True)
class Bill:
    """An invoice, or the credit of one (`credits` is then its number). Amounts are positive in both."""

    number: str
    issued: date
    due: date
    seller: Supplier
    unit: CityUnit
    reference: str
    order: str
    lines: tuple[BillLine, ...]
    freight: Decimal = NOTHING
    credits: str = ""
    note: str = ""
    attachment: bytes = b""
    whole_kronor: bool = False

    @property
    def line_sum(self) -> Decimal:
        """All lines without VAT."""
        return sum((line.amount for line in self.lines), NOTHING)

    @property
    def without_vat(self) -> Decimal:
        """Lines and freight."""
        return self.line_sum + self.freight

    @property
    def vat(self) -> tuple[Vat, ...]:
        """The taxes, the highest rate first."""
        taxable: dict[int, Decimal] = {FREIGHT_RATE: self.freight} if self.freight else {}
        for line in self.lines:
            taxable[line.ware.rate] = taxable.get(line.ware.rate, NOTHING) + line.amount
        return tuple(Vat(rate, taxable[rate]) for rate in sorted(taxable, reverse=True))

    @property
    def tax(self) -> Decimal:
        """All VAT."""
        return sum((each.tax for each in self.vat), NOTHING)

    @property
    def with_vat(self) -> Decimal:
        """Before any rounding to whole kronor."""
        return self.without_vat + self.tax

    @property
    def payable(self) -> Decimal:
        """What is to be paid or credited."""
        return rounded(rounded(self.with_vat, KRONA)) if self.whole_kronor else self.with_vat

    @property
    def rounding(self) -> Decimal:
        """What rounding to whole kronor added."""
        return self.payable - self.with_vat


@dataclass(frozen=True, slots=True)
class Numbering:
    """What makes one bill another: its number, its day, and the numbers it refers to."""

    number: str
    issued: date
    earlier: str


def write_bill(chance: Random, numbering: Numbering, seller: Supplier, units: Sequence[CityUnit]) -> Bill:
    """A bill as that seller might send it."""
    unit = chance.choice(units)
    credits = numbering.earlier if chance.random() < 0.08 else ""
    return Bill(
        number=numbering.number,
        issued=numbering.issued,
        due=numbering.issued + timedelta(days=30),
        seller=seller,
        unit=unit,
        reference=unit.reference(chance.randrange(10000)),
        order=f"{chance.randrange(40_000_000, 49_999_999)}" if chance.random() < 0.6 else "",
        lines=_lines(chance, seller),
        freight=Decimal(chance.choice(("95.00", "149.50", "390.00"))) if chance.random() < 0.15 else NOTHING,
        credits=credits,
        note=chance.choice(("", "", "Tack för er beställning!", "Frågor? Hör av er till vår kundtjänst.")),
        attachment=_attachment(numbering) if chance.random() < 0.1 else b"",
        whole_kronor=chance.random() < 0.25,
    )


def _lines(chance: Random, seller: Supplier) -> tuple[BillLine, ...]:
    many = chance.random() < 0.05
    count = chance.randint(20, _MOST_LINES) if many else min(1 + int(chance.expovariate(0.4)), _MOST_LINES)
    return tuple(BillLine(chance.choice(seller.wares), _quantity(chance)) for _ in range(count))


def _quantity(chance: Random) -> Decimal:
    whole = chance.randint(1, 40)
    return Decimal(whole) + Decimal(chance.choice(("0", "0", "0", "0.5", "0.25")))


def _attachment(numbering: Numbering) -> bytes:
    return f"%PDF-1.4\n% Följesedel till {numbering.number}, påhittad\n%%EOF\n".encode("latin-1")
