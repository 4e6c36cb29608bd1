"""Find the invoice inside what arrived: bare, in an SBDH, in SFTI's variant of it, with attachments beside it.

Sources: UN/CEFACT SBDH 1.3 as used by Peppol Business Message Envelope 2.0; SFTI's envelope of Svefaktura 1.0
(`urn:sfti:documents:StandardBusinessDocumentHeader`), which holds the invoice and its ObjectEnvelopes as siblings.
Envelopes may stand within one another: access points put the first around the second.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lxml import etree

from hub.domain.identifiers import ElectronicAddress
from hub_svefaktura.refusals import rejected
from hub_svefaktura.values import Element, Path, elements_of, line_of, text_of

UBL_INVOICE = "{urn:oasis:names:specification:ubl:schema:xsd:Invoice-2}Invoice"
UBL_CREDIT_NOTE = "{urn:oasis:names:specification:ubl:schema:xsd:CreditNote-2}CreditNote"
BASIC_INVOICE = "{urn:sfti:documents:BasicInvoice:1:0}Invoice"
OBJECT_ENVELOPE = "{urn:sfti:documents:ObjectEnvelope:1:0}ObjectEnvelope"
INVOICES = frozenset({UBL_INVOICE, UBL_CREDIT_NOTE, BASIC_INVOICE})

UN_CEFACT = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"
SFTI = "urn:sfti:documents:StandardBusinessDocumentHeader"
KINDS: Mapping[str, str] = {UN_CEFACT: "sbdh", SFTI: "sbdh-sfti"}

UNKNOWN = "ENVELOPE-UNKNOWN"
EMPTY = "ENVELOPE-EMPTY"
SEVERAL = "ENVELOPE-SEVERAL"
NO_FORMAT = "FORMAT-UNKNOWN"

_SHOWN = 200
_MOST_NAMED = 5
# ISO 6523 schemes have four digits; SFTI's envelopes name a party by country and organisation number.
_PARTICIPANT = re.compile(r"(?:iso6523-actorid-upis::)?(?P<scheme>[0-9]{4}|SE):(?P<value>\S+)")
_ORGANISATION_NUMBER = "0007"
_HEADER = "StandardBusinessDocumentHeader"
_FACTS: Mapping[str, tuple[str, ...]] = {
    "sender": ("Sender", "Identifier"),
    "receiver": ("Receiver", "Identifier"),
    "instance_id": ("DocumentIdentification", "InstanceIdentifier"),
    "document_standard": ("DocumentIdentification", "Standard"),
    "document_type": ("DocumentIdentification", "Type"),
    "created": ("DocumentIdentification", "CreationDateAndTime"),
}
_SCOPES: Mapping[str, str] = {"DOCUMENTID": "document_type_id", "PROCESSID": "process_id", "COUNTRY_C1": "country_c1"}


@dataclass(frozen=True, slots=True)
class Found:
    """Where the invoice stands.

    `at` and `objects` are indexes of child elements from the document's root to the invoice and to each
    ObjectEnvelope beside it. `header` is what the envelopes say, the outermost before the inner ones.
    """

    invoice: Element
    at: Path
    objects: tuple[tuple[Path, Element], ...] = ()
    header: Mapping[str, str] = field(default_factory=dict)

    def address(self, who: str) -> ElectronicAddress | None:
        """The electronic address of the envelope's `sender` or `receiver`, when it states a readable one.

        `0007:5555555555` is one as it stands; `SE:5555555555` is an organisation number, whose scheme is 0007.
        """
        match = _PARTICIPANT.fullmatch(self.header.get(who, ""))
        if match is None:
            return None
        scheme = _ORGANISATION_NUMBER if match["scheme"] == "SE" else match["scheme"]
        return ElectronicAddress.of(scheme, match["value"])


def find_invoice(root: Element) -> Found:
    """The one invoice in the document.

    Raises Rejected with FORMAT-UNKNOWN for a root that is neither invoice nor envelope, ENVELOPE-UNKNOWN for an
    envelope around something else, ENVELOPE-EMPTY when it holds no invoice, ENVELOPE-SEVERAL for more than one.
    """
    if root.tag in INVOICES:
        return Found(root, ())
    if not _is_envelope(root):
        raise rejected(NO_FORMAT, f"the root element is {root.tag}", value=str(root.tag), line=line_of(root))
    inside = list(_inside(root, ()))
    at, invoice = _only_invoice(root, inside)
    objects = tuple((path, each) for path, each in inside if each.tag == OBJECT_ENVELOPE)
    return Found(invoice, at, objects, _header(root))


def _only_invoice(root: Element, inside: list[tuple[Path, Element]]) -> tuple[Path, Element]:
    for _, each in inside:
        if each.tag not in INVOICES and each.tag != OBJECT_ENVELOPE:
            said = f"the envelope holds {each.tag}, which is no invoice"
            raise rejected(UNKNOWN, said, value=str(each.tag), line=line_of(each))
    invoices = [pair for pair in inside if pair[1].tag in INVOICES]
    if not invoices:
        raise rejected(EMPTY, f"the envelope {root.tag} holds no invoice", value=str(root.tag), line=line_of(root))
    if len(invoices) > 1:
        named = [_named_by_number(each) for _, each in invoices[:_MOST_NAMED]]
        value = ", ".join(named) + (" …" if len(invoices) > _MOST_NAMED else "")
        said = f"the envelope holds {len(invoices)} invoices: {value}"
        raise rejected(SEVERAL, said, value=value, line=line_of(invoices[1][1]))
    return invoices[0]


def _named_by_number(invoice: Element) -> str:
    return f"{etree.QName(invoice).localname} {_text(invoice, ('ID',))}".strip()


def _inside(envelope: Element, path: Path) -> Iterator[tuple[Path, Element]]:
    """Everything the envelopes hold but their headers; an ObjectEnvelope is told, and invoices within it too."""
    if envelope.tag == OBJECT_ENVELOPE:
        yield path, envelope
    for index, child in enumerate(elements_of(envelope)):
        if _is_header(child):
            continue
        if _is_envelope(child):
            yield from _inside(child, (*path, index))
        elif envelope.tag != OBJECT_ENVELOPE or child.tag in INVOICES:
            yield (*path, index), child


def _is_envelope(element: Element) -> bool:
    name = etree.QName(element)
    return element.tag == OBJECT_ENVELOPE or (name.namespace in KINDS and name.localname == "StandardBusinessDocument")


def _is_header(element: Element) -> bool:
    name = etree.QName(element)
    return name.namespace in KINDS and name.localname == _HEADER


def _header(root: Element) -> dict[str, str]:
    facts: dict[str, str] = {}
    for envelope in _nested(root):
        kind = KINDS.get(etree.QName(envelope).namespace or "")
        if kind:
            facts.setdefault("envelope", kind)
        for header in filter(_is_header, elements_of(envelope)):
            for name, value in _facts(header):
                facts.setdefault(name, value)
    return facts


def _nested(root: Element) -> Iterator[Element]:
    yield root
    for child in filter(_is_envelope, elements_of(root)):
        yield from _nested(child)


def _facts(header: Element) -> Iterator[tuple[str, str]]:
    for name, steps in _FACTS.items():
        value = _text(header, steps)
        if value:
            yield name, value
    for scope in _named(header, ("BusinessScope", "Scope")):
        name = _SCOPES.get(_text(scope, ("Type",)), "")
        value = _text(scope, ("InstanceIdentifier",))
        if name and value:
            yield name, value


def _text(element: Element, steps: tuple[str, ...]) -> str:
    found = next(_named(element, steps), None)
    return "" if found is None else text_of(found)[:_SHOWN]


def _named(element: Element, steps: tuple[str, ...]) -> Iterator[Element]:
    """Descendants by local names alone: senders disagree on the namespace of what stands in a header."""
    for child in elements_of(element):
        if etree.QName(child).localname == steps[0]:
            if len(steps) == 1:
                yield child
            else:
                yield from _named(child, steps[1:])
