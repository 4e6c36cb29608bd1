"""The invoice is found in whatever was put around it, and what the envelope says is told."""

from __future__ import annotations

from pathlib import Path

import pytest
from hub_svefaktura.envelopes import BASIC_INVOICE, INVOICES, UBL_CREDIT_NOTE, UBL_INVOICE
from hub_svefaktura.invoices import INVOICES as FORMAT
from hub_svefaktura.values import at_path
from xmlrules import parse

from hub.plugin.errors import Rejected

OURS = Path(__file__).parents[1] / "samples"
CEFACT = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"
SFTI = "urn:sfti:documents:StandardBusinessDocumentHeader"


def sample(name: str) -> bytes:
    return (OURS / name).read_bytes()


def bare(name: str) -> str:
    return sample(name).decode().split("?>\n", 1)[1]


def wrapped(payload: str, namespace: str = CEFACT) -> bytes:
    return f'<s:StandardBusinessDocument xmlns:s="{namespace}">{payload}</s:StandardBusinessDocument>'.encode()


@pytest.mark.parametrize(
    ("name", "root", "form"),
    [
        ("peppol/invoice-office.xml", UBL_INVOICE, "peppol-bis-3"),
        ("peppol/creditnote-office.xml", UBL_CREDIT_NOTE, "peppol-bis-3"),
        ("envelopes/invoice-in-sbdh.xml", UBL_INVOICE, "peppol-bis-3"),
        ("envelopes/creditnote-in-sbdh.xml", UBL_CREDIT_NOTE, "peppol-bis-3"),
        ("envelopes/invoice-with-bom.xml", UBL_INVOICE, "peppol-bis-3"),
        ("envelopes/invoice-utf-16.xml", UBL_INVOICE, "peppol-bis-3"),
        ("envelopes/invoice-iso-8859-1.xml", UBL_INVOICE, "peppol-bis-3"),
        ("svefaktura/good-invoice-380.xml", BASIC_INVOICE, "svefaktura-1.0"),
        ("svefaktura/good-with-attachment.xml", BASIC_INVOICE, "svefaktura-1.0"),
        ("envelopes/svefaktura-in-both-envelopes.xml", BASIC_INVOICE, "svefaktura-1.0"),
    ],
)
def test_the_path_told_leads_from_the_root_to_the_invoice(name: str, root: str, form: str) -> None:
    document = sample(name)
    found = FORMAT.recognise(document)
    element = at_path(parse(document).getroot(), found.at)
    assert element is not None
    assert (element.tag, found.format) == (root, form)


@pytest.mark.parametrize(
    "name", ["invoice-in-sbdh.xml", "invoice-with-bom.xml", "invoice-utf-16.xml", "invoice-iso-8859-1.xml"]
)
def test_envelope_and_encoding_change_nothing_in_what_is_read(name: str) -> None:
    plain, dressed = FORMAT.read(sample("peppol/invoice-office.xml")), FORMAT.read(sample(f"envelopes/{name}"))
    assert dressed.business_key == plain.business_key
    assert (dressed.seller, dressed.lines, dressed.notes) == (plain.seller, plain.lines, plain.notes)


def test_peppol_documents_are_judged_by_the_billing_rules_of_their_layers() -> None:
    found = FORMAT.recognise(sample("peppol/invoice-office.xml"))
    assert (found.family, found.layers) == ("peppol-billing", ("en16931", "peppol"))
    assert found.details["profile_id"] == "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"


def test_self_billed_documents_are_judged_by_the_self_billing_layer() -> None:
    document = sample("peppol/invoice-office.xml").replace(b"poacc:billing:3.0", b"poacc:selfbilling:3.0")
    found = FORMAT.recognise(document)
    assert found.format == "peppol-bis-3-selfbilling"
    assert (found.family, found.layers) == ("peppol-billing", ("en16931", "peppol-selfbilling"))


def test_an_invoice_of_another_specification_is_still_judged_by_the_billing_rules() -> None:
    found = FORMAT.recognise(sample("bad/unknown-customization.xml"))
    assert (found.format, found.family, found.layers) == ("ubl-other", "peppol-billing", ("en16931", "peppol"))
    assert "pahittat" in found.details["customization_id"]


def test_a_specification_that_only_begins_like_peppols_is_another() -> None:
    document = sample("peppol/invoice-office.xml").replace(b"billing:3.0</cbc:Cust", b"billing:4.0</cbc:Cust")
    assert FORMAT.recognise(document).format == "ubl-other"


def test_svefaktura_is_judged_by_its_own_rules() -> None:
    found = FORMAT.recognise(sample("svefaktura/good-invoice-380.xml"))
    assert (found.family, found.layers, found.details) == ("svefaktura", ("svefaktura",), {})


def test_what_a_peppol_envelope_says_is_told() -> None:
    details = FORMAT.recognise(sample("envelopes/invoice-in-sbdh.xml")).details
    assert details["envelope"] == "sbdh"
    assert details["sender"] == "0007:5555555555"
    assert details["receiver"] == "0088:7350000000016"
    assert details["instance_id"].startswith("00000000-0000-4000-8000-")
    assert details["document_type"] == "Invoice"
    assert details["document_type_id"].endswith("poacc:billing:3.0::2.1")
    assert details["process_id"] == "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
    assert details["country_c1"] == "SE"


def test_of_two_envelopes_the_outer_one_is_believed_and_the_inner_fills_the_gaps() -> None:
    details = FORMAT.recognise(sample("envelopes/svefaktura-in-both-envelopes.xml")).details
    assert (details["envelope"], details["sender"]) == ("sbdh", "0007:5569990004")
    inner = FORMAT.recognise(sample("svefaktura/good-with-attachment.xml")).details
    assert (inner["envelope"], inner["sender"]) == ("sbdh-sfti", "SE:5569990004")
    without = sample("envelopes/svefaktura-in-both-envelopes.xml").replace(b"Sender>", b"Avsandare>", 2)
    assert FORMAT.recognise(without).details["sender"] == "SE:5569990004"


def test_details_of_an_envelope_are_of_bounded_length() -> None:
    document = sample("envelopes/invoice-in-sbdh.xml").replace(b"0007:5555555555", b"9" * 100_000)
    assert all(len(value) <= 200 for value in FORMAT.recognise(document).details.values())


def test_an_invoice_inside_an_object_envelope_is_found() -> None:
    invoice, objects = bare("svefaktura/good-invoice-380.xml"), bare("svefaktura/good-object-envelope.xml")
    document = objects.replace("</ObjectEnvelope>", f"{invoice}</ObjectEnvelope>").encode()
    assert FORMAT.recognise(document).format == "svefaktura-1.0"
    assert [each.name for each in FORMAT.read(document).attachments] == ["specifikation.txt"]


def test_attachments_beside_the_invoice_may_stand_before_it_and_be_several() -> None:
    invoice, objects = bare("svefaktura/good-invoice-380.xml"), bare("svefaktura/good-object-envelope.xml")
    document = wrapped(objects + invoice + objects, SFTI)
    assert len(FORMAT.read(document).attachments) == 2
    assert FORMAT.recognise(document).at == (1,)


def refusal(document: bytes) -> tuple[str, str]:
    with pytest.raises(Rejected) as refused:
        FORMAT.recognise(document)
    (reason,) = refused.value.reasons
    return reason.code, reason.value


def test_an_envelope_around_something_unknown_is_refused_by_its_name() -> None:
    assert refusal(wrapped('<Foljesedel xmlns="urn:example"/>')) == ("ENVELOPE-UNKNOWN", "{urn:example}Foljesedel")


def test_an_unknown_document_beside_an_invoice_is_refused_too() -> None:
    payload = bare("peppol/invoice-office.xml") + '<Foljesedel xmlns="urn:example"/>'
    assert refusal(wrapped(payload)) == ("ENVELOPE-UNKNOWN", "{urn:example}Foljesedel")


@pytest.mark.parametrize("namespace", [CEFACT, SFTI])
def test_an_envelope_with_nothing_in_it_is_empty(namespace: str) -> None:
    code, value = refusal(wrapped(f'<StandardBusinessDocumentHeader xmlns="{namespace}"/>', namespace))
    assert code == "ENVELOPE-EMPTY"
    assert value == f"{{{namespace}}}StandardBusinessDocument"


def test_attachments_without_their_invoice_are_an_empty_envelope() -> None:
    assert refusal(wrapped(bare("svefaktura/good-object-envelope.xml"), SFTI))[0] == "ENVELOPE-EMPTY"


def test_two_invoices_in_one_envelope_are_refused_and_both_named() -> None:
    payload = bare("peppol/invoice-office.xml") + bare("peppol/creditnote-office.xml")
    assert refusal(wrapped(payload)) == ("ENVELOPE-SEVERAL", "Invoice F-10001, CreditNote K-20001")


def test_two_invoices_in_envelopes_of_their_own_within_one_are_still_two() -> None:
    one = wrapped(bare("peppol/invoice-office.xml")).decode()
    assert refusal(wrapped(one + one))[0] == "ENVELOPE-SEVERAL"


def test_every_root_that_is_an_invoice_has_a_sample() -> None:
    roots = set()
    for file in OURS.glob("[ps]*/*.xml"):
        roots.add(parse(file.read_bytes()).getroot().tag)
    assert roots >= INVOICES
