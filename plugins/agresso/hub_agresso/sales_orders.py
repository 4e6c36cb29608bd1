"""A sales order as the import LG04 takes it, and as a browser template shows it.

The root and the kind of transaction (42) are those of public client code. The names within the order, and those of
the template's columns, are guesses after it, seen in no installation: each can be set otherwise in the settings.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from lxml import etree

from hub.domain.money import Money

ELEMENTS: Mapping[str, str] = {
    "reference": "Header/ExtOrderRef",
    "corrects": "Header/OrigOrderRef",
    "date": "Header/OrderDate",
    "currency": "Header/Currency",
    "customer": "Header/Buyer/BuyerNo",
    "buyer_reference": "Header/Buyer/BuyerReferences/Responsible",
    "line": "Details/Detail/LineNo",
    "article": "Details/Detail/SellerProductCode",
    "description": "Details/Detail/SellerProductDescr",
    "quantity": "Details/Detail/Quantity",
    "price": "Details/Detail/Price",
    "dimension": "Details/Detail/DetailInfo/ReferenceCode",
}
"""Where each value stands within `Order`, in the order in which they are written."""

COLUMNS: Mapping[str, str] = {
    "order": "order_id",
    "reference": "ext_ord_ref",
    "corrects": "orig_ord_ref",
    "date": "order_date",
    "customer": "apar_id",
    "buyer_reference": "responsible",
    "article": "article",
    "description": "art_descr",
    "quantity": "quantity",
    "price": "unit_price",
    "dimension": "dim_",
}
"""What each value's column is called in the template; `dimension` is what the columns of dimensions begin with."""

DIMENSION = "dim_"
"""What the names of dimensions among a sales order's fields begin with: `dim_c1`."""
_SCHEMA = "http://services.agresso.com/schema/ABWOrder/2007/12/24"
_SALES_ORDER = "42"
PATH = "[A-Za-z_][A-Za-z0-9_.-]*(/[A-Za-z_][A-Za-z0-9_.-]*)*"
"""How a place within an element is written."""
_PATH = re.compile(PATH)
_NUMBERS, _DATES = frozenset({"quantity", "price"}), frozenset({"date"})
_Element: TypeAlias = etree._Element


class WrongName(ValueError):
    """A name stated in the settings that is none of those there are, or none that can be used."""


def named(stated: Sequence[str], usual: Mapping[str, str]) -> dict[str, str]:
    """The usual names, with those that are stated (`price=Details/Detail/UnitPrice`) in their place.

    Raises WrongName.
    """
    names = dict(usual)
    for each in stated:
        ours, _, theirs = each.partition("=")
        if ours not in names or not _PATH.fullmatch(theirs):
            raise WrongName(each)
        names[ours] = theirs
    return names


def written(reference: str, fields: Mapping[str, str], elements: Mapping[str, str]) -> bytes:
    """The file for the import: one sales order of one line, known by that reference."""
    root = etree.fromstring(f'<ABWOrder xmlns="{_SCHEMA}"/>')
    order = _below(root, "Order")
    _below(order, "TransType").text = _SALES_ORDER
    values = {**fields, "reference": reference, "currency": "SEK", "line": "1"}
    for name, path in elements.items():
        if values.get(name):
            _at(order, path).text = values[name]
    for name, value in sorted(fields.items()):
        if name.startswith(DIMENSION):
            coded = _at(order, elements["dimension"])
            _below(coded, "Code").text = name.removeprefix(DIMENSION).upper()
            _below(coded, "Value").text = value
    content: bytes = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    return content


def shown(values: Mapping[str, str], columns: Mapping[str, str]) -> dict[str, str]:
    """What a row of the template says, by our names and as `plain` writes it; what is empty is left out."""
    known = {ours: values.get(theirs, "").strip() for ours, theirs in columns.items() if ours != "dimension"}
    begins = columns["dimension"]
    coded = {
        f"{DIMENSION}{name.removeprefix(begins).lower()}": value.strip()
        for name, value in values.items()
        if name.startswith(begins)
    }
    return {name: plain(name, value) for name, value in {**known, **coded}.items() if value}


def plain(name: str, value: str) -> str:
    """The value of that name, the same for equal values: 860 for 860.00, a day without its time."""
    if name in _DATES:
        return value[:10]
    return _number(value) if name in _NUMBERS else value


def _number(value: str) -> str:
    try:
        return Money(Decimal(value), "SEK").plain
    except InvalidOperation:
        return value


def _at(element: _Element, path: str) -> _Element:
    """A new element at that path, in what stands there already of the way."""
    *way, last = path.split("/")
    for step in way:
        found = element.find(f"{{{_SCHEMA}}}{step}")
        element = _below(element, step) if found is None else found
    return _below(element, last)


def _below(element: _Element, name: str) -> _Element:
    return etree.SubElement(element, f"{{{_SCHEMA}}}{name}")
