"""How much is measured: the usual amounts, and the tiny ones that only show that everything runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """How many documents and rounds; `slow` is the number for contenders that need a second for each,
    `listed` how many documents lists are asked over, each `asked` so often; `jobs` how much work that does nothing is
    carried out in a round, and `latencies` how often a piece is timed, with `waiting` others in the queue; `planned`
    how many records a plan is made of; `pulled` how many order lines are pulled in a round, and `pulled_at_most` with
    how few and how many memory is looked at.
    """

    documents: int
    slow: int
    rounds: int
    letters: int
    walks: int
    lines: tuple[int, ...]
    megabytes: int
    listed: int = 1_000_000
    asked: int = 15
    jobs: int = 3_000
    latencies: int = 200
    waiting: int = 50_000
    planned: int = 100_000
    pulled: int = 20_000
    pulled_at_most: tuple[int, int] = (10_000, 1_000_000)


USUAL = Sizes(documents=80, slow=3, rounds=7, letters=300, walks=3, lines=(1_000, 10_000), megabytes=200)
TINY = Sizes(
    documents=4,
    slow=1,
    rounds=1,
    letters=4,
    walks=1,
    lines=(5, 20),
    megabytes=2,
    listed=400,
    asked=2,
    jobs=40,
    latencies=4,
    waiting=50,
    planned=200,
    pulled=40,
    pulled_at_most=(40, 120),
)
