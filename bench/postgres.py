"""A PostgreSQL that keeps its promises: the tests' own runs without fsync, which would make the figures lie."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL

from tests.postgres import NoPostgres, _give, _programs, _user, _wait, shown

__all__ = ["NoPostgres", "Server", "server", "shown"]


class Server:
    """A running server; `create` gives the address of an empty database."""

    def __init__(self, folder: Path) -> None:
        self._address = URL.create("postgresql+psycopg", "hub", database="postgres", query={"host": str(folder)})
        self._made = 0

    def create(self) -> str:
        """A new, empty database."""
        self._made += 1
        name = f"bench_{self._made}"
        with psycopg.connect(shown(self._address.set(drivername="postgresql")), autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        return shown(self._address.set(database=name))


@contextmanager
def server() -> Iterator[Server]:
    """A server with its usual settings, fsync and synchronous_commit among them. Raises NoPostgres."""
    programs, user = _programs(), _user()
    folder = Path(tempfile.mkdtemp(prefix="hubbench"))
    try:
        _give(folder, user)
        _prepare(programs, folder, user)
        with _running(programs, folder, user):
            yield Server(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _prepare(programs: Path, folder: Path, user: str | None) -> None:
    command: list[str | Path] = [programs / "initdb", "-D", folder / "data", "-U", "hub", "-A", "trust", "-E", "UTF8"]
    made = subprocess.run(command, capture_output=True, text=True, check=False, user=user, cwd=folder)
    if made.returncode != 0:
        raise NoPostgres(f"initdb failed: {made.stderr.strip()}")


@contextmanager
def _running(programs: Path, folder: Path, user: str | None) -> Iterator[None]:
    settings = ("listen_addresses=", f"unix_socket_directories={folder}")
    options = [part for setting in settings for part in ("-c", setting)]
    command: list[str | Path] = [programs / "postgres", "-D", folder / "data", *options]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=folder)
    try:
        _wait(folder, process)
        yield
    finally:
        process.terminate()
        process.wait()
