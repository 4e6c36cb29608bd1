"""What this door hands to the routes: enough to land a message and to ask a source, but nobody to judge."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xmlrules import Judgement

from hub.app import Hub
from hub.jobs.ways import Ways


class NobodyJudges:
    """Stands where the rules would; a door that tried to judge would be a mistake."""

    def judge(
        self,
        document: bytes,
        pack: Path,
        layers: Sequence[str] | None = None,
        at: Sequence[int] = (),
        schemas: Path | None = None,
    ) -> Judgement:
        """Raises, always: judging is the workers' work."""
        raise RuntimeError("a door does not judge; workers do")


def ways(hub: Hub) -> Ways:
    """The ways of that hub, for its doors."""
    return hub.ways(NobodyJudges())
