"""Rule packs: which editions there are, and which one judges. They are changed from the command line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import Connection as Reading
from xmlrules import Pack, PackBroken, list_packs

from hub.domain.calendar import CITY_TIME
from hub.store import rule_packs
from hub.store.database import now
from hub.store.rule_packs import Activation
from hub.web.visits import Somebody

router = APIRouter(prefix="/rules")


@dataclass(frozen=True, slots=True)
class Edition:
    """A pack in the folder, its time in force where it has any, and whether it judges today."""

    pack: Pack
    activation: Activation | None
    judges: bool

    @property
    def version(self) -> str:
        """Its version in its maker's words, without the remark that the page makes itself, in its language."""
        return self.pack.version.partition(" (superseded")[0] if self.pack.superseded else self.pack.version


@router.get("")
def listed(visit: Somebody) -> Response:
    """Every pack there is, by family."""
    broken: list[PackBroken] = []
    packs = list_packs(visit.hub.packs, broken)
    with visit.database.read() as reading:
        known = rule_packs.every(reading)
        today = now(reading).astimezone(CITY_TIME).date()
        names = judging(reading, packs, today)
    editions = [Edition(pack, known.get(pack.name), pack.name in names) for pack in packs]
    editions.sort(key=lambda each: (each.pack.family, not each.judges, each.pack.name))
    return visit.page("rules.html", editions=editions, broken=[each.reason for each in broken])


def judging(reading: Reading, packs: Iterable[Pack], on: date) -> set[str]:
    """The names of the packs that judge on that day."""
    found = (rule_packs.in_force(reading, family, on) for family in {pack.family for pack in packs})
    return {activation.name for activation in found if activation}
