"""Invoices from an inbox folder to the peer: each once, and what cannot be delivered set aside with its reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub_svefaktura.standin.units import register
from sqlalchemy import Connection, Row, func, select

from hub.domain.documents import DocumentState, Step
from hub.flow.plan import key_of
from hub.flow.register import parse
from hub.store import set_asides, units
from hub.store.connections import Happening
from hub.store.tables import connection_hours, deliveries, documents, journey
from hub.testing.peer import Peer
from hub.testing.peer_log import Accepted
from tests.torture.mail import UNWELCOME, Fate, Posted
from tests.torture.scenario import World
from tests.torture.storm import TARGET, Blow

INBOX = "inkorg"
_ON_THE_WAY = (DocumentState.ARRIVED, DocumentState.ROUTED)
_TWIN = {"CITY-SAME-BYTES", "CITY-DUPLICATE"}


@dataclass(frozen=True, slots=True)
class Invoices:
    """The mail, as a scenario."""

    posted: list[Posted]
    naive: bool = False

    @property
    def rejected(self) -> str:
        """What the peer rejects a document for."""
        return UNWELCOME

    @property
    def befalls(self) -> tuple[Blow, ...]:
        """What befalls it beside kills and cuts.

        A naive peer is spared the frozen worker: one that wakes while its successor delivers is healed by keys alone.
        """
        return (Blow.PEER, Blow.REFUSE) if self.naive else (Blow.PEER, Blow.REFUSE, Blow.FREEZE)

    def settings(self, place: Path, peer: Peer) -> Mapping[str, Any]:
        """An inbox and the peer."""
        inbox = {"connector": "svefaktura.files", "address": _inbox(place).as_uri(), "settle_seconds": 0, "every": 1}
        target = {"connector": "peer.http", "url": peer.url, "timeout": 1.0, "concurrency": 8}
        return {"connections": {INBOX: inbox, TARGET: target}, "routes": {"fakturor": {"from": [INBOX]}}}

    def put(self, world: World) -> None:
        """Every file into the inbox, and the units into the register."""
        _inbox(world.place).mkdir()
        for each in self.posted:
            (_inbox(world.place) / each.name).write_bytes(each.content)
        with world.hub.database.write() as connection:
            units.replace_all(connection, parse(register(TARGET)))

    def progress(self, world: World) -> float:
        """Each document comes a third of its way by landing, by being judged and by coming to its end."""
        with world.hub.database.read() as connection:
            numbers = _states(connection)
        landed, arrived, routed = sum(numbers.values()), *(numbers[each] for each in _ON_THE_WAY)
        return (3 * landed - 2 * arrived - routed) / (3 * len(self.posted))

    def check(self, world: World) -> list[str]:
        """Everything that is not as the mail deserves, by the peer's log, the hub's rows and the inbox."""
        with world.hub.database.read() as connection:
            found = _found(connection)
            counted = [*_uncounted(connection), *_twice_told(connection)]
        names = Counter(row.name for row in found)
        wrong = [f"{each.name} landed {names[each.name]} times" for each in self.posted if names[each.name] != 1]
        left = sorted(each.name for each in _inbox(world.place).glob("*.xml"))
        return [
            *wrong,
            *(f"{name} was left in the inbox" for name in left),
            *_fates(self.posted, {row.name: row for row in found}),
            *_groups(self.posted, {row.name: row for row in found}),
            *_at_the_peer(found, world.peer.changes()),
            *counted,
        ]


@dataclass(frozen=True, slots=True)
class Found:
    """A document as it ended."""

    id: int
    name: str
    digest: str
    state: DocumentState
    codes: frozenset[str]
    reference: str


def _inbox(place: Path) -> Path:
    return place / INBOX


def _states(connection: Connection) -> Counter[DocumentState]:
    counted = select(documents.c.state, func.count()).group_by(documents.c.state)
    return Counter({DocumentState(state): number for state, number in connection.execute(counted)})


def _found(connection: Connection) -> list[Found]:
    rows = connection.execute(
        select(documents, deliveries.c.receipt)
        .outerjoin(deliveries, (deliveries.c.document_id == documents.c.id) & deliveries.c.delivered_at.is_not(None))
        .order_by(documents.c.id)
    )
    return [_one(connection, row) for row in rows]


def _one(connection: Connection, row: Row[Any]) -> Found:
    aside = set_asides.of(connection, row.id)
    codes = frozenset(reason.code for reason in aside.reasons) if aside else frozenset()
    reference = row.receipt["reference"] if row.receipt else ""
    return Found(row.id, row.name, row.digest, DocumentState(row.state), codes, reference)


def _fates(posted: list[Posted], found: Mapping[str, Found]) -> Iterator[str]:
    """What is spoiled or unwelcome is set aside for that; whatever is set aside says why."""
    for each in posted:
        document = found.get(each.name)
        if document is None:
            continue
        if document.state not in {DocumentState.DELIVERED, DocumentState.SET_ASIDE}:
            yield f"{each.name} is {document.state}"
        if document.state is DocumentState.SET_ASIDE and not document.codes:
            yield f"{each.name} is set aside without a reason"
        if each.fate is not Fate.DELIVERED and document.state is not DocumentState.SET_ASIDE:
            yield f"{each.name} is {each.fate}, and {document.state}"
        if each.fate is Fate.UNWELCOME and document.codes != {"HTTP-422"}:
            yield f"{each.name} was to be rejected by the peer, and was set aside for {set(document.codes)}"


def _groups(posted: list[Posted], found: Mapping[str, Found]) -> Iterator[str]:
    """Of every invoice one copy is delivered, and the others are set aside as its twins."""
    groups: dict[int, list[Found]] = {}
    for each in posted:
        if each.fate is Fate.DELIVERED and each.name in found:
            groups.setdefault(each.group, []).append(found[each.name])
    for group in groups.values():
        delivered = [copy for copy in group if copy.state is DocumentState.DELIVERED]
        if len(delivered) != 1:
            yield f"{[copy.name for copy in group]}: {len(delivered)} delivered; {[set(copy.codes) for copy in group]}"
        for copy in group:
            if copy.state is DocumentState.SET_ASIDE and not copy.codes <= _TWIN:
                yield f"{copy.name} was set aside for {set(copy.codes)}"


def _at_the_peer(found: list[Found], changes: list[Accepted]) -> Iterator[str]:
    """The peer's log holds every delivered document once, with its own bytes and receipt, and nothing else."""
    taken = Counter(each.key for each in changes)
    yield from (f"the peer took {key} {number} times" for key, number in taken.items() if number != 1)
    delivered = {key_of(each.digest): each for each in found if each.state is DocumentState.DELIVERED}
    yield from (f"{delivered[key].name} is delivered, and the peer never took it" for key in delivered.keys() - taken)
    yield from (f"the peer took {key}, which is not delivered" for key in taken.keys() - delivered)
    for change in changes:
        document = delivered.get(change.key or "")
        if document and (change.digest, f"P-{change.number}") != (document.digest, document.reference):
            yield f"{document.name}: receipt {document.reference}, at the peer P-{change.number}, or other bytes"


def _uncounted(connection: Connection) -> Iterator[str]:
    """What was counted hour by hour is what the documents say."""
    states = _states(connection)
    said = {
        Happening.ARRIVED: states.total(),
        Happening.DELIVERED: states[DocumentState.DELIVERED],
        Happening.SET_ASIDE: states[DocumentState.SET_ASIDE],
    }
    summed = select(connection_hours.c.kind, func.sum(connection_hours.c.number)).group_by(connection_hours.c.kind)
    counted = {kind: int(number) for kind, number in connection.execute(summed)}
    for kind, number in said.items():
        if counted.get(kind, 0) != number:
            yield f"{number} documents {kind}, and {counted.get(kind, 0)} were counted"


def _twice_told(connection: Connection) -> Iterator[str]:
    """A journey tells of one arrival, and of one delivery at most."""
    once = select(journey.c.document_id, journey.c.step, func.count().label("number"))
    once = once.where(journey.c.step.in_([Step.ARRIVED, Step.JUDGED, Step.ROUTED, Step.DELIVERED, Step.SET_ASIDE]))
    for row in connection.execute(once.group_by(journey.c.document_id, journey.c.step)):
        if row.number != 1:
            yield f"the journey of document {row.document_id} tells {row.step} {row.number} times"
