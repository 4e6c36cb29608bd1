"""Invoices and credit notes, whatever format they came in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum

from hub.domain.money import Money
from hub.domain.parties import Party


class InvoiceKind(StrEnum):
    """What the document asks for: to be paid, or to be credited."""

    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


@dataclass(frozen=True, slots=True)
class AllowanceCharge:
    """A deduction (`is_charge` false) or an addition, on the invoice or on one of its lines."""

    is_charge: bool
    amount: Money
    reason: str = ""


@dataclass(frozen=True, slots=True)
class InvoiceLine:
    """One line.

    `unit_price` is for `price_quantity` units, for one where that is None. `order_reference` is the order this line
    names itself. `path` leads back to its element: indexes of child elements from the invoice's own.
    """

    id: str
    name: str
    quantity: Decimal | None
    unit: str
    unit_price: Decimal | None
    amount: Money
    vat_category: str = ""
    vat_percent: Decimal | None = None
    order_line: str = ""
    item_number: str = ""
    description: str = ""
    note: str = ""
    allowances: tuple[AllowanceCharge, ...] = ()
    path: tuple[int, ...] = ()
    price_quantity: Decimal | None = None
    order_reference: str = ""


@dataclass(frozen=True, slots=True)
class VatSubtotal:
    """The VAT of one category and rate (percent, 25 means 25 %)."""

    category: str
    percent: Decimal | None
    taxable: Money
    tax: Money


@dataclass(frozen=True, slots=True)
class Totals:
    """The sums the invoice states; None where it states none."""

    lines: Money | None
    without_vat: Money | None
    vat: Money | None
    with_vat: Money | None
    prepaid: Money | None
    rounding: Money | None
    payable: Money


@dataclass(frozen=True, slots=True)
class Payment:
    """One way to pay: the account's kind, its number and the payment reference.

    `kind` is bankgiro, plusgiro, iban, account, card or direct_debit; empty where the document only gives a reference.
    """

    kind: str
    account: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file carried inside the document, or an address to one.

    `path` leads to its element: indexes of child elements from the document's root, since it may stand beside the
    invoice.
    """

    name: str
    media_type: str
    size: int | None
    address: str = ""
    path: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Invoice:
    """An invoice as it was read; amounts of a credit note are stated as its document states them.

    `more_references` are what the buyer is named by beside `buyer_reference`. An order reference that only stands on
    lines is the first line's.
    """

    kind: InvoiceKind
    number: str
    issue_date: date
    due_date: date | None
    currency: str
    seller: Party
    buyer: Party
    lines: tuple[InvoiceLine, ...]
    vat: tuple[VatSubtotal, ...]
    totals: Totals
    buyer_reference: str = ""
    order_reference: str = ""
    contract_reference: str = ""
    notes: tuple[str, ...] = ()
    payment_terms: str = ""
    payments: tuple[Payment, ...] = ()
    preceding: tuple[str, ...] = ()
    allowances: tuple[AllowanceCharge, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    delivery_date: date | None = None
    payee: Party | None = None
    more_references: tuple[str, ...] = ()

    @property
    def payable(self) -> Money:
        """What is to be paid or credited."""
        return self.totals.payable

    @property
    def seller_key(self) -> str:
        """What identifies the seller in comparisons: organisation number, else VAT number, endpoint or name."""
        number = self.seller.organisation_number
        if number:
            return number.digits
        return self.seller.vat_id or str(self.seller.endpoint or "") or self.seller.name.casefold().strip()

    @property
    def business_key(self) -> str:
        """Seller, kind, number, date and amount: two documents that share it are the same invoice."""
        return "|".join(
            (
                self.seller_key,
                self.kind,
                self.number.strip(),
                self.issue_date.isoformat(),
                self.payable.plain,
                self.currency,
            )
        )
