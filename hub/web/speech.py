"""How the console speaks: its texts in Swedish and English, and numbers, amounts and times as people write them.

The English sentence is the key of every text; `texts/sv.po` holds the Swedish one.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from importlib import resources
from types import MappingProxyType
from typing import Final

from babel.dates import format_date, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations

from hub.domain.calendar import CITY_TIME
from hub.domain.money import Money
from hub.domain.texts import LANGUAGES, Language

_LOCALES: Final[Mapping[Language, str]] = MappingProxyType({"sv": "sv_SE", "en": "en_GB"})
_WIDEST = 30


def N_(text: str) -> str:
    """Mark a text that is spoken elsewhere, so that it is found and translated."""
    return text


@dataclass(frozen=True, slots=True)
class Tongue:
    """One language of the console."""

    language: Language
    translations: NullTranslations

    def say(self, text: str, **values: object) -> str:
        """The text in this language, `%(name)s` filled in."""
        said: str = self.translations.gettext(text)
        return said % values if values else said

    def say_number(self, one: str, many: str, number: int, **values: object) -> str:
        """The text for that number of things; `%(num)s` is the number itself."""
        said: str = self.translations.ngettext(one, many, number)
        return said % {"num": self.number(number), **values}

    def number(self, value: Decimal | int | None) -> str:
        """A number with this language's separators, every decimal it has kept."""
        return "" if value is None else self._decimal(value, "#,##0.##########")

    def amount(self, value: Decimal | None, currency: str | None = "") -> str:
        """An amount with two decimals or more, and its currency."""
        if value is None:
            return ""
        return " ".join(part for part in (self._decimal(value, "#,##0.00########"), currency or "") if part)

    def money(self, money: Money | None) -> str:
        """An amount of money, its currency after it."""
        return "" if money is None else self.amount(money.amount, money.currency)

    def day(self, day: date | None) -> str:
        """A date as the city writes it: 2026-11-22."""
        return day.isoformat() if day else ""

    def weekday(self, day: date) -> str:
        """The short name of the day of the week: `mån` or `Mon`."""
        return format_date(day, "EEE", locale=_LOCALES[self.language])

    def moment(self, at: datetime | None) -> str:
        """A time in the city: `today 10:39`, `yesterday 17:02` or `2026-11-20 09:00`."""
        if at is None:
            return ""
        here = at.astimezone(CITY_TIME)
        days = (datetime.now(CITY_TIME).date() - here.date()).days
        near = {0: self.say(N_("today")), 1: self.say(N_("yesterday"))}.get(days, here.date().isoformat())
        return f"{near} {here:%H:%M}"

    def exact(self, at: datetime | None) -> str:
        """A time in the city to the second: `2026-11-20 09:00:12`."""
        return f"{at.astimezone(CITY_TIME):%Y-%m-%d %H:%M:%S}" if at else ""

    def clock(self, at: datetime) -> str:
        """The hour and minute in the city: `09:00`."""
        return f"{at.astimezone(CITY_TIME):%H:%M}"

    def age(self, at: datetime | None) -> str:
        """How long ago that was, roughly: `3 hours`."""
        if at is None:
            return ""
        return format_timedelta(datetime.now(UTC) - at, threshold=1.1, locale=_LOCALES[self.language])

    def length(self, length: timedelta) -> str:
        """A length of time, roughly: `30 seconds`."""
        return format_timedelta(length, threshold=1.1, locale=_LOCALES[self.language])

    def size(self, number_of_bytes: int) -> str:
        """A size in bytes, kB or MB."""
        for unit, step in ((N_("MB"), 1_000_000), (N_("kB"), 1000)):
            if number_of_bytes >= step:
                tenths = Decimal(number_of_bytes * 10 // step) / 10
                return f"{self.number(tenths)} {self.say(unit)}"
        return self.say_number("%(num)s byte", "%(num)s bytes", number_of_bytes)

    def because(self, told: str) -> str:
        """Why a layer was skipped, in words; what is not known is told as it stands."""
        layer, failed, rest = told.partition(" failed")
        if failed and not rest and " " not in layer:
            return self.say(N_("the layer before it failed"))
        known = {"the document was stopped before": N_("the document was stopped before it came here")}
        return self.say(known[told]) if told in known else told

    def _decimal(self, value: Decimal | int, pattern: str) -> str:
        plain = Decimal(value)
        if not plain.is_finite() or plain.adjusted() > _WIDEST:
            return f"{plain:.6E}" if plain.is_finite() else str(plain)
        with localcontext(prec=2 * _WIDEST):
            return format_decimal(plain, format=pattern, locale=_LOCALES[self.language])


def tongues() -> Mapping[Language, Tongue]:
    """Every language of the console, its catalogue read from the package."""
    return {language: Tongue(language, _catalogue(language)) for language in LANGUAGES}


def _catalogue(language: Language) -> NullTranslations:
    file = resources.files("hub.web") / "texts" / f"{language}.po"
    if not file.is_file():
        return NullTranslations()
    compiled = io.BytesIO()
    with file.open("rb") as source:
        write_mo(compiled, read_po(source, locale=language))
    compiled.seek(0)
    return Translations(compiled)
