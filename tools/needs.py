"""Sees to it that what the tests need beside Python packages is there: PostgreSQL, OpenSSH's server, Chromium.

As root on a Debian machine it installs what is missing; else it says what is missing, and the tests that need it are
skipped with that reason (or fail, where CI=true).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

NEEDS = {
    "postgresql": ("postgres", "/usr/lib/postgresql/*/bin/postgres"),
    "openssh-server": ("sshd", "/usr/sbin/sshd"),
    "openssh-sftp-server": ("sftp-server", "/usr/lib/openssh/sftp-server"),
    "iproute2": ("ip", "/usr/sbin/ip"),
    "chromium": ("chromium", "/usr/bin/chromium"),
}


def missing() -> list[str]:
    """The Debian packages whose programs are not on this machine."""
    return [package for package, (program, place) in NEEDS.items() if not _is_there(program, place)]


def _is_there(program: str, place: str) -> bool:
    return shutil.which(program) is not None or any(Path("/").glob(place.lstrip("/")))


def install(packages: list[str]) -> int:
    """Install Debian packages; how apt-get ended."""
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    commands = (["apt-get", "-qq", "update"], ["apt-get", "-qq", "install", "--no-install-recommends", "-y", *packages])
    for command in commands:
        done = subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False)  # noqa: S603
        if done.returncode:
            return done.returncode
    return 0


def main() -> int:
    """Install what is missing where that is allowed, else say it."""
    wanted = missing()
    if not wanted:
        return 0
    if os.geteuid() == 0 and shutil.which("apt-get"):
        print(f"installing for the tests: {' '.join(wanted)}", file=sys.stderr)
        if install(wanted):
            print("apt-get did not succeed; see above", file=sys.stderr)
    left = missing()
    if left:
        print(f"missing for the tests: {' '.join(left)} (apt-get install {' '.join(left)})", file=sys.stderr)
    return 1 if left and os.environ.get("CI") == "true" else 0


if __name__ == "__main__":
    sys.exit(main())
