"""Settings: one TOML file under HUB_HOME, with the environment above it.

A secret never needs to stand in the file: wherever a value is expected, `{ env = "NAME" }` takes it from the
environment and `{ file = "/path" }` from a file (systemd credentials among them).
"""

from __future__ import annotations

import hashlib
import os
import re
import tomllib
from collections.abc import Mapping
from datetime import time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

from hub.complaints import NAMES, SettingsInvalid, complaint
from hub.domain.calendar import Days
from hub.domain.cron import GRACE, CatchUp, Cron, CronInvalid, OnHoliday, Schedule
from hub.domain.texts import Language, Text
from hub.flow.guards import FirstRun
from hub.jobs.tidying import Retention
from hub.notify.channels import MAIL, Mail, Notify, Security, Webhook
from hub.notify.hours import Hours
from hub.notify.webhook import is_loopback, is_safe, key_of
from hub.plugin.files.settings import wrong_setting

FILE_NAME = "hub.toml"
_ODD_TABLE = re.compile(r"\s*\[[^\]\"'#]*[^\x00-\x7f\]]")
"""The heading of a table whose bare name TOML does not take, and says so without saying why."""
NAME_PATTERN = r"^[a-z0-9][a-z0-9-]{0,62}$"
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
_ADDRESS = r"^[^@\s<>,;]+@[A-Za-z0-9.-]+$"
_HOURS = r"^(|([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d)$"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WorkerSettings(_Section):
    """How much work is done at once on this machine, and how it comes by it."""

    executor: Literal["local", "procrastinate"] = Field(
        "local", description="local: every worker claims for itself. procrastinate: one leads those of all hosts"
    )
    threads: int = Field(8, ge=1, le=200, description="Threads that fetch, judge and deliver")
    judges: int = Field(2, ge=1, le=64, description="Processes that run the rules, about one per core")
    judge_seconds: int = Field(120, ge=1, description="The longest the rules may take over one document")
    judge_megabytes: int = Field(1500, ge=200, description="A rule process larger than this is replaced")


class LimitSettings(_Section):
    """What the hub takes in. Bytes above `judged_megabytes` are kept and set aside, not parsed."""

    landed_megabytes: int = Field(1024, ge=1, description="The largest document that is kept at all")
    judged_megabytes: int = Field(64, ge=1, le=64, description="The largest document that is parsed and judged")
    depth: int = Field(200, ge=20, le=200, description="The deepest nesting of elements")
    findings: int = Field(1000, ge=10, description="How many findings are kept of one document")
    records: int = Field(1000, ge=1, le=5000, description="How many records of an extract are held in memory at once")


class InvoiceSettings(_Section):
    """The city's own checks of invoices."""

    currencies: tuple[str, ...] = Field(("SEK", "EUR"), description="Currencies the city pays in")
    largest: Decimal = Field(Decimal(100_000_000), description="Amounts above this are set aside for a person")
    latest_due_days: int = Field(365, ge=1, description="Due dates later than this after the issue date are set aside")


class MatchingSettings(_Section):
    """How an invoice is compared with its order. The greater of the two tolerances counts."""

    amount: Decimal = Field(Decimal(1), ge=0, description="So much may a line or a sum differ, in the currency")
    share: Decimal = Field(Decimal("0.01"), ge=0, le=1, description="Or so large a share of what was ordered")


class RetentionSettings(_Section):
    """How long what has ended is kept. Documents, and what is told of them, are never among it."""

    plans_days: int = Field(400, ge=180, le=4000, description="Plans that have ended, with their changes")
    incidents_days: int = Field(400, ge=30, le=4000, description="Closed incidents, with their events")
    messages_days: int = Field(180, ge=30, le=4000, description="Messages that were sent about incidents")
    replays_days: int = Field(400, ge=30, le=4000, description="Replays and rehearsals of them that have ended")

    def as_kept(self) -> Retention:
        """What the work needs to know of it."""
        return Retention(
            plans=timedelta(days=self.plans_days),
            incidents=timedelta(days=self.incidents_days),
            messages=timedelta(days=self.messages_days),
            replays=timedelta(days=self.replays_days),
        )


class WebSettings(_Section):
    """The console and the intake."""

    host: str = "127.0.0.1"
    port: int = Field(8080, ge=0, le=65535)
    session_hours: int = Field(10, ge=1, le=72)
    secure_cookies: bool = Field(False, description="Set it where the console is reached over https")


_RATE = re.compile(r"\d+(\.\d+)?/ ?(s|min|h)")
_SECONDS = {"s": 1, "min": 60, "h": 3600}


class ConnectionSettings(BaseModel):
    """One connection. What the hub itself needs to know; everything else goes to the connector's own settings."""

    model_config = ConfigDict(extra="allow", frozen=True)

    connector: str
    owner: str = ""
    every: timedelta | None = Field(
        None, description="How often a source is asked; seconds or ISO 8601; the connector's own when not stated"
    )
    schedule: str = Field("", description="At which times a source is asked, in cron's words, instead of `every`")
    days: Days = Field(Days.ALL, description="The days its times count on")
    on_holiday: OnHoliday = Field(OnHoliday.SKIP, description="What becomes of a time on a day that is no workday")
    grace: timedelta | None = Field(
        None, ge=timedelta(0), description="How long after its time a run is late; seconds or ISO 8601"
    )
    catch_up: CatchUp = Field(CatchUp.ONE, description="What becomes of times that were missed")
    concurrency: int = Field(4, ge=1, le=100, description="How much work the connection bears at once")
    rate: str = Field("", description="How much of its work begins in a time: 10/s, 600/min, 5000/h; none is no limit")
    burst: int | None = Field(None, ge=1, le=100_000, description="How much of it begins at once after a rest")

    @field_validator("rate")
    @classmethod
    def _rate_is_known(cls, rate: str) -> str:
        if rate and not (_RATE.fullmatch(rate) and float(rate.partition("/")[0]) > 0):
            said = Text(
                "ska vara ett tal större än 0 och en tid (s, min eller h): 10/s, 600/min, 5000/h",
                "must be a number above 0 and a time (s, min or h): 10/s, 600/min, 5000/h",
            )
            raise wrong_setting("rate", said)
        return rate

    @property
    def per_second(self) -> float | None:
        """How much of its work begins in a second at most, None when nothing limits it."""
        number, _, time = self.rate.partition("/")
        return float(number) / _SECONDS[time.strip()] if self.rate else None

    @property
    def own(self) -> dict[str, Any]:
        """The connector's own settings, secrets fetched from where they are kept. Raises SettingsInvalid."""
        return {name: _fetched(value) for name, value in (self.model_extra or {}).items()}

    @property
    def planned(self) -> Schedule | None:
        """The times a source is asked at, None when none are stated. Raises SettingsInvalid."""
        if not self.schedule:
            self._demand_schedule()
            return None
        if self.every is not None:
            raise SettingsInvalid(
                Text(
                    "every och schedule är båda angivna; behåll en av dem",
                    "every and schedule are both stated; keep one of them",
                )
            )
        try:
            cron = Cron.parse(self.schedule, self.days, self.on_holiday)
        except CronInvalid as error:
            raise SettingsInvalid(Text(f"schedule: {error.text.sv}", f"schedule: {error.text.en}")) from None
        return Schedule(cron, GRACE if self.grace is None else self.grace, self.catch_up)

    def _demand_schedule(self) -> None:
        for name in ("days", "on_holiday", "catch_up"):
            if name in self.model_fields_set:
                raise SettingsInvalid(
                    Text(
                        f"{name} gäller tider i schedule, som inte är angiven",
                        f"{name} is about the times of schedule, which is not stated",
                    )
                )


class GuardSettings(_Section):
    """What may be applied without a person. Shares are of what the target holds."""

    removals: int = Field(10, ge=0, description="More removals than this stop a plan; 0 sets no number")
    removals_share: float = Field(0.05, ge=0, le=1, description="A larger share of removals stops a plan")
    changes_share: float = Field(0.3, ge=0, description="A larger share of creates and updates stops a plan")
    second_removals_share: float = Field(0.25, ge=0, le=1, description="A larger share of removals takes two persons")
    second_changes_share: float = Field(0.6, ge=0, description="A larger share of creates and updates takes two")
    first_run: FirstRun | None = Field(None, description="What becomes of a route's first plan")
    theirs: tuple[str, ...] = Field((), description="Fields that the other side owns: written once, then left alone")


class RouteSettings(_Section):
    """Which sources feed which noun. Invoices find their target by the register of units."""

    noun: str = "invoices"
    sources: tuple[str, ...] = Field(alias="from")
    to: Name | Literal[""] = Field("", description="The register that is to hold what the source says")
    order: Literal["", "source", "seller"] = Field("", description="What of its documents is done one after another")
    guards: GuardSettings = GuardSettings()


class MailSettings(_Section):
    """Mail about incidents. Without a host none is sent."""

    host: str = Field("", description="The mail server; none sends no mail")
    port: int = Field(587, ge=1, le=65535, description="Its port")
    security: Security = Field("starttls", description="How the connection is secured")
    user: str = Field("", description="The user to log in as; none does not log in")
    password: SecretStr | None = Field(None, description="The user's password")
    sender: str = Field("", pattern=f"^$|{_ADDRESS}", description="Whom mail is from: a plain address")
    to: tuple[Annotated[str, Field(pattern=_ADDRESS)], ...] = Field((), description="Whom it goes to")
    timeout: float = Field(20, gt=0, le=60, description="The longest silence, in seconds")
    authorities: str | None = Field(None, description="A file of certificates to trust in place of the system's")

    @model_validator(mode="after")
    def _is_whole(self) -> MailSettings:
        if self.host and not (self.sender and self.to):
            raise wrong_setting("mail_addresses", Text("sender och to ska anges", "sender and to must be stated"))
        if self.user and self.security == "none" and not is_loopback(self.host):
            raise wrong_setting(
                "mail_security",
                Text("ett lösenord skickas inte utan starttls eller tls", "no password goes without starttls or tls"),
            )
        return self


class WebhookSettings(_Section):
    """An address that messages about incidents are posted to, signed as Standard Webhooks states."""

    url: str = Field(description="The address: https, or http on this very machine")
    secret: SecretStr = Field(description="What messages are signed with: whsec_ and 24 to 64 bytes in base64")
    name: Name | Literal[""] = Field("", description="What it is called; none names it by its address")
    timeout: float = Field(15, gt=0, le=60, description="How long one try may take, in seconds")
    authorities: str | None = Field(None, description="A file of certificates to trust in place of the system's")

    @field_validator("url")
    @classmethod
    def _url_is_safe(cls, url: str) -> str:
        if not is_safe(url):
            raise wrong_setting("webhook_url", Text("ska vara en https-adress", "must be an https address"))
        return url

    @field_validator("secret")
    @classmethod
    def _secret_is_a_key(cls, secret: SecretStr) -> SecretStr:
        try:
            key_of(secret.get_secret_value())
        except ValueError:
            said = Text("ska vara whsec_ och 24–64 byte i base64", "must be whsec_ and 24 to 64 bytes in base64")
            raise wrong_setting("webhook_secret", said) from None
        return secret

    @property
    def channel(self) -> str:
        """What its channel is called."""
        return self.name or f"webhook-{hashlib.sha256(self.url.encode()).hexdigest()[:8]}"


class NotifySettings(_Section):
    """Who is told of incidents, how and when."""

    quiet: str = Field("", pattern=_HOURS, description="When nobody is disturbed, as 18:00-07:00 by the city's clock")
    workdays: bool = Field(False, description="Let the whole of every other day be quiet")
    digest: time | None = Field(
        None, description="When what waited, and what is still open, is told as one message; outside the quiet hours"
    )
    urgent: bool = Field(True, description="What needs a person, with invoices due, is told in quiet hours too")
    flood: int = Field(5, ge=1, description="More messages of a kind than this within 10 minutes become one")
    console: str = Field("", pattern=r"^(|https?://\S+)$", description="The console's address, for links in messages")
    mail: MailSettings = MailSettings()
    webhooks: tuple[WebhookSettings, ...] = ()

    @model_validator(mode="after")
    def _names_differ(self) -> NotifySettings:
        names = [MAIL, *(each.channel for each in self.webhooks)]
        if len(set(names)) < len(names):
            raise wrong_setting("webhook_names", Text("webhookarna ska heta olika", "webhooks need different names"))
        return self

    @model_validator(mode="after")
    def _the_digest_disturbs_nobody(self) -> NotifySettings:
        if self.digest is not None and self._hours().holds(self.digest):
            raise wrong_setting(
                "digest_in_quiet",
                Text(
                    f"digest = {self.digest:%H:%M} ligger i de tysta timmarna {self.quiet}: skriv en tid utanför dem, "
                    "eller ingen, så skickas sammanställningen när de slutar",
                    f"digest = {self.digest:%H:%M} lies within the quiet hours {self.quiet}: write a time outside "
                    "them, or none, and the digest is sent when they end",
                ),
            )
        return self

    def _hours(self) -> Hours:
        begins, _, ends = self.quiet.partition("-")
        return Hours(_clock(begins), _clock(ends), digest=self.digest, workdays=self.workdays)

    def as_told(self, language: Language) -> Notify:
        """What the work needs to know of it."""
        return Notify(
            mail=self._mail(),
            webhooks=tuple(
                Webhook(each.channel, each.url, each.secret.get_secret_value(), each.timeout, each.authorities)
                for each in self.webhooks
            ),
            hours=self._hours(),
            urgent=self.urgent,
            flood=self.flood,
            language=language,
            console=self.console,
        )

    def _mail(self) -> Mail | None:
        mail = self.mail
        if not mail.host:
            return None
        password = mail.password.get_secret_value() if mail.password else ""
        return Mail(
            **mail.model_dump(include={"host", "sender", "to", "port", "security", "user", "timeout", "authorities"}),
            password=password,
        )


def _clock(written: str) -> time | None:
    return time.fromisoformat(written) if written else None


class Settings(BaseSettings):
    """Everything that is configured."""

    model_config = SettingsConfigDict(
        env_prefix="HUB_", env_nested_delimiter="__", extra="forbid", frozen=True, populate_by_name=True
    )

    home: Path
    database: str = Field("", description="A PostgreSQL address; empty for the embedded database under HUB_HOME")
    language: Language = "sv"
    worker: WorkerSettings = WorkerSettings()
    limits: LimitSettings = LimitSettings()
    invoices: InvoiceSettings = InvoiceSettings()
    matching: MatchingSettings = MatchingSettings()
    retention: RetentionSettings = RetentionSettings()
    web: WebSettings = WebSettings()
    notify: NotifySettings = NotifySettings()
    connections: dict[Name, ConnectionSettings] = Field(default_factory=dict)
    routes: dict[Name, RouteSettings] = Field(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment stands above the file."""
        return env_settings, init_settings


def read_settings(home: Path) -> Settings:
    """The settings of the hub at home there. Raises SettingsInvalid."""
    stated = _stated(home / FILE_NAME)
    try:
        return Settings(**{**stated, "home": home}).model_copy(update={"home": home})
    except ValidationError as error:
        raise SettingsInvalid(complaint(home / FILE_NAME, error)) from None
    except SettingsError as error:
        raise SettingsInvalid(Text(f"miljön: {error}", f"environment: {error}")) from None


def _stated(file: Path) -> Mapping[str, Any]:
    if not file.exists():
        return {}
    try:
        text = _text(file)
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        more = _what_else(text)
        raise SettingsInvalid(
            Text(f"{file} är inte TOML: {error}{more.sv}", f"{file}: not TOML: {error}{more.en}")
        ) from None
    except OSError as error:
        raise SettingsInvalid(
            Text(f"{file} kan inte läsas: {error.strerror}", f"{file} cannot be read: {error.strerror}")
        ) from None
    # A connection whose secret is missing is that connection's trouble alone: it fetches its own.
    return {name: value if name == "connections" else _fetched(value) for name, value in written.items()}


def _text(file: Path) -> str:
    content = file.read_bytes()
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsInvalid(
            Text(
                f"{file}, rad {line}: filen är inte sparad som UTF-8; spara den så",
                f"{file}, line {line}: the file is not saved as UTF-8; save it as that",
            )
        ) from None


def _what_else(text: str) -> Text:
    """What TOML does not say of a text that it refuses: that a table's name is written with other letters."""
    odd = (number for number, line in enumerate(text.splitlines(), 1) if _ODD_TABLE.match(line))
    line = next(odd, 0)
    return Text(f" (rad {line}: {NAMES.sv})", f" (line {line}: {NAMES.en})") if line else Text("", "")


def _fetched(value: Any) -> Any:
    if isinstance(value, Mapping):
        if set(value) == {"env"}:
            return _from_environment(str(value["env"]))
        if set(value) == {"file"}:
            return _from_file(Path(str(value["file"])))
        return {name: _fetched(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_fetched(each) for each in value]
    return value


def _from_environment(name: str) -> str:
    if name not in os.environ:
        raise SettingsInvalid(
            Text(
                f"miljön har ingen variabel {name}, som inställningarna hänvisar till",
                f"the environment holds no {name}, which the settings refer to",
            )
        )
    return os.environ[name]


def _from_file(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").rstrip("\n")
    except OSError as error:
        raise SettingsInvalid(
            Text(
                f"{file}, som inställningarna hänvisar till, kan inte läsas: {error.strerror}",
                f"{file}, which the settings refer to, cannot be read: {error.strerror}",
            )
        ) from None
    except UnicodeDecodeError:
        raise SettingsInvalid(
            Text(
                f"{file}, som inställningarna hänvisar till, är inte text i UTF-8",
                f"{file}, which the settings refer to, is not UTF-8 text",
            )
        ) from None
