"""Who sells and who buys, as a document states them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from hub.domain.identifiers import ElectronicAddress, Gln, NotAnIdentifier, OrganisationNumber


@dataclass(frozen=True, slots=True)
class Address:
    """A postal address; every part may be empty."""

    lines: tuple[str, ...] = ()
    postal_code: str = ""
    city: str = ""
    country: str = ""


@dataclass(frozen=True, slots=True)
class Contact:
    """A person or a desk to ask; every part may be empty."""

    name: str = ""
    telephone: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Identifier:
    """An identifier as written in a document, with its scheme when it names one (`0088`, `0007`, empty)."""

    value: str
    scheme: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """A seller, buyer or payee as its document states it; nothing is repaired here."""

    name: str
    endpoint: ElectronicAddress | None = None
    legal_id: str = ""
    vat_id: str = ""
    identifiers: tuple[Identifier, ...] = ()
    address: Address = field(default_factory=Address)
    contact: Contact = field(default_factory=Contact)

    @property
    def organisation_number(self) -> OrganisationNumber | None:
        """The first organisation number it states: legal id, then 0007 endpoint, identifiers and VAT number."""
        return next(self._organisation_numbers(), None)

    @property
    def glns(self) -> tuple[Gln, ...]:
        """Every GLN it states, in the order stated."""
        return tuple(dict.fromkeys(self._glns()))

    def _organisation_numbers(self) -> Iterator[OrganisationNumber]:
        stated = [self.legal_id]
        if self.endpoint and self.endpoint.scheme == "0007":
            stated.append(self.endpoint.value)
        stated += [each.value for each in self.identifiers if each.scheme != "0088"]
        stated.append(self.vat_id)
        for text in stated:
            try:
                yield OrganisationNumber.parse(text)
            except NotAnIdentifier:
                continue

    def _glns(self) -> Iterator[Gln]:
        stated = [each.value for each in self.identifiers if each.scheme in {"", "0088"}]
        if self.endpoint and self.endpoint.scheme == "0088":
            stated.insert(0, self.endpoint.value)
        for text in stated:
            try:
                yield Gln.parse(text)
            except NotAnIdentifier:
                continue
