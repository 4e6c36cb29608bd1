"""What an administrator sets for each kind of connection of this plugin. Titles are Swedish, with English beside."""

from __future__ import annotations

from pydantic import Field

from hub.plugin.files import FilePlace, english


class FileDropSettings(FilePlace):
    """The folder from which Agresso's scheduled import fetches invoices."""

    marker_days: int = Field(
        default=90,
        ge=7,
        le=3650,
        title="Minne av leveranser (dygn)",
        description=(
            "Så länge ligger hubbens märken kvar i .inkopshub. Med dem känner den igen en leverans som Agresso redan "
            "har hämtat, även om hubben stannade mitt i."
        ),
        json_schema_extra=english(
            "Memory of deliveries (days)",
            "How long the hub's markers stay in .inkopshub. By them it recognises a delivery that Agresso has taken "
            "already, even if the hub stopped in the middle.",
        ),
    )
