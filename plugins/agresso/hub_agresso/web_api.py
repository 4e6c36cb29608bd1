"""Agresso's web API: who we are to it, its pages of objects, its purchase orders, and its failures in our words.

The endpoints are those that public client code uses; error bodies are text to be told, never to be understood, since
no list of codes is public: the status alone decides.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from hub.domain.texts import Reason, Text
from hub.plugin.errors import Refused, Rejected, Unavailable
from hub.plugin.http import Answer, Http
from hub_agresso.settings import DateForm, WebApiSettings

_RENEW_BEFORE = 30.0
"""Seconds before its end from which a token is taken for old."""

_OURS = frozenset({400, 401, 403, 404})
_CONNECT = "/identity/connect/token"


@dataclass(slots=True)
class _Token:
    value: str = ""
    ends: float = 0.0


class WebApi:
    """One opened web API. Nothing is asked before the first verb."""

    def __init__(self, settings: WebApiSettings, http: Http | None = None) -> None:
        self._settings = settings
        self._http = http or Http(authorities=settings.authorities or None, secrets=settings.secrets)
        self._token = _Token()

    def close(self) -> None:
        """Let go of connections."""
        self._http.close()

    def page(self, name: str, *, where: str = "", offset: int = 0, limit: int = 100, select: str = "") -> bytes:
        """One page of an object: the JSON array as it came. Raises the three failures."""
        asked = {"filter": where, "select": select, "offset": str(offset), "limit": str(limit)}
        return self._asked("GET", f"/v1/objects/{name}", asked).content

    def order(self, number: str) -> dict[str, Any] | None:
        """A purchase order with its lines; None where there is none of that number."""
        answer = self._asked("GET", f"/v1/purchase-orders/{quote(number, safe='')}", {}, missing=True)
        return None if answer.status == 404 else _object(answer)

    def make(self, order: Mapping[str, Any]) -> None:
        """Make a purchase order; Agresso gives it its number. A try whose answer is lost may have come through."""
        self._asked("POST", "/v1/purchase-orders", {}, body=dict(order))

    def patch(self, number: str, changes: Sequence[Mapping[str, Any]]) -> None:
        """Change fields of a purchase order by their paths (JSON Patch, lines by index). Carried out once."""
        self._asked("PATCH", f"/v1/purchase-orders/{quote(number, safe='')}", {}, body=list(changes))

    def _asked(
        self, method: str, path: str, query: Mapping[str, str], *, body: Any = None, missing: bool = False
    ) -> Answer:
        answer = self._called(method, path, query, body)
        if answer.status == 401 and self._token.value:
            self._token = _Token()
            answer = self._called(method, path, query, body)
        if answer.status in _OURS and not (missing and answer.status == 404):
            raise _failure(answer.status, path, self._http.told(_message(answer)))
        return answer

    def _called(self, method: str, path: str, query: Mapping[str, str], body: Any) -> Answer:
        stated = {"companyId": self._settings.company, "tenant": self._settings.tenant, **query}
        asked = urlencode({name: value for name, value in stated.items() if value})
        headers = {"Authorization": self._authorization(), "Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self._http.call(
            method,
            f"{self._settings.address}{path}{f'?{asked}' if asked else ''}",
            headers=headers,
            content=None if body is None else json.dumps(body, ensure_ascii=False).encode(),
            timeout=self._settings.timeout,
            once=method != "GET",
            allow=_OURS,
            largest=LARGEST_PAGE,
        )

    def _authorization(self) -> str:
        settings = self._settings
        if settings.password is not None and settings.user:
            pair = f"{settings.user}:{settings.password.get_secret_value()}"
            return f"Basic {base64.b64encode(pair.encode()).decode()}"
        if self._token.ends - _RENEW_BEFORE < time.monotonic():
            self._token = self._new_token()
        return f"Bearer {self._token.value}"

    def _new_token(self) -> _Token:
        settings = self._settings
        secret = settings.client_secret.get_secret_value() if settings.client_secret else ""
        form = {
            "grant_type": "client_credentials",
            "client_id": settings.client_id,
            "client_secret": secret,
            "scope": settings.scope,
        }
        where = settings.token_address or settings.address + _CONNECT
        answer = self._http.call(
            "POST",
            where,
            headers={"Content-Type": "application/x-www-form-urlencoded"},
            content=urlencode(form).encode(),
            allow={400, 401, 403},
        )
        if answer.status >= 400:
            raise Refused(_NO_TOKEN)
        told = _object(answer)
        return _Token(str(told.get("access_token", "")), time.monotonic() + _seconds(told.get("expires_in")))


LARGEST_PAGE = 64 * 1024 * 1024


def literal(moment: datetime, form: DateForm) -> str:
    """The moment as filters of this installation write it, without a zone."""
    plain = moment.replace(tzinfo=None).isoformat(timespec="seconds")
    return {"plain": plain, "datetime": f"datetime'{plain}'", "quoted": f"'{plain}'"}[form]


def _object(answer: Answer) -> dict[str, Any]:
    try:
        told = json.loads(answer.content)
    except (ValueError, RecursionError):
        raise Unavailable(_NOT_JSON) from None
    if not isinstance(told, dict):
        raise Unavailable(_NOT_JSON)
    return told


def _seconds(stated: object) -> float:
    return float(stated) if isinstance(stated, int | float) else 60.0


def _failure(status: int, path: str, said: str) -> Refused | Rejected:
    if status == 401:
        return Refused(_unauthorized(path, said))
    if status == 403:
        return Refused(_forbidden(path, said))
    problem = Text(
        f"Agresso {path} tog inte emot anropet (HTTP {status}): {said}",
        f"Agresso {path} did not take the call (HTTP {status}): {said}",
    )
    return Rejected((Reason(f"AGRESSO-{status}", problem, _SEE_SETTINGS),))


def _message(answer: Answer) -> str | bytes:
    """Its own `message` where the body is one of its objects, else the body."""
    try:
        told = json.loads(answer.content)
    except (ValueError, RecursionError):
        return answer.content
    message = told.get("message") if isinstance(told, dict) else None
    return message if message and isinstance(message, str) else answer.content


_SEE_SETTINGS = Text(
    "Kontrollera objektets namn, företaget och filtrets datumform; hub agresso doctor prövar dem ett i taget.",
    "Check the object's name, the company and the form of dates; hub agresso doctor tries them one by one.",
)
_NO_TOKEN = Text(
    "Identitetstjänsten gav ingen token. Kontrollera klient, hemlighet, omfång och tokens adress.",
    "The identity service gave no token. Check client, secret, scope and the token's address.",
)
_NOT_JSON = Text(
    "Agresso svarade med något som inte är hel JSON. Hubben försöker igen.",
    "Agresso answered with what is not whole JSON. The hub tries again.",
)


def _unauthorized(path: str, said: str) -> Text:
    return Text(
        f"Agresso {path} svarade Unauthorized ({said}). Fel användare eller lösenord, eller så saknar API-användaren "
        "ett standardföretag (default company).",
        f"Agresso {path} answered Unauthorized ({said}). A wrong user or password, or the API user has no default "
        "company.",
    )


def _forbidden(path: str, said: str) -> Text:
    return Text(
        f"Agresso {path} nekade åtkomst ({said}). Användaren behöver både Public API Access och Object Access till "
        "objektet; efter en ändring ska cachen tömmas.",
        f"Agresso {path} denied access ({said}). The user needs both Public API Access and Object Access to the "
        "object; after a change its cache is to be recycled.",
    )
