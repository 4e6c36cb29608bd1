"""What messages say: to people in the hub's language, and to programs beside it. Personal numbers are masked.

A body is made once and kept: `subject` and `text` go by mail, `type`, `timestamp` and `data` by webhook.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from babel.numbers import format_decimal

from hub.domain.calendar import CITY_TIME
from hub.domain.masking import masked_text
from hub.domain.texts import Language, Text
from hub.notify.channels import Notify
from hub.store.audit import Deed
from hub.store.incidents import Incident, IncidentEvent, IncidentEventKind, Waiting
from hub.store.messages import Message, MessageKind

_NAME = Text("Inköpshubben", "The purchasing hub")
_LOCALES: Mapping[Language, str] = {"sv": "sv_SE", "en": "en_GB"}
_OPENED = Text("Incident", "Incident")
_CLOSED = Text("Avslutad", "Closed")
_MOST_DEEDS = 8

Body = dict[str, Any]


def opened(
    notify: Notify, incident: Incident, joined: Sequence[IncidentEvent], waiting: Waiting, deeds: Sequence[Deed]
) -> Body:
    """An incident has opened: what, since when, who is in it and why, what waits and what changed before."""
    language = notify.language
    title = incident.title.in_language(language)
    text = _lines(
        title,
        _since(incident).in_language(language),
        "",
        *_reasons(joined, language),
        "",
        waiting_said(waiting).in_language(language),
        *_changes(deeds, language),
        "",
        _what_to_do(incident).in_language(language),
        *_link(notify, incident),
    )
    subject = f"{_OPENED.in_language(language)} {incident.id}: {title}"
    return _body(notify, "incident.opened", incident.opened_at, subject, text, _data(incident, waiting))


def closed(notify: Notify, incident: Incident, waiting: Waiting, details: Mapping[str, Any]) -> Body:
    """An incident has closed: how, how long it lasted, and what was recovered."""
    language = notify.language
    title = incident.title.in_language(language)
    text = _lines(
        f"{title}.",
        how_closed(details).in_language(language),
        _lasted(incident).in_language(language),
        "",
        waiting_said(waiting).in_language(language),
        *_link(notify, incident),
    )
    subject = f"{_CLOSED.in_language(language)} {incident.id}: {title}"
    at = incident.closed_at or incident.seen_at
    data = _data(incident, waiting) | {key: details[key] for key in ("recovered", "total") if key in details}
    return _body(notify, "incident.closed", at, subject, text, data)


def digest(notify: Notify, at: datetime, told: Sequence[Message], still: Sequence[tuple[Incident, Waiting]]) -> Body:
    """What opened and closed while nobody was to be disturbed, and what is open still."""
    language = notify.language
    told_of = {kind: [each for each in told if each.kind is kind] for kind in (MessageKind.OPENED, MessageKind.CLOSED)}
    new, over = len(told_of[MessageKind.OPENED]), len(told_of[MessageKind.CLOSED])
    subject = Text(
        f"Sammandrag: {new} nya, {over} avslutade, {len(still)} öppna incidenter",
        f"Digest: {new} new, {over} closed, {len(still)} open incidents",
    ).in_language(language)
    headings = {
        MessageKind.OPENED: Text("Öppnade", "Opened"),
        MessageKind.CLOSED: Text("Avslutade", "Closed"),
    }
    lines: list[str] = []
    for kind, those in told_of.items():
        lines += _section(headings[kind].in_language(language), (str(each.body.get("subject", "")) for each in those))
    open_now = (_line_of(incident, waiting, language) for incident, waiting in still)
    lines += _section(Text("Öppna nu", "Open now").in_language(language), open_now)
    data = {
        "opened": [each.incident_id for each in told_of[MessageKind.OPENED]],
        "closed": [each.incident_id for each in told_of[MessageKind.CLOSED]],
        "open": [_data(incident, waiting) for incident, waiting in still],
    }
    return _body(notify, "incident.digest", at, subject, _lines(*lines), data)


def trial(notify: Notify, at: datetime, by: str) -> Body:
    """A message that only proves that messages come through."""
    said = Text(
        f"Detta är ett provmeddelande som {by} bad om. Inget har hänt.",
        f"This is a test message that {by} asked for. Nothing has happened.",
    ).in_language(notify.language)
    subject = Text("Provmeddelande", "Test message").in_language(notify.language)
    return _body(notify, "hub.test", at, subject, said, {"by": by})


def waiting_said(waiting: Waiting) -> Text:
    """What waits, in one sentence."""
    if not waiting.invoices:
        return Text("Ingen faktura väntar.", "No invoice waits.")
    sv = [f"{_number(waiting.invoices, 'sv')} {'faktura' if waiting.invoices == 1 else 'fakturor'} väntar"]
    en = [f"{_number(waiting.invoices, 'en')} {'invoice waits' if waiting.invoices == 1 else 'invoices wait'}"]
    if waiting.due_today:
        sv.append(f"{_number(waiting.due_today, 'sv')} förfaller i dag")
        en.append(f"{_number(waiting.due_today, 'en')} due today")
    if waiting.overdue:
        sv.append(f"{_number(waiting.overdue, 'sv')} har redan förfallit")
        en.append(f"{_number(waiting.overdue, 'en')} overdue")
    return Text(
        f"{', '.join(sv)}.{_worth(waiting, 'Värde', 'sv')}", f"{', '.join(en)}.{_worth(waiting, 'Value', 'en')}"
    )


def how_closed(details: Mapping[str, Any]) -> Text:
    """How an incident closed, told from the event that closed it."""
    by, total = str(details.get("by", "")), details.get("total")
    if total is not None:
        recovered = details.get("recovered", 0)
        return Text(f"Reparerad: {recovered} av {total} återställda.", f"Repaired: {recovered} of {total} recovered.")
    if by:
        reason = str(details.get("reason", ""))
        return Text(f"Avslutad av {by}: {reason}", f"Closed by {by}: {reason}")
    return Text("Avslutad av sig själv: allt svarar igen.", "Closed by itself: everything answers again.")


def deed_said(deed: Deed, language: Language) -> str:
    """One change, with its time and whoever made it."""
    about = ", ".join(map(str, deed.details.get("changed", ()))) or _about(deed.about, language)
    did = _DEEDS.get(deed.what, Text(deed.what, deed.what)).in_language(language)
    return f"{_clock(deed.at)} {deed.who}: {did} {about}"


def _about(about: str, language: Language) -> str:
    """What a deed was done to: its kind, in the language where it has a word, and its name."""
    kind, _, name = about.partition(" ")
    return f"{_THINGS[kind].in_language(language)} {name}".strip() if kind in _THINGS else about


_THINGS = {
    "connection": Text("kopplingen", "the connection"),
    "pack": Text("regelpaketet", "the rule pack"),
    "units": Text("registret över enheter", "the register of units"),
    "ledger": Text("reskontran", "the ledger"),
    "user": Text("", ""),
}
_DEEDS = {
    "changed": Text("ändrades:", "changed:"),
    "activate": Text("satte i kraft", "put into force"),
    "import": Text("läste in", "imported"),
    "pause": Text("pausade", "paused"),
    "resume": Text("lät fortsätta:", "resumed"),
    "account": Text("ändrade kontot", "changed the account"),
}


# --- parts of a text


def _since(incident: Incident) -> Text:
    return Text(f"Sedan {_clock(incident.since)}.", f"Since {_clock(incident.since)}.")


def _lasted(incident: Incident) -> Text:
    until = incident.closed_at or incident.seen_at
    begun, ended, failures = _clock(incident.since), _clock(until), incident.failures
    return Text(f"Varade {begun} till {ended}, {failures} fel.", f"Lasted {begun} to {ended}, {failures} failures.")


def _reasons(joined: Iterable[IncidentEvent], language: Language) -> Iterator[str]:
    for each in joined:
        if each.kind is IncidentEventKind.JOINED:
            yield f"- {each.connection}: {each.details.get(language, '')}"


def _changes(deeds: Sequence[Deed], language: Language) -> Iterator[str]:
    if deeds:
        yield from ("", Text("Ändrat dygnet innan:", "Changed in the day before:").in_language(language))
        yield from (f"- {deed_said(each, language)}" for each in deeds[:_MOST_DEEDS])


def _what_to_do(incident: Incident) -> Text:
    waits = Text(
        "Hubben försöker igen av sig själv. Håller det i sig: hör med den som ansvarar för systemet.",
        "The hub tries again by itself. If it goes on: ask whoever is responsible for the system.",
    )
    person = Text(
        f"Åtgärda orsaken och reparera sedan: hub incidents repair {incident.id}.",
        f"Mend the cause, then repair: hub incidents repair {incident.id}.",
    )
    return waits if incident.kind == "unavailable" else person


def _link(notify: Notify, incident: Incident) -> Iterator[str]:
    if notify.console:
        yield f"{notify.console.rstrip('/')}/incidents/{incident.id}"


def _section(heading: str, lines: Iterable[str]) -> list[str]:
    found = [f"- {each}" for each in lines]
    return [heading, *found, ""] if found else []


def _line_of(incident: Incident, waiting: Waiting, language: Language) -> str:
    told = incident.title.in_language(language), _since(incident).in_language(language)
    return f"{incident.id}: {told[0]}. {told[1]} {waiting_said(waiting).in_language(language)}"


def _worth(waiting: Waiting, word: str, language: Language) -> str:
    amounts = [f"{_amount(value, language)} {currency}" for currency, value in sorted(waiting.worth.items())]
    return f" {word}: {' + '.join(amounts)}." if amounts else ""


def _lines(*lines: str) -> str:
    return masked_text("\n".join(lines).strip() + "\n")


def _body(notify: Notify, kind: str, at: datetime, subject: str, text: str, data: Mapping[str, Any]) -> Body:
    name = _NAME.in_language(notify.language)
    subject = masked_text(subject)
    payload = {"type": kind, "timestamp": at.isoformat(), "data": {**data, "subject": subject, "text": text}}
    return {"subject": subject, "mail_subject": f"{name}: {subject}", "text": text, "payload": payload}


def _data(incident: Incident, waiting: Waiting) -> dict[str, Any]:
    return {
        "incident": incident.id,
        "kind": incident.kind,
        "title": {"sv": incident.title.sv, "en": incident.title.en},
        "connections": list(incident.scope.connections),
        "hosts": list(incident.scope.hosts),
        "since": incident.since.isoformat(),
        "closed_at": incident.closed_at.isoformat() if incident.closed_at else None,
        "waiting": {
            "invoices": waiting.invoices,
            "due_today": waiting.due_today,
            "overdue": waiting.overdue,
            "worth": {currency: format(value, "f") for currency, value in waiting.worth.items()},
        },
    }


def _clock(at: datetime) -> str:
    return f"{at.astimezone(CITY_TIME):%Y-%m-%d %H:%M}"


def _number(value: int, language: Language) -> str:
    return format_decimal(value, locale=_LOCALES[language])


def _amount(value: Decimal, language: Language) -> str:
    return format_decimal(value, format="#,##0.00", locale=_LOCALES[language])
