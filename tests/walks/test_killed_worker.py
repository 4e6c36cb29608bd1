"""Workers are killed at random moments: every invoice is delivered once all the same, or set aside with its reasons."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from itertools import islice

from hub_svefaktura.standin.city import City

from hub.domain.documents import DocumentState
from tests.walks.test_invoices import TODAY
from tests.walks.town import Town

SEED = 20261122
LETTERS = 40
KILLS = 5


def test_killed_workers_lose_nothing_and_deliver_nothing_twice(here: Town) -> None:
    letters = list(islice(City(SEED, TODAY).letters(), LETTERS))
    for letter in letters:
        here.leave(f"{letter.message_id}-{letter.name}", letter.content)
    chance = random.Random(SEED)
    for _ in range(KILLS):
        worker = start(here)
        time.sleep(chance.uniform(1.0, 4.0))  # the moment of death is the point of the test
        worker.kill()
        worker.wait()
    finish(here)
    states = here.states()
    assert len(states) == LETTERS
    good = sum(not letter.fault for letter in letters)
    assert list(states.values()).count(DocumentState.DELIVERED) == good
    assert list(states.values()).count(DocumentState.SET_ASIDE) == LETTERS - good
    assert len(here.delivered()) == good
    assert sorted(here.delivered().values()) == sorted(each.content for each in letters if not each.fault)


def start(here: Town) -> subprocess.Popen[bytes]:
    """A worker of its own process, as an operator would start it."""
    home = str(here.hub.settings.home)
    command = [sys.executable, "-c", "from hub.program.main import main; main()", "--home", home, "worker"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def finish(here: Town) -> None:
    """Work on until nothing is on its way any more; leases of the dead run out within 30 seconds."""
    deadline = time.monotonic() + 150
    on_the_way = {DocumentState.ARRIVED, DocumentState.ROUTED}
    while time.monotonic() < deadline:
        here.work()
        if not on_the_way & set(here.states().values()) and len(here.states()) == LETTERS:
            return
        time.sleep(1)
    raise AssertionError(f"not at an end: {here.states()}")
