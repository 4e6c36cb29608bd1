"""What stands around a document when it is sent: envelopes, and the bytes it is written in."""

from __future__ import annotations

import io
from collections.abc import Sequence
from enum import StrEnum

from lxml import etree

from hub_svefaktura.standin.basic import BASIC_INVOICE
from hub_svefaktura.standin.bills import Bill
from hub_svefaktura.standin.bis import PROFILE
from hub_svefaktura.standin.elements import Element, Pen

_UN_CEFACT = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"
_SFTI = "urn:sfti:documents:StandardBusinessDocumentHeader"
_BOM = b"\xef\xbb\xbf"


class Writing(StrEnum):
    """How the characters become bytes."""

    UTF_8 = "utf-8"
    UTF_8_WITH_BOM = "utf-8-bom"
    LATIN_1 = "iso-8859-1"


def in_sbdh(bill: Bill, document: Element) -> Element:
    """The document in Peppol's business envelope."""
    name = etree.QName(document)
    envelope = Pen.root(":StandardBusinessDocument", {"": _UN_CEFACT})
    header = _header(envelope, bill, f"{name.namespace}", name.localname)
    scopes = header.put(":BusinessScope")
    customization = document.findtext("{*}CustomizationID") or BASIC_INVOICE
    _scope(scopes, "DOCUMENTID", f"{name.namespace}::{name.localname}##{customization}::2.1", "busdox-docid-qns")
    _scope(scopes, "PROCESSID", PROFILE, "cenbii-procid-ubl")
    _scope(scopes, "COUNTRY_C1", "SE")
    envelope.element.append(document)
    return envelope.element


def in_sfti_envelope(bill: Bill, documents: Sequence[Element]) -> Element:
    """A Svefaktura, and its attachments beside it, in SFTI's own envelope."""
    envelope = Pen.root(":StandardBusinessDocument", {"": _SFTI})
    _header(envelope, bill, BASIC_INVOICE, "BasicInvoice")
    envelope.element.extend(documents)
    return envelope.element


def _header(envelope: Pen, bill: Bill, standard: str, kind: str) -> Pen:
    header = envelope.put(":StandardBusinessDocumentHeader")
    header.put(":HeaderVersion", "1.0")
    for who, address in (("Sender", f"0007:{bill.seller.organisation_number}"), ("Receiver", bill.unit.peppol_id)):
        header.put(f":{who}/:Identifier", address, Authority="iso6523-actorid-upis")
    identification = header.put(":DocumentIdentification")
    identification.put(":Standard", standard)
    identification.put(":TypeVersion", "2.1")
    identification.put(":InstanceIdentifier", f"{bill.seller.organisation_number}-{bill.number}")
    identification.put(":Type", kind)
    identification.put(":CreationDateAndTime", f"{bill.issued.isoformat()}T08:00:00Z")
    return header


def _scope(scopes: Pen, kind: str, value: str, identifier: str = "") -> None:
    scope = scopes.put(":Scope")
    scope.put(":Type", kind)
    scope.put(":InstanceIdentifier", value)
    if identifier:
        scope.put(":Identifier", identifier)


def written(root: Element, writing: Writing = Writing.UTF_8) -> bytes:
    """The document's bytes; characters that the encoding lacks become references."""
    encoding = "ISO-8859-1" if writing is Writing.LATIN_1 else "UTF-8"
    stream = io.BytesIO()
    root.getroottree().write(stream, xml_declaration=True, encoding=encoding, pretty_print=True)
    return (_BOM if writing is Writing.UTF_8_WITH_BOM else b"") + stream.getvalue()
