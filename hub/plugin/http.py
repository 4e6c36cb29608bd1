"""The seam to HTTP: one small client with time limits, patience and plain failures. httpx is imported here alone.

Certificates are always verified. Redirects are not followed: an address that has moved is a setting to mend.
"""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import NoReturn

import httpx
import tenacity
from pydantic import SecretStr

from hub.domain.texts import Reason, Text
from hub.plugin.errors import Refused, Rejected, Unavailable
from hub.plugin.hiding import hide

PATIENCE = 15.0
LARGEST_ANSWER = 16 * 1024 * 1024

_FIRST_WAIT = 0.5
_TOLD_CHARACTERS = 300
_SECRET_CHARACTERS = 8
_LOOKED_AT = 64 * 1024
_TRIED_AGAIN = frozenset({429, 502, 503, 504})
_REFUSED = frozenset({401, 403, 407})
_UNAVAILABLE = frozenset({408, 423, 425, 429})


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side answered. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class _Again(Exception):
    """Worth another try within this call."""

    def __init__(self, failure: Unavailable, *, undone: bool) -> None:
        super().__init__(str(failure))
        self.failure, self.undone = failure, undone


class Http:
    """A client of one other side, for one thread; close it after use.

    `secrets` are what it sends and must never be told of, wherever the other side repeats them. `transport` stands in
    for the network in tests; `authorities` is a file of certificates to trust in place of the system's; `sleep` and
    `chance` pass the time between tries.
    """

    def __init__(
        self,
        *,
        secrets: Iterable[SecretStr | None] = (),
        transport: httpx.BaseTransport | None = None,
        authorities: str | None = None,
        sleep: Callable[[float], None] = time.sleep,
        chance: Callable[[float, float], float] = random.uniform,
    ) -> None:
        context = ssl.create_default_context(cafile=authorities)
        self._client = httpx.Client(transport=transport, verify=context, follow_redirects=False)
        self._secrets = frozenset(each.get_secret_value() for each in secrets if each is not None)
        self._sent: frozenset[str] = frozenset()
        self._sleep = sleep
        self._chance = chance

    def __enter__(self) -> Http:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connections."""
        self._client.close()

    def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes | Callable[[], Iterable[bytes]] | None = None,
        timeout: float = 30.0,
        connect_timeout: float = 10.0,
        attempts: int = 3,
        once: bool = False,
        allow: Collection[int] = (),
        largest: int = LARGEST_ANSWER,
    ) -> Answer:
        """Make the call; a status of 2xx, or one in `allow`, is the answer.

        `timeout` bounds each silence, in seconds, and the answer's body as a whole; headers that come drop by drop are
        bounded by their size, and by the deadline of the work. What cannot be reached, and 429, 502, 503 and 504, is
        tried again up to `attempts` times, within PATIENCE seconds, no sooner than Retry-After says: a call that must
        not be carried out twice says `once`, and is tried again only when it certainly was not: when nobody was
        reached, or 429. A body that is made anew for each try is given as a function. Raises Unavailable, Refused or
        Rejected.
        """
        limits = httpx.Timeout(timeout, connect=min(connect_timeout, timeout))

        def tried() -> Answer:
            body = content() if callable(content) else content
            request = self._client.build_request(method, url, headers=headers, content=body, timeout=limits)
            return self._once(request, timeout, frozenset(allow), largest)

        try:
            return self._retrying(attempts, once)(tried)
        except _Again as last:
            raise last.failure from last.__cause__

    def told(self, content: bytes | str) -> str:
        """What the other side wrote, as it may be told: cut short, printable, on one line, without what must not be.

        That is our secrets, and the headers of the last call.
        """
        text = content if isinstance(content, str) else content[:_LOOKED_AT].decode("utf-8", "replace")
        shown = hide(text[:_LOOKED_AT], self._secrets | self._sent)
        return " ".join("".join(each if each.isprintable() else " " for each in shown).split())[:_TOLD_CHARACTERS]

    def _retrying(self, attempts: int, once: bool) -> tenacity.Retrying:
        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(lambda error: isinstance(error, _Again) and (error.undone or not once)),
            stop=tenacity.stop_any(tenacity.stop_after_attempt(attempts), tenacity.stop_before_delay(PATIENCE)),
            wait=self._wait,
            sleep=self._sleep,
            reraise=True,
        )

    def _wait(self, state: tenacity.RetryCallState) -> float:
        """Full jitter, doubled each time; never less than the other side asked for."""
        wait = self._chance(0, _FIRST_WAIT * 2**state.attempt_number)
        error = state.outcome.exception() if state.outcome else None
        wished = error.failure.retry_after if isinstance(error, _Again) else None
        return wait + wished.total_seconds() if wished else wait

    def _once(self, request: httpx.Request, timeout: float, allow: frozenset[int], largest: int) -> Answer:
        where = shown_url(request.url)
        self._sent = _words(request.headers)
        deadline = time.monotonic() + timeout
        try:
            response = self._client.send(request, stream=True)
            try:
                answer = _read(response, where, deadline, largest)
            finally:
                response.close()
        except httpx.RequestError as error:
            _raise_unanswered(error, where)
        if not (200 <= answer.status < 300 or answer.status in allow):
            _raise_status(answer, where, self.told(answer.content))
        return answer


def shown_url(url: httpx.URL | str) -> str:
    """The address as it may be shown: without user, password, query and fragment, which may hold secrets."""
    parts = httpx.URL(url)
    return str(parts.copy_with(userinfo=b"", query=None, fragment=None))


def _read(response: httpx.Response, where: str, deadline: float, largest: int) -> Answer:
    pieces: list[bytes] = []
    size = 0
    for piece in response.iter_bytes():
        size += len(piece)
        pieces.append(piece)
        if size > largest:
            raise Unavailable(_too_large(where, largest))
        if time.monotonic() > deadline:
            raise Unavailable(_too_slow(where))
    return Answer(response.status_code, dict(response.headers), b"".join(pieces))


# --- how it fails ---------------------------------------------------------------------------------------------


def _raise_unanswered(error: httpx.RequestError, where: str) -> NoReturn:
    if _is_certificate(error):
        raise Refused(_untrusted(where)) from error
    if isinstance(error, httpx.UnsupportedProtocol | httpx.TooManyRedirects):
        raise Refused(_no_address(where)) from error
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
        raise _Again(Unavailable(_unreached(where)), undone=True) from error
    if isinstance(error, httpx.TimeoutException):
        raise Unavailable(_too_slow(where)) from error
    raise Unavailable(_broken(where)) from error


def _is_certificate(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError) or "CERTIFICATE_VERIFY_FAILED" in str(cause):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def _raise_status(answer: Answer, where: str, said: str) -> NoReturn:
    status = answer.status
    if status in _REFUSED:
        raise Refused(_not_let_in(where, status))
    if 300 <= status < 400:
        raise Refused(_moved(where, status))
    if status >= 500 or status in _UNAVAILABLE:
        failure = Unavailable(_not_now(where, status, said), retry_after(answer.headers))
        raise _Again(failure, undone=status == 429) if status in _TRIED_AGAIN else failure
    raise Rejected((_rejected(where, status, said),))


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> timedelta | None:
    """The wish in Retry-After, in seconds or as a date; None when there is none, or none that can be read."""
    stated = headers.get("retry-after", "").strip()
    if stated.isascii() and stated.isdigit():
        return timedelta(seconds=min(int(stated), 10**6))
    try:
        until = parsedate_to_datetime(stated)
    except ValueError:
        return None
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(aware - (now or datetime.now(UTC)), timedelta(0))


def _words(headers: Mapping[str, str]) -> frozenset[str]:
    """The words of our headers that are long enough to be a secret."""
    return frozenset(word for value in headers.values() for word in value.split() if len(word) >= _SECRET_CHARACTERS)


def _untrusted(where: str) -> Text:
    return Text(
        f"{where}: serverns certifikat kunde inte verifieras. Kontrollera adressen, att certifikatet gäller och att "
        "dess utfärdare är betrodd.",
        f"{where}: the server's certificate could not be verified. Check the address, that the certificate is valid "
        "and that its issuer is trusted.",
    )


def _no_address(where: str) -> Text:
    return Text(
        f"{where}: adressen går inte att anropa. Rätta kopplingens adress.",
        f"{where}: the address cannot be called. Mend the connection's address.",
    )


def _unreached(where: str) -> Text:
    return Text(
        f"{where}: servern nåddes inte. Hubben försöker igen. Håller det i sig: se efter att servern är igång.",
        f"{where}: the server was not reached. The hub tries again. If it goes on: see that the server is running.",
    )


def _too_slow(where: str) -> Text:
    return Text(
        f"{where}: inget helt svar inom tidsgränsen. Hubben försöker igen.",
        f"{where}: no whole answer within the time limit. The hub tries again.",
    )


def _broken(where: str) -> Text:
    return Text(
        f"{where}: anslutningen bröts. Hubben försöker igen.",
        f"{where}: the connection broke. The hub tries again.",
    )


def _too_large(where: str, largest: int) -> Text:
    return Text(
        f"{where}: svaret är större än {largest} byte och lästes inte färdigt. Kontrollera adressen.",
        f"{where}: the answer is larger than {largest} bytes and was not read to its end. Check the address.",
    )


def _not_let_in(where: str, status: int) -> Text:
    return Text(
        f"{where}: servern släppte inte in oss (HTTP {status}). Kontrollera nyckel och rättigheter.",
        f"{where}: the server did not let us in (HTTP {status}). Check key and rights.",
    )


def _moved(where: str, status: int) -> Text:
    return Text(
        f"{where}: servern hänvisar till en annan adress (HTTP {status}). Ange den i kopplingen om den är rätt.",
        f"{where}: the server points to another address (HTTP {status}). Set it in the connection if it is right.",
    )


def _not_now(where: str, status: int, said: str) -> Text:
    return Text(
        f"{where}: servern kan inte svara nu (HTTP {status}). Hubben försöker igen. Svar: {said}",
        f"{where}: the server cannot answer now (HTTP {status}). The hub tries again. Answer: {said}",
    )


def _rejected(where: str, status: int, said: str) -> Reason:
    return Reason(
        code=f"HTTP-{status}",
        problem=Text(
            f"{where} avvisade det som skickades (HTTP {status}): {said}",
            f"{where} rejected what was sent (HTTP {status}): {said}",
        ),
        remedy=Text(
            "Se mottagarens svar, rätta och skicka igen.", "See the receiver's answer, mend it and send it again."
        ),
    )
