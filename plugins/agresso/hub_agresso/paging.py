"""Reading a listing page by page without losing rows, though it has no total and may change while it is read.

Neighbouring pages overlap. A page whose first row is not among those before it was not where it should be (rows were
taken away, a page was left out or told twice): it is asked for again, further back each time. What never fits is
asked for in one piece, which nothing can shift. A page that only looks short is not the last one: the listing has
ended when a page that begins among the rows before it brings none beyond them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from hub.domain.texts import Text
from hub.plugin.errors import Unavailable

RowT = TypeVar("RowT")
TRIES = 4
LARGEST = 50_000
"""The most rows in one piece: what ERPx gives in a call (second hand, facts 2026)."""


@dataclass(frozen=True, slots=True)
class Told(Generic[RowT]):
    """One answer: its bytes, its rows with what tells each from the others, and how many there were with those that
    are none of ours (sums and part sums)."""

    content: bytes
    rows: Sequence[RowT]
    addresses: Sequence[str]
    answered: int


@dataclass(frozen=True, slots=True)
class Step(Generic[RowT]):
    """One page that fits to those before it, where the next begins, and whether it is the last."""

    told: Told[RowT]
    offset: int
    last: bool


def steps(ask: Callable[[int, int], Told[RowT]], size: int, overlap: int, offset: int = 0) -> Iterator[Step[RowT]]:
    """Every page from the offset on, in order. `ask(offset, limit)` asks once. Raises Unavailable."""
    before: Sequence[str] = ()
    if offset:
        offset, before = _taken_up(ask, min(size, 2 * overlap), offset)
    while True:
        begun, told = _fitting(ask, size, overlap, offset, before)
        if told is None:
            yield _in_one_piece(ask)
            return
        offset, last = begun + len(told.rows), not _is_new(told, before)
        yield Step(told, offset, last)
        if last:
            return
        before = told.addresses


def _taken_up(ask: Callable[[int, int], Told[RowT]], back: int, offset: int) -> tuple[int, Sequence[str]]:
    """Where to go on and the rows before it, as far as they are given; the beginning when nothing stands there now."""
    begin = max(0, offset - back)
    seen = ask(begin, offset - begin)
    given = len(seen.rows)
    if 0 < given < offset - begin:
        # The server gives less than was asked for, so it is asked nearer: else a page a time would lead backwards.
        nearer = ask(offset - given, given)
        begin, seen = (offset - given, nearer) if nearer.addresses else (begin, seen)
    return (begin + len(seen.rows), seen.addresses) if seen.addresses else (0, ())


def _fitting(
    ask: Callable[[int, int], Told[RowT]], size: int, overlap: int, offset: int, before: Sequence[str]
) -> tuple[int, Told[RowT] | None]:
    if not before:
        told = ask(offset, size)
        begins_well = bool(told.addresses) or (not offset and told.answered < size)
        return offset, told if begins_well else None
    # A server may give less than was asked for: what is read again is never all of the page before.
    back = min(overlap, max(1, len(before) // 2))
    for _ in range(TRIES):
        begin = max(0, offset - back)
        told = ask(begin, size)
        if _follows(told, before, size):
            return begin, told
        back = min(back * 3, size - 1)
    return offset, None


def _follows(told: Told[RowT], before: Sequence[str], size: int) -> bool:
    """Whether the page begins among the rows before it and goes beyond them, or ends the listing."""
    if not told.addresses or told.addresses[0] not in before:
        return False
    return _is_new(told, before) or told.answered < size


def _is_new(told: Told[RowT], before: Sequence[str]) -> bool:
    """Whether the page has any row that was not in the one before."""
    return not set(told.addresses).issubset(before)


def _in_one_piece(ask: Callable[[int, int], Told[RowT]]) -> Step[RowT]:
    told = ask(0, LARGEST)
    if told.answered >= LARGEST or _is_new(ask(len(told.rows), LARGEST), told.addresses):
        raise Unavailable(_UNSTABLE)
    return Step(told, len(told.rows), last=True)


_UNSTABLE = Text(
    "Agressos sidor hänger inte ihop: raderna kommer i en annan ordning för varje sida, och de är fler än vad som kan "
    "hämtas på en gång. Låt objektet eller mallen sortera sina rader. Inget är förlorat; hubben försöker igen.",
    "Agresso's pages do not fit together: the rows come in another order with each page, and are more than can be had "
    "at once. Let the object or template sort its rows. Nothing is lost; the hub tries again.",
)
