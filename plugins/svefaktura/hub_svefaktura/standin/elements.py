"""Writing XML elements by short names, one line each."""

from __future__ import annotations

from collections.abc import Mapping

from lxml import etree

Element = etree._Element


class Pen:
    """Writes below one element. Names are prefixed as the namespaces given at the root (`cbc:ID`, `:ID`)."""

    def __init__(self, element: Element, spaces: Mapping[str, str]) -> None:
        self.element = element
        self._spaces = spaces

    @classmethod
    def root(cls, name: str, spaces: Mapping[str, str]) -> Pen:
        """A new document; the empty prefix is the default namespace."""
        declared = {prefix or None: address for prefix, address in spaces.items()}
        # The stubs do not know the default namespace, whose prefix is None.
        element = etree.Element(_qualified(name, spaces), nsmap=declared)  # type: ignore[arg-type]
        return cls(element, spaces)

    def put(self, path: str, text: object = None, /, **attributes: str) -> Pen:
        """A new element below; each step of `a/b` makes one. Gives a pen for the last."""
        element = self.element
        for step in path.split("/"):
            element = etree.SubElement(element, _qualified(step, self._spaces))
        if text is not None:
            element.text = str(text)
        for name, value in attributes.items():
            element.set(name, value)
        return Pen(element, self._spaces)


def _qualified(name: str, spaces: Mapping[str, str]) -> str:
    prefix, _, local = name.rpartition(":")
    return f"{{{spaces[prefix]}}}{local}"
