"""Webhooks as Standard Webhooks 1.0 states them (github.com/standard-webhooks/standard-webhooks, spec, 2026-11):
the headers webhook-id, webhook-timestamp and webhook-signature, the last one HMAC-SHA256 over `id.timestamp.body`.

The id is the message's own and the same in every try, so that a receiver can tell a message that came twice.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from hub.domain.texts import Text
from hub.notify.channels import Webhook
from hub.plugin.errors import Refused, Rejected, Unavailable
from hub.plugin.http import Http, shown_url

SECRET_PREFIX = "whsec_"  # noqa: S105 - what secrets begin with, by the standard
SHORTEST_SECRET, LONGEST_SECRET = 24, 64
"""In bytes; the standard's own bounds."""


def post(to: Webhook, webhook_id: str, payload: Mapping[str, Any], at: datetime) -> None:
    """Post the payload to the webhook. Raises Unavailable, Refused or Rejected."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    timestamp = int(at.timestamp())
    headers = {
        "content-type": "application/json",
        "user-agent": "inkopshub",
        "webhook-id": webhook_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": sign(to.secret, webhook_id, timestamp, body),
    }
    try:
        with Http(authorities=to.authorities) as http:
            http.call("POST", to.url, headers=headers, content=body, timeout=to.timeout, attempts=1)
    except Unavailable as failure:
        raise Unavailable(_shown(to, failure.text), failure.retry_after) from None
    except Refused as failure:
        raise Refused(_shown(to, failure.text)) from None
    except Rejected as failure:
        shown = (replace(each, problem=_shown(to, each.problem)) for each in failure.reasons)
        raise Rejected(tuple(shown)) from None


def sign(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The signature of version 1."""
    signed = b".".join((webhook_id.encode(), str(timestamp).encode(), body))
    made = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(made).decode()}"


def key_of(secret: str) -> bytes:
    """The key that a secret `whsec_…` holds. Raises ValueError, which does not tell the secret."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("the secret is not whsec_ and base64") from None
    if not SHORTEST_SECRET <= len(key) <= LONGEST_SECRET:
        raise ValueError(f"the secret must hold {SHORTEST_SECRET} to {LONGEST_SECRET} bytes")
    return key


def is_safe(url: str) -> bool:
    """Whether messages may be posted there: over https, or to this very machine; without user and password."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return False
    if not host or parts.username or parts.password:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))


def is_loopback(host: str) -> bool:
    """Whether the host is this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(to: Webhook, text: Text) -> Text:
    """The text without the address's path, which is a secret with many who receive webhooks."""
    whole, host = shown_url(to.url), f"{urlsplit(to.url).hostname}"
    return Text(text.sv.replace(whole, host), text.en.replace(whole, host))
