"""Changes that a route wants to make at its target, the plan that holds them, and what may stop it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from hub.domain.texts import Text


class ChangeKind(StrEnum):
    """What a change does at the target."""

    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Change:
    """One change, written as the target would hold it.

    `key` is the idempotency key: equal keys are the same change, however often it is tried. `address` says where
    at the target (a file name, a record's id); `fields` are the values that will stand there, and `before` those
    that stand there now. `version` is the target's own mark of what stands there, where it has one.
    """

    kind: ChangeKind
    key: str
    address: str
    fields: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)
    version: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that a change touches; `old` is None where nothing stands yet, `new` where nothing will."""

    field: str
    old: str | None
    new: str | None


def differences(change: Change) -> Iterator[Difference]:
    """What the change does, field by field, in the order of their names."""
    for name in sorted({*change.fields, *change.before}):
        old, new = change.before.get(name), change.fields.get(name)
        if change.kind is ChangeKind.UPDATE and (new is None or (old or "") == new):
            continue
        yield Difference(name, old, new)


class PlanState(StrEnum):
    """Where a plan stands.

    making      being written down; nobody has seen it yet
    proposed    a rehearsal, or a first run: waits for somebody to apply it
    held        stopped by a guard: waits for as many persons as it says
    approved    everybody it needed has approved it; it will be applied
    applying    its changes are being made at the target
    applied     its changes are made, or told as rejected one by one
    refused     a person decided that it shall not be applied
    stale       the target, or the source, has changed since it was made
    superseded  a later plan of the same route stands in its place
    """

    MAKING = "making"
    PROPOSED = "proposed"
    HELD = "held"
    APPROVED = "approved"
    APPLYING = "applying"
    APPLIED = "applied"
    REFUSED = "refused"
    STALE = "stale"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Figures:
    """What was counted while a plan was made.

    `stated` is how many records the extract says it has (None: it does not say), `read` how many of them were
    sound, `flaws` how many were not, `complete` whether the extract said that it is whole. `holdings` is what the
    target held; of it `spared` was left alone because its record in the extract was at fault, and `withheld` would
    have been removed by an extract that is whole. `first` says that no plan of this route has met any record before,
    `held_before` how many records the target had after the last plan, and `held_after` after this one.
    """

    stated: int | None = None
    read: int = 0
    flaws: int = 0
    complete: bool = False
    holdings: int = 0
    creates: int = 0
    updates: int = 0
    removals: int = 0
    unchanged: int = 0
    spared: int = 0
    withheld: int = 0
    first: bool = False
    held_before: int | None = None
    held_after: int | None = None

    @property
    def changes(self) -> int:
        """How many changes the plan holds."""
        return self.creates + self.updates + self.removals


@dataclass(frozen=True, slots=True)
class Stop:
    """Why a plan may not be applied by itself: a stable code, in plain words, and how many persons may let it pass."""

    code: str
    text: Text
    seats: int = 1
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a route wants to do at one target, as a value: shown, stored, approved and applied by its digest."""

    route: str
    target: str
    changes: tuple[Change, ...]

    @property
    def digest(self) -> str:
        """As `digest_of` tells it."""
        return digest_of(self.route, self.target, self.changes)


def digest_of(route: str, target: str, changes: Iterable[Change]) -> str:
    """sha256, in hexadecimal, over everything that would be done and what it was decided on, in that order.

    Keys and versions are left out: two plans that would do the same have the same digest. Read one by one, so that
    a plan of any size can be digested as it is written.
    """
    digest = hashlib.sha256(_line([route, target]))
    for each in changes:
        digest.update(_line([each.kind, each.address, dict(each.fields), dict(each.before)]))
    return digest.hexdigest()


def key_for(plan_id: int, number: int, change: Change) -> str:
    """The idempotency key of a plan's change: its own for every plan, place and content, the same for every try."""
    said = _line([change.kind, change.address, dict(change.fields), dict(change.before)])
    return f"{plan_id}-{number}-{hashlib.sha256(said).hexdigest()[:24]}"


def _line(said: object) -> bytes:
    return json.dumps(said, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode() + b"\n"


@dataclass(frozen=True, slots=True)
class Receipt:
    """The target's own word that a change stands there: when, where, and how it is known there."""

    at: datetime
    reference: str
    details: Mapping[str, str] = field(default_factory=dict)
