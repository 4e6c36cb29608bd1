"""Plans: what a route wants to do at its target, change by change, who approved it, and what came of each change.

    making ─┬─→ applying ──────────────→ applied
            ├─→ held ──────┬→ approved → applying
            └─→ proposed ──┘        any open one → refused, stale, superseded

A plan's changes are numbered in the order in which they are made. A row of theirs is ended once, by its outcome:
`applied`, `rejected`, or `set_aside` for what a rehearsal says would be set aside. A rejected one may be in doubt: it
was handed over and may stand at the target yet. It stays so until the target shows it or a person lets it be made
again, and until then no other plan makes it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    exists,
    func,
    or_,
    select,
    text,
    update,
)

from hub.domain.changes import Change, ChangeKind, Figures, PlanState, Receipt, Stop
from hub.domain.texts import Reason, Text
from hub.store import forgetting
from hub.store import reasons as kept_reasons
from hub.store.database import now
from hub.store.tables import approvals as approval_rows
from hub.store.tables import plan_changes, plans, staged, work
from hub.store.work import named

APPLIED, REJECTED, SET_ASIDE = "applied", "rejected", "set_aside"
_DOUBTED = "in_doubt"
"""How a rejected change that is in doubt is kept."""
_ENDS: Mapping[str, tuple[str, ...]] = {REJECTED: (REJECTED, _DOUBTED)}
LEFT = "left"
"""What is asked for as an outcome to find what has none yet."""
WAITING_FOR_SOMEBODY = (PlanState.PROPOSED, PlanState.HELD)
UNDER_WAY = (PlanState.APPROVED, PlanState.APPLYING)
ENDED = (PlanState.APPLIED, PlanState.REFUSED, PlanState.STALE, PlanState.SUPERSEDED)
OPEN = (PlanState.HELD, PlanState.PROPOSED, PlanState.APPROVED, PlanState.APPLYING)
_RUNNING = "running"
_UNMADE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class NewPlan:
    """What is known of a plan before its first change. `by` is the person who asked for it, if any did."""

    route: str
    noun: str
    source: str
    target: str
    run_id: int | None = None
    document_id: int | None = None
    by: str | None = None
    rehearsal: bool = False


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A plan as it stands, without its changes. `seats` is how many persons must approve it, 0 when none need."""

    id: int
    digest: str
    route: str
    noun: str
    source: str
    target: str
    run_id: int | None
    document_id: int | None
    by: str | None
    rehearsal: bool
    state: PlanState
    state_at: datetime
    made_at: datetime
    figures: Figures
    stops: tuple[Stop, ...]
    seats: int
    why: Text | None


@dataclass(frozen=True, slots=True)
class StoredChange:
    """One change of a plan and what came of it; `outcome` is None while it is still to do.

    Of a rejected one `is_in_doubt` says that it may stand at the target all the same.
    """

    plan_id: int
    number: int
    change: Change
    document_id: int | None
    attempted_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    receipt: Receipt | None
    reasons: tuple[Reason, ...]
    is_in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Approval:
    """What a named person decided about a plan: `approve` or `refuse`, of the digest that was shown."""

    by: str
    at: datetime
    decision: str
    reason: str
    digest: str


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the changes of a plan have come."""

    total: int
    applied: int
    rejected: int
    left: int


# --- read


def get(connection: Connection, plan_id: int) -> StoredPlan | None:
    """The plan with that id."""
    row = connection.execute(select(plans).where(plans.c.id == plan_id)).one_or_none()
    return None if row is None else _plan(row)


def page(
    connection: Connection,
    *,
    route: str | None = None,
    state: PlanState | None = None,
    without: Collection[PlanState] = (),
    before: int | None = None,
    limit: int = 50,
) -> list[StoredPlan]:
    """Plans, newest first, from below the id `before`, none in the states it is to be `without`.

    Those still being made are left out unless asked for.
    """
    wanted = select(plans).where(plans.c.state == state if state else plans.c.state != PlanState.MAKING)
    if route is not None:
        wanted = wanted.where(plans.c.route == route)
    if without:
        wanted = wanted.where(plans.c.state.not_in(without))
    if before is not None:
        wanted = wanted.where(plans.c.id < before)
    return [_plan(row) for row in connection.execute(wanted.order_by(plans.c.id.desc()).limit(limit))]


def open_in(connection: Connection, route: str | None = None, limit: int = 200) -> list[StoredPlan]:
    """The open plans of that route, or of all: held ones first, then proposed ones, then those under way."""
    wanted = select(plans).where(plans.c.state.in_(OPEN))
    if route is not None:
        wanted = wanted.where(plans.c.route == route)
    found = [_plan(row) for row in connection.execute(wanted.order_by(plans.c.id).limit(limit))]
    return sorted(found, key=lambda each: OPEN.index(each.state))


def changes(
    connection: Connection,
    plan_id: int,
    *,
    kind: ChangeKind | None = None,
    outcome: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[StoredChange]:
    """The plan's changes in their order, from above the number `after`; with the outcome LEFT, those without one."""
    wanted = select(plan_changes).where(plan_changes.c.plan_id == plan_id, plan_changes.c.number > after)
    if kind is not None:
        wanted = wanted.where(plan_changes.c.kind == kind)
    if outcome is not None:
        wanted = wanted.where(_ended(None if outcome == LEFT else outcome))
    return _changes(connection, wanted.order_by(plan_changes.c.number).limit(limit))


def approvals(connection: Connection, plan_id: int) -> list[Approval]:
    """What was decided about the plan, first to last."""
    return approvals_of(connection, (plan_id,))[plan_id]


def approvals_of(connection: Connection, plan_ids: Collection[int]) -> dict[int, list[Approval]]:
    """What was decided about each of the plans, first to last."""
    wanted = select(approval_rows).where(approval_rows.c.plan_id.in_(plan_ids)).order_by(approval_rows.c.id)
    said: dict[int, list[Approval]] = {each: [] for each in plan_ids}
    for row in connection.execute(wanted):
        said[row.plan_id].append(Approval(row.by, row.at, row.decision, row.reason, row.digest))
    return said


def progress(connection: Connection, plan_id: int) -> Progress:
    """How far the plan has come."""
    counted = select(plan_changes.c.outcome, func.count()).where(plan_changes.c.plan_id == plan_id)
    found = {row[0]: row[1] for row in connection.execute(counted.group_by(plan_changes.c.outcome))}
    rejected = sum(found.get(each, 0) for each in _ENDS[REJECTED])
    return Progress(sum(found.values()), found.get(APPLIED, 0), rejected, found.get(None, 0))


def awaited(connection: Connection, limit: int | None = 50) -> list[StoredPlan]:
    """The plans whose runs wait for a person: held by a guard, or first of their route; oldest first, all with None.

    A rehearsal is left out: whoever asked for it looks at it, and nothing waits behind it.
    """
    wanted = select(plans).where(*_AWAITED).order_by(plans.c.id).limit(limit)
    return [_plan(row) for row in connection.execute(wanted)]


def count_awaited(connection: Connection) -> int:
    """How many plans' runs wait for a person."""
    return connection.execute(select(func.count()).select_from(plans).where(*_AWAITED)).scalar_one()


def latest_applied(connection: Connection, route: str, source: str, target: str) -> StoredPlan | None:
    """The last plan from that source that was applied at that target by that route."""
    same = plans.c.route == route, plans.c.source == source, plans.c.target == target
    wanted = select(plans).where(*same, plans.c.state == PlanState.APPLIED)
    row = connection.execute(wanted.order_by(plans.c.id.desc()).limit(1)).one_or_none()
    return None if row is None else _plan(row)


# --- made


def hold_route(connection: Connection, route: str) -> None:
    """Let nobody else decide about this route's plans until the transaction ends. (SQLite's write does so itself.)"""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:route, 4))"), {"route": route})


def begin(connection: Connection, new: NewPlan) -> int:
    """A plan begins to be made; its id."""
    at = now(connection)
    counted = {"creates": 0, "updates": 0, "removals": 0, "unchanged": 0, "figures": {}, "stops": [], "seats": 0}
    row = asdict(new) | counted | {"digest": "", "state": PlanState.MAKING, "state_at": at, "made_at": at}
    made: int = connection.execute(plans.insert().values(row).returning(plans.c.id)).scalar_one()
    return made


def forget_unmade(connection: Connection, route: str, run_id: int | None) -> int:
    """Forget the route's plans that were never made to their end, of that run or of yesterday; how many there were."""
    old = plans.c.made_at < now(connection) - _UNMADE
    unmade = plans.c.route == route, plans.c.state == PlanState.MAKING, old | (plans.c.run_id == run_id)
    return connection.execute(delete(plans).where(*unmade)).rowcount


def forget(connection: Connection, plan_id: int) -> None:
    """Forget the plan with its changes."""
    connection.execute(delete(plans).where(plans.c.id == plan_id))


def forget_before(connection: Connection, before: datetime, limit: int, kinds: Collection[str]) -> int:
    """Forget plans that ended before then, with their changes, at most `limit` rows; how many it was.

    A route's newest plan stays, as does the last that was applied from a source at a target, with which the next is
    compared, one with a change in doubt, and one that work of those kinds still names.
    """
    free = _not_needed(named(connection, kinds, "plan"))
    old = select(plans.c.id).where(plans.c.state.in_(ENDED), plans.c.state_at < before, *free)
    return _forget(connection, old, limit)


def forget_all_unmade(connection: Connection, before: datetime, limit: int) -> int:
    """Forget plans that were begun before then and never made, with what was staged, at most `limit` rows; how many."""
    return _forget(
        connection, select(plans.c.id).where(plans.c.state == PlanState.MAKING, plans.c.made_at < before), limit
    )


def _forget(connection: Connection, these: Select[Any], limit: int) -> int:
    staged_rows = select(staged.c.plan_id, staged.c.address).where(staged.c.plan_id.in_(these))
    changed = select(plan_changes.c.plan_id, plan_changes.c.number).where(plan_changes.c.plan_id.in_(these))
    return forgetting.forget(connection, limit, (staged, staged_rows), (plan_changes, changed), (plans, these))


def _not_needed(awaited: Collection[int]) -> Iterator[ColumnElement[bool]]:
    later, applied = plans.alias("later"), plans.alias("applied")
    yield exists().where(later.c.route == plans.c.route, later.c.id > plans.c.id, later.c.state != PlanState.MAKING)
    same = (applied.c[name] == plans.c[name] for name in ("route", "source", "target"))
    after = exists().where(*same, applied.c.id > plans.c.id, applied.c.state == PlanState.APPLIED)
    yield or_(plans.c.state != PlanState.APPLIED, after)
    yield ~exists().where(plan_changes.c.plan_id == plans.c.id, plan_changes.c.outcome == _DOUBTED)
    yield plans.c.id.not_in(awaited)


def add(connection: Connection, plan_id: int, numbered: Iterable[tuple[int, Change]]) -> None:
    """Write down changes of a plan that is being made, each under its number."""
    rows = [_row(plan_id, number, change) for number, change in numbered]
    if rows:
        connection.execute(plan_changes.insert(), rows)


def add_told(
    connection: Connection, plan_id: int, number: int, change: Change, outcome: str | None, reasons: Sequence[Reason]
) -> None:
    """Write down what a rehearsal of one document found: the change it would make, or why it would be set aside."""
    told = {"outcome": outcome, "reasons": [kept_reasons.written(each) for each in reasons] or None}
    connection.execute(plan_changes.insert(), [_row(plan_id, number, change) | told])


def made(
    connection: Connection, plan_id: int, digest: str, figures: Figures, stops: Sequence[Stop], state: PlanState
) -> None:
    """The plan is made: what it says, what stops it, and where it stands."""
    stands = {"seats": _seats(stops), "digest": digest, "state": state, "state_at": now(connection)}
    connection.execute(update(plans).where(plans.c.id == plan_id).values(_weighed(figures, stops) | stands))


def weighed_anew(connection: Connection, plan_id: int, figures: Figures, stops: Sequence[Stop]) -> None:
    """The plan says the same of a target that holds something else now: what stops it is told anew.

    It never needs fewer persons than it did: somebody may have approved it as one of two.
    """
    seats = max(lock(connection, plan_id).seats, _seats(stops))
    weighed = _weighed(figures, stops) | {"seats": seats}
    connection.execute(update(plans).where(plans.c.id == plan_id).values(weighed))


def _seats(stops: Sequence[Stop]) -> int:
    return max((each.seats for each in stops), default=0)


def _weighed(figures: Figures, stops: Sequence[Stop]) -> dict[str, Any]:
    return {
        "creates": figures.creates,
        "updates": figures.updates,
        "removals": figures.removals,
        "unchanged": figures.unchanged,
        "figures": asdict(figures),
        "stops": [_stop_written(each) for each in stops],
    }


def fed_anew(connection: Connection, plan_id: int, run_id: int | None, document_id: int | None) -> None:
    """A later extract says the very same: the plan stays, with its approvals, and is that one's from now on."""
    connection.execute(update(plans).where(plans.c.id == plan_id).values(run_id=run_id, document_id=document_id))


# --- decided


def lock(connection: Connection, plan_id: int) -> StoredPlan:
    """The plan, held against other writers until the transaction ends. Raises LookupError."""
    row = connection.execute(select(plans).where(plans.c.id == plan_id).with_for_update()).one_or_none()
    if row is None:
        raise LookupError(f"there is no plan {plan_id}")
    return _plan(row)


def standing(connection: Connection, route: str, states: Collection[PlanState]) -> list[StoredPlan]:
    """The route's plans in those states, oldest first, held against other writers until the transaction ends."""
    wanted = select(plans).where(plans.c.route == route, plans.c.state.in_(states)).order_by(plans.c.id)
    return [_plan(row) for row in connection.execute(wanted.with_for_update())]


def move(connection: Connection, plan_id: int, state: PlanState, why: Text | None = None) -> None:
    """Let the plan stand in that state from now on."""
    said = {"sv": why.sv, "en": why.en} if why else None
    values = {"state": state, "state_at": now(connection), "why": said}
    connection.execute(update(plans).where(plans.c.id == plan_id).values(values))


def counted(connection: Connection, plan_id: int, figures: Figures) -> None:
    """The plan's figures, with what was counted later."""
    connection.execute(update(plans).where(plans.c.id == plan_id).values(figures=asdict(figures)))


def decide(connection: Connection, plan: StoredPlan, by: str, decision: str, reason: str) -> None:
    """Keep what a person decided about the plan's digest. Each decides once."""
    row = {"plan_id": plan.id, "digest": plan.digest, "by": by, "decision": decision, "reason": reason}
    connection.execute(approval_rows.insert().values(row | {"at": now(connection)}))


# --- applied


def todo(connection: Connection, plan_id: int, limit: int) -> list[StoredChange]:
    """The next changes that are still to do, in their order."""
    wanted = select(plan_changes).where(plan_changes.c.plan_id == plan_id, plan_changes.c.outcome.is_(None))
    return _changes(connection, wanted.order_by(plan_changes.c.number).limit(limit))


def attempted(connection: Connection, plan_id: int) -> list[StoredChange]:
    """Changes that were begun and of which nobody knows what became: at most the one that a worker died over."""
    begun = plan_changes.c.attempted_at.is_not(None), plan_changes.c.outcome.is_(None)
    wanted = select(plan_changes).where(plan_changes.c.plan_id == plan_id, *begun)
    return _changes(connection, wanted.order_by(plan_changes.c.number).limit(100))


def attempt(connection: Connection, change: StoredChange, held: tuple[int, int]) -> bool:
    """The target is about to be touched by whoever holds that work (its id and token); False when it is another's."""
    mine = exists().where(work.c.id == held[0], work.c.token == held[1], work.c.state == _RUNNING)
    done = connection.execute(_this(change).where(mine).values(attempted_at=now(connection)))
    return done.rowcount == 1


def applied(connection: Connection, change: StoredChange, receipt: Receipt) -> None:
    """The change is made: keep the target's receipt."""
    kept = {"at": receipt.at.isoformat(), "reference": receipt.reference, "details": dict(receipt.details)}
    values = {"ended_at": now(connection), "outcome": APPLIED, "receipt": kept}
    connection.execute(_this(change).values(values))


def rejected(
    connection: Connection,
    change: StoredChange,
    reasons: Sequence[Reason],
    document_id: int | None = None,
    *,
    in_doubt: bool = False,
) -> None:
    """The target will not have this one change, or nobody knows whether it has it; `document_id`: where it lies."""
    values = {
        "ended_at": now(connection),
        "outcome": _DOUBTED if in_doubt else REJECTED,
        "reasons": [kept_reasons.written(each) for each in reasons],
    }
    connection.execute(_this(change).values(values | {"document_id": document_id}))


def died_over(connection: Connection, plan: StoredPlan) -> frozenset[str]:
    """Addresses that plans which became stale had begun with at the same target, and never told what came of it."""
    wanted = select(plan_changes.c.address).where(*_begun_by_stale(plan))
    return frozenset(connection.execute(wanted).scalars())


def take_over(connection: Connection, plan: StoredPlan, change: Change) -> None:
    """This plan is to tell from now on what becomes of a change that a stale one died over."""
    same = plan_changes.c.address == change.address, plan_changes.c.kind == change.kind
    ended = update(plan_changes).where(*_begun_by_stale(plan), *same)
    connection.execute(ended.values(outcome=REJECTED, ended_at=now(connection)))


def _begun_by_stale(plan: StoredPlan) -> tuple[ColumnElement[bool], ...]:
    stale = plans.c.target == plan.target, plans.c.noun == plan.noun, plans.c.state == PlanState.STALE
    begun = plan_changes.c.attempted_at.is_not(None), plan_changes.c.outcome.is_(None)
    return plan_changes.c.plan_id.in_(select(plans.c.id).where(*stale)), *begun


# --- in doubt


def in_doubt(connection: Connection, target: str, noun: str) -> list[StoredChange]:
    """Changes that may or may not stand at that target, of whatever plan."""
    there = select(plans.c.id).where(plans.c.target == target, plans.c.noun == noun)
    wanted = select(plan_changes).where(plan_changes.c.plan_id.in_(there), plan_changes.c.outcome == _DOUBTED)
    return _changes(connection, wanted.order_by(plan_changes.c.plan_id, plan_changes.c.number))


def holds_doubt(document_id: ColumnElement[int]) -> ColumnElement[bool]:
    """That a change in doubt lies in that document: for others to leave it out."""
    return exists().where(plan_changes.c.document_id == document_id, plan_changes.c.outcome == _DOUBTED)


def doubted_before(connection: Connection, plan: StoredPlan) -> list[str]:
    """Addresses of what the plan has still to make and what came to be in doubt after it was made."""
    doubted = {each.change.address for each in in_doubt(connection, plan.target, plan.noun)}
    left = plan_changes.c.kind == ChangeKind.CREATE, plan_changes.c.outcome.is_(None)
    wanted = select(plan_changes.c.address).where(plan_changes.c.plan_id == plan.id, *left)
    return sorted(connection.execute(wanted.where(plan_changes.c.address.in_(doubted))).scalars())


def turned_up(connection: Connection, change: StoredChange) -> None:
    """What was in doubt stands at the target."""
    same = plan_changes.c.plan_id == change.plan_id, plan_changes.c.number == change.number
    _answered(connection, *same, outcome=APPLIED, reasons=None)


def let_again(connection: Connection, document_id: int) -> None:
    """A person has looked: what was in doubt, and lies in that document, is not there and may be made."""
    _answered(connection, plan_changes.c.document_id == document_id, outcome=REJECTED)


def lies_in(connection: Connection, change: StoredChange, document_id: int) -> None:
    """What is in doubt lies in that document from now on, where a person answers for it."""
    same = plan_changes.c.plan_id == change.plan_id, plan_changes.c.number == change.number
    connection.execute(update(plan_changes).where(*same).values(document_id=document_id))


def _answered(connection: Connection, *these: ColumnElement[bool], **values: Any) -> None:
    connection.execute(update(plan_changes).where(plan_changes.c.outcome == _DOUBTED, *these).values(values))


# --- met


def at(connection: Connection, plan_id: int, addresses: Collection[str]) -> dict[str, StoredChange]:
    """The plan's changes at those addresses."""
    wanted = select(plan_changes).where(plan_changes.c.plan_id == plan_id, plan_changes.c.address.in_(addresses))
    return {each.change.address: each for each in _changes(connection, wanted)}


def look_at(connection: Connection, plan_id: int, versions: Mapping[int, str], moment: datetime) -> None:
    """These changes' addresses were met at the target in the look that began then, in these versions."""
    if versions:
        rows = [{"this": number, "found": version} for number, version in versions.items()]
        met = _LOOK.values(checked_at=moment).where(plan_changes.c.plan_id == plan_id)
        connection.execute(met, rows)


def unmet(
    connection: Connection,
    plan_id: int,
    moment: datetime,
    kinds: Collection[ChangeKind],
    outcome: str | None,
    limit: int,
) -> list[str]:
    """Addresses of changes of those kinds and that outcome which that look at the target did not meet."""
    unseen = plan_changes.c.checked_at.is_(None) | (plan_changes.c.checked_at != moment)
    wanted = select(plan_changes.c.address).where(
        plan_changes.c.plan_id == plan_id,
        _ended(outcome),
        plan_changes.c.kind.in_(kinds),
        unseen,
    )
    return list(connection.execute(wanted.order_by(plan_changes.c.number).limit(limit)).scalars())


def outcomes(connection: Connection, plan_id: int) -> dict[tuple[ChangeKind, str | None], int]:
    """How many changes of each kind came to each outcome."""
    kind, outcome = plan_changes.c.kind, plan_changes.c.outcome
    counted = select(kind, outcome, func.count()).where(plan_changes.c.plan_id == plan_id).group_by(kind, outcome)
    found: dict[tuple[ChangeKind, str | None], int] = {}
    for row in connection.execute(counted):
        end = ChangeKind(row[0]), _outcome(row[1])
        found[end] = found.get(end, 0) + row[2]
    return found


_LOOK = update(plan_changes).where(plan_changes.c.number == bindparam("this")).values(version=bindparam("found"))


_AWAITED = plans.c.state.in_(WAITING_FOR_SOMEBODY), plans.c.rehearsal.is_(False)


# --- rows


def _this(change: StoredChange) -> Any:
    same = plan_changes.c.plan_id == change.plan_id, plan_changes.c.number == change.number
    return update(plan_changes).where(*same, plan_changes.c.outcome.is_(None))


def _ended(outcome: str | None) -> ColumnElement[bool]:
    """That a change came to that outcome, or to none yet."""
    if outcome is None:
        return plan_changes.c.outcome.is_(None)
    return plan_changes.c.outcome.in_(_ENDS.get(outcome, (outcome,)))


def _outcome(kept: str | None) -> str | None:
    return REJECTED if kept == _DOUBTED else kept


def _row(plan_id: int, number: int, change: Change) -> dict[str, Any]:
    return {
        "plan_id": plan_id,
        "number": number,
        "kind": change.kind,
        "key": change.key,
        "address": change.address,
        "fields": dict(change.fields),
        "before": dict(change.before),
        "version": change.version,
        "outcome": None,
        "reasons": None,
    }


def _changes(connection: Connection, wanted: Select[Any]) -> list[StoredChange]:
    return [_change(row) for row in connection.execute(wanted)]


def _change(row: Row[Any]) -> StoredChange:
    change = Change(ChangeKind(row.kind), row.key, row.address, row.fields, row.before, row.version)
    reasons = tuple(kept_reasons.read(each) for each in row.reasons or ())
    receipt = _receipt(row.receipt)
    times, doubted = (row.attempted_at, row.ended_at), row.outcome == _DOUBTED
    outcome = _outcome(row.outcome)
    return StoredChange(row.plan_id, row.number, change, row.document_id, *times, outcome, receipt, reasons, doubted)


def _receipt(kept: Mapping[str, Any] | None) -> Receipt | None:
    if kept is None:
        return None
    return Receipt(datetime.fromisoformat(kept["at"]), kept["reference"], kept["details"])


def _plan(row: Row[Any]) -> StoredPlan:
    known = {each.name for each in fields(Figures)}
    values = row._asdict()
    values["state"] = PlanState(row.state)
    values["figures"] = Figures(**{name: value for name, value in row.figures.items() if name in known})
    values["stops"] = tuple(_stop(each) for each in row.stops)
    values["why"] = Text(row.why["sv"], row.why["en"]) if row.why else None
    return StoredPlan(**{each.name: values[each.name] for each in fields(StoredPlan)})


def _stop(kept: Mapping[str, Any]) -> Stop:
    return Stop(kept["code"], Text(kept["sv"], kept["en"]), kept["seats"], kept["figures"])


def _stop_written(stop: Stop) -> dict[str, Any]:
    said = {"code": stop.code, "sv": stop.text.sv, "en": stop.text.en}
    return said | {"seats": stop.seats, "figures": dict(stop.figures)}
