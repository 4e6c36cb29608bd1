"""Reads UBL 2.1 invoices and credit notes, as Peppol BIS Billing 3 uses them (EN 16931-3-2)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from hub.domain.identifiers import ElectronicAddress
from hub.domain.invoices import (
    AllowanceCharge,
    Attachment,
    Invoice,
    InvoiceKind,
    InvoiceLine,
    Payment,
    Totals,
    VatSubtotal,
)
from hub.domain.parties import Address, Contact, Identifier, Party
from hub_svefaktura.envelopes import UBL_CREDIT_NOTE, Found
from hub_svefaktura.values import Element, Names, Node, Path, path_between, size_of_base64

_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
NAMES = Names(
    {"cac": f"{_UBL}CommonAggregateComponents-2", "cbc": f"{_UBL}CommonBasicComponents-2"},
    currency="currencyID",
    unit="unitCode",
)
EMBEDDED = "cac:Attachment/cbc:EmbeddedDocumentBinaryObject"
_EXTERNAL = "cac:Attachment/cac:ExternalReference/cbc:URI"

# UNTDID 1001: the codes that ask for a credit, should one stand in an Invoice.
_CREDITS = frozenset({"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"})
# Peppol BIS Billing 3, 4.1: an order reference that only carries the seller's order number is written NA.
_NO_ORDER = "NA"
# SFTI, payments in Peppol BIS Billing 3: the branch that says which Swedish giro an account belongs to.
_GIROS = {"SE:BANKGIRO": "bankgiro", "SE:PLUSGIRO": "plusgiro"}
_IBAN = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")


def read(found: Found) -> Invoice:
    """The invoice or credit note at that place. Raises Rejected for a value that cannot be read."""
    currency = Node(found.invoice, NAMES).text("cbc:DocumentCurrencyCode")
    document = Node(found.invoice, NAMES, currency)
    kind = _kind(document)
    taxes = _tax_total(document)
    return Invoice(
        kind=kind,
        number=document.document_number("cbc:ID"),
        issue_date=document.must_day("cbc:IssueDate"),
        due_date=document.day("cbc:DueDate") or document.day("cac:PaymentMeans/cbc:PaymentDueDate"),
        currency=currency,
        seller=_party(document.one("cac:AccountingSupplierParty/cac:Party")),
        buyer=_party(document.one("cac:AccountingCustomerParty/cac:Party")),
        lines=tuple(_lines(document)),
        vat=tuple(_subtotal(each) for each in taxes.all("cac:TaxSubtotal")) if taxes else (),
        totals=_totals(document, taxes),
        buyer_reference=document.text("cbc:BuyerReference"),
        order_reference=_order(document),
        contract_reference=document.text("cac:ContractDocumentReference/cbc:ID"),
        notes=document.texts("cbc:Note"),
        payment_terms="\n".join(document.texts("cac:PaymentTerms/cbc:Note")),
        payments=tuple(_payments(document)),
        preceding=document.texts("cac:BillingReference/cac:InvoiceDocumentReference/cbc:ID"),
        allowances=_allowances(document),
        attachments=tuple(attachments(found)),
        delivery_date=document.day("cac:Delivery/cbc:ActualDeliveryDate"),
        payee=_payee(document),
    )


def _kind(document: Node) -> InvoiceKind:
    credits = document.element.tag == UBL_CREDIT_NOTE or document.text("cbc:InvoiceTypeCode") in _CREDITS
    return InvoiceKind.CREDIT_NOTE if credits else InvoiceKind.INVOICE


def _order(document: Node) -> str:
    stated = document.text("cac:OrderReference/cbc:ID")
    return "" if stated == _NO_ORDER else stated


def _payee(document: Node) -> Party | None:
    payee = document.one("cac:PayeeParty")
    return None if payee is None else _party(payee)


def _party(party: Node | None) -> Party:
    if party is None:
        return Party("")
    return Party(
        name=party.first_text("cac:PartyLegalEntity/cbc:RegistrationName", "cac:PartyName/cbc:Name"),
        endpoint=_endpoint(party),
        legal_id=party.text("cac:PartyLegalEntity/cbc:CompanyID"),
        vat_id=_vat_id(party),
        identifiers=tuple(_identifiers(party)),
        address=_address(party.one("cac:PostalAddress")),
        contact=_contact(party.one("cac:Contact")),
    )


def _endpoint(party: Node) -> ElectronicAddress | None:
    scheme, value = party.attribute("cbc:EndpointID", "schemeID"), party.text("cbc:EndpointID")
    return ElectronicAddress.of(scheme, value) if scheme and value else None


def _vat_id(party: Node) -> str:
    schemes = party.all("cac:PartyTaxScheme")
    return next((each.text("cbc:CompanyID") for each in schemes if each.text("cac:TaxScheme/cbc:ID") == "VAT"), "")


def _identifiers(party: Node) -> Iterator[Identifier]:
    for each in party.all("cac:PartyIdentification"):
        value = each.text("cbc:ID")
        if value:
            yield Identifier(value, each.attribute("cbc:ID", "schemeID"))


def _address(address: Node | None) -> Address:
    if address is None:
        return Address()
    streets = address.texts("cbc:StreetName") + address.texts("cbc:AdditionalStreetName")
    return Address(
        lines=streets + address.texts("cac:AddressLine/cbc:Line"),
        postal_code=address.text("cbc:PostalZone"),
        city=address.text("cbc:CityName"),
        country=address.text("cac:Country/cbc:IdentificationCode"),
    )


def _contact(contact: Node | None) -> Contact:
    if contact is None:
        return Contact()
    return Contact(contact.text("cbc:Name"), contact.text("cbc:Telephone"), contact.text("cbc:ElectronicMail"))


def _lines(document: Node) -> Iterator[InvoiceLine]:
    credits = document.element.tag == UBL_CREDIT_NOTE
    name, quantity = ("CreditNoteLine", "CreditedQuantity") if credits else ("InvoiceLine", "InvoicedQuantity")
    for index, line in document.numbered(f"cac:{name}"):
        yield _line(line, f"cbc:{quantity}", (index,))


def _line(line: Node, quantity: str, path: Path) -> InvoiceLine:
    item = line.one("cac:Item") or line
    return InvoiceLine(
        id=line.text("cbc:ID"),
        name=item.text("cbc:Name"),
        quantity=line.decimal(quantity),
        unit=line.attribute(quantity, NAMES.unit),
        unit_price=line.decimal("cac:Price/cbc:PriceAmount"),
        amount=line.must_money("cbc:LineExtensionAmount"),
        vat_category=item.text("cac:ClassifiedTaxCategory/cbc:ID"),
        vat_percent=item.decimal("cac:ClassifiedTaxCategory/cbc:Percent"),
        order_line=line.text("cac:OrderLineReference/cbc:LineID"),
        item_number=_item_number(item),
        description="\n".join(item.texts("cbc:Description")),
        note="\n".join(line.texts("cbc:Note")),
        allowances=_allowances(line),
        path=path,
        price_quantity=line.decimal("cac:Price/cbc:BaseQuantity"),
        order_reference=line.text("cac:OrderLineReference/cac:OrderReference/cbc:ID"),
    )


def _item_number(item: Node) -> str:
    kinds = ("Sellers", "Buyers", "Standard")
    return item.first_text(*(f"cac:{kind}ItemIdentification/cbc:ID" for kind in kinds))


def _allowances(node: Node) -> tuple[AllowanceCharge, ...]:
    return tuple(_allowance(each) for each in node.all("cac:AllowanceCharge"))


def _allowance(node: Node) -> AllowanceCharge:
    return AllowanceCharge(
        is_charge=node.flag("cbc:ChargeIndicator"),
        amount=node.must_money("cbc:Amount"),
        reason=node.first_text("cbc:AllowanceChargeReason", "cbc:AllowanceChargeReasonCode"),
    )


def _tax_total(document: Node) -> Node | None:
    """The total with the subtotals; the other one states the tax in the accounting currency (BT-111)."""
    totals = list(document.all("cac:TaxTotal"))
    split = (each for each in totals if each.one("cac:TaxSubtotal") is not None)
    same = (each for each in totals if each.attribute("cbc:TaxAmount", NAMES.currency) == document.currency)
    return next(split, None) or next(same, None)


def _subtotal(node: Node) -> VatSubtotal:
    return VatSubtotal(
        category=node.text("cac:TaxCategory/cbc:ID"),
        percent=node.decimal("cac:TaxCategory/cbc:Percent"),
        taxable=node.must_money("cbc:TaxableAmount"),
        tax=node.must_money("cbc:TaxAmount"),
    )


def _totals(document: Node, taxes: Node | None) -> Totals:
    sums = "cac:LegalMonetaryTotal/cbc:"
    return Totals(
        lines=document.money(f"{sums}LineExtensionAmount"),
        without_vat=document.money(f"{sums}TaxExclusiveAmount"),
        vat=taxes.money("cbc:TaxAmount") if taxes else None,
        with_vat=document.money(f"{sums}TaxInclusiveAmount"),
        prepaid=document.money(f"{sums}PrepaidAmount"),
        rounding=document.money(f"{sums}PayableRoundingAmount"),
        payable=document.must_money(f"{sums}PayableAmount"),
    )


def _payments(document: Node) -> Iterator[Payment]:
    for means in document.all("cac:PaymentMeans"):
        kind, account = _account(means)
        reference = means.text("cbc:PaymentID")
        if account or reference:
            yield Payment(kind, account, reference)


def _account(means: Node) -> tuple[str, str]:
    account = means.text("cac:PayeeFinancialAccount/cbc:ID")
    if account:
        branch = means.text("cac:PayeeFinancialAccount/cac:FinancialInstitutionBranch/cbc:ID")
        return _GIROS.get(branch.upper()) or kind_of_account(account), account
    card = means.text("cac:CardAccount/cbc:PrimaryAccountNumberID")
    if card:
        return "card", card
    debited = means.text("cac:PaymentMandate/cac:PayerFinancialAccount/cbc:ID")
    return ("direct_debit", debited) if debited else ("", "")


def kind_of_account(account: str) -> str:
    """`iban` for what is written like one, else `account`."""
    return "iban" if _IBAN.fullmatch(account.replace(" ", "").upper()) else "account"


def attachments(found: Found) -> Iterator[Attachment]:
    """The files and addresses in the invoice's additional document references."""
    for index, reference in Node(found.invoice, NAMES).numbered("cac:AdditionalDocumentReference"):
        title = reference.first_text("cbc:DocumentDescription", "cbc:ID")
        embedded, address = reference.one(EMBEDDED), reference.text(_EXTERNAL)
        if embedded is not None:
            path = (*found.at, index, *path_between(reference.element, embedded.element))
            yield _embedded(embedded.element, title, path)
        if address:
            yield Attachment(title, "", None, address, (*found.at, index))


def _embedded(element: Element, title: str, path: Path) -> Attachment:
    name = (element.get("filename") or "").strip() or title
    return Attachment(name, (element.get("mimeCode") or "").strip(), size_of_base64(element), path=path)
