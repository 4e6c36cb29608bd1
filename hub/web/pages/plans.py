"""Plans: those that wait for somebody, one plan with all that it would change, and the deeds that decide about it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from fastapi.responses import Response
from sqlalchemy import Connection as Reading

from hub.domain.changes import ChangeKind, Figures, PlanState, differences
from hub.domain.masking import masked_text
from hub.jobs import approving, routes
from hub.jobs.approving import APPROVE, REFUSE, NotPossible
from hub.store import documents, plans
from hub.store.plans import APPLIED, REJECTED, SET_ASIDE, Approval, StoredChange, StoredPlan
from hub.web.speech import N_
from hub.web.visits import FormOfSomebody, NotFound, Somebody, Visit
from hub.web.ways import ways
from hub.web.words import CHANGE_OUTCOMES, PLAN_STATES

router = APIRouter(prefix="/plans")
ROWS = 50
CHANGES = 50
LONGEST_VALUE = 1000
APPLY: Final = "apply"
_BAR = 720

Outcomes = dict[tuple[ChangeKind, str | None], int]


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody asks the list of plans for, as it stands in the address."""

    route: str = ""
    state: str = ""

    @property
    def is_narrow(self) -> bool:
        """Whether anything is asked for at all."""
        return bool(self.route or self.state)

    @property
    def chosen(self) -> PlanState | None:
        """The state that is asked for, if any is."""
        return PlanState(self.state) if self.state else None

    def address(self, before: int | None = None) -> str:
        """The list's address for this question, from below that plan on."""
        return _address("/plans", route=self.route, state=self.state, before=before)


@dataclass(frozen=True, slots=True)
class Row:
    """A plan as it is listed, with how many have approved it of how many it needs."""

    plan: StoredPlan
    approvers: int
    seats: int


@dataclass(frozen=True, slots=True)
class AskedChanges:
    """Which of a plan's changes somebody asks for, as it stands in the address."""

    plan_id: int
    kind: str = ""
    outcome: str = ""
    after: int = 0
    still: bool = False

    def address(self, *, after: int = 0, still: bool = False, seen: str = "") -> str:
        """The plan's address for these changes, from above that one on; to stand still, or as it was seen."""
        asked = {"kind": self.kind, "outcome": self.outcome, "after": after}
        return _address(f"/plans/{self.plan_id}", **asked, still=int(still), seen=seen)


@dataclass(frozen=True, slots=True)
class Value:
    """One field of a change as it may be shown; `is_alike` says that the two differ only in what is hidden."""

    field: str
    old: str | None
    new: str | None
    is_alike: bool


@dataclass(frozen=True, slots=True)
class Line:
    """One change of a plan as it is shown."""

    stored: StoredChange
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """One part of what the plan found, as it is drawn and as it stands in the table; what is unchanged has no kind."""

    name: str
    number: int
    x: float
    width: float
    applied: int = 0
    rejected: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """A plan with all that its page tells, but for its changes."""

    plan: StoredPlan
    approvals: tuple[Approval, ...]
    shares: tuple[Share, ...]
    newest: int | None
    file: str

    @property
    def approvers(self) -> int:
        """How many persons have approved it."""
        return approving.approvers(self.plan, self.approvals)

    @property
    def seats(self) -> int:
        """How many persons must approve it."""
        return approving.seats(self.plan)

    @property
    def waits(self) -> bool:
        """Whether it waits for a person."""
        return self.plan.state in plans.WAITING_FOR_SOMEBODY

    @property
    def is_under_way(self) -> bool:
        """Whether it is approved and not yet applied to its end."""
        return self.plan.state in plans.UNDER_WAY

    @property
    def total(self) -> int:
        """How many changes it holds."""
        return sum(each.applied + each.rejected + each.left for each in self.shares)

    @property
    def applied(self) -> int:
        """How many of its changes are made."""
        return sum(each.applied for each in self.shares)

    @property
    def rejected(self) -> int:
        """How many of its changes the target would not have."""
        return sum(each.rejected for each in self.shares)

    @property
    def expected(self) -> int:
        """How many records the target is to hold afterwards, when what it rejected is left out."""
        made = {each.name: each.applied + each.left for each in self.shares}
        return self.plan.figures.holdings + made[ChangeKind.CREATE] - made[ChangeKind.REMOVE]

    @property
    def look(self) -> str:
        """The same while there is nothing new to show."""
        return hashlib.sha256(repr((self.plan, self.approvals, self.shares)).encode()).hexdigest()[:16]

    def has_decided(self, by: str) -> bool:
        """Whether that person has said what they think of it."""
        return approving.person(by) in {approving.person(each.by) for each in self.approvals}


# --- looked at


@router.get("")
def listed(visit: Somebody, route: str = "", state: str = "", before: str = "") -> Response:
    """The plans that wait for somebody or are under way, then those at their end, newest first, a page at a time."""
    asked = Asked(route, state if state in PLAN_STATES else "")
    below = int(before) if re.fullmatch(r"\d{1,15}", before) else None
    with visit.database.read() as reading:
        alone = bool(asked.state) or below is not None
        waiting = [] if alone else plans.open_in(reading, asked.route or None)
        rows = plans.page(
            reading,
            route=asked.route or None,
            state=asked.chosen,
            without=() if asked.state else plans.OPEN,
            before=below,
            limit=ROWS + 1,
        )
        said = plans.approvals_of(reading, [each.id for each in (*waiting, *rows)])
    return visit.page(
        "plans.html",
        asked=asked,
        waiting=[_row(each, said[each.id]) for each in waiting],
        rows=[_row(each, said[each.id]) for each in rows[:ROWS]],
        older=asked.address(rows[ROWS - 1].id) if len(rows) > ROWS else "",
        below=below,
        routes=sorted(ways(visit.hub).routes),
    )


@router.get("/{plan_id}")
def one(
    visit: Somebody,
    plan_id: int,
    kind: str = "",
    outcome: str = "",
    after: str = "",
    still: bool = False,
    seen: str = "",
) -> Response:
    """One plan. Asked again with the look it was `seen` in, says nothing while that is the same."""
    shown = _shown(visit, plan_id)
    if seen == shown.look and visit.request.headers.get("HX-Request"):
        return Response(status_code=204)
    kind = kind if kind in set(ChangeKind) else ""
    outcome = outcome if outcome in CHANGE_OUTCOMES else ""
    first = int(after) if re.fullmatch(r"\d{1,9}", after) else 0
    return _page(visit, shown, AskedChanges(plan_id, kind, outcome, first, still))


# --- decided


@router.post("/{plan_id}/approve")
def approve(
    visit: FormOfSomebody, plan_id: int, digest: Annotated[str, Form()] = "", reason: Annotated[str, Form()] = ""
) -> Response:
    """Approve a held plan exactly as it was shown; a reason must be given."""

    def act(why: str) -> PlanState:
        return routes.approve(visit.database, plan_id, digest, visit.who, why)

    return _decided(visit, plan_id, APPROVE, reason, act)


@router.post("/{plan_id}/apply")
def apply(
    visit: FormOfSomebody, plan_id: int, digest: Annotated[str, Form()] = "", reason: Annotated[str, Form()] = ""
) -> Response:
    """Let a proposed plan be applied exactly as it was shown; a reason must be given."""

    def act(why: str) -> PlanState:
        return routes.apply_proposed(visit.database, plan_id, digest, visit.who, why)

    return _decided(visit, plan_id, APPLY, reason, act)


@router.post("/{plan_id}/refuse")
def refuse(visit: FormOfSomebody, plan_id: int, reason: Annotated[str, Form()] = "") -> Response:
    """Decide that the plan shall not be applied; a reason must be given."""

    def act(why: str) -> PlanState:
        return approving.refuse(visit.database, plan_id, visit.who, why)

    return _decided(visit, plan_id, REFUSE, reason, act)


def _decided(visit: Visit, plan_id: int, deed: str, reason: str, act: Callable[[str], PlanState]) -> Response:
    why = reason.strip()[:1000]
    before = _shown(visit, plan_id)
    if not why:
        return _page(visit, before, AskedChanges(plan_id), 422, wrong=deed)
    try:
        state = act(why)
    except NotPossible as error:
        after = _shown(visit, plan_id)
        trouble = _trouble(visit, after, deed, error)
        return _page(visit, after, AskedChanges(plan_id), 409, trouble=trouble, tried=deed, written=why)
    return visit.go(f"/plans/{plan_id}", visit.tongue.say(_said(state)))


def _said(state: PlanState) -> str:
    if state is PlanState.REFUSED:
        return N_("The plan is turned down. Nothing of it is done.")
    if state is PlanState.APPROVED:
        return N_("The plan is approved. A worker carries it out.")
    return N_("Your approval is kept. Another person must approve the plan too before it is carried out.")


def _trouble(visit: Visit, now: Shown, deed: str, error: NotPossible) -> str:
    """Why it could not be done, in words that tell what to do."""
    tongue = visit.tongue
    if not now.waits:
        changed = N_("The plan changed after it was shown to you. It is now: %(state)s. Nothing was done.")
        return tongue.say(changed, state=tongue.say(PLAN_STATES[now.plan.state]))
    if deed != REFUSE and now.has_decided(visit.who):
        return tongue.say(N_("You have approved this plan before. Another person must approve it too."))
    text: str = error.text.in_language(visit.language)
    return f"{text[:1].upper()}{text[1:]}."


# --- shown


def _page(visit: Visit, shown: Shown, asked: AskedChanges, status: int = 200, **more: Any) -> Response:
    with visit.database.read() as reading:
        found = plans.changes(
            reading,
            asked.plan_id,
            kind=ChangeKind(asked.kind) if asked.kind else None,
            outcome=asked.outcome or None,
            after=asked.after,
            limit=CHANGES + 1,
        )
    further = asked.address(after=found[CHANGES - 1].number, still=asked.still) if len(found) > CHANGES else ""
    told = {"wrong": "", "trouble": "", "tried": "", "written": ""} | more
    lines = [Line(each, tuple(_values(each))) for each in found[:CHANGES]]
    known = frozenset(visit.hub.connections)
    return visit.page(
        "plan.html", status, shown=shown, asked=asked, lines=lines, further=further, connections=known, **told
    )


def _shown(visit: Visit, plan_id: int) -> Shown:
    with visit.database.read() as reading:
        plan = plans.get(reading, plan_id)
        if plan is None:
            raise NotFound
        said = tuple(plans.approvals(reading, plan_id))
        shares = tuple(_shares(plan.figures, plans.outcomes(reading, plan_id)))
        return Shown(plan, said, shares, _newer(reading, plan), _file(reading, plan))


def _newer(reading: Reading, plan: StoredPlan) -> int | None:
    """The route's newest plan, when that is another."""
    newest = plans.page(reading, route=plan.route, limit=1)
    return newest[0].id if newest and newest[0].id > plan.id else None


def _file(reading: Reading, plan: StoredPlan) -> str:
    """The name of the extract that the plan was made of, when it is landed."""
    document = documents.get(reading, plan.document_id) if plan.document_id else None
    return document.name if document else ""


def _row(plan: StoredPlan, said: Iterable[Approval]) -> Row:
    return Row(plan, approving.approvers(plan, said), approving.seats(plan))


def _shares(figures: Figures, outcomes: Outcomes) -> Iterator[Share]:
    """What is added, changed, removed, would be set aside and is unchanged, side by side."""
    aside = sum(number for (_, outcome), number in outcomes.items() if outcome == SET_ASIDE)
    ends = {each: [outcomes.get((each, end), 0) for end in (APPLIED, REJECTED, None)] for each in ChangeKind}
    parts = [*((each.value, sum(ends[each]), ends[each]) for each in ChangeKind)]
    parts += [("set_aside", aside, [0, 0, 0]), ("unchanged", figures.unchanged, [0, 0, 0])]
    whole = sum(number for _, number, _ in parts)
    x = 0.0
    for name, number, (applied, rejected, left) in parts:
        width = round(_BAR * number / whole, 2) if whole else 0.0
        yield Share(name, number, round(x, 2), width, applied, rejected, left)
        x += width


def _values(stored: StoredChange) -> Iterator[Value]:
    for each in differences(stored.change):
        old, new = (None if said is None else _cut(masked_text(said)) for said in (each.old, each.new))
        yield Value(each.field, old, new, old == new)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]} …"


def _address(path: str, **asked: object) -> str:
    stated = {name: str(value) for name, value in asked.items() if value}
    return f"{path}?{urlencode(stated)}" if stated else path
