"""Changes that a route wants to make at its target, and the plan that holds them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


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
    that stand there now.
    """

    kind: ChangeKind
    key: str
    address: str
    fields: Mapping[str, str] = field(default_factory=dict)
    before: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a route wants to do at one target, as a value: shown, stored, approved and applied by its digest."""

    route: str
    target: str
    changes: tuple[Change, ...]

    @property
    def digest(self) -> str:
        """sha256 over everything the plan says, in hexadecimal."""
        body = [
            self.route,
            self.target,
            [[c.kind, c.key, c.address, dict(c.fields), dict(c.before)] for c in self.changes],
        ]
        text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Receipt:
    """The target's own word that a change stands there: when, where, and how it is known there."""

    at: datetime
    reference: str
    details: Mapping[str, str] = field(default_factory=dict)
