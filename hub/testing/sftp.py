"""An SFTP server with a password and one folder, for demonstrations and tests; it runs as a process of its own.

It needs asyncssh (the extra `demo`), which only that process imports.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from hub.testing.keys import new_key

_STOP_SECONDS = 10.0


class NotInstalled(Exception):
    """The server cannot start, because a package is missing; the message says which."""


@dataclass(frozen=True, slots=True)
class SftpServer:
    """A running server; its folder is the root that a client sees."""

    port: int
    host_key: str
    user: str
    password: str

    def settings(self, folder: str = "/") -> dict[str, str]:
        """How to reach a folder of it, as a table of a settings file."""
        return {
            "address": f"sftp://{self.user}@127.0.0.1:{self.port}{folder}",
            "password": self.password,
            "host_key": self.host_key,
        }


def is_available() -> bool:
    """Whether the package that the server needs is installed."""
    return find_spec("asyncssh") is not None


@contextmanager
def running_sftp(folder: Path, user: str = "leverantor", password: str = "") -> Iterator[SftpServer]:
    """Start a server over that folder, with a new host key, and stop it on leaving. Raises NotInstalled."""
    if not is_available():
        raise NotInstalled("the SFTP stand-in needs the package asyncssh: install inkopshub[demo]")
    host = new_key()
    secret = password or secrets.token_urlsafe(16)
    wanted = {"folder": str(folder), "host_key": host.private, "user": user, "password": secret}
    command = [sys.executable, "-m", "hub.testing.sftp_process"]
    # In a session of its own: Ctrl-C in our terminal is for us, and the process ends with its input.
    process = subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    try:
        yield SftpServer(_started(process, wanted), host.public, user, secret)
    finally:
        _stop(process)


def _started(process: subprocess.Popen[bytes], wanted: dict[str, str]) -> int:
    """Tell the process what to serve, in one line, and hear its port in one line."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(json.dumps(wanted).encode() + b"\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer:
        raise OSError("the SFTP stand-in did not start; its own words stand above")
    return int(answer)


def _stop(process: subprocess.Popen[bytes]) -> None:
    """The process ends when its input does, also when we die without a word."""
    assert process.stdin
    assert process.stdout
    process.stdin.close()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
