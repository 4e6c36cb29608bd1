"""Approving: named persons let a plan pass, or stop it. Every deed is in the audit log, in the same transaction."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from typing import Final

from sqlalchemy import Connection

from hub.domain.changes import PlanState
from hub.domain.texts import Text
from hub.jobs import endings
from hub.store import audit, plans
from hub.store.database import Database
from hub.store.plans import Approval, StoredPlan

ThenApply = Callable[[Connection, StoredPlan], None]
APPROVE: Final = "approve"
REFUSE: Final = "refuse"


class NotPossible(Exception):
    """What was asked of a plan cannot be done; `text` says why, and what to do."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


def approve(database: Database, plan_id: int, digest: str, by: str, reason: str, then: ThenApply) -> PlanState:
    """A person approves a held plan as it was shown. With the last one it needs it goes on; where it stands now.

    Raises NotPossible for another digest, for a plan that does not wait, without a reason, and for the same person
    a second time.
    """
    return _approve(database, plan_id, digest, by, reason, then, PlanState.HELD)


def apply(database: Database, plan_id: int, digest: str, by: str, reason: str, then: ThenApply) -> PlanState:
    """A person lets a proposed plan be applied: as `approve`, by one person where no guard asks for more."""
    return _approve(database, plan_id, digest, by, reason, then, PlanState.PROPOSED)


def refuse(database: Database, plan_id: int, by: str, reason: str) -> PlanState:
    """A person decides that a plan that waits shall not be applied. Raises NotPossible."""
    with database.write() as connection:
        plan = _waiting(connection, plan_id, plans.WAITING_FOR_SOMEBODY)
        _demand_reason(reason)
        if not _has_decided(connection, plan, by):
            plans.decide(connection, plan, by, REFUSE, reason)
        endings.refuse(connection, plan, by, reason)
        audit.write(connection, by, "refuse", f"plan {plan.id}", {"digest": plan.digest, "reason": reason})
    return PlanState.REFUSED


def _approve(
    database: Database, plan_id: int, digest: str, by: str, reason: str, then: ThenApply, state: PlanState
) -> PlanState:
    with database.write() as connection:
        plan = _waiting(connection, plan_id, (state,))
        _demand_reason(reason)
        if digest != plan.digest:
            raise NotPossible(_OTHER_DIGEST)
        if _has_decided(connection, plan, by):
            raise NotPossible(_SAME_PERSON)
        if any(_excludes(each, plan) for each in plans.standing(connection, plan.route, plans.UNDER_WAY)):
            raise NotPossible(_ANOTHER_FIRST)
        plans.decide(connection, plan, by, APPROVE, reason)
        told = {"digest": digest, "reason": reason}
        audit.write(connection, by, APPROVE if state is PlanState.HELD else "apply", f"plan {plan.id}", told)
        if approvers(plan, plans.approvals(connection, plan.id)) < seats(plan):
            return plan.state
        plans.move(connection, plan.id, PlanState.APPROVED)
        then(connection, plan)
    return PlanState.APPROVED


def person(by: str) -> str:
    """Whoever that is: one person is the same at the command line and in the console."""
    shown = unicodedata.normalize("NFKC", by.removeprefix("cli:"))
    return "".join(each for each in shown if each.isprintable()).strip().casefold()


def approvers(plan: StoredPlan, said: Iterable[Approval]) -> int:
    """How many different persons have approved that very digest, of what was said about the plan."""
    return len({person(each.by) for each in said if (each.decision, each.digest) == (APPROVE, plan.digest)})


def seats(plan: StoredPlan) -> int:
    """How many persons must approve a plan that waits."""
    return max(1, plan.seats)


def _waiting(connection: Connection, plan_id: int, states: tuple[PlanState, ...]) -> StoredPlan:
    found = plans.get(connection, plan_id)
    if found is None:
        raise NotPossible(Text(f"det finns ingen plan {plan_id}", f"there is no plan {plan_id}"))
    plans.hold_route(connection, found.route)
    plan = plans.lock(connection, plan_id)
    if plan.state not in states:
        wanted = " / ".join(states)
        raise NotPossible(
            Text(f"plan {plan_id} är {plan.state}, inte {wanted}", f"plan {plan_id} is {plan.state}, not {wanted}")
        )
    return plan


def _excludes(one: StoredPlan, other: StoredPlan) -> bool:
    """Whether a plan of a route waits for another one's end; rehearsals of different sources have nothing in common."""
    return bool(one.target) or "" in {one.source, other.source} or one.source == other.source


def _demand_reason(reason: str) -> None:
    if not reason.strip():
        raise NotPossible(Text("ange en motivering", "state a reason"))


def _has_decided(connection: Connection, plan: StoredPlan, by: str) -> bool:
    return person(by) in {person(each.by) for each in plans.approvals(connection, plan.id)}


_OTHER_DIGEST = Text(
    "planen är en annan än den som visades; se på den igen", "the plan is another than was shown; look at it again"
)
_SAME_PERSON = Text("samma person kan inte godkänna två gånger", "the same person cannot approve twice")
_ANOTHER_FIRST = Text(
    "en annan plan för samma rutt håller på att utföras; vänta tills den är klar",
    "another plan of the same route is being applied; wait until it is done",
)
