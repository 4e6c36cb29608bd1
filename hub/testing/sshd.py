"""A real OpenSSH server with its own keys, port and settings, for tests that must not trust a stand-in."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.plugin.files import FilePlace
from hub.testing.keys import KeyPair, new_key

_ABSENT = "OpenSSH's server is not installed; with the Debian package openssh-server this test runs"
_START_SECONDS = 10.0

_SETTINGS = """\
ListenAddress 127.0.0.1
Port {port}
HostKey {home}/host_key
PidFile none
AuthorizedKeysFile {home}/authorized_keys
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
"""


@dataclass(frozen=True, slots=True)
class Sshd:
    """A running server: `place(folder)` gives the settings to reach a folder of this machine through it."""

    port: int
    host_key: str
    user_key: KeyPair

    def place(self, folder: Path, *, host_key: str | None = None, private_key: str | None = None) -> FilePlace:
        """The folder as a place behind this server; another key may be put in to be refused."""
        return FilePlace.model_validate(self.settings(folder, host_key=host_key, private_key=private_key))

    def settings(self, folder: Path, *, host_key: str | None = None, private_key: str | None = None) -> dict[str, str]:
        """The same as the table of a settings file."""
        return {
            "address": f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{folder}",
            "private_key": private_key or self.user_key.private,
            "host_key": host_key or self.host_key,
        }


def find_sshd() -> str:
    """Where the server's program is. Skips the test when there is none, and fails it where CI is set."""
    found = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None and os.environ.get("CI") == "true":
        pytest.fail(_ABSENT)
    if found is None:
        pytest.skip(_ABSENT)
    return found


@contextmanager
def running_sshd(home: Path) -> Iterator[Sshd]:
    """Start a server whose files lie in `home`, and stop it on leaving."""
    program = find_sshd()
    user = new_key()
    host = new_key()
    _write_secret(home / "host_key", host.private)
    _write_secret(home / "authorized_keys", user.public + "\n")
    with _started(program, home) as port:
        yield Sshd(port, host.public, user)


@contextmanager
def _started(program: str, home: Path) -> Iterator[int]:
    # Debian's build wants this folder when it runs as root, as it does in containers.
    with suppress(OSError):
        Path("/run/sshd").mkdir(exist_ok=True)
    port = _free_port()
    settings = home / "sshd_config"
    settings.write_text(_SETTINGS.format(port=port, home=home))
    with (home / "sshd.log").open("wb") as log:
        process = subprocess.Popen([program, "-D", "-e", "-f", str(settings)], stderr=log)  # noqa: S603
        try:
            _wait_until_open(process, port, home / "sshd.log")
            yield port
        finally:
            process.terminate()
            process.wait(_START_SECONDS)


def _wait_until_open(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    pytest.fail(f"OpenSSH's server did not start: {log.read_text()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _write_secret(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
