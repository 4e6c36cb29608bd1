"""A supplier's mail from one seed: mostly good invoices, some twice, some broken, some for nobody, some unwelcome."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from hub_svefaktura.standin.city import City, Letter

TODAY = date(2026, 11, 22)
UNWELCOME = "<!-- avvisas av mottagaren -->"
_SPOILED = frozenset({"unknown-recipient", "not-xml", "pdf", "packed", "empty", "cut", "dtd-bomb", "wrong-encoding"})
"""What is set aside whoever judges it: it is no document the hub can read, or nobody's."""


class Fate(StrEnum):
    """What a letter deserves: one of each group is delivered; what is spoiled or unwelcome is set aside."""

    DELIVERED = "delivered"
    SPOILED = "spoiled"
    UNWELCOME = "unwelcome"


@dataclass(frozen=True, slots=True)
class Posted:
    """A file as it is left in the inbox. Letters of one group are the same invoice, of which one is delivered."""

    name: str
    content: bytes
    fate: Fate
    group: int


def mail(seed: int, number: int) -> list[Posted]:
    """That many files. The same seed gives the same."""
    chance = random.Random(f"mail {seed}")
    good = City(seed, TODAY, bad_share=0).letters()
    bad = (each for each in City(seed + 1, TODAY, bad_share=1).letters() if each.fault in _SPOILED)
    posted: list[Posted] = []
    while len(posted) < number:
        posted += _some(chance, good, bad, len(posted))
    del posted[number:]
    chance.shuffle(posted)
    return posted


def _some(chance: random.Random, good: Iterator[Letter], bad: Iterator[Letter], group: int) -> list[Posted]:
    drawn = chance.random()
    if drawn < 0.08:
        return [_posted(next(bad).content, Fate.SPOILED, group, "a")]
    content = next(good).content
    if drawn < 0.12:
        return [_posted(content.rstrip() + UNWELCOME.encode(), Fate.UNWELCOME, group, "a")]
    first = _posted(content, Fate.DELIVERED, group, "a")
    if drawn < 0.16:
        return [first, _posted(content, Fate.DELIVERED, group, "samma-byte")]
    if drawn < 0.20:
        return [first, _posted(content.rstrip() + b"<!-- en gang till -->\n", Fate.DELIVERED, group, "samma-faktura")]
    return [first]


def _posted(content: bytes, fate: Fate, group: int, what: str) -> Posted:
    return Posted(f"{group:06d}-{what}.xml", content, fate, group)
