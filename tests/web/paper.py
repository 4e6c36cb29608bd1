"""Invoices for the console's tests: Peppol BIS Billing 3, made from a few values. Everybody in them is made up."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from decimal import Decimal
from xml.sax.saxutils import escape

_LINE = """
  <cac:InvoiceLine>
    <cbc:ID>{id}</cbc:ID>
    <cbc:InvoicedQuantity unitCode="C62">{quantity}</cbc:InvoicedQuantity>
    <cbc:LineExtensionAmount currencyID="SEK">{amount}</cbc:LineExtensionAmount>
    <cac:Item><cbc:Description>{name} enligt avtal</cbc:Description><cbc:Name>{name}</cbc:Name>
      <cac:ClassifiedTaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>25</cbc:Percent>
        <cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:ClassifiedTaxCategory></cac:Item>
    <cac:Price><cbc:PriceAmount currencyID="SEK">{price}</cbc:PriceAmount></cac:Price>
  </cac:InvoiceLine>"""

_FILE = """
  <cac:AdditionalDocumentReference><cbc:ID>bilaga</cbc:ID>
    <cac:Attachment>
      <cbc:EmbeddedDocumentBinaryObject
        mimeCode="text/csv" filename="{name}">{content}</cbc:EmbeddedDocumentBinaryObject>
    </cac:Attachment>
  </cac:AdditionalDocumentReference>"""

_INVOICE = """<?xml version="1.0" encoding="UTF-8"?>
<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
  xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2"
  xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2">
  <cbc:CustomizationID>urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0</cbc:CustomizationID>
  <cbc:ProfileID>urn:fdc:peppol.eu:2017:poacc:billing:01:1.0</cbc:ProfileID>
  <cbc:ID>{number}</cbc:ID>
  <cbc:IssueDate>2026-11-16</cbc:IssueDate>
  <cbc:DueDate>2026-12-16</cbc:DueDate>
  <cbc:InvoiceTypeCode>380</cbc:InvoiceTypeCode>
  <cbc:Note>{note}</cbc:Note>
  <cbc:DocumentCurrencyCode>SEK</cbc:DocumentCurrencyCode>
  <cbc:BuyerReference>{reference}</cbc:BuyerReference>
  <cac:OrderReference><cbc:ID>{order}</cbc:ID></cac:OrderReference>{file}
  <cac:AccountingSupplierParty><cac:Party>
    <cbc:EndpointID schemeID="0007">{seller_id}</cbc:EndpointID>
    <cac:PartyName><cbc:Name>{seller}</cbc:Name></cac:PartyName>
    <cac:PostalAddress><cbc:StreetName>Exempelvägen 5</cbc:StreetName><cbc:CityName>Exempelby</cbc:CityName>
      <cbc:PostalZone>123 45</cbc:PostalZone><cac:Country><cbc:IdentificationCode>SE</cbc:IdentificationCode>
      </cac:Country></cac:PostalAddress>
    <cac:PartyTaxScheme><cbc:CompanyID>SE{seller_id}01</cbc:CompanyID><cac:TaxScheme><cbc:ID>VAT</cbc:ID>
      </cac:TaxScheme></cac:PartyTaxScheme>
    <cac:PartyLegalEntity><cbc:RegistrationName>{seller}</cbc:RegistrationName>
      <cbc:CompanyID>{seller_id}</cbc:CompanyID></cac:PartyLegalEntity>
    <cac:Contact><cbc:Name>Kundtjänst</cbc:Name><cbc:ElectronicMail>faktura@leverantor.example</cbc:ElectronicMail>
      </cac:Contact>
  </cac:Party></cac:AccountingSupplierParty>
  <cac:AccountingCustomerParty><cac:Party>
    <cbc:EndpointID schemeID="0088">{gln}</cbc:EndpointID>
    <cac:PartyName><cbc:Name>{buyer}</cbc:Name></cac:PartyName>
    <cac:PostalAddress><cbc:CityName>Storstad</cbc:CityName><cac:Country>
      <cbc:IdentificationCode>SE</cbc:IdentificationCode></cac:Country></cac:PostalAddress>
    <cac:PartyLegalEntity><cbc:RegistrationName>{buyer}</cbc:RegistrationName></cac:PartyLegalEntity>
  </cac:Party></cac:AccountingCustomerParty>
  <cac:PaymentMeans><cbc:PaymentMeansCode>30</cbc:PaymentMeansCode><cbc:PaymentID>{number}</cbc:PaymentID>
    <cac:PayeeFinancialAccount><cbc:ID>9999999</cbc:ID><cac:FinancialInstitutionBranch><cbc:ID>SE:BANKGIRO</cbc:ID>
      </cac:FinancialInstitutionBranch></cac:PayeeFinancialAccount></cac:PaymentMeans>
  <cac:PaymentTerms><cbc:Note>30 dagar netto</cbc:Note></cac:PaymentTerms>
  <cac:TaxTotal><cbc:TaxAmount currencyID="SEK">{vat}</cbc:TaxAmount>
    <cac:TaxSubtotal><cbc:TaxableAmount currencyID="SEK">{net}</cbc:TaxableAmount>
      <cbc:TaxAmount currencyID="SEK">{vat}</cbc:TaxAmount>
      <cac:TaxCategory><cbc:ID>S</cbc:ID><cbc:Percent>25</cbc:Percent><cac:TaxScheme><cbc:ID>VAT</cbc:ID>
      </cac:TaxScheme></cac:TaxCategory></cac:TaxSubtotal></cac:TaxTotal>
  <cac:LegalMonetaryTotal><cbc:LineExtensionAmount currencyID="SEK">{net}</cbc:LineExtensionAmount>
    <cbc:TaxExclusiveAmount currencyID="SEK">{net}</cbc:TaxExclusiveAmount>
      <cbc:TaxInclusiveAmount currencyID="SEK">{gross}</cbc:TaxInclusiveAmount>
    <cbc:PayableAmount currencyID="SEK">{gross}</cbc:PayableAmount></cac:LegalMonetaryTotal>{lines}
</Invoice>
"""

THINGS = (
    ("Kopieringspapper A4", 40, "49.90"),
    ("Whiteboardpennor, svarta", 12, "23.50"),
    ("Skolbänk, höj- och sänkbar", 6, "1850.00"),
    ("Frakt", 1, "395.00"),
)


@dataclass(frozen=True, slots=True)
class Paper:
    """What an invoice says."""

    number: str
    seller: str = "Åkes Låtsaspapper AB"
    seller_id: str = "5569990004"
    buyer: str = "Utbildningsförvaltningen"
    gln: str = "7350000000016"
    reference: str = "1302"
    order: str = "45001122"
    note: str = "Leverans enligt påhittat avtal"
    lines: int = 4
    file: str = ""


def written(paper: Paper) -> bytes:
    """The invoice as UBL."""
    rows = [THINGS[number % len(THINGS)] for number in range(paper.lines)]
    net = sum((Decimal(price) * quantity for _, quantity, price in rows), Decimal(0))
    vat = net / 4
    return _INVOICE.format(
        number=paper.number,
        note=paper.note,
        reference=paper.reference,
        order=paper.order,
        seller=escape(paper.seller),
        seller_id=paper.seller_id,
        buyer=paper.buyer,
        gln=paper.gln,
        file=_file(paper.file) if paper.file else "",
        net=f"{net:.2f}",
        vat=f"{vat:.2f}",
        gross=f"{net + vat:.2f}",
        lines="".join(_line(number, *row) for number, row in enumerate(rows, 1)),
    ).encode()


def _line(number: int, name: str, quantity: int, price: str) -> str:
    amount = f"{Decimal(price) * quantity:.2f}"
    return _LINE.format(id=number, name=name, quantity=quantity, price=price, amount=amount)


def _file(name: str) -> str:
    return _FILE.format(name=name, content=base64.b64encode(b"artikel;antal\npapper;40\n").decode())
