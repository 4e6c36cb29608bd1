"""When to try again: exponential backoff with full jitter. Pure functions; the caller brings the randomness."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

_NEVER_TOO_LATE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a kind of work is retried.

    `attempts` None never gives up on a system that cannot be reached; `bugs` is how often an unexpected error is
    tried again; `losses` is how many workers may vanish over one piece of work before it is given up as the cause;
    `overdue` is after how many attempts past their deadline it is given up, each having cost a thread that may hang.
    """

    base: timedelta = timedelta(seconds=1)
    factor: float = 2.0
    cap: timedelta = timedelta(hours=1)
    attempts: int | None = None
    bugs: int = 0
    losses: int = 5
    overdue: int = 5


DEFAULT_RETRIES = RetryPolicy()


def ceiling(policy: RetryPolicy, attempt: int) -> timedelta:
    """The longest wait after that attempt (the first is 1): base x factor^(attempt-1), at most the cap."""
    base, cap = policy.base.total_seconds(), policy.cap.total_seconds()
    try:
        return timedelta(seconds=min(cap, base * policy.factor ** max(0, attempt - 1)))
    except OverflowError:
        return policy.cap


def delay(policy: RetryPolicy, attempt: int, fraction: float, retry_after: timedelta | None = None) -> timedelta:
    """The wait after that attempt; `fraction` is random in [0, 1).

    Never shorter than the other side's own wish `retry_after`, of which at most a day is honoured.
    """
    drawn = ceiling(policy, attempt) * fraction
    return drawn if retry_after is None else max(drawn, min(retry_after, _NEVER_TOO_LATE))


def gives_up(policy: RetryPolicy, attempt: int) -> bool:
    """Whether that attempt against a system that cannot be reached was the last."""
    return policy.attempts is not None and attempt >= policy.attempts
