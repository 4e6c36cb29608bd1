"""Applying: the intent is written, the target is touched, the receipt is kept. Doing it twice does no harm."""

from __future__ import annotations

from collections.abc import Iterator
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


def apply(target: Target[Any], change: Change, content: KeptBytes) -> Receipt:
    """Make the change unless the target has it already, from a try whose receipt was lost."""
    return target.existing(change) or target.apply(change, content)
