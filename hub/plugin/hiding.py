"""What must never be told: secrets, in every form in which another side may repeat what was sent to it."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, quote_plus

HIDDEN = "***"


def hide(text: str, secrets: Iterable[str]) -> str:
    """The text with stars for each of the secrets, also where it is escaped for an address, XML, JSON or base64."""
    forms = sorted({form for secret in secrets if secret for form in _forms(secret)}, key=len, reverse=True)
    if not forms:
        return text
    return re.sub("|".join(map(re.escape, forms)), HIDDEN, text, flags=re.IGNORECASE)


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield from (quote(secret), quote(secret, safe=""), quote_plus(secret))
    yield from (html.escape(secret, quote=False), html.escape(secret), html.escape(secret).replace("&#x27;", "&apos;"))
    yield from (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1])
    yield base64.b64encode(secret.encode()).decode()
