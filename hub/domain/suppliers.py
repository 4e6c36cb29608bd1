"""Suppliers as the purchasing system holds them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from hub.domain.identifiers import OrganisationNumber


@dataclass(frozen=True, slots=True)
class Supplier:
    """A supplier under its number in one company. `usable` says that it may be bought from and paid.

    `organisation_number` is None where none is stated or the stated one is wrong; `stated_number` is as it stood.
    """

    company: str
    number: str
    name: str
    organisation_number: OrganisationNumber | None = None
    stated_number: str = ""
    usable: bool = True
    country: str = ""
    currency: str = ""
    contract: str = ""
    updated_at: datetime | None = None
