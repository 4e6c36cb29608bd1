"""What an invoice says is what the record says: every field, in both syntaxes, in our samples and the official ones."""

from __future__ import annotations

import os
import time
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hub_svefaktura.invoices import INVOICES
from hub_svefaktura.values import at_path, text_of
from xmlrules import parse

from hub.domain.identifiers import ElectronicAddress, Gln, OrganisationNumber
from hub.domain.invoices import AllowanceCharge, Attachment, Invoice, InvoiceKind, Payment, VatSubtotal
from hub.domain.money import Money
from hub.domain.parties import Address, Contact, Identifier
from hub.plugin.errors import Rejected

OURS = Path(__file__).parents[1] / "samples"
SHARED = Path(os.environ.get("HUB_ARTEFACTS") or Path(__file__).parents[4] / "shared") / "samples"
official = pytest.mark.skipif(
    not SHARED.is_dir(),
    reason="the official samples are not here; let HUB_ARTEFACTS name the folder that holds samples/",
)


def sek(amount: str) -> Money:
    return Money(Decimal(amount), "SEK")


def read(name: str) -> Invoice:
    return INVOICES.read((OURS / name).read_bytes())


@pytest.fixture(scope="module")
def office() -> Invoice:
    return read("peppol/invoice-office.xml")


@pytest.fixture(scope="module")
def svefaktura() -> Invoice:
    return read("svefaktura/good-with-attachment.xml")


# ---------------------------------------------------------------- Peppol BIS Billing 3


def test_a_peppol_invoice_tells_its_number_dates_and_references(office: Invoice) -> None:
    assert office.kind is InvoiceKind.INVOICE
    assert office.number == "F-10001"
    assert (office.issue_date, office.due_date) == (date(2026, 11, 2), date(2026, 12, 2))
    assert office.delivery_date == date(2026, 10, 30)
    assert office.buyer_reference == "REF1234"
    assert office.order_reference == "ORD-2026-7001"
    assert office.contract_reference == "AVT-2026-0007"
    assert office.notes == ("Tack för din beställning. Påhittad faktura, avsedd för prov.",)
    assert office.payment_terms == "30 dagar netto"


def test_a_peppol_invoice_tells_who_sells_and_who_buys(office: Invoice) -> None:
    assert office.seller.name == "Påhittade Kontorsvaror AB"
    assert office.seller.organisation_number == OrganisationNumber("5555555555")
    assert office.seller.vat_id == "SE555555555501"
    assert office.seller.endpoint == ElectronicAddress("0007", "5555555555")
    assert office.seller.identifiers == (Identifier("7350000000009", "0088"),)
    assert office.seller.address == Address(("Exempelvägen 5",), "99999", "Påhittsby", "SE")
    assert office.seller.contact == Contact("Åsa Öberg-Exempel", "08-555 555 55", "order@kontorsvaror.example")
    assert office.buyer.name == "Exempelstads kulturförvaltning"
    assert office.buyer.glns == (Gln("7350000000016"),)
    assert office.payee is None


def test_a_peppol_invoice_tells_its_sums_and_vat_exactly(office: Invoice) -> None:
    totals = office.totals
    assert (totals.lines, totals.without_vat, totals.vat) == (sek("4051.00"), sek("4101.00"), sek("772.41"))
    assert (totals.with_vat, totals.rounding, totals.prepaid) == (sek("4873.41"), sek("-0.41"), None)
    assert office.payable == sek("4873.00")
    assert office.vat == (
        VatSubtotal("S", Decimal(25), sek("2433.00"), sek("608.25")),
        VatSubtotal("S", Decimal(12), sek("1068.00"), sek("128.16")),
        VatSubtotal("S", Decimal(6), sek("600.00"), sek("36.00")),
    )
    assert office.allowances == (
        AllowanceCharge(False, sek("100.00"), "Avtalsrabatt"),
        AllowanceCharge(True, sek("150.00"), "Frakt"),
    )


def test_a_peppol_line_tells_all_that_it_states(office: Invoice) -> None:
    paper, *_, screws = office.lines
    assert (paper.id, paper.name, paper.item_number) == ("1", "Kopieringspapper A4", "K-100")
    assert (paper.quantity, paper.unit, paper.unit_price) == (Decimal(40), "EA", Decimal("45.50"))
    assert (paper.amount, paper.vat_category, paper.vat_percent) == (sek("1638.00"), "S", Decimal(25))
    assert (paper.order_line, paper.note) == ("1", "Levereras på pall")
    assert paper.description == "Ohålat, 500 ark, återvunnet"
    assert paper.allowances == (AllowanceCharge(False, sek("182.00"), "Mängdrabatt"),)
    assert paper.price_quantity is None
    assert (screws.unit_price, screws.price_quantity) == (Decimal("149.00"), Decimal(100))


def test_swedish_giros_are_told_apart_with_the_payment_reference(office: Invoice) -> None:
    assert office.payments == (Payment("bankgiro", "55555551", "100012"), Payment("plusgiro", "1111111", "100012"))


def test_a_credit_note_names_the_invoice_it_credits() -> None:
    credit = read("peppol/creditnote-office.xml")
    assert credit.kind is InvoiceKind.CREDIT_NOTE
    assert credit.preceding == ("F-10001",)
    assert (credit.lines[0].quantity, credit.payable) == (Decimal(2), sek("199.36"))
    assert credit.due_date is None


def test_the_payee_and_what_is_paid_already_are_read() -> None:
    rent = read("peppol/invoice-rent.xml")
    assert rent.payee is not None
    assert (rent.payee.name, rent.payee.legal_id) == ("Påhittad Inkasso AB", "7777777777")
    assert (rent.totals.prepaid, rent.payable) == (sek("1875.00"), sek("180000.00"))
    assert rent.order_reference == ""


def test_an_order_reference_written_na_is_none() -> None:
    document = (OURS / "peppol/invoice-office.xml").read_bytes().replace(b"ORD-2026-7001", b"NA")
    assert INVOICES.read(document).order_reference == ""


def test_an_invoice_whose_type_code_asks_for_credit_is_a_credit_note() -> None:
    document = (OURS / "peppol/invoice-office.xml").read_bytes().replace(b"Code>380<", b"Code>381<")
    assert INVOICES.read(document).kind is InvoiceKind.CREDIT_NOTE


# ---------------------------------------------------------------- Svefaktura 1.0


def test_a_svefaktura_tells_its_number_dates_and_references(svefaktura: Invoice) -> None:
    assert svefaktura.kind is InvoiceKind.INVOICE
    assert svefaktura.number == "2026-1002"
    assert svefaktura.issue_date == date(2026, 10, 1)
    assert svefaktura.notes == ("Leverans enligt påhittat avtal",)
    assert (svefaktura.buyer_reference, svefaktura.more_references) == ("STH1234", ("Förvaltningens beställare",))


def test_a_svefaktura_takes_its_electronic_addresses_from_the_envelope(svefaktura: Invoice) -> None:
    assert svefaktura.seller.endpoint == ElectronicAddress("0007", "5569990004")
    assert svefaktura.buyer.endpoint == ElectronicAddress("0007", "2120009994")
    assert read("svefaktura/good-invoice-380.xml").buyer.endpoint is None


def test_an_identifier_of_gs1_in_a_svefaktura_is_a_gln(svefaktura: Invoice) -> None:
    assert svefaktura.buyer.glns == (Gln("7350000000016"),)


def test_the_sum_with_vat_of_a_svefaktura_is_what_is_payable_before_rounding() -> None:
    totals = read("svefaktura/good-two-currencies.xml").totals
    assert totals.rounding == Money(Decimal("0.30"), "EUR")
    assert totals.with_vat == Money(Decimal("4826.70"), "EUR")
    assert totals.payable == Money(Decimal("4827.00"), "EUR")


def test_type_381_of_svefaktura_is_a_credit_note_with_its_invoice() -> None:
    credit = read("svefaktura/good-credit-note-381.xml")
    assert credit.kind is InvoiceKind.CREDIT_NOTE
    assert len(credit.preceding) == 1


def test_a_svefaktura_without_currency_code_is_in_the_currency_of_its_sum() -> None:
    document = (OURS / "svefaktura/good-two-currencies.xml").read_bytes()
    bare = document.replace(b"  <InvoiceCurrencyCode>EUR</InvoiceCurrencyCode>\n", b"")
    assert bare != document
    assert INVOICES.read(bare).currency == "EUR"


def test_the_buyers_contact_stands_in_for_a_missing_requisitionist() -> None:
    document = (OURS / "svefaktura/good-with-attachment.xml").read_bytes()
    start, end = document.index(b"<RequisitionistDocument"), document.rindex(b"</RequisitionistDocumentReference>")
    without = document[:start] + document[end + len(b"</RequisitionistDocumentReference>") :]
    assert INVOICES.read(without).buyer_reference == "Ärendegruppen"


# ---------------------------------------------------------------- places and attachments


@pytest.mark.parametrize("name", ["envelopes/invoice-in-sbdh.xml", "svefaktura/good-with-attachment.xml"])
def test_a_lines_path_leads_back_to_its_element(name: str) -> None:
    document = (OURS / name).read_bytes()
    invoice = at_path(parse(document).getroot(), INVOICES.recognise(document).at)
    assert invoice is not None
    for line in INVOICES.read(document).lines:
        element = at_path(invoice, line.path)
        assert element is not None
        assert element.tag.endswith("}InvoiceLine")
        assert line.id in {text_of(child) for child in element if child.tag.endswith("}ID")}


def test_attachments_are_listed_with_name_kind_and_size_and_addresses_as_such(office: Invoice) -> None:
    content = b"artikel;antal\nK-100;40\nF-200;12\n"
    embedded, external = office.attachments
    assert (embedded.name, embedded.media_type, embedded.size) == ("plocklista.csv", "text/csv", len(content))
    assert (external.name, external.size) == ("Leveransvillkor", None)
    assert external.address == "https://kontorsvaror.example/villkor.pdf"


@pytest.mark.parametrize(
    "name",
    [
        "peppol/invoice-office.xml",
        "envelopes/invoice-in-sbdh.xml",
        "envelopes/invoice-utf-16.xml",
        "svefaktura/good-with-attachment.xml",
        "envelopes/svefaktura-in-both-envelopes.xml",
    ],
)
def test_an_embedded_file_comes_out_as_long_as_it_was_said_to_be(name: str) -> None:
    document = (OURS / name).read_bytes()
    embedded = [each for each in INVOICES.read(document).attachments if each.size is not None]
    assert embedded
    for each in embedded:
        file_name, media_type, content = INVOICES.attachment(document, each.path)
        assert (file_name, media_type, len(content)) == (each.name, each.media_type, each.size)


@pytest.mark.parametrize("path", [(), (0,), (10, 0), (-1,), (10**9,), (0, 0, 0, 0)])
def test_no_other_place_in_a_document_can_be_taken_out_as_a_file(path: tuple[int, ...]) -> None:
    with pytest.raises(Rejected):
        INVOICES.attachment((OURS / "peppol/invoice-office.xml").read_bytes(), path)


def test_an_address_is_not_a_file_to_take_out(office: Invoice) -> None:
    external = next(each for each in office.attachments if each.address)
    with pytest.raises(Rejected):
        INVOICES.attachment((OURS / "peppol/invoice-office.xml").read_bytes(), external.path)


def test_a_comment_in_the_middle_of_a_value_changes_nothing(office: Invoice) -> None:
    document = (OURS / "peppol/invoice-office.xml").read_bytes()
    commented = document.replace(b">F-10001<", b">F-1<!-- here --><?and here?>0001<", 1)
    commented = commented.replace(b"<cac:OrderReference>", b"<!-- before the lines --><cac:OrderReference>", 1)
    assert commented != document
    assert INVOICES.read(commented) == office


def test_time_grows_with_the_lines_and_not_with_their_square() -> None:
    few, many = (min(_seconds(lines) for _ in range(3)) for lines in (500, 5_000))
    assert many < 30 * few


def _seconds(lines: int) -> float:
    document = (OURS / "peppol/invoice-office.xml").read_bytes()
    start, end = document.index(b"  <cac:InvoiceLine>"), document.rindex(b"</Invoice>")
    one = document[start : document.index(b"</cac:InvoiceLine>") + len(b"</cac:InvoiceLine>\n")]
    large = document[:start] + one * lines + document[end:]
    began = time.process_time()
    assert len(INVOICES.read(large).lines) == lines
    return time.process_time() - began


# ---------------------------------------------------------------- the official samples, against what stands in them

SUPPLIER, BUYER = "SupplierOfficialName Ltd", "Buyer Official Name"
CHAIN, STUDIO, PROJECT = "The Global Chain Sweden AB", "Produtionsbolaget Sverige AB", "Project services AB"
SELLER_INC, BUYER_INC = "The Sellercompany Incorporated", "The Buyercompany"
KINDS = {"380": InvoiceKind.INVOICE, "381": InvoiceKind.CREDIT_NOTE}

# file, type, number, issued, due, currency, lines' sum, VAT, payable, number of lines
OFFICIAL = """
openpeppol-Allowance-example                380 Snippet1    2017-11-13 2017-12-01 EUR 5900    1225.00 6125.00  3
openpeppol-Vat-category-S                   380 Snippet1    2017-11-13 2017-12-01 EUR 6900    1550.00 8550     3
openpeppol-base-creditnote-correction       381 Snippet1    2017-11-13 -          EUR 1300    331.25  1656.25  2
openpeppol-base-example                     380 Snippet1    2017-11-13 2017-12-01 EUR 1300    331.25  1656.25  2
openpeppol-base-negative-inv-correction     380 Correction1 2017-11-13 2017-12-01 EUR -1300   -331.25 -1656.25 2
openpeppol-sales-order-example              380 Snippet1    2017-11-13 2017-12-01 EUR 1300    331.25  1656.25  2
openpeppol-vat-category-E                   380 Vat-Z       2018-08-30 -          GBP 1200.00 0.00    1200.00  1
openpeppol-vat-category-O                   380 Vat-O       2018-08-30 -          SEK 3200.00 0.00    3200.00  1
openpeppol-vat-category-Z                   380 Vat-Z       2018-08-30 -          GBP 1200.00 0.00    1200.00  1
sfti-CreditNote-Max_content                 381 2018211     2018-02-08 -          SEK 10000   2500    12500    2
sfti-Invoice-Max_content                    380 2018210     2018-02-08 2018-03-07 SEK 10000   2500    12500    2
sfti-Invoice-Rounded_amounts                380 2018202     2018-02-08 -          SEK 98.50   11.50   109.50   6
sfti-Manage_crediting-The_initial_invoice   380 2018133     2018-02-08 2018-03-07 SEK 9560    2167    10000    2
sfti-Manage_crediting-Thru_credit_note      381 2018140     2018-02-10 -          SEK 9560    2167    10000    2
sfti-Manage_crediting-Thru_negative_invoice 380 2018141     2018-02-10 2018-03-07 SEK -9560   -2167   -10000   2
"""
ROWS = [row.split() for row in OFFICIAL.strip().splitlines()]


@official
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_an_official_peppol_sample_reads_as_it_stands(row: list[str]) -> None:
    name, kind, number, issued, due, currency, lines, vat, payable, count = row
    invoice = INVOICES.read((SHARED / "peppol-bis3" / f"{name}.xml").read_bytes())
    assert (invoice.kind, invoice.number) == (KINDS[kind], number)
    assert invoice.issue_date.isoformat() == issued
    assert (invoice.due_date.isoformat() if invoice.due_date else "-") == due
    assert invoice.currency == currency
    assert invoice.totals.lines == Money(Decimal(lines), currency)
    assert invoice.totals.vat == Money(Decimal(vat), currency)
    assert invoice.payable == Money(Decimal(payable), currency)
    assert len(invoice.lines) == int(count)


@official
@pytest.mark.parametrize(
    ("start", "seller", "buyer"),
    [
        ("openpeppol-[bsA]", SUPPLIER, BUYER),
        ("openpeppol-Vat", SUPPLIER, BUYER),
        ("openpeppol-vat", SELLER_INC, BUYER_INC),
        ("sfti-Manage", STUDIO, PROJECT),
        ("sfti-[IC]", CHAIN, PROJECT),
    ],
)
def test_the_parties_of_the_official_peppol_samples_are_named_as_registered(
    start: str, seller: str, buyer: str
) -> None:
    files = list((SHARED / "peppol-bis3").glob(f"{start}*.xml"))
    assert files
    for file in files:
        invoice = INVOICES.read(file.read_bytes())
        assert (invoice.seller.name, invoice.buyer.name) == (seller, buyer)


@official
def test_no_official_peppol_sample_is_left_out() -> None:
    assert {row[0] for row in ROWS} == {file.stem for file in (SHARED / "peppol-bis3").glob("*.xml")}


@official
def test_the_largest_official_invoice_reads_to_the_last_field() -> None:
    invoice = INVOICES.read((SHARED / "peppol-bis3/sfti-Invoice-Max_content.xml").read_bytes())
    assert invoice.buyer_reference == "Buyer reference"
    assert (invoice.order_reference, invoice.contract_reference) == ("20180117", "2017-123")
    assert invoice.preceding == ("Preceding invoice no.1", "Preceding invoice no.2")
    assert invoice.delivery_date == date(2017, 12, 1)
    assert invoice.seller.identifiers == (Identifier("7350000001204", "0088"), Identifier("Bilateral-ID"))
    streets = ("Streetname-line1", "AddStreetname-line2", "Address-line3")
    assert invoice.seller.address == Address(streets, "11122", "Big City", "SE")
    assert invoice.payee is not None
    assert invoice.payee.name == "Finansiell Support u.p.a."
    assert [each.kind for each in invoice.payments] == ["iban", "account", "bankgiro", "plusgiro"]
    assert {each.reference for each in invoice.payments} == {"1800355"}
    assert [each.percent for each in invoice.vat] == [Decimal(25), Decimal(0)]
    assert [(each.is_charge, each.amount.amount) for each in invoice.allowances] == [
        (False, Decimal(100)),
        (True, Decimal(200)),
        (False, Decimal(200)),
        (True, Decimal(100)),
    ]
    assert [each.name for each in invoice.attachments] == [
        "testlog.csv",
        "warranty.pdf",
        "Referenced external sample document",
    ]
    line = invoice.lines[0]
    assert (line.order_line, line.item_number, line.unit_price) == ("20080117/JM", "UNI+x", Decimal(20))
    assert (line.quantity, line.unit, len(line.allowances)) == (Decimal(500), "MTR", 4)


@official
def test_an_official_attachment_comes_out_as_the_pdf_it_is() -> None:
    document = (SHARED / "peppol-bis3/sfti-Invoice-Max_content.xml").read_bytes()
    pdf = INVOICES.read(document).attachments[1]
    name, media_type, content = INVOICES.attachment(document, pdf.path)
    assert (name, media_type, len(content)) == ("warranty.pdf", "application/pdf", pdf.size)
    assert content.startswith(b"%PDF-1.3")


@official
def test_the_basic_official_svefaktura_reads_as_it_stands() -> None:
    invoice = INVOICES.read((SHARED / "svefaktura/svefaktura-bas.xml").read_bytes())
    assert (invoice.number, invoice.issue_date, invoice.due_date) == ("15", date(2003, 9, 11), date(2003, 10, 11))
    assert (invoice.seller.name, invoice.buyer.name) == ("Moderna Produkter AB", "Johnssons byggvaror")
    assert (invoice.seller.legal_id, invoice.seller.vat_id) == ("5565624223", "SE556562422301")
    assert invoice.delivery_date == date(2003, 11, 1)
    assert invoice.payments == (Payment("bankgiro", "3338929", "54225485"),)
    assert (invoice.buyer_reference, invoice.more_references) == ("50", ("Pelle",))
    assert invoice.vat == (VatSubtotal("S", Decimal(25), sek("6225"), sek("1556.25")),)
    assert (invoice.totals.lines, invoice.totals.vat) == (sek("6225"), sek("1556.25"))
    assert (invoice.totals.with_vat, invoice.totals.rounding) == (sek("7781.25"), sek("0.25"))
    assert invoice.payable == sek("7781.50")
    assert [(each.name, each.quantity, each.unit, each.amount) for each in invoice.lines] == [
        ("Falu rödfärg", Decimal(120), "liter", sek("6000")),
        ("Pensel 20 mm", Decimal(15), "styck", sek("225")),
    ]
    assert invoice.lines[0].note == "Fritext på fakturaraden"


@official
def test_the_official_svefaktura_with_vat_reads_as_it_stands() -> None:
    invoice = INVOICES.read((SHARED / "svefaktura/svefaktura-moms.xml").read_bytes())
    assert (invoice.number, invoice.issue_date, invoice.due_date) == ("200400035", date(2004, 10, 6), date(2004, 11, 5))
    assert (invoice.seller.name, invoice.buyer.name) == ("Moderna Produkter AB", "Kundföretaget AB")
    assert [(each.kind, each.account) for each in invoice.payments] == [("plusgiro", "63040"), ("bankgiro", "3748829")]
    assert (invoice.buyer_reference, invoice.more_references) == ("Orderavdelningen", ("Lena Johansson",))
    assert (invoice.totals.vat, invoice.payable) == (sek("3768.00"), sek("18918.00"))
    assert [each.tax for each in invoice.vat] == [sek("3750.00"), sek("18.00")]
    assert [(each.item_number, each.vat_percent) for each in invoice.lines] == [
        ("575245", Decimal(25)),
        ("54833", Decimal(12)),
    ]


@official
def test_an_official_object_envelope_beside_its_invoice_gives_its_attachment() -> None:
    envelope = (SHARED / "svefaktura/ObjectEnvelope.xml").read_text("utf-8").split("?>", 1)[1]
    invoice = (SHARED / "svefaktura/svefaktura-bas.xml").read_text("utf-8-sig").split("?>", 1)[1]
    namespace = "urn:sfti:documents:StandardBusinessDocumentHeader"
    document = f'<s:StandardBusinessDocument xmlns:s="{namespace}">{invoice}{envelope}</s:StandardBusinessDocument>'
    (picture,) = INVOICES.read(document.encode()).attachments
    assert isinstance(picture, Attachment)
    assert (picture.name, picture.media_type) == ("bild.jpg", "image/jpeg")
    content = INVOICES.attachment(document.encode(), picture.path)[2]
    assert len(content) == picture.size
    assert content.startswith(b"<html")
