"""Guards: what stops a plan, and how many persons may let it pass."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.domain.changes import Figures
from hub.flow.guards import FEW_CHANGES, GuardLimits, stops

WHOLE = Figures(stated=1000, read=1000, complete=True, holdings=1000, unchanged=1000)
LIMITS = GuardLimits()


def codes(figures: Figures, limits: GuardLimits = LIMITS) -> dict[str, int]:
    """What stops such a plan, with how many persons may let it pass."""
    return {each.code: each.seats for each in stops(figures, limits)}


@pytest.mark.parametrize(
    ("changed", "stopped"),
    [
        ({}, {}),
        ({"creates": 300}, {}),
        ({"creates": 301}, {"CHANGES": 1}),
        ({"updates": 601}, {"CHANGES": 2}),
        ({"creates": 301, "first": True}, {}),
        ({"removals": 10}, {}),
        ({"removals": 11}, {"REMOVALS": 1}),
        ({"removals": 251}, {"REMOVALS": 2}),
        ({"removals": 251, "first": True}, {"REMOVALS": 2}),
        ({"removals": 11, "updates": 301}, {"REMOVALS": 1, "CHANGES": 1}),
        ({"complete": False}, {"INCOMPLETE": 1}),
        ({"read": 0}, {"EMPTY": 1}),
        ({"read": 0, "complete": False}, {"EMPTY": 1, "INCOMPLETE": 1}),
        ({"read": 0, "holdings": 0}, {}),
        ({"holdings": 0, "held_before": 5, "creates": 5}, {"TARGET-EMPTY": 1}),
        ({"holdings": 0, "held_before": None, "creates": 1000, "first": True}, {}),
    ],
)
def test_a_plan_is_stopped_for_what_it_would_do(changed: dict[str, int], stopped: dict[str, int]) -> None:
    assert codes(replace(WHOLE, **changed)) == stopped


def test_few_of_few_are_no_share() -> None:
    few = replace(WHOLE, holdings=3, stated=3, read=3)
    assert codes(replace(few, creates=FEW_CHANGES)) == {}
    assert codes(replace(few, creates=FEW_CHANGES + 1)) == {"CHANGES": 2}
    assert codes(replace(few, removals=1)) == {}
    assert codes(replace(few, removals=2)) == {"REMOVALS": 2}


def test_a_number_of_zero_leaves_the_share_alone_to_decide() -> None:
    limits = GuardLimits(removals=0, removals_share=0.1)
    assert codes(replace(WHOLE, removals=100), limits) == {}
    assert codes(replace(WHOLE, removals=101), limits) == {"REMOVALS": 1}


def test_a_stop_says_its_figures_in_both_languages() -> None:
    [stop] = stops(replace(WHOLE, removals=400), LIMITS)
    assert (stop.figures["removals"], stop.figures["holdings"], stop.figures["share"]) == (400, 1000, 0.4)
    assert "400" in stop.text.sv
    assert "40%" in stop.text.en


@pytest.mark.parametrize(
    ("changed", "english", "swedish"),
    [
        ({"removals": 54}, "(5.4%)", "(5,4\u00a0%)"),
        ({"removals": 60}, "(6%)", "(6\u00a0%)"),
        ({"removals": 501, "holdings": 10_000}, "(5.01%)", "(5,01\u00a0%)"),
        ({"removals": 50}, "(5%)", "(5\u00a0%)"),
        ({"updates": 301}, "(30.1%)", "(30,1\u00a0%)"),
    ],
)
def test_a_stop_shows_that_its_limit_is_exceeded_and_never_the_same_figure_twice(
    changed: dict[str, int], english: str, swedish: str
) -> None:
    [stop] = stops(replace(WHOLE, **changed), LIMITS)
    assert english in stop.text.en
    assert swedish in stop.text.sv
