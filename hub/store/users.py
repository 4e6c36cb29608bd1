"""Local accounts and their sessions. A password is kept as an Argon2id hash, a session as the digest of its token."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from hub.store.database import now
from hub.store.dialects import upsert
from hub.store.tables import sessions, users


@dataclass(frozen=True, slots=True)
class User:
    """A local account; `locked_until` is set after too many wrong passwords."""

    name: str
    password: str
    language: str
    failures: int
    locked_until: datetime | None


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody logged in; `csrf` is the word their forms must carry."""

    user: str
    language: str
    csrf: str


def keep(connection: Connection, name: str, password_hash: str, language: str = "sv") -> None:
    """Make the account, or give it a new password; all its sessions end."""
    row = {
        "name": name,
        "password": password_hash,
        "language": language,
        "created_at": now(connection),
        "failures": 0,
        "locked_until": None,
    }
    upsert(connection, users, row, ("name",))
    connection.execute(delete(sessions).where(sessions.c.user == name))


def get(connection: Connection, name: str) -> User | None:
    """The account of that name; a writing transaction holds it against others until it ends."""
    wanted = select(users).where(users.c.name == name)
    writes = connection.get_execution_options().get("hub_write", False)
    row = connection.execute(wanted.with_for_update() if writes else wanted).one_or_none()
    return None if row is None else User(row.name, row.password, row.language, row.failures, row.locked_until)


def tried(connection: Connection, name: str, failures: int, locked_until: datetime | None) -> None:
    """Keep how many wrong passwords were given in a row, and a lock."""
    connection.execute(update(users).where(users.c.name == name).values(failures=failures, locked_until=locked_until))


def speak(connection: Connection, name: str, language: str) -> None:
    """Keep the language the account wants to read."""
    connection.execute(update(users).where(users.c.name == name).values(language=language))


def open_session(connection: Connection, name: str) -> str:
    """A new session; the token that opens it, which is kept nowhere."""
    token = secrets.token_urlsafe(32)
    at = now(connection)
    row = {"digest": _digest(token), "user": name, "created_at": at, "seen_at": at, "csrf": secrets.token_urlsafe(24)}
    connection.execute(sessions.insert().values(row))
    return token


def session(connection: Connection, token: str, longest: timedelta) -> Session | None:
    """Whose session the token opens, unless it is older than `longest`."""
    since = now(connection) - longest
    wanted = (
        select(sessions.c.user, users.c.language, sessions.c.csrf)
        .join(users, users.c.name == sessions.c.user)
        .where(sessions.c.digest == _digest(token), sessions.c.created_at > since)
    )
    row = connection.execute(wanted).one_or_none()
    return None if row is None else Session(*row)


def forget_sessions(connection: Connection, before: datetime) -> int:
    """Forget sessions that were opened before that time; how many it was."""
    return connection.execute(delete(sessions).where(sessions.c.created_at < before)).rowcount


def close_session(connection: Connection, token: str) -> None:
    """End the session."""
    connection.execute(delete(sessions).where(sessions.c.digest == _digest(token)))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
