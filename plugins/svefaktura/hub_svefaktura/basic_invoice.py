"""Reads Svefaktura 1.0 (SFTI BasicInvoice) with the attachments of its ObjectEnvelopes.

A Svefaktura states one sum with VAT, rounding included (R-71): that is what is payable, and the sum with VAT is it
less the rounding. It carries no electronic addresses, so the parties' come from the envelope around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

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
from hub.domain.money import Money
from hub.domain.parties import Address, Contact, Identifier, Party
from hub_svefaktura.envelopes import Found
from hub_svefaktura.ubl import kind_of_account
from hub_svefaktura.values import Element, Names, Node, Path, path_between, size_of_base64

NAMES = Names(
    {
        "inv": "urn:sfti:documents:BasicInvoice:1:0",
        "cac": "urn:sfti:CommonAggregateComponents:1:0",
        "cbc": "urn:oasis:names:tc:ubl:CommonBasicComponents:1:0",
        "obj": "urn:sfti:documents:ObjectEnvelope:1:0",
    },
    currency="amountCurrencyID",
    unit="quantityUnitCode",
)
ENCODED = "obj:EncodedData"
_SCHEME = "identificationSchemeID"
_AGENCY = "identificationSchemeAgencyID"
# UN/EDIFACT 3055: agency 9 is EAN (GS1), whose party identifiers are GLNs, scheme 0088 of ISO 6523.
_GS1, _GLN = "9", "0088"
_CREDIT = "381"
_SUM = "cac:LegalTotal/cbc:TaxInclusiveTotalAmount"
_CURRENCY = "SEK"
# Svefaktura 1.0: the institution "numbers" that stand for the Swedish giros.
_GIROS = {"BGABSESS": "bankgiro", "PGSISESS": "plusgiro"}
# SFTI's kinds of additional reference: CT is the contract.
_CONTRACT = "CT"


def read(found: Found) -> Invoice:
    """The invoice or credit note at that place. Raises Rejected for a value that cannot be read."""
    currency = _currency(Node(found.invoice, NAMES))
    document = Node(found.invoice, NAMES, currency)
    lines = tuple(_line(line, index) for index, line in document.numbered("cac:InvoiceLine"))
    buyer = _party(document.one("cac:BuyerParty"))
    references = document.texts("inv:RequisitionistDocumentReference/cac:ID")
    return Invoice(
        kind=_kind(document),
        number=document.document_number("inv:ID"),
        issue_date=document.must_day("cbc:IssueDate"),
        due_date=document.day("cac:PaymentMeans/cbc:DuePaymentDate"),
        currency=currency,
        seller=replace(_party(document.one("cac:SellerParty")), endpoint=found.address("sender")),
        buyer=replace(buyer, endpoint=found.address("receiver")),
        lines=lines,
        vat=tuple(_subtotal(each) for each in document.all("cac:TaxTotal/cac:TaxSubTotal")),
        totals=_totals(document),
        buyer_reference=references[0] if references else buyer.contact.name,
        order_reference=next((line.order_reference for line in lines if line.order_reference), ""),
        contract_reference=_contract(document),
        notes=document.texts("cbc:Note"),
        payment_terms="\n".join(document.texts("cac:PaymentTerms/cbc:Note")),
        payments=tuple(_payments(document)),
        preceding=document.texts("inv:InitialInvoiceDocumentReference/cac:ID"),
        allowances=tuple(_allowance(each) for each in document.all("inv:AllowanceCharge")),
        attachments=tuple(attachments(found)),
        delivery_date=_delivery_date(document),
        payee=_payee(document),
        more_references=references[1:],
    )


def _kind(document: Node) -> InvoiceKind:
    credits = document.text("inv:InvoiceTypeCode") == _CREDIT
    return InvoiceKind.CREDIT_NOTE if credits else InvoiceKind.INVOICE


def _currency(document: Node) -> str:
    """The code may be left out; then the amounts say it."""
    return document.text("inv:InvoiceCurrencyCode") or document.attribute(_SUM, NAMES.currency) or _CURRENCY


def _delivery_date(document: Node) -> date | None:
    return document.day("cac:Delivery/cbc:ActualDeliveryDateTime")


def _contract(document: Node) -> str:
    for each in document.all("inv:AdditionalDocumentReference"):
        if each.attribute("cac:ID", _SCHEME) == _CONTRACT:
            return each.text("cac:ID")
    return ""


def _party(role: Node | None) -> Party:
    party = role and role.one("cac:Party")
    if role is None or party is None:
        return Party("")
    return Party(
        name=party.text("cac:PartyName/cbc:Name"),
        legal_id=_company(party, "SWT"),
        vat_id=_company(party, "VAT"),
        identifiers=tuple(_identifiers(party)),
        address=_address(party.one("cac:Address")),
        contact=_contact(party.one("cac:Contact") or role.one("cac:AccountsContact")),
    )


def _company(party: Node, scheme: str) -> str:
    schemes = party.all("cac:PartyTaxScheme")
    return next((each.text("cac:CompanyID") for each in schemes if each.text("cac:TaxScheme/cac:ID") == scheme), "")


def _identifiers(party: Node) -> Iterator[Identifier]:
    for each in party.all("cac:PartyIdentification"):
        value = each.text("cac:ID")
        if value:
            of_gs1 = each.attribute("cac:ID", _AGENCY) == _GS1
            yield Identifier(value, _GLN if of_gs1 else each.attribute("cac:ID", _SCHEME))


def _address(address: Node | None) -> Address:
    if address is None:
        return Address()
    own = ("cbc:Postbox", "cbc:StreetName", "cbc:Department", "cac:AddressLine/cbc:Line")
    return Address(
        lines=tuple(line for path in own for line in address.texts(path)),
        postal_code=address.text("cbc:PostalZone"),
        city=address.text("cbc:CityName"),
        country=address.text("cac:Country/cac:IdentificationCode"),
    )


def _contact(contact: Node | None) -> Contact:
    if contact is None:
        return Contact()
    return Contact(contact.text("cbc:Name"), contact.text("cbc:Telephone"), contact.text("cbc:ElectronicMail"))


def _payee(document: Node) -> Party | None:
    name = document.text("cac:PaymentMeans/cac:PayeePartyName/cbc:Name")
    return Party(name) if name else None


def _line(line: Node, index: int) -> InvoiceLine:
    item = line.one("cac:Item") or line
    tax = _vat_category(item)
    return InvoiceLine(
        id=line.text("cac:ID"),
        name=item.text("cbc:Description"),
        quantity=line.decimal("cbc:InvoicedQuantity"),
        unit=line.attribute("cbc:InvoicedQuantity", NAMES.unit),
        unit_price=item.decimal("cac:BasePrice/cbc:PriceAmount"),
        amount=line.must_money("cbc:LineExtensionAmount"),
        vat_category=tax.text("cac:ID") if tax else "",
        vat_percent=tax.decimal("cbc:Percent") if tax else None,
        order_line=line.text("cac:OrderLineReference/cac:BuyersLineID"),
        item_number=_item_number(item),
        note=line.text("cbc:Note"),
        allowances=tuple(_line_allowances(line)),
        path=(index,),
        price_quantity=item.decimal("cac:BasePrice/cbc:BaseQuantity"),
        order_reference=line.text("cac:OrderLineReference/cac:OrderReference/cac:BuyersID"),
    )


def _vat_category(item: Node) -> Node | None:
    return next((each for each in item.all("cac:TaxCategory") if each.text("cac:TaxScheme/cac:ID") == "VAT"), None)


def _item_number(item: Node) -> str:
    kinds = ("Sellers", "Buyers", "Standard")
    return item.first_text(*(f"cac:{kind}ItemIdentification/cac:ID" for kind in kinds))


def _line_allowances(line: Node) -> Iterator[AllowanceCharge]:
    """A line's allowance may lack its amount: then the sum already holds it, and nothing can be said."""
    for each in line.all("cac:AllowanceCharge"):
        amount = each.money("cbc:Amount")
        if amount is not None:
            yield AllowanceCharge(each.flag("cbc:ChargeIndicator"), amount)


def _allowance(node: Node) -> AllowanceCharge:
    reason = node.attribute("cac:ReasonCode", "name") or node.text("cac:ReasonCode")
    return AllowanceCharge(node.flag("cbc:ChargeIndicator"), node.must_money("cbc:Amount"), reason)


def _subtotal(node: Node) -> VatSubtotal:
    return VatSubtotal(
        category=node.text("cac:TaxCategory/cac:ID"),
        percent=node.decimal("cac:TaxCategory/cbc:Percent"),
        taxable=node.must_money("cbc:TaxableAmount"),
        tax=node.must_money("cbc:TaxAmount"),
    )


def _totals(document: Node) -> Totals:
    sums = "cac:LegalTotal/"
    payable = document.must_money(_SUM)
    rounding = document.money(f"{sums}cac:RoundOffAmount")
    return Totals(
        lines=document.money(f"{sums}cbc:LineExtensionTotalAmount"),
        without_vat=document.money(f"{sums}cbc:TaxExclusiveTotalAmount"),
        vat=document.money("cac:TaxTotal/cbc:TotalTaxAmount"),
        with_vat=_before_rounding(payable, rounding),
        prepaid=None,
        rounding=rounding,
        payable=payable,
    )


def _before_rounding(payable: Money, rounding: Money | None) -> Money | None:
    if rounding is None:
        return payable
    return payable.less(rounding) if rounding.currency == payable.currency else None


def _payments(document: Node) -> Iterator[Payment]:
    for means in document.all("cac:PaymentMeans"):
        account = means.text("cac:PayeeFinancialAccount/cac:ID")
        reference = means.text("cac:PayeeFinancialAccount/cac:PaymentInstructionID")
        if account or reference:
            yield Payment(_kind_of_account(means, account), account, reference)


def _kind_of_account(means: Node, account: str) -> str:
    bank = means.text("cac:PayeeFinancialAccount/cac:FinancialInstitutionBranch/cac:FinancialInstitution/cac:ID")
    giro = _GIROS.get(bank.upper(), "")
    return giro or (kind_of_account(account) if account else "")


def attachments(found: Found) -> Iterator[Attachment]:
    """The files in the ObjectEnvelopes beside the invoice."""
    for at, envelope in found.objects:
        for index, encoded in Node(envelope, NAMES).numbered("obj:EncodedObject"):
            data = encoded.one(ENCODED)
            if data is None:
                continue
            path = (*at, index, *path_between(encoded.element, data.element))
            yield _attachment(encoded, data.element, path)


def _attachment(encoded: Node, data: Element, path: Path) -> Attachment:
    address = (data.get("URI") or "").strip()
    name = (data.get("filename") or "").strip() or encoded.text("obj:ObjectID")
    size = size_of_base64(data)
    return Attachment(name, data.get("mimeCode") or "", None if address and not size else size, address, path)
