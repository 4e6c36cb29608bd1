"""Guards: what stops a plan before it is applied. Pure functions of what was counted while it was made.

A stop says what was met, in figures, and how many persons must approve before the plan may be applied all the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from hub.domain.changes import Figures, Stop
from hub.domain.texts import Text

FEW_CHANGES = 10
"""So many creates and updates are never a share of anything: a register of twenty may get three new records."""

_MOST_DECIMALS = 3


class FirstRun(StrEnum):
    """What becomes of the first plan that a route makes for a target: shown, or applied when no guard stops it."""

    REHEARSE = "rehearse"
    APPLY = "apply"


@dataclass(frozen=True, slots=True)
class GuardLimits:
    """What a route lets pass by itself. Shares are of what the target holds; `removals` 0 sets no number.

    `theirs` are the fields that the other side owns: written when a record is created, then neither compared nor
    overwritten.
    """

    removals: int = 10
    removals_share: float = 0.05
    changes_share: float = 0.3
    second_removals_share: float = 0.25
    second_changes_share: float = 0.6
    first_run: FirstRun = FirstRun.REHEARSE
    theirs: frozenset[str] = frozenset()


def stops(figures: Figures, limits: GuardLimits) -> tuple[Stop, ...]:
    """Everything that stops such a plan; none when it may be applied by itself."""
    found = (_incomplete(figures), _empty(figures), _target_empty(figures))
    return (*(each for each in found if each), *_removals(figures, limits), *_changes(figures, limits))


def _incomplete(figures: Figures) -> Stop | None:
    if figures.complete:
        return None
    stated = "?" if figures.stated is None else str(figures.stated)
    met = figures.read + figures.flaws
    return Stop(
        "INCOMPLETE",
        Text(
            f"Utdraget säger inte att det är helt: {met} poster lästes, {stated} är angivna. Inget tas bort.",
            f"The extract does not say that it is whole: {met} records were read, {stated} are stated. "
            "Nothing is removed.",
        ),
        figures={"read": met, "stated": figures.stated or 0},
    )


def _empty(figures: Figures) -> Stop | None:
    if figures.read or not figures.holdings:
        return None
    return Stop(
        "EMPTY",
        Text(
            f"Utdraget har ingen post som går att läsa, men mottagaren har {figures.holdings}. Inget tas bort.",
            f"The extract has no record that can be read, but the target holds {figures.holdings}. Nothing is removed.",
        ),
        figures={"holdings": figures.holdings},
    )


def _target_empty(figures: Figures) -> Stop | None:
    if figures.holdings or not figures.held_before:
        return None
    return Stop(
        "TARGET-EMPTY",
        Text(
            f"Mottagaren säger att den inte har någon post; efter förra körningen hade den {figures.held_before}.",
            f"The target says that it holds no record; after the last run it held {figures.held_before}.",
        ),
        figures={"held_before": figures.held_before},
    )


def _removals(figures: Figures, limits: GuardLimits) -> Iterator[Stop]:
    removals, share = figures.removals, _share(figures.removals, figures.holdings)
    many = limits.removals and removals > limits.removals
    large = removals > 1 and share > limits.removals_share
    if not (many or large):
        return
    most, (met, limit) = limits.removals, _percents(share, limits.removals_share)
    yield Stop(
        "REMOVALS",
        Text(
            f"{removals} av mottagarens {figures.holdings} poster ({met.sv}) skulle tas bort. "
            f"Gränsen är {f'{most} poster eller ' if most else ''}{limit.sv}.",
            f"{removals} of the target's {figures.holdings} records ({met.en}) would be removed. "
            f"The limit is {f'{most} records or ' if most else ''}{limit.en}.",
        ),
        seats=2 if removals > 1 and share > limits.second_removals_share else 1,
        figures={"removals": removals, "holdings": figures.holdings, "share": round(share, 4)},
    )


def _changes(figures: Figures, limits: GuardLimits) -> Iterator[Stop]:
    changes = figures.creates + figures.updates
    share = _share(changes, figures.holdings)
    if figures.first or changes <= FEW_CHANGES or share <= limits.changes_share:
        return
    met, limit = _percents(share, limits.changes_share)
    yield Stop(
        "CHANGES",
        Text(
            f"{changes} poster skulle läggas till eller ändras; mottagaren har {figures.holdings} ({met.sv}). "
            f"Gränsen är {limit.sv}.",
            f"{changes} records would be created or changed; the target holds {figures.holdings} ({met.en}). "
            f"The limit is {limit.en}.",
        ),
        seats=2 if share > limits.second_changes_share else 1,
        figures={"changes": changes, "holdings": figures.holdings, "share": round(share, 4)},
    )


def _percents(share: float, limit: float) -> tuple[Text, Text]:
    """What was met and its limit, with as many decimals as it takes to tell them apart, three at most."""
    written = ((_percent(share, decimals), _percent(limit, decimals)) for decimals in range(_MOST_DECIMALS))
    differing = (each for each in written if each[0] != each[1] or share == limit)
    return next(differing, (_percent(share, _MOST_DECIMALS), _percent(limit, _MOST_DECIMALS)))


def _percent(share: float, decimals: int) -> Text:
    """In Swedish with its comma, and on one line."""
    said = f"{share * 100:.{decimals}f}"
    return Text(f"{said.replace('.', ',')}\u00a0%", f"{said}%")


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float(part > 0)
