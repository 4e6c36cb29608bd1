"""What an administrator sets for each kind of connection of this plugin. Titles are Swedish, with English beside."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from hub.domain.texts import Text
from hub.plugin.files import FilePlace, Inbox, english, wrong_setting
from hub_agresso.sales_orders import COLUMNS, ELEMENTS, PATH, WrongName, named

DateForm = Literal["plain", "datetime", "quoted"]


class Billing(BaseModel):
    """How what is billed for connecting local contracts stands in Agresso, whatever way it goes there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    billing_mark: str = Field(
        default="HUB-",
        pattern=r"^[A-Za-z0-9_-]{1,10}$",
        title="Märke på faktureringsunderlag",
        description="Så börjar referensen på de kundorder som hubben lägger. Andra kundorder rör den inte.",
        json_schema_extra=english(
            "Mark of what is billed",
            "How the reference of each sales order that the hub makes begins. It leaves all others alone.",
        ),
    )
    billing_from: date | None = Field(
        default=None,
        title="Fakturering från",
        description="Äldre händelser faktureras inte och jämförs inte. Låt listan börja samma dag. Tomt: alla.",
        json_schema_extra=english(
            "Billing from",
            "Older events are neither billed nor compared. Let the list begin on that day. Empty: all of them.",
        ),
    )
    billing_elements: tuple[str, ...] = Field(
        default=(),
        title="Kundorderns element",
        description="Var ett värde står i LG04:s XML, om inte som i README: price=Details/Detail/UnitPrice.",
        json_schema_extra=english(
            "The sales order's elements",
            "Where a value stands in LG04's XML, when not as the README tells: price=Details/Detail/UnitPrice.",
        ),
    )

    @field_validator("billing_elements")
    @classmethod
    def _elements_are_known(cls, stated: tuple[str, ...]) -> tuple[str, ...]:
        _demand_names(stated, ELEMENTS)
        return stated


def _among(*known: str) -> AfterValidator:
    """Refuses what a connector of this kind cannot write."""

    def demand(stated: tuple[str, ...]) -> tuple[str, ...]:
        unknown = next((noun for noun in stated if noun not in known), None)
        if unknown is not None:
            raise wrong_setting("writes", _not_writable(unknown, ", ".join(known)))
        return stated

    return AfterValidator(demand)


def _demand_names(stated: tuple[str, ...], usual: Mapping[str, str]) -> None:
    try:
        named(stated, usual)
    except WrongName as wrong:
        known = ", ".join(usual)
        said = Text(
            f"{wrong} är inte värde=namn; värdena är: {known}", f"{wrong} is not value=name; the values are: {known}"
        )
        raise wrong_setting("names", said) from None


class FileDropSettings(Billing, FilePlace):
    """The folder from which Agresso's scheduled import fetches invoices, or what is to be billed."""

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
    writes: Annotated[tuple[str, ...], _among("billing")] = Field(
        default=(),
        title="Får skriva",
        description="Vad hubben får lämna utöver fakturor: billing. Tomt: bara fakturor.",
        json_schema_extra=english(
            "May write", "What the hub may hand over beside invoices: billing. Empty: invoices only."
        ),
    )


class Reading(BaseModel):
    """How rows are read, whatever interface they come over: whose they are, where things stand in them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    company: str = Field(
        default="",
        title="Företag (client)",
        description="Agressos företagskod. Rader från ett annat företag läggs åt sidan.",
        json_schema_extra=english("Company (client)", "Agresso's company code. Rows of another one are set aside."),
    )
    contract_in: tuple[str, ...] = Field(
        default=("line", "head", "A7"),
        title="Avtalsreferensens plats",
        description=(
            "Var avtalsnumret står, i den ordning det söks: line (radens fält), head (orderns fält), ett begrepp "
            "som A7, eller text (extern referens, se mönstret)."
        ),
        json_schema_extra=english(
            "Place of the contract reference",
            "Where the contract's number stands, in the order it is looked for: line (the line's field), head (the "
            "order's), a dimension such as A7, or text (the external reference, see the pattern).",
        ),
    )
    contract_pattern: str = Field(
        default="",
        title="Avtalsnumrets mönster",
        description="Reguljärt uttryck för ett avtalsnummer i fri text. Tomt: hela texten.",
        json_schema_extra=english(
            "The contract number's pattern", "Regular expression of a contract number in free text. Empty: all of it."
        ),
    )
    zone: str = Field(
        default="Europe/Stockholm",
        title="Tidszon",
        description="Agresso anger tider utan tidszon; de läses som tider i denna zon.",
        json_schema_extra=english("Time zone", "Agresso tells times without a zone; they are read as times in this."),
    )

    def today(self) -> date:
        """The day that it is where the installation stands."""
        return self.now().date()

    def now(self) -> datetime:
        """What its clocks show now, without a zone as Agresso tells times."""
        return datetime.now(ZoneInfo(self.zone)).replace(tzinfo=None)

    def by_the_clock(self, stated: str) -> datetime | None:
        """A time that was told with or without a zone, as its clocks showed it; None for what is no time."""
        try:
            told = datetime.fromisoformat(stated)
            shown = told.astimezone(ZoneInfo(self.zone)).replace(tzinfo=None) if told.tzinfo else told
        except (ValueError, OverflowError):
            return None
        return shown if shown.year > 1900 else None

    @field_validator("zone")
    @classmethod
    def _zone_is_known(cls, zone: str) -> str:
        try:
            ZoneInfo(zone)
        except (ValueError, OSError, ZoneInfoNotFoundError):
            said = Text(f"Tidszonen {zone} finns inte, t.ex. Europe/Stockholm", f"There is no time zone {zone}")
            raise wrong_setting("zone", said) from None
        return zone

    @field_validator("contract_pattern")
    @classmethod
    def _pattern_is_understood(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            said = Text(f"Uttrycket kan inte läsas: {error}", f"The expression cannot be read: {error}")
            raise wrong_setting("pattern", said) from None
        return pattern


class Remote(Reading):
    """A server of Agresso's: where it is, and how gently it is asked."""

    address: str = Field(
        title="Adress",
        description="Tjänstens adress, https://server/… Okrypterad http bara inom den egna maskinen.",
        json_schema_extra=english(
            "Address", "The service's address, https://server/… Plain http only within this machine."
        ),
    )
    authorities: str = Field(
        default="",
        title="Betrodda utfärdare",
        description="Fil med certifikat att lita på i stället för systemets, för en egen certifikatutfärdare.",
        json_schema_extra=english("Trusted authorities", "File of certificates to trust instead of the system's."),
    )
    page: int = Field(
        default=1000,
        ge=2,
        le=50_000,
        title="Rader per anrop",
        description="Så många rader hämtas åt gången. ERPx tar högst 50 000 och 5 MB.",
        json_schema_extra=english("Rows per call", "How many rows are fetched at a time. ERPx takes 50,000 and 5 MB."),
    )
    overlap: int = Field(
        default=50,
        ge=1,
        le=10_000,
        title="Överlappande rader",
        description="Så många rader läses om mellan två sidor, för att rader inte ska tappas när något ändras.",
        json_schema_extra=english(
            "Overlapping rows", "How many rows are read again between two pages, so that none is lost to a change."
        ),
    )
    look_back: int = Field(
        default=10,
        ge=0,
        le=10_080,
        title="Tillbakablick (minuter)",
        description="Så långt före det senast hämtade frågas nästa gång, för det som sparades sent i Agresso.",
        json_schema_extra=english(
            "Look back (minutes)",
            "How far before the latest that was had the next pull asks, for what Agresso saved late.",
        ),
    )
    timeout: float = Field(
        default=220.0,
        gt=0,
        le=600,
        title="Tidsgräns (s)",
        description="Längsta tid för ett anrop. ERPx bryter efter 220 s.",
        json_schema_extra=english("Time limit (s)", "The longest a call may take. ERPx breaks off after 220 s."),
    )

    @property
    def secrets(self) -> tuple[SecretStr, ...]:
        """Everything of it that is sent and must never be told."""
        return tuple(stated for _, stated in self if isinstance(stated, SecretStr))

    @field_validator("address")
    @classmethod
    def _address_is_safe(cls, address: str) -> str:
        parts = urlsplit(address.strip())
        local = parts.hostname in {"localhost", "127.0.0.1", "::1"}
        if not parts.hostname or parts.scheme not in {"https", "http"} or (parts.scheme == "http" and not local):
            raise wrong_setting("address", _NO_ADDRESS)
        if parts.username or parts.password:
            raise wrong_setting("address_password", _PASSWORD_IN_ADDRESS)
        return address.strip().rstrip("/")

    @model_validator(mode="after")
    def _pages_move_on(self) -> Remote:
        if self.overlap >= self.page:
            raise wrong_setting("overlap", _NO_PROGRESS)
        return self


class WebApiSettings(Remote):
    """The web API (REST) of Agresso M6, Unit4 ERP 7 or ERPx."""

    writes: Annotated[tuple[str, ...], _among("orders", "purchase-orders")] = Field(
        default=(),
        title="Får skriva",
        description="Vad hubben får skriva: orders, purchase-orders. Tomt: den läser bara.",
        json_schema_extra=english(
            "May write", "What the hub may write: orders, purchase-orders. Empty: it only reads."
        ),
    )
    user: str = Field(
        default="",
        title="Användare",
        description="För Basic-inloggning (egen drift, ERP 7). Användaren ska ha ett standardföretag.",
        json_schema_extra=english("User", "For Basic (on premises, ERP 7). The user is to have a default company."),
    )
    password: SecretStr | None = Field(
        default=None,
        title="Lösenord",
        description="Användarens lösenord.",
        json_schema_extra=english("Password", "The user's password."),
    )
    client_id: str = Field(
        default="",
        title="Klient",
        description="För OAuth2 (ERPx): klientens id.",
        json_schema_extra=english("Client", "For OAuth2 (ERPx): the client's id."),
    )
    client_secret: SecretStr | None = Field(
        default=None,
        title="Klientens hemlighet",
        description="För OAuth2: klientens hemlighet.",
        json_schema_extra=english("Client secret", "For OAuth2: the client's secret."),
    )
    token_address: str = Field(
        default="",
        title="Tokens adress",
        description="…/identity/connect/token hos identitetstjänsten. Tomt: under tjänstens egen adress.",
        json_schema_extra=english(
            "Token address", "…/identity/connect/token of the identity service. Empty: under the service's own address."
        ),
    )
    scope: str = Field(
        default="u4erp",
        title="Omfång",
        description="OAuth2-omfång; u4erp eller api har setts.",
        json_schema_extra=english("Scope", "OAuth2 scope; u4erp and api have been seen."),
    )
    tenant: str = Field(
        default="",
        title="Installationens id",
        description="ERPx: tenant, som skickas med varje anrop.",
        json_schema_extra=english("Tenant", "ERPx: the installation's id, sent with every call."),
    )
    orders_object: str = Field(
        default="purchase-order-lines",
        title="Objekt för inköpsorder",
        description="Namnet under /v1/objects på det objekt som ger inköpsorder rad för rad.",
        json_schema_extra=english(
            "Object of purchase orders", "The name under /v1/objects of what tells purchase orders line by line."
        ),
    )
    suppliers_object: str = Field(
        default="suppliers",
        title="Objekt för leverantörer",
        description="Namnet under /v1/objects.",
        json_schema_extra=english("Object of suppliers", "The name under /v1/objects."),
    )
    ledger_object: str = Field(
        default="ledger-transactions",
        title="Objekt för leverantörsreskontra",
        description="Namnet under /v1/objects.",
        json_schema_extra=english("Object of the ledger", "The name under /v1/objects."),
    )
    select: bool = Field(
        default=False,
        title="Bara det som läses",
        description="Fråga bara efter kolumner som hubben läser (select), för mindre svar. Inte alla objekt tål det.",
        json_schema_extra=english(
            "Only what is read",
            "Ask only for the columns that the hub reads (select), for smaller answers. Not every object bears it.",
        ),
    )
    date_form: DateForm = Field(
        default="plain",
        title="Datumets skrivsätt i filter",
        description="plain 2026-06-01T00:00:00, datetime datetime'…', quoted '…'. hub agresso doctor prövar dem.",
        json_schema_extra=english(
            "Form of dates in filters",
            "plain 2026-06-01T00:00:00, datetime datetime'…', quoted '…'. hub agresso doctor tries them.",
        ),
    )

    @model_validator(mode="after")
    def _somebody_enters(self) -> WebApiSettings:
        basic, oauth = bool(self.user and self.password), bool(self.client_id and self.client_secret)
        if basic == oauth:
            raise wrong_setting("credentials", _ONE_WAY_IN)
        return self

    @model_validator(mode="after")
    def _free_text_is_not_written(self) -> WebApiSettings:
        own = next((each for each in self.contract_in if each in {"head", "text"}), "head")
        if "orders" in self.writes and own == "text":
            raise wrong_setting("free_text", _FREE_TEXT)
        return self


class SoapSettings(Billing, Remote):
    """The SOAP services of Agresso: QueryEngine, ImportService and Timesheet."""

    writes: Annotated[tuple[str, ...], _among("invoices", "suppliers", "billing")] = Field(
        default=(),
        title="Får skriva",
        description="Vad hubben får skriva: invoices, suppliers, billing. Tomt: den läser bara.",
        json_schema_extra=english(
            "May write", "What the hub may write: invoices, suppliers, billing. Empty: it only reads."
        ),
    )
    user: str = Field(
        title="Användare",
        description="Användaren, som skickas i varje anrop.",
        json_schema_extra=english("User", "The user, sent with every call."),
    )
    password: SecretStr = Field(
        title="Lösenord",
        description="Användarens lösenord.",
        json_schema_extra=english("Password", "The user's password."),
    )
    query_engine: Literal["V201101", "V200606DotNet"] = Field(
        default="V201101",
        title="QueryEngines version",
        description="Den version av QueryEngineService som installationen har.",
        json_schema_extra=english("QueryEngine's version", "Which version of QueryEngineService there is."),
    )
    orders_template: int = Field(
        default=0,
        ge=0,
        title="Mall för inköpsorder",
        description="Webbläsarmallens nummer. 0: hämtas inte här.",
        json_schema_extra=english("Template of purchase orders", "The browser template's number. 0: not had here."),
    )
    suppliers_template: int = Field(
        default=0,
        ge=0,
        title="Mall för leverantörer",
        description="Webbläsarmallens nummer. 0: hämtas inte här.",
        json_schema_extra=english("Template of suppliers", "The browser template's number. 0: not had here."),
    )
    ledger_template: int = Field(
        default=0,
        ge=0,
        title="Mall för leverantörsreskontra",
        description="Webbläsarmallens nummer. 0: hämtas inte här.",
        json_schema_extra=english("Template of the ledger", "The browser template's number. 0: not had here."),
    )
    imports_template: int = Field(
        default=0,
        ge=0,
        title="Mall för det inlästa",
        description=(
            "Webbläsarmall med kolumnerna batch_id och voucher_no för det som har lästs in. Genom den ser hubben vad "
            "som redan är gjort; utan den läser den inte in något."
        ),
        json_schema_extra=english(
            "Template of what was imported",
            "Browser template with the columns batch_id and voucher_no of what was imported. By it the hub sees what "
            "is done already; without it, it imports nothing.",
        ),
    )
    vat_element: str = Field(
        default="",
        pattern=rf"^({PATH})?$",
        title="Momsens element",
        description="Var i transaktionens XML (GL07) fakturans moms skrivs: Amounts/VatAmount. Tomt: den skrivs inte.",
        json_schema_extra=english(
            "The VAT's element",
            "Where in the transaction's XML (GL07) an invoice's VAT is written: Amounts/VatAmount. Empty: it is not.",
        ),
    )
    import_patience: float = Field(
        default=120.0,
        gt=0,
        le=3600,
        title="Väntan på inläsning (s)",
        description="Så länge frågas efter en inläsnings utfall innan det inlästa läggs åt sidan.",
        json_schema_extra=english(
            "Wait for an import (s)", "How long an import's outcome is asked for before what it is of is set aside."
        ),
    )

    billing_template: int = Field(
        default=0,
        ge=0,
        title="Mall för faktureringsunderlag",
        description=(
            "Webbläsarmall som visar kundorder, en rad per order. Genom den ser hubben vad som redan är fakturerat; "
            "utan den fakturerar den inget."
        ),
        json_schema_extra=english(
            "Template of what is billed",
            "Browser template that shows sales orders, one row each. By it the hub sees what is billed already; "
            "without it, it bills nothing.",
        ),
    )
    billing_columns: tuple[str, ...] = Field(
        default=(),
        title="Kundordermallens kolumner",
        description="Vad en kolumn heter i mallen, om inte som i README: reference=ext_ref.",
        json_schema_extra=english(
            "The sales order template's columns",
            "What a column is called in the template, when not as the README tells: reference=ext_ref.",
        ),
    )
    billing_menu: str = Field(
        default="SO103",
        pattern=r"^[A-Za-z0-9]{1,20}$",
        title="Menypunkt för kundorder",
        description="Den menypunkt som LG04 körs från för kundorder.",
        json_schema_extra=english("Menu of sales orders", "The menu from which LG04 is run for sales orders."),
    )
    billing_variant: int = Field(
        default=1,
        ge=0,
        title="Variant för kundorder",
        description="Den variant av LG04 som läser in kundorder.",
        json_schema_extra=english("Variant for sales orders", "The variant of LG04 that imports sales orders."),
    )

    @field_validator("billing_columns")
    @classmethod
    def _columns_are_known(cls, stated: tuple[str, ...]) -> tuple[str, ...]:
        _demand_names(stated, COLUMNS)
        return stated

    @model_validator(mode="after")
    def _company_is_stated(self) -> SoapSettings:
        if not self.company:
            raise wrong_setting("company", _NO_COMPANY)
        return self

    @model_validator(mode="after")
    def _free_text_is_not_written(self) -> SoapSettings:
        if "suppliers" in self.writes and self.contract_pattern:
            raise wrong_setting("free_text", _SUPPLIERS_FREE_TEXT)
        return self

    @model_validator(mode="after")
    def _what_is_written_can_be_seen(self) -> SoapSettings:
        for noun, template in _SHOWN_BY.items():
            if noun in self.writes and not getattr(self, template):
                raise wrong_setting("template", _unseen(noun, template))
        return self


class ExtractSettings(Inbox, Reading):
    """A folder where Agresso leaves extracts of orders, suppliers or ledger as CSV, and others lists of references."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    page: int = Field(
        default=1000,
        ge=2,
        le=50_000,
        title="Rader per sida",
        description="Så många rader läses och sparas åt gången.",
        json_schema_extra=english("Rows per page", "How many rows are read and kept at a time."),
    )
    decimals: Literal[",", "."] = Field(
        default=".",
        title="Decimaltecken",
        description="Hur belopp skrivs i filerna.",
        json_schema_extra=english("Decimal sign", "How amounts are written in the files."),
    )


_NO_ADDRESS = Text(
    "Adressen ska vara https://server/… (http bara till den egna maskinen).",
    "The address is to be https://server/… (http only to this machine).",
)
_PASSWORD_IN_ADDRESS = Text(
    "Användare och lösenord hör inte hemma i adressen: skriv dem i sina egna fält.",
    "User and password do not belong in the address: write them in their own fields.",
)
_NO_PROGRESS = Text(
    "Överlappet ska vara mindre än antalet rader per anrop.", "The overlap is to be less than the rows per call."
)
_ONE_WAY_IN = Text(
    "Ange antingen användare och lösenord (Basic) eller klient och hemlighet (OAuth2).",
    "State either user and password (Basic) or client and secret (OAuth2).",
)
_FREE_TEXT = Text(
    "contract_in söker orderns avtal i fri text (text) först, och dit skriver hubben inte: det som människor har "
    "skrivit där skulle gå förlorat. Sätt head före text, eller ta bort orders ur writes.",
    "contract_in looks for the order's contract in free text (text) first, and there the hub does not write: what "
    "people wrote would be lost. Put head before text, or take orders out of writes.",
)
_SUPPLIERS_FREE_TEXT = Text(
    "contract_pattern säger att leverantörens externa referens är fri text, och dit skriver hubben inte: det som "
    "människor har skrivit där skulle gå förlorat. Ta bort contract_pattern, eller suppliers ur writes.",
    "contract_pattern says that the supplier's external reference is free text, and there the hub does not write: "
    "what people wrote would be lost. Take contract_pattern away, or suppliers out of writes.",
)
_NO_COMPANY = Text("SOAP-tjänsterna kräver företag (client).", "The SOAP services demand a company (client).")


_SHOWN_BY = {"invoices": "imports_template", "suppliers": "suppliers_template", "billing": "billing_template"}


def _not_writable(noun: str, known: str) -> Text:
    return Text(
        f"{noun} kan inte skrivas över den här kopplingen; det som kan är: {known}",
        f"{noun} cannot be written over this connection; what can is: {known}",
    )


def _unseen(noun: str, template: str) -> Text:
    return Text(
        f"writes har {noun}, men {template} saknas: utan den ser hubben inte vad som redan är skrivet. Ange mallens "
        f"nummer, eller ta bort {noun} ur writes.",
        f"writes has {noun}, but {template} is missing: without it the hub does not see what was written. State the "
        f"template's number, or take {noun} out of writes.",
    )
