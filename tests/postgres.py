"""A real PostgreSQL for the tests: found on this machine, started once, a fresh database for every test."""

from __future__ import annotations

import glob
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL, make_url

from hub.store.database import open_database
from hub.store.migrations import migrate

GIVEN = "HUB_TEST_POSTGRESQL"
REMEDY = (
    "PostgreSQL tests need a server: install PostgreSQL 15 or later (Debian: apt install postgresql), "
    f"or set {GIVEN}=postgresql+psycopg://user:password@host/database"
)
_READY_SECONDS = 30


class NoPostgres(Exception):
    """No PostgreSQL can be had here; the message says what to install."""


@dataclass(frozen=True, slots=True)
class Server:
    """A running server and the name of the database that fresh ones are copied from."""

    address: URL
    template: str

    def create(self) -> URL:
        """A fresh database with all tables, empty."""
        name = f"hub_test_{secrets.token_hex(6)}"
        copied = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")  # twice as quick as by the log
        self._run(copied.format(sql.Identifier(name), sql.Identifier(self.template)))
        return self.address.set(database=name)

    def create_empty(self, how: LiteralString = "") -> URL:
        """A fresh database without tables, for a hub to make its own."""
        name = f"hub_test_{secrets.token_hex(6)}"
        self._run(sql.SQL("CREATE DATABASE {} TEMPLATE template0 " + how).format(sql.Identifier(name)))
        return self.address.set(database=name)

    def drop(self, database: URL) -> None:
        """Remove a database, whoever is still connected."""
        self._drop(database.database or "")

    def prepare(self) -> None:
        """Make the template."""
        self._run(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(self.template)))
        opened = open_database(shown(self.address.set(database=self.template)))
        migrate(opened)
        opened.close()

    def forget(self) -> None:
        """Remove the template."""
        self._drop(self.template)

    def _drop(self, name: str) -> None:
        self._run(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _run(self, statement: sql.Composed) -> None:
        plain = self.address.set(drivername="postgresql")
        with psycopg.connect(shown(plain), autocommit=True) as connection:
            connection.execute(statement)


def shown(address: URL) -> str:
    """The address as text, with its password."""
    return address.render_as_string(hide_password=False)


@contextmanager
def server() -> Iterator[Server]:
    """The server of `HUB_TEST_POSTGRESQL`, else one of our own. Raises NoPostgres."""
    given = os.environ.get(GIVEN)
    with _given(given) if given else _own() as address:
        here = Server(address, f"hub_template_{secrets.token_hex(6)}")
        here.prepare()
        try:
            yield here
        finally:
            here.forget()


@contextmanager
def _given(url: str) -> Iterator[URL]:
    yield make_url(url).set(drivername="postgresql+psycopg")


@contextmanager
def _own() -> Iterator[URL]:
    programs = _programs()
    user = _user()
    folder = Path(tempfile.mkdtemp(prefix="hubpg"))
    try:
        _give(folder, user)
        with _started(programs, folder, user):
            yield URL.create("postgresql+psycopg", "hub", database="postgres", query={"host": str(folder)})
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _programs() -> Path:
    """The folder where `initdb` and `postgres` are."""
    on_path = shutil.which("postgres")
    asked = _asked()
    folders = [Path(on_path).parent] if on_path else []
    folders += [Path(found) for found in sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=_version, reverse=True)]
    folders += [asked] if asked else []
    for folder in folders:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise NoPostgres(REMEDY)


def _version(folder: str) -> int:
    name = Path(folder).parent.name
    return int(name) if name.isdigit() else 0


def _asked() -> Path | None:
    asked = shutil.which("pg_config")
    if asked is None:
        return None
    told = subprocess.run([asked, "--bindir"], capture_output=True, text=True, check=False)
    return Path(told.stdout.strip()) if told.returncode == 0 else None


def _user() -> str | None:
    """PostgreSQL refuses to run as root: the user to become, None when we are not root."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return name
    raise NoPostgres("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as")


def _give(folder: Path, user: str | None) -> None:
    if user is not None:
        shutil.chown(folder, user)


@contextmanager
def _started(programs: Path, folder: Path, user: str | None) -> Iterator[None]:
    data = folder / "data"
    made: list[str | Path] = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        "hub",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-sync",
        "--no-instructions",
    ]
    told = subprocess.run(made, capture_output=True, text=True, check=False, user=user, cwd=folder)
    if told.returncode != 0:
        raise NoPostgres(f"initdb failed: {told.stderr.strip()}\n{REMEDY}")
    settings = {"listen_addresses": "", "unix_socket_directories": folder, "fsync": "off", "max_connections": 200}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, *options], stdout=log, stderr=log, user=user, cwd=folder
        )
    try:
        _wait(folder, process)
        yield
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(timeout=_READY_SECONDS)


def _wait(folder: Path, process: subprocess.Popen[bytes]) -> None:
    for _ in range(_READY_SECONDS * 10):
        if process.poll() is not None:
            break
        if _answers(folder):
            return
        _pause(process)
    said = (folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:]
    raise NoPostgres(f"PostgreSQL did not start: {said}\n{REMEDY}")


def _answers(folder: Path) -> bool:
    try:
        psycopg.connect(host=str(folder), user="hub", dbname="postgres", connect_timeout=1).close()
    except psycopg.OperationalError:
        return False
    return True


def _pause(process: subprocess.Popen[bytes]) -> None:
    """A tenth of a second, less when the server ends meanwhile."""
    try:
        process.wait(timeout=0.1)
    except subprocess.TimeoutExpired:
        return
