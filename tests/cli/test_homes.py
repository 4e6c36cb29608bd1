"""What an administrator gets wrong around a home: one line each that says so, exit code 2, and nothing made."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from hub.program.main import main
from hub.store.database import open_database
from tests.postgres import Server, shown

At = Callable[..., Result]


@pytest.fixture
def at() -> At:
    """Calls `hub` at that home."""

    def hub(home: Path, *arguments: str) -> Result:
        return CliRunner().invoke(main, ["--home", str(home), *arguments])

    return hub


def told(result: Result) -> str:
    """The only line that was said, by a command that was refused."""
    assert result.exit_code == 2, (result.output, result.exception)
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


@pytest.mark.parametrize("command", [("status",), ("run", "orders"), ("serve",), ("worker",), ("agresso", "doctor")])
def test_a_folder_without_a_hub_is_told_as_such_and_stays_as_it_was(at: At, tmp_path: Path, command: list[str]) -> None:
    assert "there is no hub in" in at(tmp_path / "misspelt", *command).stderr
    assert "there is no hub in" in at(tmp_path, *command).stderr
    assert at(tmp_path, *command).exit_code == 2
    assert not list(tmp_path.iterdir())


def test_what_init_makes_is_nobody_elses_to_read(at: At, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        assert at(tmp_path / "home", "init").exit_code == 0
    finally:
        os.umask(before)
    kept = [tmp_path / "home", *(tmp_path / "home" / name for name in ("hub.toml", "hub.db"))]
    assert [each.stat().st_mode & 0o077 for each in kept] == [0, 0, 0]


@pytest.mark.parametrize("command", ["init", "demo"])
def test_a_home_that_cannot_be_made_is_told_in_a_line(at: At, tmp_path: Path, command: str) -> None:
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in told(at(tmp_path / "file" / "home", command))


def test_a_file_that_is_no_database_is_told_in_a_line(at: At, tmp_path: Path) -> None:
    (tmp_path / "hub.db").write_text("minnesanteckningar " * 100)
    line = told(at(tmp_path, "status"))
    assert str(tmp_path) in line
    assert "not a database" in line


@pytest.fixture
def signals() -> Iterator[None]:
    """What the process does on signals, as it was before."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.mark.usefixtures("signals")
def test_a_database_that_cannot_be_written_is_told_in_a_line_and_at_once(
    at: At, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "hub.toml").write_text(
        f'[connections.inkorg]\nconnector = "svefaktura.files"\naddress = "{home.as_uri()}"\n'
    )
    assert at(home, "status").exit_code == 0
    monkeypatch.setenv("HUB_DATABASE", f"sqlite:///file:{home / 'hub.db'}?mode=ro&uri=true")
    assert "readonly database" in told(at(home, "run", "invoices"))
    assert "readonly database" in told(at(home, "worker"))
    assert "readonly database" in told(at(home, "worker", "--processes", "2"))
    assert "readonly database" in told(at(home, "serve"))
    assert "readonly database" in told(at(home, "connections", "resume", "inkorg"))


def test_a_plugin_that_does_not_load_is_told_in_a_line_by_a_command(tmp_path: Path, home: Path) -> None:
    (tmp_path / "trasig.py").write_text("raise RuntimeError('no licence')\n")
    described = tmp_path / "trasig-1.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: trasig\nVersion: 1\n")
    (described / "entry_points.txt").write_text("[inkopshub]\ntrasig = trasig\n")
    ran = subprocess.run(
        [sys.executable, "-c", "from hub.program.main import main; main()", "--home", str(home), "status"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (1, "")
    assert "plugin trasig does not load: RuntimeError: no licence" in ran.stdout


def test_a_database_that_does_not_hold_every_character_is_told_in_a_line(
    at: At, tmp_path: Path, postgres: Server
) -> None:
    address = postgres.create_empty("ENCODING 'LATIN1' LOCALE 'C'")
    (tmp_path / "hub.toml").write_text(f'database = "{shown(address)}"')
    assert "LATIN1" in told(at(tmp_path, "status"))
    postgres.drop(address)


def test_a_server_that_cannot_be_written_is_told_in_a_line(at: At, tmp_path: Path, postgres: Server) -> None:
    address = postgres.create()
    opened = open_database(shown(address))
    with opened.write() as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {address.database} SET default_transaction_read_only = on")
    opened.close()
    (tmp_path / "hub.toml").write_text(f'database = "{shown(address)}"')
    assert "session is read-only" in told(at(tmp_path, "status"))
    postgres.drop(address)
