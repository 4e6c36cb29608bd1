"""Hours worked, as the time system reports them: the ground of what local onboarding is billed for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours of one person on one activity of one project on one day."""

    company: str
    resource: str
    project: str
    activity: str
    time_code: str
    day: date
    hours: Decimal
