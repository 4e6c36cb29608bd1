"""Looking at the target again: before a plan is applied, that nothing has changed; afterwards, that all is there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from hub.domain.changes import ChangeKind
from hub.flow.staging import Desk, batches, fitted, ours
from hub.plugin.ports import Holding
from hub.store import plans
from hub.store.database import now
from hub.store.plans import APPLIED, StoredChange

_NAMED = 20


@dataclass(slots=True)
class Look:
    """What one look at the target found: how much it holds, and how many addresses are not as they should be.

    `odd` names the first of those.
    """

    moment: datetime
    held: int = 0
    wrong: int = 0
    odd: list[str] = field(default_factory=list)

    def blame(self, address: str) -> None:
        """That address is not as it should be."""
        self.wrong += 1
        if len(self.odd) < _NAMED:
            self.odd.append(address)


def before_applying(desk: Desk, holdings: Iterable[Holding], theirs: frozenset[str]) -> Look:
    """Whether everything that the plan has still to do stands as it stood when it was made.

    The versions that the target says now are kept, to be sent as conditions.
    """

    def stands(change: StoredChange, holding: Holding) -> bool:
        return change.outcome is not None or _is_untouched(change, holding, theirs)

    return _look(desk, holdings, stands, (ChangeKind.UPDATE, ChangeKind.REMOVE), None)


def after_applying(desk: Desk, holdings: Iterable[Holding], theirs: frozenset[str]) -> Look:
    """Whether everything that was applied stands at the target as it was planned."""

    def stands(change: StoredChange, holding: Holding) -> bool:
        return change.outcome != APPLIED or _is_made(change, holding, theirs)

    return _look(desk, holdings, stands, (ChangeKind.CREATE, ChangeKind.UPDATE), APPLIED)


def _look(
    desk: Desk,
    holdings: Iterable[Holding],
    stands: Callable[[StoredChange, Holding], bool],
    demanded: tuple[ChangeKind, ...],
    outcome: str | None,
) -> Look:
    with desk.database.read() as connection:
        look = Look(now(connection))
    for batch in batches(map(fitted, holdings), desk.batch):
        desk.beat()
        look.held += len(batch)
        _meet(desk, batch, look, stands)
    with desk.database.read() as connection:
        missing = plans.unmet(connection, desk.plan_id, look.moment, demanded, outcome, _NAMED + 1)
    for address in missing:
        look.blame(address)
    return look


def _meet(desk: Desk, batch: list[Holding], look: Look, stands: Callable[[StoredChange, Holding], bool]) -> None:
    with desk.database.read() as connection:
        planned = plans.at(connection, desk.plan_id, {each.address for each in batch})
    if not planned:
        return
    versions: dict[int, str] = {}
    for each in batch:
        change = planned.get(each.address)
        if change is not None:
            versions[change.number] = each.version
            if not stands(change, each):
                look.blame(each.address)
    with desk.database.write() as connection:
        plans.look_at(connection, desk.plan_id, versions, look.moment)


def _is_untouched(change: StoredChange, holding: Holding, theirs: frozenset[str]) -> bool:
    """As it was when the plan was made; or as we made it, in a try whose receipt was lost."""
    planned = change.change
    if change.attempted_at is not None and _is_made(change, holding, theirs):
        return True
    match planned.kind:
        case ChangeKind.CREATE:
            return False
        case ChangeKind.UPDATE:
            stands = all(holding.fields.get(name, "") == value for name, value in planned.before.items())
            return stands and not planned.fields.keys() & theirs  # given to the other side since the plan was made
        case ChangeKind.REMOVE:
            return ours(holding.fields, theirs) == ours(planned.before, theirs)


def _is_made(change: StoredChange, holding: Holding, theirs: frozenset[str]) -> bool:
    planned = change.change
    if planned.kind is ChangeKind.REMOVE:
        return False
    return all(holding.fields.get(name, "") == value for name, value in planned.fields.items() if name not in theirs)
