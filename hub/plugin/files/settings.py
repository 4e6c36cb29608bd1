"""What an administrator states of a place: its address, how to get in, how long to wait."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Literal, cast
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from hub.domain.texts import Text
from hub.plugin.files.names import name_fault


def english(title: str, description: str) -> JsonDict:
    """A settings field's English words, for `json_schema_extra`; its title and description are the Swedish ones."""
    return {"en": {"title": title, "description": description}}


def wrong_setting(code: str, text: Text) -> PydanticCustomError:
    """The error a settings model raises; `ctx["sv"]` carries the Swedish words."""
    return PydanticCustomError(code, cast("Any", "{en}"), {"en": text.en, "sv": text.sv})


class FilePlace(BaseModel):
    """Where files lie and how to get in."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str = Field(
        title="Adress",
        description="Mappens adress: file:///mapp på denna maskin, eller sftp://användare@server:22/mapp.",
        json_schema_extra=english(
            "Address", "The folder's address: file:///folder on this machine, or sftp://user@server:22/folder."
        ),
    )
    password: SecretStr | None = Field(
        default=None,
        title="Lösenord",
        description="Användarens lösenord på SFTP-servern, eller nyckelns lösenfras när en privat nyckel är angiven.",
        json_schema_extra=english(
            "Password", "The user's password on the SFTP server, or the private key's passphrase when a key is given."
        ),
    )
    private_key: SecretStr | None = Field(
        default=None,
        title="Privat nyckel",
        description="Den privata nyckeln som text, från -----BEGIN till END----- (Ed25519, ECDSA eller RSA).",
        json_schema_extra=english(
            "Private key", "The private key as text, from -----BEGIN to END----- (Ed25519, ECDSA or RSA)."
        ),
    )
    host_key: str = Field(
        default="",
        title="Serverns nyckel",
        description=(
            "SFTP-serverns publika nyckel, som ssh-ed25519 AAAA… Fråga serverns ägare; flera rader när den "
            "ska bytas. Krävs för SFTP: hubben litar aldrig på en okänd server."
        ),
        json_schema_extra=english(
            "Host key",
            (
                "The SFTP server's public key, as ssh-ed25519 AAAA… Ask the server's owner; several lines while it "
                "is being changed. Demanded for SFTP: the hub never trusts an unknown server."
            ),
        ),
    )
    connect_timeout: float = Field(
        default=10.0,
        gt=0,
        le=120,
        title="Tidsgräns för anslutning (s)",
        description="Så länge väntar hubben på att servern svarar.",
        json_schema_extra=english("Connect time limit (s)", "How long the hub waits for the server to answer."),
    )
    timeout: float = Field(
        default=30.0,
        gt=0,
        le=600,
        title="Tidsgräns för överföring (s)",
        description="Längsta tystnad under pågående arbete.",
        json_schema_extra=english("Transfer time limit (s)", "The longest silence while work goes on."),
    )

    @field_validator("address")
    @classmethod
    def _address_is_understood(cls, address: str) -> str:
        parts = urlsplit(address.strip())
        if not (_is_folder(parts) or _is_sftp(parts)):
            raise wrong_setting("file_address", _NO_ADDRESS)
        if parts.password is not None:
            raise wrong_setting("file_address_password", _PASSWORD_IN_ADDRESS)
        return address.strip()

    @field_validator("host_key")
    @classmethod
    def _host_key_is_a_key(cls, host_key: str) -> str:
        for line in host_key.strip().splitlines():
            host_key_of(line)
        return host_key.strip()

    @model_validator(mode="after")
    def _sftp_has_what_it_needs(self) -> FilePlace:
        if _is_sftp(urlsplit(self.address)):
            if not self.host_key:
                raise wrong_setting("sftp_host_key", _NO_HOST_KEY)
            if not (self.password or self.private_key):
                raise wrong_setting("sftp_credentials", _NO_CREDENTIALS)
        return self


class Inbox(FilePlace):
    """A folder where others leave files for the hub to fetch."""

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
        title="När dokumentet är mottaget",
        description="move: flytta filen till mappen för hämtade filer. delete: ta bort den.",
        json_schema_extra=english(
            "When the document is received", "move: move the file to the folder of fetched files. delete: remove it."
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


_NO_ADDRESS = Text(
    "Adressen ska vara file:///mapp eller sftp://användare@server/mapp.",
    "The address is to be file:///folder or sftp://user@server/folder.",
)
_PASSWORD_IN_ADDRESS = Text(
    "Lösenordet hör inte hemma i adressen: skriv det i fältet Lösenord.",
    "The password does not belong in the address: write it in the field Password.",
)
_NO_HOST_KEY = Text(
    "SFTP kräver serverns publika nyckel (ssh-ed25519 AAAA…). Fråga serverns ägare efter den.",
    "SFTP demands the server's public key (ssh-ed25519 AAAA…). Ask the server's owner for it.",
)
_NO_CREDENTIALS = Text(
    "SFTP kräver lösenord eller privat nyckel.",
    "SFTP demands a password or a private key.",
)
_NOT_A_HOST_KEY = Text(
    "Serverns nyckel ska vara en rad som ssh-ed25519 AAAA…",
    "The host key is to be a line like ssh-ed25519 AAAA…",
)


def _is_folder(parts: SplitResult) -> bool:
    return parts.scheme == "file" and parts.netloc in {"", "localhost"} and parts.path.startswith("/")


def _is_sftp(parts: SplitResult) -> bool:
    return parts.scheme == "sftp" and bool(parts.hostname and parts.username) and _has_sane_port(parts)


def _has_sane_port(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False


def host_key_of(line: str) -> tuple[str, bytes]:
    """The kind and the bytes of a public key written as `ssh-ed25519 AAAA…`."""
    fields = line.split()
    try:
        return fields[0], base64.b64decode(fields[1], validate=True)
    except (IndexError, binascii.Error):
        raise wrong_setting("host_key", _NOT_A_HOST_KEY) from None
