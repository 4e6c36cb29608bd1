"""How a foreign call fails. The worker decides on the class alone.

    Failure
     ├── Unavailable   the other side cannot answer now: wait and retry
     ├── Refused       the other side will not have us (credentials, rights, certificate): call a person
     └── Rejected      this one document or record is at fault: set it aside, go on with the rest

Anything else that is raised is a bug, and is told as one.
"""

from __future__ import annotations

from datetime import timedelta

from hub.domain.texts import Reason, Text


class Failure(Exception):
    """A foreign call that failed; `text` says what happened, where and what to do, and holds no secret."""

    def __init__(self, text: Text) -> None:
        super().__init__(text.en)
        self.text = text


class Unavailable(Failure):
    """The other side cannot answer now. `retry_after` is its own wish, where it states one."""

    def __init__(self, text: Text, retry_after: timedelta | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Refused(Failure):
    """The other side will not have us: nothing helps but a person who changes credentials, rights or settings."""


class Rejected(Failure):
    """This document or record is at fault; `reasons` say why, at least one.

    `address` is where a register would hold the record, when a `fit` that fails can tell so much: what stands there
    is left alone. `uncertain` says that the change was handed over and may yet stand there: a copy of the document is
    not delivered in its stead, and a person decides whether it is handed over again.
    """

    def __init__(self, reasons: tuple[Reason, ...], address: str = "", *, uncertain: bool = False) -> None:
        super().__init__(reasons[0].problem)
        self.reasons = reasons
        self.address = address
        self.uncertain = uncertain
