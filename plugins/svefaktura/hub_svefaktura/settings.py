"""What an administrator sets for each kind of connection of this plugin. Titles are Swedish, with English beside."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from hub.domain.texts import Text
from hub.plugin.files import FilePlace, english, name_fault, wrong_setting


class InvoiceFilesSettings(FilePlace):
    """A folder where suppliers, operators or another system leave e-invoices as files."""

    settle_seconds: float = Field(
        default=2.0,
        ge=0,
        le=300,
        title="Vilotid (s)",
        description="Så länge ska en fil ha legat orörd innan den hämtas, så att ingen halv fil tas.",
        json_schema_extra=english(
            "Settling time (s)", "How long a file is to lie untouched before it is taken, so that no half file is."
        ),
    )
    afterwards: Literal["move", "delete"] = Field(
        default="move",
        title="När fakturan är mottagen",
        description="move: flytta filen till mappen för hämtade filer. delete: ta bort den.",
        json_schema_extra=english(
            "When the invoice is received", "move: move the file to the folder of fetched files. delete: remove it."
        ),
    )
    processed_folder: str = Field(
        default="processed",
        title="Mapp för hämtade filer",
        description="Namnet på mappen under adressen dit hämtade filer flyttas. Skapas vid behov.",
        json_schema_extra=english(
            "Folder of fetched files", "Name of the folder below the address for fetched files. Made when needed."
        ),
    )

    @field_validator("processed_folder")
    @classmethod
    def _one_folder_below(cls, name: str) -> str:
        fault = name_fault(name)
        if fault:
            raise wrong_setting(
                "processed_folder",
                Text(f"Mappnamnet går inte att använda: {fault.sv}.", f"The folder's name is unfit: {fault.en}."),
            )
        return name


class AccessPointSettings(BaseModel):
    """An access point (a Peppol or VAN operator) that sends invoices to the hub over HTTP."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: SecretStr = Field(
        min_length=16,
        title="Nyckel",
        description="Den hemlighet som operatören skickar som Authorization: Bearer …, minst 16 tecken.",
        json_schema_extra=english(
            "Token", "The secret that the operator sends as Authorization: Bearer …, 16 characters at least."
        ),
    )
    message_id_header: str = Field(
        default="Message-Id",
        pattern=r"^[A-Za-z0-9-]{1,64}$",
        title="Rubrik för meddelande-id",
        description="HTTP-rubriken som bär operatörens meddelande-id; samma id tas emot en gång.",
        json_schema_extra=english(
            "Message id header", "The HTTP header with the operator's message id; the same id is taken once."
        ),
    )
