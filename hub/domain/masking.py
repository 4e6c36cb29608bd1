"""Personal numbers are masked wherever the hub shows or sends what a document or another system states.

A personnummer or samordningsnummer has a month, a day (plus 60 for the latter) and a Luhn check digit (Skatteverket,
SKV 707 and 704). What only looks like one is masked too: better one masked reference than one shown person.
"""

from __future__ import annotations

import re

from stdnum import luhn

_SHAPE = re.compile(
    r"(?<![0-9])(?P<century>1[689]|20)?(?P<born>\d{2}(?:0[1-9]|1[0-2])(?:[06][1-9]|[1278]\d|[39][01]))"
    r"(?P<mark>[-+ \u00a0]?)(?P<last>\d{4})(?P<vat>01)?(?![0-9])"
)


def masked_text(text: str) -> str:
    """The text, the last four digits of every personal number in it replaced by stars."""
    return _SHAPE.sub(_masked, text)


def _masked(match: re.Match[str]) -> str:
    if not luhn.is_valid(match["born"] + match["last"]):
        return match[0]
    return f"{match['century'] or ''}{match['born']}{match['mark']}****{match['vat'] or ''}"
