"""A connector to the register of the walks, over a line that breaks: for which changes follows from their keys."""

from __future__ import annotations

import random
from collections import Counter

from hub.domain.changes import Change, Receipt
from hub.domain.texts import Text
from hub.plugin.connector import Connector
from hub.plugin.errors import Unavailable
from hub.testing.register_http import HttpRegister, HttpRegisterSettings
from tests.walks.registry import NOUN

_BEFORE, _AFTER = 0.02, 0.04
"""The share of changes that never reach the register, and then that of those whose answer is lost on the way back."""


_tries: Counter[str] = Counter()


class StormyRegister(HttpRegister):
    """The register over a line that breaks before or after the deed."""

    def apply(self, change: Change) -> Receipt:
        """The change; or what a caller sees of it when the line breaks."""
        _tries[change.key] += 1
        drawn = random.Random(f"{change.key} {_tries[change.key]}").random()
        if drawn < _BEFORE:
            raise Unavailable(Text("bröts före", "broke before"))
        receipt = super().apply(change)
        if drawn < _AFTER:
            raise Unavailable(Text("svaret gick förlorat", "the answer was lost"))
        return receipt


REGISTER = Connector(
    name="torture.register",
    title=Text("Register", "Register"),
    settings=HttpRegisterSettings,
    check=lambda _settings: iter(()),
    registers={NOUN: StormyRegister},
)
