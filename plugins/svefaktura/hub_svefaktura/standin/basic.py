"""A bill as Svefaktura 1.0 (SFTI BasicInvoice), and its attachment as an ObjectEnvelope."""

from __future__ import annotations

import base64
from datetime import date

from hub_svefaktura.standin.bills import FREIGHT_RATE, NO_VAT_REASON, Bill, BillLine, Vat, category_of
from hub_svefaktura.standin.elements import Element, Pen

BASIC_INVOICE = "urn:sfti:documents:BasicInvoice:1:0"
OBJECT_ENVELOPE = "urn:sfti:documents:ObjectEnvelope:1:0"

_SPACES = {
    "cac": "urn:sfti:CommonAggregateComponents:1:0",
    "cbc": "urn:oasis:names:tc:ubl:CommonBasicComponents:1:0",
}
_CURRENCY = "SEK"
_GS1 = "9"


def write_basic(bill: Bill) -> Element:
    """The document."""
    document = Pen.root(":Invoice", {"": BASIC_INVOICE, **_SPACES})
    _head(document, bill)
    _buyer(document, bill)
    _seller(document, bill)
    _payment(document, bill)
    if bill.freight:
        _freight(document, bill)
    _taxes(document, bill)
    _sums(document, bill)
    for number, line in enumerate(bill.lines, 1):
        _line(document, number, line, bill.order)
    document.put(":RequisitionistDocumentReference/cac:ID", bill.reference)
    if bill.credits:
        document.put(":InitialInvoiceDocumentReference/cac:ID", bill.credits)
    return document.element


def write_attachment(bill: Bill) -> Element:
    """The bill's attachment in an ObjectEnvelope."""
    envelope = Pen.root(":ObjectEnvelope", {"": OBJECT_ENVELOPE, **_SPACES})
    reference = envelope.put(":DocumentReference")
    reference.put(":DocumentID", bill.number)
    reference.put(":IssueDate", bill.issued)
    reference.put(":IssuerID", bill.seller.organisation_number)
    reference.put(":DocumentType", BASIC_INVOICE)
    envelope.put(":CreationDateTime", _moment(bill.issued))
    carried = envelope.put(":EncodedObject")
    carried.put(":ObjectID", 1)
    carried.put(
        ":EncodedData",
        base64.b64encode(bill.attachment).decode(),
        format="BASE64",
        mimeCode="application/pdf",
        filename="foljesedel.pdf",
    )
    return envelope.element


def _head(document: Pen, bill: Bill) -> None:
    document.put(":ID", bill.number)
    document.put("cbc:IssueDate", bill.issued)
    document.put(":InvoiceTypeCode", 381 if bill.credits else 380)
    if bill.note:
        document.put("cbc:Note", bill.note)
    document.put(":InvoiceCurrencyCode", _CURRENCY)
    document.put(":LineItemCountNumeric", len(bill.lines))


def _buyer(document: Pen, bill: Bill) -> None:
    unit = bill.unit
    party = document.put("cac:BuyerParty/cac:Party")
    party.put("cac:PartyIdentification/cac:ID", unit.gln, identificationSchemeAgencyID=_GS1)
    party.put("cac:PartyName/cbc:Name", unit.name)
    _address(party.put("cac:Address"), unit.street, unit.city, unit.postal_code)
    _registration(party, unit.organisation_number, "SWT")
    party.put("cac:Contact/cbc:Name", bill.reference)


def _seller(document: Pen, bill: Bill) -> None:
    seller = bill.seller
    role = document.put("cac:SellerParty")
    party = role.put("cac:Party")
    party.put("cac:PartyName/cbc:Name", seller.name)
    _address(party.put("cac:Address"), seller.street, seller.city, seller.postal_code)
    _registration(party, seller.organisation_number, "SWT", "Godkänd för F-skatt")
    _registration(party, seller.vat_number, "VAT")
    role.put("cac:AccountsContact/cbc:Name", "Kundtjänst")


def _address(address: Pen, street: str, city: str, postal_code: str) -> None:
    address.put("cbc:StreetName", street)
    address.put("cbc:CityName", city)
    address.put("cbc:PostalZone", postal_code)
    address.put("cac:Country/cac:IdentificationCode", "SE")


def _registration(party: Pen, number: str, scheme: str, exemption: str = "") -> None:
    registration = party.put("cac:PartyTaxScheme")
    registration.put("cac:CompanyID", number)
    if exemption:
        registration.put("cbc:ExemptionReason", exemption)
    registration.put("cac:TaxScheme/cac:ID", scheme)


def _payment(document: Pen, bill: Bill) -> None:
    means = document.put("cac:PaymentMeans")
    means.put("cac:PaymentMeansTypeCode", 1)
    means.put("cbc:DuePaymentDate", bill.due)
    account = means.put("cac:PayeeFinancialAccount")
    account.put("cac:ID", bill.seller.bankgiro)
    account.put("cac:FinancialInstitutionBranch/cac:FinancialInstitution/cac:ID", "BGABSESS")
    account.put("cac:PaymentInstructionID", bill.number)
    terms = document.put("cac:PaymentTerms")
    terms.put("cbc:Note", "30 dagar netto")
    terms.put("cbc:PenaltySurchargePercent", 8)


def _freight(document: Pen, bill: Bill) -> None:
    charge = document.put(":AllowanceCharge")
    charge.put("cbc:ChargeIndicator", "true")
    charge.put("cac:ReasonCode", "ZZZ", name="Frakt")
    _amount(charge, "cbc:Amount", bill.freight)
    _category(charge.put("cac:TaxCategory"), FREIGHT_RATE)


def _taxes(document: Pen, bill: Bill) -> None:
    total = document.put("cac:TaxTotal")
    _amount(total, "cbc:TotalTaxAmount", bill.tax)
    for vat in bill.vat:
        _subtotal(total.put("cac:TaxSubTotal"), vat)


def _subtotal(subtotal: Pen, vat: Vat) -> None:
    _amount(subtotal, "cbc:TaxableAmount", vat.taxable)
    _amount(subtotal, "cbc:TaxAmount", vat.tax)
    _category(subtotal.put("cac:TaxCategory"), vat.rate, "" if vat.rate else NO_VAT_REASON)


def _category(category: Pen, rate: int, reason: str = "") -> None:
    category.put("cac:ID", category_of(rate))
    category.put("cbc:Percent", rate)
    if reason:
        category.put("cbc:ExemptionReason", reason)
    category.put("cac:TaxScheme/cac:ID", "VAT")


def _sums(document: Pen, bill: Bill) -> None:
    sums = document.put("cac:LegalTotal")
    _amount(sums, "cbc:LineExtensionTotalAmount", bill.line_sum)
    _amount(sums, "cbc:TaxExclusiveTotalAmount", bill.without_vat)
    _amount(sums, "cbc:TaxInclusiveTotalAmount", bill.payable)
    if bill.rounding:
        _amount(sums, "cac:RoundOffAmount", bill.rounding)


def _line(document: Pen, number: int, line: BillLine, order: str) -> None:
    row = document.put("cac:InvoiceLine")
    row.put("cac:ID", number)
    row.put("cbc:InvoicedQuantity", line.quantity, quantityUnitCode=line.ware.unit)
    _amount(row, "cbc:LineExtensionAmount", line.amount)
    if order:
        row.put("cac:OrderLineReference/cac:OrderReference/cac:BuyersID", order)
    item = row.put("cac:Item")
    item.put("cbc:Description", line.ware.name)
    _category(item.put("cac:TaxCategory"), line.ware.rate)
    _amount(item, "cac:BasePrice/cbc:PriceAmount", line.ware.price)


def _amount(pen: Pen, path: str, amount: object) -> None:
    pen.put(path, amount, amountCurrencyID=_CURRENCY)


def _moment(day: date) -> str:
    return f"{day.isoformat()}T08:00:00"
