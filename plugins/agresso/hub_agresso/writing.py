"""Writing to Agresso: off until a noun is switched on, and never without a way to see what was written before."""

from __future__ import annotations

from typing import Protocol

from hub.domain.texts import Text
from hub.plugin.errors import Refused


class _Writing(Protocol):
    @property
    def writes(self) -> tuple[str, ...]: ...


def demand(settings: _Writing, noun: str) -> None:
    """Raises Refused unless the settings say that this noun may be written."""
    if noun not in settings.writes:
        raise Refused(_off(noun))


def demand_template(template: int, name: str) -> None:
    """Raises Refused unless the template that shows what was written is stated."""
    if not template:
        raise Refused(_blind(name))


def _off(noun: str) -> Text:
    return Text(
        f"Skrivning av {noun} till Agresso är inte påslagen. Lägg till {noun} i kopplingens inställning writes, och "
        "låt användaren ha skrivrätt, om det är meningen.",
        f"Writing {noun} to Agresso is not switched on. Add {noun} to the connection's setting writes, and give the "
        "user the right to write, if that is meant.",
    )


def _blind(name: str) -> Text:
    return Text(
        f"Inställningen {name} saknas. Utan den kan hubben inte se vad som redan är skrivet, och skriver därför inget.",
        f"The setting {name} is missing. Without it the hub cannot see what was written, and so writes nothing.",
    )
