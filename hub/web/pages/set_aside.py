"""What was set aside, by reason and by any question: who mends it, what a replay would come to, and the replay."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form
from fastapi.responses import Response

from hub.domain.calendar import CITY_TIME
from hub.jobs import replaying
from hub.store import invoices, replays, set_asides, units
from hub.store.set_asides import Chosen
from hub.web.speech import N_
from hub.web.visits import FormOfSomebody, NotFound, Somebody, Visit
from hub.web.words import STAGES

router = APIRouter(prefix="/set-aside")
_ROWS = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks of all that is set aside, as it stands in the address and in the forms."""

    code: str = ""
    stage: str = ""
    connection: str = ""
    unit: str = ""
    seller: str = ""
    since: str = ""
    until: str = ""
    least: str = ""
    most: str = ""
    everything: str = ""

    @property
    def stated(self) -> dict[str, str]:
        """What is asked for, by the names of the fields."""
        return {each.name: getattr(self, each.name) for each in fields(self) if getattr(self, each.name)}

    @property
    def address(self) -> str:
        """The page's address for this question."""
        return f"/set-aside?{urlencode(self.stated)}" if self.stated else "/set-aside"

    def further(self, after: int) -> str:
        """The address of what follows that document."""
        return f"/set-aside?{urlencode({**self.stated, 'after': str(after)})}"

    @property
    def chosen(self) -> Chosen:
        """The question as the store understands it; what cannot be understood chooses nothing at all."""
        if not self._is_understood:
            return Chosen()
        until = _day(self.until)
        return Chosen(
            code=self.code or None,
            stage=self.stage or None,
            connection=self.connection or None,
            unit=self.unit or None,
            seller=self.seller.strip()[:200] or None,
            arrived_from=_midnight(_day(self.since)),
            arrived_to=_midnight(until + timedelta(days=1) if until else None),
            amount_from=_amount(self.least),
            amount_to=_amount(self.most),
            everything=self.everything == "1",
        )

    @property
    def _is_understood(self) -> bool:
        days = all(_day(each) is not None for each in (self.since, self.until) if each)
        return days and all(_amount(each) is not None for each in (self.least, self.most) if each)


def _asked(
    code: str = "",
    stage: str = "",
    connection: str = "",
    unit: str = "",
    seller: str = "",
    since: str = "",
    until: str = "",
    least: str = "",
    most: str = "",
) -> Asked:
    return Asked(code, stage, connection, unit, seller.strip(), since, until, least.strip(), most.strip())


def _filled(
    code: Annotated[str, Form()] = "",
    stage: Annotated[str, Form()] = "",
    connection: Annotated[str, Form()] = "",
    unit: Annotated[str, Form()] = "",
    seller: Annotated[str, Form()] = "",
    since: Annotated[str, Form()] = "",
    until: Annotated[str, Form()] = "",
    least: Annotated[str, Form()] = "",
    most: Annotated[str, Form()] = "",
    everything: Annotated[str, Form()] = "",
) -> Asked:
    return replace(_asked(code, stage, connection, unit, seller, since, until, least, most), everything=everything)


@router.get("")
def listed(visit: Somebody, asked: Annotated[Asked, Depends(_asked)], after: int = 0) -> Response:
    """The groups, the largest first; or what meets a question, with what it comes to."""
    chosen = asked.chosen
    with visit.database.read() as reading:
        total = set_asides.count(reading)
        groups = [] if asked.stated else set_asides.groups(reading)
        figures = set_asides.figures(reading, chosen)
        ids = set_asides.chosen(reading, chosen, after=after, limit=_ROWS + 1)
        rows = invoices.rows(reading, ids[:_ROWS])
        register, codes = units.every(reading), set_asides.codes(reading)
    return visit.page(
        "set_aside.html",
        asked=asked,
        groups=groups,
        owners={each.fingerprint: each.owner(_owners(visit)) for each in groups},
        total=total,
        figures=figures,
        rows=rows,
        further=asked.further(ids[_ROWS - 1]) if len(ids) > _ROWS else "",
        register=register,
        codes=codes,
        stages=STAGES,
        connections=sorted(visit.hub.connections),
    )


@router.post("/replay")
def replay_chosen(visit: FormOfSomebody, asked: Annotated[Asked, Depends(_filled)]) -> Response:
    """Let what meets the question be judged anew."""
    return _begun(visit, asked.chosen, asked.address, rehearse=False)


@router.post("/rehearse")
def rehearse_chosen(visit: FormOfSomebody, asked: Annotated[Asked, Depends(_filled)]) -> Response:
    """Look what would become of what meets the question."""
    return _begun(visit, asked.chosen, asked.address, rehearse=True)


@router.get("/{fingerprint}")
def one(visit: Somebody, fingerprint: str, after: int = 0) -> Response:
    """One group: its reason, what to do, who does it, and its documents."""
    with visit.database.read() as reading:
        group = set_asides.group(reading, fingerprint)
        if group is None:
            return visit.page("set_aside_empty.html", 404)
        ids = set_asides.members(reading, fingerprint, after=after, limit=_ROWS + 1)
        rows = invoices.rows(reading, ids[:_ROWS])
    further = ids[_ROWS - 1] if len(ids) > _ROWS else None
    owner = group.owner(_owners(visit))
    return visit.page("set_aside_group.html", group=group, owner=owner, rows=rows, further=further)


@router.post("/{fingerprint}/replay")
def replay_group(visit: FormOfSomebody, fingerprint: str) -> Response:
    """Let the whole group be judged anew."""
    return _begun(visit, Chosen(group=fingerprint), f"/set-aside/{fingerprint}", rehearse=False)


@router.post("/{fingerprint}/rehearse")
def rehearse_group(visit: FormOfSomebody, fingerprint: str) -> Response:
    """Look what would become of the whole group."""
    return _begun(visit, Chosen(group=fingerprint), f"/set-aside/{fingerprint}", rehearse=True)


@router.post("/{fingerprint}/owner")
def assign(
    visit: FormOfSomebody, fingerprint: str, owner: Annotated[str, Form()] = "", note: Annotated[str, Form()] = ""
) -> Response:
    """Say who mends the cause; an empty name gives it back to whoever owns the connection."""
    named, told = owner.strip()[:128], note.strip()[:1000]
    with visit.database.write() as connection:
        if set_asides.group(connection, fingerprint) is None:
            raise NotFound
        set_asides.assign(connection, fingerprint, named, told, visit.who)
    said = N_("The group has an owner.") if named else N_("The group has no owner of its own any more.")
    return visit.go(f"/set-aside/{fingerprint}", visit.tongue.say(said))


def _begun(visit: Visit, chosen: Chosen, back: str, *, rehearse: bool) -> Response:
    with visit.database.read() as reading:
        if not set_asides.chosen(reading, chosen, limit=1):
            return visit.go(back, visit.tongue.say(N_("Nothing that is set aside meets this, so nothing was done.")))
    made = replaying.replay(visit.database, chosen, visit.who, rehearse=rehearse)
    with visit.database.read() as reading:
        result = replays.result(reading, made)
    number, tongue = result.number, visit.tongue
    if rehearse:
        said = tongue.say_number("%(num)s document is looked at.", "%(num)s documents are looked at.", number)
    else:
        said = tongue.say_number("%(num)s document queued again.", "%(num)s documents queued again.", number)
    rest = "" if result.gathered else " " + tongue.say(N_("The rest follow."))
    return visit.go(f"/set-aside/replays/{made}", said + rest)


def _owners(visit: Visit) -> dict[str, str]:
    return {name: each.owner for name, each in visit.hub.connections.items()}


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), CITY_TIME) if day else None


def _amount(text: str) -> Decimal | None:
    plain = re.sub(r"[\s\u00a0]", "", text).replace(",", ".")
    return Decimal(plain) if re.fullmatch(r"-?\d{1,15}(\.\d{1,6})?", plain) else None
