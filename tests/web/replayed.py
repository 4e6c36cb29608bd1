"""Replays of the test city: one rehearsed, one under way, one cut short, and a group that somebody has taken on."""

from __future__ import annotations

from hub.store import replays, set_asides
from hub.store.database import Database
from hub.store.replays import Outcome
from hub.store.set_asides import Chosen

REHEARSED, UNDER_WAY, CUT_SHORT = 1, 2, 3


def replayed(database: Database, who: str) -> None:
    """Let these replays have been made."""
    _rehearsed(database, who)
    _under_way(database, who)
    _cut_short(database, who)
    with database.write() as connection:
        group = set_asides.groups(connection)[0]
        set_asides.assign(connection, group.fingerprint, "Berit i e-handelsgruppen", "Ringer leverantören.", who)


def _begun(database: Database, who: str, ids: list[int], *, rehearsal: bool = False, gathered: bool = True) -> int:
    with database.write() as connection:
        last = max(ids)
        chosen = Chosen(ids=tuple(ids))
        made = replays.begin(connection, chosen, who, rehearsal=rehearsal, priority=100, last=last)
        replay = replays.lock(connection, made)
        assert replay is not None
        replays.add(connection, replay, ids, last, gathered=gathered)
    return made


def _rehearsed(database: Database, who: str) -> None:
    with database.read() as connection:
        ids = set_asides.members(connection)
    made = _begun(database, who, ids, rehearsal=True)
    with database.write() as connection:
        for each in ids[:4]:
            replays.mark_rehearsed(connection, made, each, Outcome.RECOVERED, (), "agresso-utb")
        for each in ids[4:-1]:
            replays.mark_rehearsed(connection, made, each, Outcome.STOPPED, ("CITY-RECIPIENT",))
        replays.mark_rehearsed(connection, made, ids[-1], Outcome.UNKNOWN, ("UNAVAILABLE",))


def _under_way(database: Database, who: str) -> None:
    made = _begun(database, who, [1, 2, 3, 15, 16, 23], gathered=False)
    with database.write() as connection:
        replays.mark(connection, 1, Outcome.RECOVERED)
        replays.mark(connection, 2, Outcome.RECOVERED)
        replays.mark(connection, 3, Outcome.DISMISSED)
        replays.mark(connection, 15, Outcome.STOPPED, ("BR-CO-10", "PEPPOL-EN16931-R120"))
    assert made == UNDER_WAY


def _cut_short(database: Database, who: str) -> None:
    made = _begun(database, who, [4], gathered=False)
    with database.write() as connection:
        replays.mark(connection, 4, Outcome.RECOVERED)
        failure = {"class": "cancelled", "sv": "Avbruten av en person.", "en": "Cancelled by a person."}
        replays.stop_gathering(connection, made, failure)
