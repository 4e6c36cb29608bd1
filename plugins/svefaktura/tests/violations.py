"""Samples changed on purpose for each of the 103 rules: broken, impossible to judge, and just on the border."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from decimal import Decimal

from lxml import etree

Element = etree._Element
Edit = Callable[[Element], None]

NAMES = {
    "i": "urn:sfti:documents:BasicInvoice:1:0",
    "c": "urn:sfti:CommonAggregateComponents:1:0",
    "b": "urn:oasis:names:tc:ubl:CommonBasicComponents:1:0",
}
INVOICE, CREDIT, TWO = "good-invoice-380.xml", "good-credit-note-381.xml", "good-two-currencies.xml"
FATAL, WARNING, INFORMATION = "fatal", "warning", "information"


@dataclass(frozen=True, slots=True)
class Violation:
    """What to spoil in which good sample so that `rule` fires with this severity at a place naming `where`."""

    rule: str
    severity: str
    sample: str
    edits: tuple[Edit, ...]
    where: str = ""

    def __str__(self) -> str:
        return "-".join(part for part in (self.rule, self.severity, self.where) if part)

    def spoil(self, data: bytes) -> bytes:
        """The sample's bytes with the edits made."""
        root = etree.fromstring(data)
        for edit in self.edits:
            edit(root)
        return etree.tostring(root.getroottree(), encoding="UTF-8", xml_declaration=True)


def _found(root: Element, path: str) -> list[Element]:
    found = root.xpath(path, namespaces=NAMES)
    assert isinstance(found, list)
    assert found, f"the sample has no {path}: mend the violation or the sample"
    return [one for one in found if isinstance(one, etree._Element)]


def put(path: str, text: str) -> Edit:
    """Give the first element there this text."""

    def edit(root: Element) -> None:
        _found(root, path)[0].text = text

    return edit


def drop(path: str) -> Edit:
    """Take away every element there."""

    def edit(root: Element) -> None:
        for one in _found(root, path):
            one.getparent().remove(one)  # type: ignore[union-attr]

    return edit


def shift(path: str, change: str) -> Edit:
    """Add this to the first amount there."""

    def edit(root: Element) -> None:
        one = _found(root, path)[0]
        one.text = str(Decimal(one.text or "0") + Decimal(change))

    return edit


def both(*edits: Edit) -> Edit:
    """Make several edits."""

    def edit(root: Element) -> None:
        for one in edits:
            one(root)

    return edit


def twin(path: str) -> Edit:
    """Put a copy of the first element there beside it."""

    def edit(root: Element) -> None:
        one = _found(root, path)[0]
        one.addnext(deepcopy(one))

    return edit


def mark(path: str, **attributes: str | None) -> Edit:
    """Set attributes of the first element there; None takes one away."""

    def edit(root: Element) -> None:
        one = _found(root, path)[0]
        for name, value in attributes.items():
            if name in one.attrib:
                del one.attrib[name]
            if value is not None:
                one.set(name, value)

    return edit


def after(path: str, xml: str) -> Edit:
    """Put new content after the first element there."""

    def edit(root: Element) -> None:
        bound = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMES.items())
        _found(root, path)[0].addnext(etree.fromstring(f"<x {bound}>{xml}</x>")[0])

    return edit


def _schema_location(root: Element) -> None:
    root.set("{http://www.w3.org/2001/XMLSchema-instance}schemaLocation", "urn:sfti:documents:BasicInvoice:1:0 a.xsd")


def _style_sheet(root: Element) -> None:
    root.addprevious(etree.ProcessingInstruction("xml-stylesheet", 'type="text/xsl" href="a.xsl"'))


def _fatal(rule: str, sample: str, *edits: Edit, where: str = "") -> Violation:
    return Violation(rule, FATAL, sample, edits, where)


def _warning(rule: str, sample: str, *edits: Edit, where: str = "") -> Violation:
    return Violation(rule, WARNING, sample, edits, where)


def _information(rule: str, sample: str, *edits: Edit, where: str = "") -> Violation:
    return Violation(rule, INFORMATION, sample, edits, where)


BUYER, SELLER = "c:BuyerParty/c:Party", "c:SellerParty/c:Party"
REGISTRATION = "c:PartyTaxScheme"
ACCOUNT = "c:PaymentMeans/c:PayeeFinancialAccount"
SUB, TOTAL = "c:TaxTotal/c:TaxSubTotal", "c:LegalTotal"
REFERENCE = "i:AdditionalDocumentReference/c:ID"
CREDITED = "i:InitialInvoiceDocumentReference"
HALF_PERIOD = "<i:InvoicingPeriod><b:StartDateTime>2026-09-01T00:00:00</b:StartDateTime></i:InvoicingPeriod>"
ONE_LINE = "<c:AddressLine><b:Line>Provgatan 1</b:Line></c:AddressLine>"
TWO_LINES = "<c:AddressLine><b:Line>Provgatan 1</b:Line><b:Line>10000 Provköping</b:Line></c:AddressLine>"

_HEAD = (
    _fatal("R-1", INVOICE, drop("i:LineItemCountNumeric")),
    _warning("R-2", CREDIT, drop("i:InitialInvoiceDocumentReference")),
    _fatal("R-5", TWO, put("i:TaxCurrencyCode", "EUR")),
    _fatal("R-17", INVOICE, twin("c:TaxTotal")),
    _warning("R-21", INVOICE, _schema_location),
    _fatal("R-22", INVOICE, put("i:InvoiceTypeCode", "384")),
    _fatal("R-23", TWO, drop("c:ExchangeRate")),
    _fatal("R-24", TWO, drop(SUB)),
    _fatal("R-25", TWO, drop(f"{SUB}/c:TaxCurrencyTaxAmount")),
    _fatal("R-26", TWO, drop("i:InvoiceCurrencyCode")),
    _fatal("R-27", INVOICE, put("i:LineItemCountNumeric", "5")),
    _fatal("R-29", INVOICE, put("i:LineItemCountNumeric", "0"), where="LineItemCountNumeric"),
    _fatal("R-79", INVOICE, put("i:RequisitionistDocumentReference/c:ID", "  ")),
    _fatal("R-80", TWO, drop("i:InvoicingPeriod/b:StartDateTime")),
    _warning("R-81", TWO, put("i:InvoicingPeriod/b:EndDateTime", "2026-08-31T00:00:00")),
    _warning("R-82", TWO, put("i:InvoicingPeriod/b:EndDateTime", "2026-10-06T00:00:00")),
    _warning("R-83", INVOICE, _style_sheet),
    _fatal("R-100", INVOICE, mark(f"{TOTAL}/b:TaxInclusiveTotalAmount", amountCurrencyID="EUR")),
)
_REFERENCES = (
    _information("R-29", TWO, mark(REFERENCE, identificationSchemeID="ZZ"), where="AdditionalDocumentReference"),
    _warning("R-30", TWO, mark(REFERENCE, identificationSchemeID=None)),
    _warning("R-31", TWO, mark(REFERENCE, identificationSchemeAgencyName="GS1")),
    _information("R-84", TWO, mark(REFERENCE, identificationSchemeAgencyName="GS1", identificationSchemeID="ZZ")),
    _information("R-85", TWO, mark(REFERENCE, identificationSchemeAgencyName="GS1", identificationSchemeID=None)),
    _warning("R-86", TWO, mark(REFERENCE, identificationSchemeAgencyName=None)),
    _information("R-87", TWO, mark(REFERENCE, identificationSchemeAgencyName=None, identificationSchemeID="ZZ")),
)
_PARTIES = (
    _warning("R-8", INVOICE, put(f"{BUYER}/c:Address/b:PostalZone", "100 00")),
    _warning("R-9", INVOICE, put("//b:Telephone", "08-00 00 02")),
    _information("R-33", INVOICE, after(f"{BUYER}/c:Address/b:PostalZone", TWO_LINES)),
    _information("R-34", INVOICE, after(f"{BUYER}/c:Address/b:PostalZone", ONE_LINE)),
    _fatal("R-35", TWO, put(f"{BUYER}/{REGISTRATION}/b:RegistrationName", "Storstads Påhittade Förvaltning")),
    _warning("R-36", TWO, put(f"{BUYER}/{REGISTRATION}/c:CompanyID", "212000-9994")),
    _fatal("R-37", TWO, put(f"{BUYER}/{REGISTRATION}/c:TaxScheme/c:ID", "GST")),
    _fatal("R-38", INVOICE, drop(f"{SELLER}/{REGISTRATION}")),
    _information("R-39", INVOICE, drop(f"{SELLER}/{REGISTRATION}[1]")),
    _information("R-40", INVOICE, after(f"{SELLER}/c:Address/b:PostalZone", TWO_LINES)),
    _information("R-41", INVOICE, after(f"{SELLER}/c:Address/b:PostalZone", ONE_LINE)),
    _fatal("R-44", INVOICE, put(f"{SELLER}/{REGISTRATION}/b:RegistrationName", "Åkes Låtsaspapper")),
    _warning("R-45", INVOICE, put(f"{SELLER}/{REGISTRATION}/c:CompanyID", "556999-0004")),
    _fatal("R-46", INVOICE, put(f"{SELLER}/{REGISTRATION}/c:TaxScheme/c:ID", "GST")),
    _fatal("R-88", INVOICE, drop(f"{SELLER}/{REGISTRATION}[2]")),
    _information("R-93", INVOICE, drop(f"{SELLER}/c:Address/b:CityName")),
    _information("R-94", INVOICE, drop(f"{BUYER}/c:Address/b:PostalZone")),
    _information("R-98", INVOICE, twin(f"{BUYER}/c:PartyIdentification")),
    _information("R-99", INVOICE, after(f"{SELLER}/c:Address/b:PostalZone", "<c:ID>1</c:ID>")),
)
_PAYMENT = (
    _warning("R-47", TWO, put("c:Delivery/b:ActualDeliveryDateTime", "2026-10-06T00:00:00")),
    _fatal("R-48", INVOICE, put("c:PaymentMeans/c:PaymentMeansTypeCode", "42")),
    _warning("R-49", INVOICE, put("c:PaymentMeans/b:DuePaymentDate", "2026-09-30")),
    _warning("R-50", INVOICE, put(f"{ACCOUNT}/c:ID", "900-0018")),
    _fatal("R-51", INVOICE, drop(f"{ACCOUNT}/c:ID")),
    _warning("R-52", TWO, put("c:PaymentMeans/c:PayeePartyName/b:Name", "Åkes Låtsaspapper")),
    _fatal("R-54", INVOICE, put("c:PaymentTerms/b:PenaltySurchargePercent", "-1")),
    _warning("R-101", INVOICE, drop(f"{ACCOUNT}/c:FinancialInstitutionBranch")),
)
_ALLOWANCES = (
    _warning("R-6", TWO, put("i:AllowanceCharge[1]/c:TaxCategory/b:Percent", "24")),
    _warning("R-55", TWO, drop(f"{TOTAL}/b:TaxExclusiveTotalAmount")),
    _fatal("R-56", TWO, put("i:AllowanceCharge[1]/c:TaxCategory/c:TaxScheme/c:ID", "GST")),
    _fatal("R-57", TWO, put("i:AllowanceCharge[1]/c:ReasonCode", "1")),
    _fatal("R-58", TWO, drop("i:AllowanceCharge[2]/c:TaxCategory/b:Percent")),
    _warning("R-60", TWO, drop(f"{SUB}/c:TaxCategory/b:ExemptionReason")),
    _fatal("R-61", TWO, put("i:AllowanceCharge[3]/c:TaxCategory/b:Percent", "25")),
    _warning("R-62", TWO, put("i:AllowanceCharge[1]/c:TaxCategory/b:Percent", "0")),
    _fatal("R-89", TWO, put("i:AllowanceCharge[1]/c:TaxCategory/b:Percent", "24")),
    _fatal("R-90", TWO, drop(f"{SUB}[4]"), where="AllowanceCharge"),
)
_TAX = (
    _fatal("R-3", TWO, put(f"{SUB}[1]/c:TaxCurrencyTaxAmount", "6757.25")),
    _fatal("R-4", INVOICE, put(f"{SUB}[1]/b:TaxAmount", "251.00")),
    _warning("R-16", INVOICE, put(f"{SUB}[1]/c:TaxCategory/b:Percent", "24")),
    _warning("R-18", INVOICE, put(f"{SUB}[1]/c:TaxCategory/c:ID", " S")),
    _warning("R-19", INVOICE, put(f"{SUB}[1]/c:TaxCategory/c:TaxScheme/c:ID", "VAT ")),
    _fatal("R-59", INVOICE, put(f"{SUB}[1]/c:TaxCategory/c:ID", "Z")),
    _fatal("R-63", TWO, drop("i:InvoiceCurrencyCode")),
    _fatal("R-64", TWO, drop("i:TaxCurrencyCode")),
    _information("R-65", TWO, drop("c:ExchangeRate/b:CalculationRate")),
    _fatal("R-66", TWO, put("c:ExchangeRate/b:CalculationRate", "0")),
    _fatal("R-67", INVOICE, put("c:TaxTotal/b:TotalTaxAmount", "317.00")),
    _fatal("R-68", TWO, drop("i:TaxCurrencyCode")),
    _warning("R-91", INVOICE, drop(f"{SUB}[4]/c:TaxCategory/b:ExemptionReason")),
    _fatal("R-95", INVOICE, put(f"{SUB}[4]/c:TaxCategory/b:Percent", "25")),
    _warning("R-96", INVOICE, put(f"{SUB}[1]/c:TaxCategory/b:Percent", "0")),
)
_TOTALS = (
    _fatal("R-10", INVOICE, put(f"{TOTAL}/b:TaxExclusiveTotalAmount", "1676.00")),
    _fatal("R-69", INVOICE, put(f"{TOTAL}/b:LineExtensionTotalAmount", "1676.00")),
    _fatal("R-70", INVOICE, put(f"{TOTAL}/b:TaxExclusiveTotalAmount", "1676.00")),
    _fatal("R-71", INVOICE, put(f"{TOTAL}/b:TaxInclusiveTotalAmount", "1992.00")),
    _warning("R-92", TWO, put(f"{TOTAL}/c:RoundOffAmount", "0.31")),
    _fatal("R-105", CREDIT, put(f"{TOTAL}/b:TaxInclusiveTotalAmount", "-250.00")),
)
_LINES = (
    _warning("R-7", INVOICE, put("c:InvoiceLine[1]/c:Item/c:TaxCategory/b:Percent", "24")),
    _fatal("R-11", TWO, put("c:InvoiceLine[1]/b:LineExtensionAmount", "1901.00")),
    _fatal("R-12", TWO, put("c:InvoiceLine[6]/b:LineExtensionAmount", "106.00")),
    _fatal("R-13", TWO, put("c:InvoiceLine[5]/b:LineExtensionAmount", "91.00")),
    _fatal("R-14", TWO, put("c:InvoiceLine[2]/b:LineExtensionAmount", "551.00")),
    _fatal("R-15", TWO, put("c:InvoiceLine[4]/b:LineExtensionAmount", "901.00")),
    _fatal("R-20", TWO, put("c:InvoiceLine[3]/b:LineExtensionAmount", "501.00")),
    _fatal("R-72", TWO, drop("c:InvoiceLine[5]/c:AllowanceCharge/b:Amount")),
    _fatal("R-73", TWO, put("c:InvoiceLine[5]/c:AllowanceCharge/b:ChargeIndicator", "0")),
    _fatal("R-74", TWO, put("c:InvoiceLine[5]/c:AllowanceCharge/b:Amount", "-10.00")),
    _fatal("R-75", INVOICE, put("c:InvoiceLine[1]/c:Item/c:TaxCategory/c:TaxScheme/c:ID", "GST")),
    _fatal("R-76", INVOICE, put("c:InvoiceLine[1]/c:Item/c:TaxCategory/c:ID", "Z")),
    _fatal("R-77", INVOICE, put("c:InvoiceLine[4]/c:Item/c:TaxCategory/b:Percent", "25")),
    _fatal("R-78", TWO, mark("c:InvoiceLine[1]/c:Item/c:BasePrice/b:BaseQuantity", quantityUnitCode="KGM")),
    _fatal("R-90", INVOICE, drop(f"{SUB}[4]"), where="InvoiceLine"),
    _warning("R-97", INVOICE, put("c:InvoiceLine[1]/c:Item/c:TaxCategory/b:Percent", "0")),
    _warning("R-102", TWO, drop("c:InvoiceLine[7]/b:Note")),
    _warning("R-103", TWO, put("c:InvoiceLine[2]/c:AllowanceCharge/c:AllowanceChargeBaseAmount", "501.00")),
    _warning("R-104", TWO, put("c:InvoiceLine[1]/c:AllowanceCharge/c:AllowanceChargeBaseAmount", "2001.00")),
    _fatal("R-106", INVOICE, put("c:InvoiceLine[1]/c:Item/c:TaxCategory/b:Percent", "24")),
)
VIOLATIONS = (*_HEAD, *_REFERENCES, *_PARTIES, *_PAYMENT, *_ALLOWANCES, *_TAX, *_TOTALS, *_LINES)

NOT_JUDGED: tuple[tuple[str, str, Edit], ...] = (
    ("two allowances on a line", TWO, twin("c:InvoiceLine[5]/c:AllowanceCharge")),
    ("two charges on a line with base quantity", TWO, twin("c:InvoiceLine[6]/c:AllowanceCharge")),
    ("two prices on a line", INVOICE, twin("c:InvoiceLine[1]/c:Item/c:BasePrice")),
    ("two quantities on a line", INVOICE, twin("c:InvoiceLine[1]/b:InvoicedQuantity")),
    ("two tax categories on a line", INVOICE, twin("c:InvoiceLine[1]/c:Item/c:TaxCategory")),
    ("two tax categories on an allowance", TWO, twin("i:AllowanceCharge[1]/c:TaxCategory")),
    ("two payment terms", INVOICE, twin("c:PaymentTerms")),
    ("a period without date", TWO, put("i:InvoicingPeriod/b:EndDateTime", "")),
    ("an invoice type that is no number", INVOICE, put("i:InvoiceTypeCode", "faktura")),
    ("a base quantity of zero under an allowance", TWO, put("c:InvoiceLine[1]/c:Item/c:BasePrice/b:BaseQuantity", "0")),
)

_SHIFTS = ("-0.51", "-0.5", "-0.49", "0.49", "0.5", "0.51", "-0.01", "0.009", "0.01", "0.0009", "0.001", "0.0011")
_AMOUNTS = (
    *(
        (INVOICE, f"{SUB}[1]/b:TaxAmount"),
        (INVOICE, f"{SUB}[2]/b:TaxableAmount"),
        (INVOICE, "c:TaxTotal/b:TotalTaxAmount"),
    ),
    *((INVOICE, f"{TOTAL}/b:LineExtensionTotalAmount"), (INVOICE, f"{TOTAL}/b:TaxExclusiveTotalAmount")),
    *((INVOICE, f"{TOTAL}/b:TaxInclusiveTotalAmount"), (TWO, f"{TOTAL}/b:TaxInclusiveTotalAmount")),
    *(
        (TWO, f"{TOTAL}/c:RoundOffAmount"),
        (TWO, f"{SUB}[1]/c:TaxCurrencyTaxAmount"),
        (TWO, "i:AllowanceCharge/b:Amount"),
    ),
    *((TWO, f"c:InvoiceLine[{line}]/b:LineExtensionAmount") for line in range(1, 8)),
    *((TWO, f"c:InvoiceLine[{line}]/c:AllowanceCharge/c:AllowanceChargeBaseAmount") for line in (1, 2)),
)
_VALUES = (
    (INVOICE, "i:InvoiceTypeCode", ("0380", "380.0", " 380 ", " 381 ", "381", "381.0", "3.8e2", "+380")),
    (INVOICE, "i:LineItemCountNumeric", ("4.0", " 4 ", "04", "3.9999999999999999999", "-4")),
    (INVOICE, "c:PaymentTerms/b:PenaltySurchargePercent", ("0", "-0", "-0.0001")),
    (INVOICE, "c:PaymentMeans/b:DuePaymentDate", ("2026-10-01", "2026-10-01Z", "2026-10-01+14:00", "2026-10-01-14:00")),
    (INVOICE, "c:PaymentMeans/c:PaymentMeansTypeCode", (" 1", "01", "1.0")),
    (INVOICE, "c:InvoiceLine[1]/c:Item/c:TaxCategory/c:ID", ("s", "e", " S", "E", "S\u00a0")),
    (
        INVOICE,
        "c:InvoiceLine[1]/c:Item/c:TaxCategory/b:Percent",
        ("25", " 25 ", "025.000", "25.00000000000000001", "12"),
    ),
    (INVOICE, "c:InvoiceLine[4]/c:Item/c:TaxCategory/b:Percent", ("0", "-0", "0.0000000000000000001", "6")),
    (INVOICE, f"{SUB}[1]/c:TaxCategory/c:ID", ("s", "e", " S", "E")),
    (INVOICE, f"{SUB}[4]/c:TaxCategory/c:TaxScheme/c:ID", (" VAT", "vat", "GST")),
    (INVOICE, f"{SELLER}/{REGISTRATION}[2]/c:TaxScheme/c:ID", (" VAT", "vat", "SWT")),
    (INVOICE, f"{SELLER}/{REGISTRATION}[1]/c:TaxScheme/c:ID", (" SWT", "swt")),
    (TWO, f"{BUYER}/{REGISTRATION}[1]/c:TaxScheme/c:ID", (" SWT", "swt")),
    (INVOICE, f"{SELLER}/{REGISTRATION}[1]/c:CompanyID", ("", "ÅÄÖ_1", "556999 0004", "556999\u20110004")),
    (INVOICE, f"{BUYER}/c:Address/b:PostalZone", ("", "SE11122", "１１１２２", "111\n22", "111_22")),
    (INVOICE, "//b:Telephone", ("", "+", "+46", "46+", "٠٨", "08\n")),
    (INVOICE, "i:RequisitionistDocumentReference/c:ID", ("", "\t", "\n", "\u00a0", ".")),
    (INVOICE, f"{ACCOUNT}/c:FinancialInstitutionBranch/c:FinancialInstitution/c:ID", ("SNDOSESS", " SNDOSESS", "")),
    (TWO, "c:Delivery/b:ActualDeliveryDateTime", ("2026-10-05T23:59:59", "2026-10-06T00:00:00+14:00", "2026-10-05")),
    (TWO, "i:InvoicingPeriod/b:EndDateTime", ("2026-09-01T00:00:00", "2026-10-05T24:00:00", "2026-10-05T01:00:00Z")),
    (TWO, "i:AllowanceCharge[1]/b:ChargeIndicator", ("0", "1", "true", " false ", "FALSE")),
    (TWO, "c:InvoiceLine[5]/c:AllowanceCharge/b:ChargeIndicator", ("0", "1", "true", " false ")),
    (TWO, "c:InvoiceLine[5]/c:AllowanceCharge/b:Amount", ("0", "-0", "-0.0001")),
    (TWO, f"{TOTAL}/c:RoundOffAmount", ("0", "-0", "0.00")),
    (TWO, "c:ExchangeRate/b:CalculationRate", ("0.0000001", "-11.5", "11.5000")),
    (CREDIT, f"{TOTAL}/b:TaxInclusiveTotalAmount", ("0", "-0", "-0.0001")),
)
BORDERS: tuple[tuple[str, str, Edit], ...] = (
    *((f"{path} {change}", sample, shift(path, change)) for sample, path in _AMOUNTS for change in _SHIFTS),
    *((f"{path} {text!r}", sample, put(path, text)) for sample, path, texts in _VALUES for text in texts),
    ("one currency twice", TWO, both(put("i:TaxCurrencyCode", "EUR"), shift(f"{SUB}[1]/b:TaxAmount", "1"))),
    ("two names, one other", TWO, both(twin(f"{SELLER}/c:PartyName/b:Name"), put(f"{SELLER}/c:PartyName/b:Name", "X"))),
    ("two address lines", INVOICE, both(drop(f"{BUYER}/c:Address/b:*"), after(f"{BUYER}/c:PartyName", TWO_LINES))),
    (
        "an exemption with a space, no reason",
        INVOICE,
        both(drop(f"{SUB}[4]//b:ExemptionReason"), put(f"{SUB}[4]//c:ID", " E")),
    ),
    (
        "an allowance exempt with a space, no reason",
        TWO,
        both(drop(f"{SUB}//b:ExemptionReason"), put("i:AllowanceCharge[3]/c:TaxCategory/c:ID", " E")),
    ),
    ("a credit note of half a period", CREDIT, both(after(CREDITED, HALF_PERIOD), drop(CREDITED))),
    ("a period without end", TWO, drop("i:InvoicingPeriod/b:EndDateTime")),
    ("no name at all", INVOICE, drop(f"{SELLER}/c:PartyName")),
    ("no lines", INVOICE, drop("c:InvoiceLine")),
    ("no totals", INVOICE, drop(TOTAL)),
)
