"""What an administrator sets for each kind of connection of this plugin. Titles are Swedish, with English beside."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from hub.plugin.files import Inbox, english


class InvoiceFilesSettings(Inbox):
    """A folder where suppliers, operators or another system leave e-invoices as files."""


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
