"""One visit to the console: who it is, which language they read, and the word that their forms must carry."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment

from hub.app import Hub
from hub.domain.texts import LANGUAGES, Language
from hub.store import plans, set_asides, users
from hub.store.database import Database
from hub.store.users import Session
from hub.web.speech import Tongue

SESSION_COOKIE = "hub_session"
WORD_COOKIE = "hub_word"
LANGUAGE_COOKIE = "hub_language"
SAID_COOKIE = "hub_said"
_YEAR = 365 * 24 * 3600


class NotLoggedIn(Exception):
    """The page needs somebody logged in."""


class NotFound(Exception):
    """There is no such thing to show."""


class WordWrong(Exception):
    """A form came without the word it must carry: too old a page, or somebody else's form."""


@dataclass(frozen=True, slots=True)
class Console:
    """What every page is made with."""

    hub: Hub
    tongues: Mapping[Language, Tongue]
    environments: Mapping[Language, Environment]


@dataclass(frozen=True, slots=True)
class Visit:
    """One request, by whom and in which language. `session` is None for somebody not logged in."""

    request: Request
    console: Console
    session: Session | None
    language: Language
    word: str

    @property
    def hub(self) -> Hub:
        """The hub that is looked at."""
        return self.console.hub

    @property
    def database(self) -> Database:
        """The hub's memory."""
        return self.console.hub.database

    @property
    def tongue(self) -> Tongue:
        """The language the visitor reads."""
        return self.console.tongues[self.language]

    @property
    def who(self) -> str:
        """The account's name. Raises NotLoggedIn."""
        if self.session is None:
            raise NotLoggedIn
        return self.session.user

    @property
    def here(self) -> str:
        """The address of this page, to come back to; the start page where this one was sent a form."""
        url = self.request.url
        if self.request.method != "GET":
            return "/"
        return f"{url.path}?{url.query}" if url.query else url.path

    def page(self, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """The template as a page for this visitor."""
        made = self.console.environments[self.language].get_template(template)
        stopped, awaited = self._waiting()
        body = made.render(visit=self, stopped=stopped, awaited=awaited, flash=self._flash(), **values)
        answer = HTMLResponse(body, status_code=status)
        self._keep_word(answer)
        if SAID_COOKIE in self.request.cookies:
            answer.delete_cookie(SAID_COOKIE)
        return answer

    def go(self, address: str, said: str = "") -> RedirectResponse:
        """Send the visitor on to an address of ours, with something to tell them there."""
        answer = RedirectResponse(address, status_code=303)
        if said:
            self.set_cookie(answer, SAID_COOKIE, _packed(said), 60)
        return answer

    def set_cookie(self, answer: Response, name: str, value: str, seconds: int) -> None:
        """Let the browser keep that, out of reach of scripts and of other sites."""
        secure = self.hub.settings.web.secure_cookies
        answer.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", secure=secure)

    def keep_language(self, answer: Response, language: Language) -> None:
        """Let the browser keep the language."""
        self.set_cookie(answer, LANGUAGE_COOKIE, language, _YEAR)

    def _keep_word(self, answer: Response) -> None:
        if self.session is None and self.request.cookies.get(WORD_COOKIE) != self.word:
            self.set_cookie(answer, WORD_COOKIE, self.word, 24 * 3600)

    def _flash(self) -> str:
        return _unpacked(self.request.cookies.get(SAID_COOKIE, ""))

    def _waiting(self) -> tuple[int, int]:
        """How much is set aside, and how many plans wait for a person."""
        if self.session is None:
            return 0, 0
        with self.database.read() as connection:
            return set_asides.count(connection), plans.count_awaited(connection)


def anyone(request: Request) -> Visit:
    """Whoever asks, logged in or not."""
    console: Console = request.app.state.console
    session = _session(request, console)
    word = session.csrf if session else request.cookies.get(WORD_COOKIE) or secrets.token_urlsafe(24)
    return Visit(request, console, session, _language(request, session, console.hub.settings.language), word)


def somebody(visit: Annotated[Visit, Depends(anyone)]) -> Visit:
    """Somebody logged in. Raises NotLoggedIn."""
    if visit.session is None:
        raise NotLoggedIn
    return visit


def form_of_anyone(visit: Annotated[Visit, Depends(anyone)], word: Annotated[str, Form()] = "") -> Visit:
    """Whoever sends a form that we gave them. Raises WordWrong."""
    known = visit.session is not None or bool(visit.request.cookies.get(WORD_COOKIE))
    if not known or not hmac.compare_digest(word.encode(), visit.word.encode()):
        raise WordWrong
    return visit


def form_of_somebody(
    visit: Annotated[Visit, Depends(somebody)], _signed: Annotated[Visit, Depends(form_of_anyone)]
) -> Visit:
    """Somebody logged in who sends a form that we gave them. Raises NotLoggedIn or WordWrong."""
    return visit


Anyone = Annotated[Visit, Depends(anyone)]
Somebody = Annotated[Visit, Depends(somebody)]
FormOfAnyone = Annotated[Visit, Depends(form_of_anyone)]
FormOfSomebody = Annotated[Visit, Depends(form_of_somebody)]


def _session(request: Request, console: Console) -> Session | None:
    token = request.cookies.get(SESSION_COOKIE)
    if not token:
        return None
    longest = timedelta(hours=console.hub.settings.web.session_hours)
    with console.hub.database.read() as connection:
        return users.session(connection, token, longest)


def _language(request: Request, session: Session | None, otherwise: Language) -> Language:
    wanted = session.language if session else request.cookies.get(LANGUAGE_COOKIE, "")
    return next((language for language in LANGUAGES if language == wanted), otherwise)


def _packed(text: str) -> str:
    return text.encode().hex()


def _unpacked(cookie: str) -> str:
    try:
        return bytes.fromhex(cookie).decode()[:300]
    except (ValueError, UnicodeDecodeError):
        return ""
