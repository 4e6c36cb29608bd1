"""Nothing lost, nothing twice: documents through a faulty peer while workers are killed and the database breaks off."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from hub.testing.register_http import Shelf, serving
from tests.torture.invoices import Invoices
from tests.torture.mail import mail
from tests.torture.records import MOST_KILLS, Records
from tests.torture.run import Trial, run

DOCUMENTS = 100
KINDS = 6
RECORDS = 120
PAUSE = 0.03
"""Seconds that the register takes for each: nobody would be killed over a plan that is applied in no time."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize(("workers", "naive"), [(1, True), (3, False)], ids=["one-naive", "three-with-keys"])
def test_every_document_is_delivered_once_or_set_aside_whatever_dies(
    tmp_path: Path, database_url: str, packs: Path, workers: int, naive: bool
) -> None:
    seed = random.randrange(100_000)
    trial = Trial(seed, DOCUMENTS, workers, naive, kills=4)
    print(trial.again(database_url))
    outcome = run(trial, Invoices(mail(seed, DOCUMENTS), naive), tmp_path, database_url, packs)
    print(outcome)
    assert outcome.wrong == []
    assert outcome.lost > 0, "no kill hit work under way: nothing was shown"
    assert len(outcome.faults) > KINDS, "too few kinds of faults were met: nothing was shown"


@pytest.mark.timeout(300)
def test_every_change_of_a_plan_is_made_once_whatever_dies(tmp_path: Path, database_url: str, packs: Path) -> None:
    seed, shelf = random.randrange(100_000), Shelf(pause=PAUSE)
    print(f"seed {seed}")
    trial = Trial(seed, RECORDS, workers=2, kills=MOST_KILLS, cuts=1)
    with serving(shelf) as address:
        outcome = run(trial, Records(RECORDS, address, shelf), tmp_path, database_url, packs)
    print(outcome)
    assert outcome.wrong == []
    assert outcome.lost > 0, "no kill hit work under way: nothing was shown"
