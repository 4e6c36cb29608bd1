"""Documents spoilt on purpose: seeded, so that a run can be repeated, and varied, so that every judge is tried."""

import random
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass

from lxml import etree

Element = etree._Element
Spoil = Callable[[random.Random, Element], None]

XSI = "http://www.w3.org/2001/XMLSchema-instance"
VALUES = (
    *("", " ", "  x  ", "S", "E", " S ", "e", "Z", "VAT", "SWT", " VAT", "SFTI", "CT", "ACD", "CT][ACD", "ZZZ"),
    *("0", "1", "-1", "0.00", "-0.01", "6", "12.0", "25", "24.9999999999999999999999", "007", "+5", "1e3"),
    *("INF", "NaN", "1 000", "1,50", "99999999999999999999.99", "0.000000000000000000000001", "380", "381", "999"),
    *("true", "false", "TRUE", " true ", "SEK", "EUR", "sek", "XXX", "SE", "XX", "SNDOSESS", "BGABSESS"),
    *("2026-10-01", "2026-13-01", "2026-10-01Z", "2026-10-01+02:00", "20261001", "2099-01-01", "1999-12-31"),
    *("2026-09-15T12:00:00", "2026-09-15T24:00:00", "2026-09-15T12:00:00.5Z", "2099-01-01T00:00:00", "T", "0001"),
    *("æøå ÅÄÖ", "123 45", "12345", "SE-123", "070-12 34", "+46700", "\u00a0", "a\nb", "\t", "STH1234"),
)
ATTRIBUTES = (
    *("amountCurrencyID", "amountCurrencyCodeListVersionID", "quantityUnitCode", "quantityUnitCodeListID"),
    *("identificationSchemeID", "identificationSchemeAgencyName", "identificationSchemeURI", "languageID"),
    *("languageLocaleID", "name", "codeListID", "codeListURI", "codeListVersionID", "codeListAgencyID", "unknown"),
    *(f"{{{XSI}}}schemaLocation", f"{{{XSI}}}nil", "{urn:stranger}a"),
)
ATTRIBUTE_VALUES = (*VALUES, "0.3", "D03A", "D96B", "UN/ECE 4461", "ISO3166-1", "en", "sv", "sv_SE", "PCE", "KGM", "%%")
TYPES = (
    *("cbc:NoteType", "cbc:AmountType", "cbc:TaxAmountType", "cbc:NameType", "udt:TextType", "udt:CodeType"),
    *("udt:IdentifierType", "cac:SFTIAddressType", "cac:SFTIContactType", "cac:SFTISimpleIdentifierType"),
    *("cur:CurrencyCodeType", "cac:NoSuchType", "udt:DateType"),
)
PREFIXES = {
    "cbc": "urn:oasis:names:tc:ubl:CommonBasicComponents:1:0",
    "udt": "urn:oasis:names:tc:ubl:UnspecializedDatatypes:1:0",
    "cac": "urn:sfti:CommonAggregateComponents:1:0",
    "cur": "urn:oasis:names:tc:ubl:codelist:CurrencyCode:1:0",
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """A spoilt document: what was done to which sample, and the bytes."""

    name: str
    data: bytes


def _parent(element: Element) -> Element:
    parent = element.getparent()
    return element if parent is None else parent


def _remove(_: random.Random, element: Element) -> None:
    if (parent := element.getparent()) is not None:
        parent.remove(element)


def _duplicate(_: random.Random, element: Element) -> None:
    if element.getparent() is not None:
        element.addnext(deepcopy(element))


def _swap(_: random.Random, element: Element) -> None:
    if (following := element.getnext()) is not None:
        following.addnext(element)


def _move(chance: random.Random, element: Element) -> None:
    ancestors = {*element.iterancestors()}
    places = [one for one in element.getroottree().iter("*") if one is not element and one not in ancestors]
    target = chance.choice(places) if places else element
    if element.getparent() is not None and element not in {*target.iterancestors()}:
        target.addnext(deepcopy(element)) if target.getparent() is not None else target.append(deepcopy(element))
        _parent(element).remove(element)


def _leaf(chance: random.Random, element: Element) -> Element:
    return chance.choice([one for one in element.iter("*") if one.find("*") is None])


def _set_text(chance: random.Random, element: Element) -> None:
    _leaf(chance, element).text = chance.choice(VALUES)


def _nudge(chance: random.Random, element: Element) -> None:
    numbers = [one for one in element.getroottree().iter("*") if len(one) == 0 and _is_number(one.text)]
    if numbers:
        one = chance.choice(numbers)
        change = chance.choice((0.001, 0.01, 0.02, 0.3, 0.49, 0.5, 0.51, 1, 100, -0.01, -0.5, -0.501, -1))
        one.text = f"{float(one.text or 0) + change:.4f}"


def _is_number(text: str | None) -> bool:
    return bool(text) and (text or "").strip().replace(".", "", 1).lstrip("-").isdigit()


def _negate(chance: random.Random, element: Element) -> None:
    one = _leaf(chance, element)
    one.text = (one.text or "").removeprefix("-") if (one.text or "").startswith("-") else f"-{one.text or ''}"


def _copy_value(chance: random.Random, element: Element) -> None:
    _leaf(chance, element).text = _leaf(chance, element.getroottree().getroot()).text


def _pad(chance: random.Random, element: Element) -> None:
    one = _leaf(chance, element)
    one.text = chance.choice((" ", "\n", "\t", "  ")) + (one.text or "") + chance.choice(("", " ", "\n"))


def _unknown(chance: random.Random, element: Element) -> None:
    name = chance.choice(("{urn:stranger}Note", "Note", f"{{{PREFIXES['cac']}}}Note", f"{{{PREFIXES['cbc']}}}ID"))
    etree.SubElement(element, name).text = "x"


def _rename(chance: random.Random, element: Element) -> None:
    other = chance.choice([*element.getroottree().iter("*")])
    if element.getparent() is not None:
        element.tag = chance.choice((other.tag, str(element.tag).upper(), str(element.tag).split("}")[-1]))


def _graft(chance: random.Random, element: Element) -> None:
    other = deepcopy(chance.choice([*element.getroottree().iter("*")]))
    element.insert(chance.randint(0, len(element)), other)


def _drop_attribute(chance: random.Random, element: Element) -> None:
    holders = [one for one in element.getroottree().iter("*") if one.attrib]
    if holders:
        one = chance.choice(holders)
        del one.attrib[chance.choice([*one.attrib])]


def _change_attribute(chance: random.Random, element: Element) -> None:
    holders = [one for one in element.getroottree().iter("*") if one.attrib]
    if holders:
        one = chance.choice(holders)
        one.set(chance.choice([*one.attrib]), chance.choice(ATTRIBUTE_VALUES))


def _add_attribute(chance: random.Random, element: Element) -> None:
    _leaf(chance, element).set(chance.choice(ATTRIBUTES), chance.choice(ATTRIBUTE_VALUES))


def _label_references(chance: random.Random, element: Element) -> None:
    for one in element.getroottree().iterfind(".//{*}AdditionalDocumentReference/{*}ID"):
        for name in ("identificationSchemeID", "identificationSchemeAgencyName"):
            if name in one.attrib:
                del one.attrib[name]
            if chance.random() < 0.6:
                one.set(name, chance.choice(("SFTI", "CT", "ACD", "X", "", "CT][ACD", "ICC")))


def _name_type(chance: random.Random, element: Element) -> None:
    prefix, name = chance.choice(TYPES).split(":")
    wrapped = etree.Element(element.tag, nsmap={"xt": PREFIXES[prefix]})
    for attribute, value in element.attrib.items():
        wrapped.set(attribute, value)
    wrapped.text, wrapped[:] = element.text, list(element)
    wrapped.set(f"{{{XSI}}}type", f"xt:{name}")
    if (parent := element.getparent()) is not None:
        parent.replace(element, wrapped)


def _mix(chance: random.Random, element: Element) -> None:
    parent = _parent(element)
    parent.text = (parent.text or "") + chance.choice(("loose", "0", "&<"))


def _comment(chance: random.Random, element: Element) -> None:
    text = _leaf(chance, element)
    whole, cut = text.text or "", chance.randint(0, len(text.text or ""))
    text.text = whole[:cut]
    note = etree.Comment("x") if chance.random() < 0.7 else etree.ProcessingInstruction("x", "y")
    note.tail = whole[cut:]
    text.append(note)


def _stylesheet(_: random.Random, element: Element) -> None:
    root = element.getroottree().getroot()
    root.addprevious(etree.ProcessingInstruction("xml-stylesheet", 'href="x.xsl"'))


SPOILS: tuple[tuple[int, Spoil], ...] = (
    *((8, _remove), (8, _duplicate), (3, _swap), (3, _move), (12, _set_text), (14, _nudge), (3, _negate)),
    *((5, _copy_value), (3, _pad), (2, _unknown), (2, _rename), (2, _graft), (3, _drop_attribute)),
    *((5, _change_attribute), (5, _add_attribute), (3, _label_references), (1, _name_type), (1, _mix)),
    *((1, _comment), (1, _stylesheet)),
)
_WEIGHTS = [weight for weight, _ in SPOILS]


def _spoil(chance: random.Random, root: Element) -> str:
    names = []
    for _ in range(chance.choice((1, 1, 1, 2, 2, 3))):
        (_weight, spoil), *_rest = chance.choices(SPOILS, _WEIGHTS)
        place = chance.choice([*root.iter("*")])
        names.append(f"{spoil.__name__.strip('_')} at {etree.QName(place).localname}")
        spoil(chance, place)
    return ", ".join(names)


def mutants(samples: Sequence[tuple[str, bytes]], count: int, seed: int) -> Iterator[Mutant]:
    """`count` spoilt documents, taken from the samples in turn; the same seed gives the same documents."""
    chance = random.Random(seed)
    parsed = [(name, etree.fromstring(data)) for name, data in samples]
    for number in range(count):
        name, original = parsed[number % len(parsed)]
        root = deepcopy(original)
        done = _spoil(chance, root)
        yield Mutant(f"{number}: {name}: {done}", etree.tostring(root.getroottree(), encoding="UTF-8"))
