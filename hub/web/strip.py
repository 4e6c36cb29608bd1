"""The last days as a strip: a bar for each, and behind it the band that is usual for such a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.status.bands import Band
from hub.store.volumes import Volume

WIDTH, HEIGHT, TOP = 720, 120, 12
_LOWEST = 1.5


@dataclass(frozen=True, slots=True)
class Block:
    """A rectangle of the picture, in its coordinates."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Day:
    """One day: what came, the band, and both as they are drawn."""

    volume: Volume
    usual: Band | None
    bar: Block | None
    band: Block | None


@dataclass(frozen=True, slots=True)
class Strip:
    """The days, oldest first; `most` is the scale's top."""

    days: tuple[Day, ...]
    most: int

    @property
    def doubted(self) -> tuple[Volume, ...]:
        """The days that are doubted."""
        return tuple(each.volume for each in self.days if each.volume.is_doubted)


def strip(lately: Sequence[tuple[Volume, Band | None]]) -> Strip:
    """The picture of those days."""
    tops = [max(volume.documents, usual.high if usual else 0) for volume, usual in lately]
    most = max([1, *(int(top) + 1 for top in tops)])
    slot = WIDTH / max(1, len(lately))
    days = [_day(place * slot, slot, volume, usual, most) for place, (volume, usual) in enumerate(lately)]
    return Strip(tuple(days), most)


def _day(x: float, slot: float, volume: Volume, usual: Band | None, most: int) -> Day:
    bar = _block(x + slot * 0.25, slot * 0.5, 0, volume.documents, most) if volume.documents else None
    band = _block(x, slot, usual.low, usual.high, most) if usual else None
    return Day(volume, usual, bar, band)


def _block(x: float, width: float, low: float, high: float, most: int) -> Block:
    scale = (HEIGHT - TOP) / most
    height = max(_LOWEST, (high - low) * scale)
    return Block(round(x, 1), round(HEIGHT - low * scale - height, 1), round(width, 1), round(height, 1))
