"""Messages: what people did is told in the reader's words, with nothing left of how it is kept."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from hub.domain.texts import Language
from hub.notify.wording import deed_said
from hub.store.audit import Deed


@pytest.mark.parametrize(
    ("what", "about", "language", "said"),
    [
        ("import", "units", "sv", "cli:root: läste in registret över enheter"),
        ("import", "units", "en", "cli:root: imported the register of units"),
        ("account", "user anna", "sv", "cli:root: ändrade kontot anna"),
        ("activate", "pack peppol-3", "sv", "cli:root: satte i kraft regelpaketet peppol-3"),
        ("pause", "connection agresso", "en", "cli:root: paused the connection agresso"),
    ],
)
def test_what_somebody_did_is_told_in_one_language(what: str, about: str, language: Language, said: str) -> None:
    deed = Deed(datetime(2026, 11, 22, 10, 0, tzinfo=UTC), "cli:root", what, about, {})
    assert deed_said(deed, language).endswith(said)
