"""The process behind `hub.testing.sftp`: reads what to serve from its input, prints its port, ends with its input."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import sys
from typing import Any

import asyncssh


class _Login(asyncssh.SSHServer):
    def __init__(self, user: str, password: str) -> None:
        self._user = user
        self._password = password

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return username == self._user and hmac.compare_digest(password, self._password)


async def _serve(wanted: dict[str, str]) -> None:
    def folder(channel: Any) -> Any:
        return asyncssh.SFTPServer(channel, chroot=wanted["folder"].encode())

    server = await asyncssh.listen(
        "127.0.0.1",
        0,
        server_host_keys=[asyncssh.import_private_key(wanted["host_key"])],
        server_factory=lambda: _Login(wanted["user"], wanted["password"]),
        sftp_factory=folder,
    )
    print(server.get_port(), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


def main() -> None:
    """Serve until the input ends."""
    logging.getLogger("asyncssh").setLevel(logging.ERROR)
    asyncio.run(_serve(json.loads(sys.stdin.readline())))


if __name__ == "__main__":
    main()
