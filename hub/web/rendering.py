"""Templates: one environment for each language, with the words and figures of that language as filters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from hub import __version__
from hub.domain.identifiers import masked
from hub.domain.masking import masked_text
from hub.domain.texts import Language, Text
from hub.loader import Plugins
from hub.web import words
from hub.web.assets import addresses
from hub.web.speech import Tongue


def environments(spoken: Mapping[Language, Tongue], plugins: Plugins) -> dict[Language, Environment]:
    """An environment for each language."""
    return {language: _environment(tongue, plugins) for language, tongue in spoken.items()}


def _environment(tongue: Tongue, plugins: Plugins) -> Environment:
    made = Environment(
        loader=PackageLoader("hub.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    translations = tongue.translations
    made.install_gettext_callables(  # type: ignore[attr-defined]
        translations.gettext, translations.ngettext, newstyle=True
    )
    made.filters.update(
        number=tongue.number,
        amount=tongue.amount,
        money=tongue.money,
        day=tongue.day,
        moment=partial(_time, tongue),
        exact=partial(_exact, tongue),
        age=tongue.age,
        clock=tongue.clock,
        length_of_time=tongue.length,
        size=tongue.size,
        because=tongue.because,
        said=partial(_said, tongue.language),
        masked=masked,
        hidden=masked_text,
        in_general=plugins.in_general,
    )
    made.globals.update(language=tongue.language, words=words, static=addresses(), version=__version__)
    return made


def _said(language: Language, text: Text | None) -> str:
    return masked_text(text.in_language(language)) if text else ""


def _time(tongue: Tongue, at: datetime | None) -> Markup:
    return _element(at, tongue.moment(at))


def _exact(tongue: Tongue, at: datetime | None) -> Markup:
    return _element(at, tongue.exact(at))


def _element(at: datetime | None, shown: str) -> Markup:
    if at is None:
        return Markup("")
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(timespec="seconds"), shown)
