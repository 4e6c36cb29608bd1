"""Logging in and out with a local account, and choosing a language."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import APIRouter, Form
from fastapi.responses import Response
from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from hub.domain.texts import LANGUAGES
from hub.store import audit, users
from hub.store.database import Database, now
from hub.web.visits import SESSION_COOKIE, Anyone, FormOfAnyone, FormOfSomebody

router = APIRouter()
WANTED_COOKIE: Final = "hub_wanted"
MOST_FAILURES: Final = 5
LOCKED_FOR: Final = timedelta(minutes=5)
_LONGEST_PASSWORD = 1000
_HASHES = PasswordHash((Argon2Hasher(),))


@router.get("/login")
def form(visit: Anyone) -> Response:
    """The form to log in with."""
    if visit.session is not None:
        return visit.go("/")
    return visit.page("login.html", failed=False, name="")


@router.post("/login")
def enter(visit: FormOfAnyone, name: Annotated[str, Form()] = "", password: Annotated[str, Form()] = "") -> Response:
    """Log in. What is said of a failure is the same whether the account exists, is locked or has another password."""
    wanted = _ours(visit.request.cookies.get(WANTED_COOKIE, "/"))
    if not is_right(visit.database, name.strip(), password):
        return visit.page("login.html", 401, failed=True, name=name[:128])
    with visit.database.write() as connection:
        token = users.open_session(connection, name.strip())
        audit.write(connection, name.strip(), "login", f"user {name.strip()}")
    answer = visit.go(wanted)
    visit.set_cookie(answer, SESSION_COOKIE, token, visit.hub.settings.web.session_hours * 3600)
    answer.delete_cookie(WANTED_COOKIE)
    return answer


@router.post("/logout")
def leave(visit: FormOfSomebody) -> Response:
    """Log out: the session ends here, not only in the browser."""
    with visit.database.write() as connection:
        users.close_session(connection, visit.request.cookies[SESSION_COOKIE])
        audit.write(connection, visit.who, "logout", f"user {visit.who}")
    answer = visit.go("/login")
    answer.delete_cookie(SESSION_COOKIE)
    return answer


@router.post("/language")
def speak(visit: FormOfAnyone, language: Annotated[str, Form()] = "", back: Annotated[str, Form()] = "/") -> Response:
    """Read in another language from now on; kept on the account of somebody logged in."""
    chosen = next((each for each in LANGUAGES if each == language), visit.language)
    if visit.session is not None:
        with visit.database.write() as connection:
            users.speak(connection, visit.who, chosen)
    answer = visit.go(_ours(back))
    visit.keep_language(answer, chosen)
    return answer


def is_right(database: Database, name: str, password: str) -> bool:
    """Whether that is the account's password, counting failures; five in a row lock the account for five minutes.

    Takes as long for an account that does not exist as for one that does.
    """
    with database.read() as connection:
        account, at = users.get(connection, name), now(connection)
    matches = _verify(password, account.password if account else _nobodys_hash())
    if account is None:
        return False
    if account.locked_until and account.locked_until > at:
        return False
    _count(database, name, matches)
    return matches


def _count(database: Database, name: str, matches: bool) -> None:
    with database.write() as connection:
        account = users.get(connection, name)
        if account is None or (matches and not account.failures):
            return
        failures = 0 if matches else account.failures % MOST_FAILURES + 1
        locked = now(connection) + LOCKED_FOR if failures >= MOST_FAILURES else None
        users.tried(connection, name, failures, locked)


def _verify(password: str, kept: str) -> bool:
    try:
        return _HASHES.verify(password[:_LONGEST_PASSWORD], kept)
    except UnknownHashError:
        return False


@cache
def _nobodys_hash() -> str:
    return _HASHES.hash("nobody has this account")


def _ours(address: str) -> str:
    """The address when it lies within the console, else the start page."""
    parts = urlsplit(address)
    inside = address.startswith("/") and not address.startswith(("//", "/\\")) and not parts.netloc
    return address if inside else "/"
