"""The format of the noun invoices: what a document is, the invoice in it, and the files it carries."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator

from xmlrules import safe

from hub.domain.invoices import Attachment, Invoice
from hub.plugin.ports import Recognised
from hub_svefaktura import basic_invoice, ubl
from hub_svefaktura.envelopes import BASIC_INVOICE, Found, find_invoice
from hub_svefaktura.refusals import UNREADABLE, rejected
from hub_svefaktura.values import Element, Node, Path, at_path, text_of, unreadable

BILLING = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
SELFBILLING = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:selfbilling:3.0"
_SHOWN = 200
_EMBEDDED = frozenset(
    {
        ubl.NAMES.path("cbc:EmbeddedDocumentBinaryObject"),
        basic_invoice.NAMES.path(basic_invoice.ENCODED),
    }
)


class InvoiceFormat:
    """Svefaktura 1.0 and UBL 2.1 invoices and credit notes, bare or in their envelopes."""

    noun = "invoices"

    def recognise(self, document: bytes) -> Recognised:
        """Say which invoice format the bytes are. Raises Rejected for what is unsafe, unknown or not one invoice.

        `details` holds what the envelope states (envelope, sender, receiver, instance_id, document_type …) and for
        UBL customization_id and profile_id.
        """
        return _recognised(_found(document))

    def read(self, document: bytes) -> Invoice:
        """The invoice in the bytes. Raises Rejected, and nothing else, when there is none or a value is unreadable."""
        found = _found(document)
        return basic_invoice.read(found) if _is_basic(found) else ubl.read(found)

    def attachment(self, document: bytes, path: Path) -> tuple[str, str, bytes]:
        """Name, media type and bytes of the embedded file that an `Attachment.path` of this document leads to.

        Raises Rejected when no file is embedded there or its base64 is damaged.
        """
        found = _found(document)
        stated = next((each for each in _attachments(found) if each.path == path), None)
        element = at_path(found.invoice.getroottree().getroot(), path)
        if stated is None or element is None or element.tag not in _EMBEDDED:
            raise rejected(UNREADABLE, "no file is embedded there", location="/".join(map(str, path)))
        return stated.name, stated.media_type, _decoded(element)


INVOICES = InvoiceFormat()


def _decoded(element: Element) -> bytes:
    text = "".join(text_of(element).split())
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise unreadable(element, "no base64") from None


def _found(document: bytes) -> Found:
    try:
        tree = safe.parse(document)
    except safe.Unsafe as refused:
        raise rejected(refused.rule, refused.text, line=refused.line) from refused
    return find_invoice(tree.getroot())


def _is_basic(found: Found) -> bool:
    return found.invoice.tag == BASIC_INVOICE


def _attachments(found: Found) -> Iterator[Attachment]:
    return basic_invoice.attachments(found) if _is_basic(found) else ubl.attachments(found)


def _recognised(found: Found) -> Recognised:
    if _is_basic(found):
        return Recognised("svefaktura-1.0", "svefaktura", ("svefaktura",), found.at, dict(found.header))
    details = dict(found.header) | _specification(found.invoice)
    customization = details["customization_id"]
    if customization.startswith(SELFBILLING):
        return Recognised(
            "peppol-bis-3-selfbilling", "peppol-billing", ("en16931", "peppol-selfbilling"), found.at, details
        )
    name = "peppol-bis-3" if customization.startswith(BILLING) else "ubl-other"
    return Recognised(name, "peppol-billing", ("en16931", "peppol"), found.at, details)


def _specification(invoice: Element) -> dict[str, str]:
    node = Node(invoice, ubl.NAMES)
    return {
        "customization_id": node.text("cbc:CustomizationID")[:_SHOWN],
        "profile_id": node.text("cbc:ProfileID")[:_SHOWN],
    }
