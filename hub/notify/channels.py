"""The channels that messages go by, and what is stated of them. Secrets are kept out of every representation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hub.domain.texts import Language
from hub.notify.hours import Hours

MAIL = "mail"
LANE_PREFIX = "notify-"
"""What the names of the channels' lanes begin with; no connection may be called so."""

Security = Literal["starttls", "tls", "none"]


@dataclass(frozen=True, slots=True)
class Mail:
    """Mail over SMTP. `authorities` is a file of certificates to trust in place of the system's."""

    host: str
    sender: str
    to: tuple[str, ...]
    port: int = 587
    security: Security = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    timeout: float = 20.0
    authorities: str | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """An address that messages are posted to, signed with the secret (`whsec_…`)."""

    name: str
    url: str = field(repr=False)
    secret: str = field(repr=False)
    timeout: float = 15.0
    authorities: str | None = None


@dataclass(frozen=True, slots=True)
class Notify:
    """Who is told, how and when. Without channels nobody is, and incidents stand in the console alone.

    `flood` is after how many messages of a kind within ten minutes the rest become one; `urgent` lets what needs a
    person, and holds back what is due, through the quiet hours; `console` is the console's address, for links.
    """

    mail: Mail | None = None
    webhooks: tuple[Webhook, ...] = ()
    hours: Hours = field(default_factory=Hours)
    urgent: bool = True
    flood: int = 5
    language: Language = "sv"
    console: str = ""

    @property
    def channels(self) -> tuple[str, ...]:
        """The names of the channels."""
        return (*((MAIL,) if self.mail else ()), *(each.name for each in self.webhooks))

    def webhook(self, name: str) -> Webhook | None:
        """The webhook of that name."""
        return next((each for each in self.webhooks if each.name == name), None)


def lane_of(channel: str) -> str:
    """The lane that a channel's messages wait in."""
    return f"{LANE_PREFIX}{channel}"
