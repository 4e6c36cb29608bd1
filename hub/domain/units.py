"""The city's register of units: förvaltningar and bolag that receive invoices."""

from __future__ import annotations

from dataclasses import dataclass

from hub.domain.identifiers import ElectronicAddress, Gln, OrganisationNumber


@dataclass(frozen=True, slots=True)
class Unit:
    """A receiving unit. `target` names the connection its invoices are delivered to.

    `sth_code` is the city's own key for it (STH-kod). Several units may share one organisation number
    (the city's förvaltningar do); a GLN or a Peppol id belongs to one unit alone.
    """

    sth_code: str
    name: str
    organisation_number: OrganisationNumber
    target: str
    gln: Gln | None = None
    peppol_id: ElectronicAddress | None = None
    reference_required: bool = False
    reference_pattern: str = ""
