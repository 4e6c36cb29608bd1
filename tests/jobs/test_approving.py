"""Approving: who is the same person, however the name is written."""

from __future__ import annotations

import pytest

from hub.jobs.approving import person


@pytest.mark.parametrize("written", ["Åsa", "cli:Åsa", "A\u030asa", "åsa ", "Å\u200bsa", "\ufeffÅSA"])
def test_a_person_is_the_same_however_the_name_is_written(written: str) -> None:
    assert person(written) == "åsa"


def test_other_names_are_other_persons() -> None:
    assert len({person(each) for each in ("Åsa", "Asa", "anna", "Anna L")}) == 4
