"""Reasons as they stand in the tables."""

from __future__ import annotations

from collections.abc import Mapping

from hub.domain.texts import Reason, Text

_LONGEST_VALUE = 500


def written(reason: Reason) -> dict[str, str]:
    """The reason as JSON."""
    return {
        "code": reason.code,
        "sv": reason.problem.sv,
        "en": reason.problem.en,
        "sv_do": reason.remedy.sv,
        "en_do": reason.remedy.en,
        "location": reason.location,
        "value": reason.value[:_LONGEST_VALUE],
    }


def read(kept: Mapping[str, str]) -> Reason:
    """What `written` wrote."""
    problem, remedy = Text(kept["sv"], kept["en"]), Text(kept["sv_do"], kept["en_do"])
    return Reason(kept["code"], problem, remedy, kept["location"], kept["value"])
