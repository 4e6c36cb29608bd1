"""How a document is refused: a reason with a stable code, in plain words in both languages."""

from __future__ import annotations

from hub.domain.texts import Reason, Text
from hub.plugin.errors import Rejected
from hub_svefaktura.texts import RuleText, text_for

UNREADABLE = "RECORD-UNREADABLE"
SHOWN = 200


def rejected(rule: str, official: str, *, location: str = "", value: str = "", line: int | None = None) -> Rejected:
    """The refusal of a document by one rule; `official` says in English what was found, should no text be written."""
    return Rejected((reason(rule, official, location=location, value=value, line=line),))


def reason(rule: str, official: str, *, location: str = "", value: str = "", line: int | None = None) -> Reason:
    """One reason whose code is the rule's id; the line stands in the words, since people look for it there."""
    shown = value[:SHOWN]
    sv = text_for(rule, "sv", official=official, location=location, value=shown)
    en = text_for(rule, "en", official=official, location=location, value=shown)
    problem = Text(_with_line(sv, "rad", line), _with_line(en, "line", line))
    return Reason(rule, problem, Text(sv.remedy, en.remedy), location, shown, official, line)


def _with_line(text: RuleText, word: str, line: int | None) -> str:
    return f"{text.problem} ({word} {line})" if line else text.problem
