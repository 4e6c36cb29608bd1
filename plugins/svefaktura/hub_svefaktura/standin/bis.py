"""A bill as Peppol BIS Billing 3: UBL 2.1 Invoice and CreditNote."""

from __future__ import annotations

import base64

from hub_svefaktura.standin.bills import FREIGHT_RATE, NO_VAT_REASON, Bill, BillLine, Vat, category_of
from hub_svefaktura.standin.elements import Element, Pen
from hub_svefaktura.standin.units import CityUnit

CUSTOMIZATION = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
PROFILE = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"

_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_SPACES = {"cac": f"{_UBL}CommonAggregateComponents-2", "cbc": f"{_UBL}CommonBasicComponents-2"}
_CURRENCY = "SEK"


def write_bis(bill: Bill, customization: str = CUSTOMIZATION) -> Element:
    """The document."""
    kind = "CreditNote" if bill.credits else "Invoice"
    document = Pen.root(f":{kind}", {"": f"{_UBL}{kind}-2", **_SPACES})
    _head(document, bill, customization)
    _references(document, bill)
    _seller(document, bill)
    _buyer(document, bill.unit)
    _payment(document, bill)
    if bill.freight:
        _freight(document, bill)
    _taxes(document, bill)
    _sums(document, bill)
    for number, line in enumerate(bill.lines, 1):
        _line(document, "CreditNote" if bill.credits else "Invoice", number, line)
    return document.element


def _head(document: Pen, bill: Bill, customization: str) -> None:
    document.put("cbc:CustomizationID", customization)
    document.put("cbc:ProfileID", PROFILE)
    document.put("cbc:ID", bill.number)
    document.put("cbc:IssueDate", bill.issued)
    if bill.credits:
        document.put("cbc:CreditNoteTypeCode", 381)
    else:
        document.put("cbc:DueDate", bill.due)
        document.put("cbc:InvoiceTypeCode", 380)
    if bill.note:
        document.put("cbc:Note", bill.note)
    document.put("cbc:DocumentCurrencyCode", _CURRENCY)
    if bill.reference:
        document.put("cbc:BuyerReference", bill.reference)


def _references(document: Pen, bill: Bill) -> None:
    if bill.order:
        document.put("cac:OrderReference/cbc:ID", bill.order)
    if bill.credits:
        document.put("cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID", bill.credits)
    if bill.attachment:
        reference = document.put("cac:AdditionalDocumentReference")
        reference.put("cbc:ID", f"F-{bill.number}")
        reference.put("cbc:DocumentDescription", "Följesedel")
        reference.put(
            "cac:Attachment/cbc:EmbeddedDocumentBinaryObject",
            base64.b64encode(bill.attachment).decode(),
            mimeCode="application/pdf",
            filename="foljesedel.pdf",
        )


def _seller(document: Pen, bill: Bill) -> None:
    seller = bill.seller
    party = document.put("cac:AccountingSupplierParty/cac:Party")
    party.put("cbc:EndpointID", seller.organisation_number, schemeID="0007")
    party.put("cac:PartyName/cbc:Name", seller.name)
    _address(party, seller.street, seller.city, seller.postal_code)
    for number, scheme in ((seller.vat_number, "VAT"), ("Godkänd för F-skatt", "TAX")):
        tax = party.put("cac:PartyTaxScheme")
        tax.put("cbc:CompanyID", number)
        tax.put("cac:TaxScheme/cbc:ID", scheme)
    legal = party.put("cac:PartyLegalEntity")
    legal.put("cbc:RegistrationName", seller.name)
    legal.put("cbc:CompanyID", seller.organisation_number, schemeID="0007")
    contact = party.put("cac:Contact")
    contact.put("cbc:Name", "Kundtjänst")
    contact.put("cbc:ElectronicMail", "kundtjanst@leverantor.example")


def _buyer(document: Pen, unit: CityUnit) -> None:
    party = document.put("cac:AccountingCustomerParty/cac:Party")
    scheme, value = unit.endpoint
    party.put("cbc:EndpointID", value, schemeID=scheme)
    party.put("cac:PartyIdentification/cbc:ID", unit.gln, schemeID="0088")
    party.put("cac:PartyName/cbc:Name", unit.name)
    _address(party, unit.street, unit.city, unit.postal_code)
    legal = party.put("cac:PartyLegalEntity")
    legal.put("cbc:RegistrationName", unit.name)
    legal.put("cbc:CompanyID", unit.organisation_number, schemeID="0007")


def _address(party: Pen, street: str, city: str, postal_code: str) -> None:
    address = party.put("cac:PostalAddress")
    address.put("cbc:StreetName", street)
    address.put("cbc:CityName", city)
    address.put("cbc:PostalZone", postal_code)
    address.put("cac:Country/cbc:IdentificationCode", "SE")


def _payment(document: Pen, bill: Bill) -> None:
    means = document.put("cac:PaymentMeans")
    means.put("cbc:PaymentMeansCode", 30, name="Credit transfer")
    if bill.credits:
        means.put("cbc:PaymentDueDate", bill.due)
    means.put("cbc:PaymentID", bill.number)
    account = means.put("cac:PayeeFinancialAccount")
    account.put("cbc:ID", bill.seller.bankgiro)
    account.put("cac:FinancialInstitutionBranch/cbc:ID", "SE:BANKGIRO")
    document.put("cac:PaymentTerms/cbc:Note", "30 dagar netto")


def _freight(document: Pen, bill: Bill) -> None:
    charge = document.put("cac:AllowanceCharge")
    charge.put("cbc:ChargeIndicator", "true")
    charge.put("cbc:AllowanceChargeReasonCode", "FC")
    charge.put("cbc:AllowanceChargeReason", "Frakt")
    _amount(charge, "cbc:Amount", bill.freight)
    _category(charge.put("cac:TaxCategory"), FREIGHT_RATE)


def _taxes(document: Pen, bill: Bill) -> None:
    total = document.put("cac:TaxTotal")
    _amount(total, "cbc:TaxAmount", bill.tax)
    for vat in bill.vat:
        _subtotal(total.put("cac:TaxSubtotal"), vat)


def _subtotal(subtotal: Pen, vat: Vat) -> None:
    _amount(subtotal, "cbc:TaxableAmount", vat.taxable)
    _amount(subtotal, "cbc:TaxAmount", vat.tax)
    _category(subtotal.put("cac:TaxCategory"), vat.rate, "" if vat.rate else NO_VAT_REASON)


def _category(category: Pen, rate: int, reason: str = "") -> None:
    category.put("cbc:ID", category_of(rate))
    category.put("cbc:Percent", rate)
    if reason:
        category.put("cbc:TaxExemptionReason", reason)
    category.put("cac:TaxScheme/cbc:ID", "VAT")


def _sums(document: Pen, bill: Bill) -> None:
    sums = document.put("cac:LegalMonetaryTotal")
    _amount(sums, "cbc:LineExtensionAmount", bill.line_sum)
    _amount(sums, "cbc:TaxExclusiveAmount", bill.without_vat)
    _amount(sums, "cbc:TaxInclusiveAmount", bill.with_vat)
    if bill.freight:
        _amount(sums, "cbc:ChargeTotalAmount", bill.freight)
    if bill.rounding:
        _amount(sums, "cbc:PayableRoundingAmount", bill.rounding)
    _amount(sums, "cbc:PayableAmount", bill.payable)


def _line(document: Pen, kind: str, number: int, line: BillLine) -> None:
    quantity = "cbc:CreditedQuantity" if kind == "CreditNote" else "cbc:InvoicedQuantity"
    row = document.put(f"cac:{kind}Line")
    row.put("cbc:ID", number)
    row.put(quantity, line.quantity, unitCode=line.ware.unit)
    _amount(row, "cbc:LineExtensionAmount", line.amount)
    item = row.put("cac:Item")
    item.put("cbc:Name", line.ware.name)
    _category(item.put("cac:ClassifiedTaxCategory"), line.ware.rate)
    _amount(row, "cac:Price/cbc:PriceAmount", line.ware.price)


def _amount(pen: Pen, path: str, amount: object) -> None:
    pen.put(path, amount, currencyID=_CURRENCY)
