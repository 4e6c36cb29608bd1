"""Applying: the target is asked, the intent is written, the target is touched. Doing it twice does no harm."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hub.domain.changes import Change, Receipt
from hub.plugin.ports import Target
from hub.store import blobs
from hub.store.database import Database


@dataclass(frozen=True, slots=True)
class KeptBytes:
    """A document's bytes, read from where they are kept, as often as needed."""

    database: Database
    digest: str
    size: int

    def chunks(self) -> Iterator[bytes]:
        """The bytes in pieces of bounded size."""
        return blobs.pieces(self.database, self.digest)


def apply(
    target: Target[Any], change: Change, content: KeptBytes, intend: Callable[[], None], *, begun: bool = False
) -> Receipt:
    """Make the change unless the target has it already, from a try whose receipt was lost.

    `intend` is called when the target does not have it, right before it is touched. `begun` says that an earlier try
    came so far: then the target is asked twice, so that one that makes its changes in its own time can wait for it.
    """
    receipt = target.existing(change) or (target.existing(change) if begun else None)
    if receipt is not None:
        return receipt
    intend()
    return target.apply(change, content)
