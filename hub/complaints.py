"""What is wrong with settings, in words for whoever wrote them. The values, which may be secret, are not told."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from hub.domain.texts import Text


class SettingsInvalid(Exception):
    """The settings cannot be used; `text` says which, where and why, and shows no values."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


def complaint(where: object, error: ValidationError) -> Text:
    """Everything pydantic found wrong, in both languages."""
    told = [_told(each) for each in error.errors(include_url=False, include_input=False)]
    sv, en = "; ".join(each.sv for each in told), "; ".join(each.en for each in told)
    return Text(f"{where}: {sv}", f"{where}: {en}")


def _told(error: ErrorDetails) -> Text:
    place = ".".join(str(part) for part in error["loc"] if part != "[key]")
    kind = "name" if error["type"] == "string_pattern_mismatch" and "[key]" in error["loc"] else error["type"]
    said = _said(kind, error["msg"], error.get("ctx", {}))
    return Text(f"{place}: {said.sv}", f"{place}: {said.en}") if place else said


def _said(kind: str, message: str, context: Mapping[str, Any]) -> Text:
    if "sv" in context:
        return Text(str(context["sv"]), message)
    if kind in _WORDS:
        words = _WORDS[kind]
        return Text(words.sv.format_map(context), words.en.format_map(context))
    return Text(f"ogiltigt värde ({message})", message)


NAMES = Text("namn skrivs med a–z, 0–9 och bindestreck", "names are written with a–z, 0–9 and hyphens")
_WORDS = {
    "name": NAMES,
    "missing": Text("saknas", "is missing"),
    "extra_forbidden": Text("inställningen finns inte; kontrollera stavningen", "no such setting; check its name"),
    "string_pattern_mismatch": Text("är inte skrivet på rätt sätt ({pattern})", "is not written rightly ({pattern})"),
    "string_too_short": Text("ska ha minst {min_length} tecken", "must have at least {min_length} characters"),
    "too_short": Text("ska ha minst {min_length} tecken", "must have at least {min_length} characters"),
    "string_type": Text("ska vara en text", "must be text"),
    "int_parsing": Text("ska vara ett heltal", "must be a whole number"),
    "int_type": Text("ska vara ett heltal", "must be a whole number"),
    "float_parsing": Text("ska vara ett tal", "must be a number"),
    "bool_parsing": Text("ska vara true eller false", "must be true or false"),
    "greater_than_equal": Text("ska vara minst {ge}", "must be at least {ge}"),
    "less_than_equal": Text("ska vara högst {le}", "must be at most {le}"),
    "literal_error": Text("ska vara något av {expected}", "must be one of {expected}"),
}
