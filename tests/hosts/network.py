"""Hosts of their own on one machine: a network namespace each, wired to one that holds the database."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy.engine import URL

from tests.postgres import _give, _programs, _user, _wait

_NET = "10.77.26"
_NEEDS = ("ip", "unshare", "setpriv")


class NoNetwork(Exception):
    """No network namespaces can be made here; the message says why."""


@dataclass(frozen=True, slots=True)
class Host:
    """A host: its processes see only its own network, and its own name."""

    name: str
    namespace: str
    hub: str
    address: str

    def run(self, command: Sequence[str], environment: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
        """Start a program on the host."""
        named = ["unshare", "--uts", "sh", "-c", 'hostname "$0"; exec "$@"', self.name, *command]
        return subprocess.Popen(
            ["ip", "netns", "exec", self.namespace, *named], env={**os.environ, **(environment or {})}
        )

    def cut(self) -> None:
        """Take the link to the database down."""
        _ip("-n", self.hub, "link", "set", self._link, "down")

    def mend(self) -> None:
        """Take it up again."""
        _ip("-n", self.hub, "link", "set", self._link, "up")

    def kill(self) -> None:
        """End every process of the host at once, as a power cut would."""
        for each in _ip("netns", "pids", self.namespace).split():
            os.kill(int(each), signal.SIGKILL)

    @property
    def _link(self) -> str:
        return f"to-{self.name}"


@dataclass(slots=True)
class Network:
    """The database's namespace, and the hosts wired to it."""

    hub: str
    stack: ExitStack
    hosts: list[Host] = field(default_factory=list)

    def host(self, name: str) -> Host:
        """One more host."""
        made = Host(name, f"{self.hub}-{name}", self.hub, f"{_NET}.{len(self.hosts) + 2}")
        _add(made.namespace, self.stack)
        _ip("link", "add", f"to-{name}", "netns", self.hub, "type", "veth", "peer", "eth0", "netns", made.namespace)
        _ip("-n", self.hub, "link", "set", f"to-{name}", "master", "hub0", "up")
        self.hosts.append(made)
        _ip("-n", made.namespace, "addr", "add", f"{made.address}/24", "dev", "eth0")
        _ip("-n", made.namespace, "link", "set", "eth0", "up")
        return made

    @property
    def address(self) -> str:
        """Where the hosts reach the database."""
        return f"{_NET}.1"


@contextmanager
def network() -> Iterator[Network]:
    """A network with nobody on it yet. Raises NoNetwork."""
    missing = [each for each in _NEEDS if shutil.which(each) is None]
    if missing or os.geteuid() != 0:
        raise NoNetwork(
            f"hosts of their own need root, and on Debian iproute2; missing: {', '.join(missing) or 'root'}"
        )
    with ExitStack() as stack:
        made = Network(f"hub{secrets.token_hex(3)}", stack)
        _add(made.hub, stack)
        _ip("-n", made.hub, "link", "add", "hub0", "type", "bridge")
        _ip("-n", made.hub, "addr", "add", f"{made.address}/24", "dev", "hub0")
        _ip("-n", made.hub, "link", "set", "hub0", "up")
        yield made


def _add(namespace: str, stack: ExitStack) -> None:
    _ip("netns", "add", namespace)
    stack.callback(_remove, namespace)
    _ip("-n", namespace, "link", "set", "lo", "up")


def _remove(namespace: str) -> None:
    for each in _ip("netns", "pids", namespace).split():
        os.kill(int(each), signal.SIGKILL)
    _ip("netns", "del", namespace)


def _ip(*words: str) -> str:
    told = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if told.returncode != 0:
        raise NoNetwork(f"network namespaces are not permitted here: ip {' '.join(words)}: {told.stderr.strip()}")
    return told.stdout


@contextmanager
def postgres_on(network: Network) -> Iterator[tuple[URL, URL]]:
    """A PostgreSQL in the middle of the network: its address for us, by a socket file, and for the hosts."""
    programs, user = _programs(), _user()
    folder = Path(tempfile.mkdtemp(prefix="hubnet"))
    try:
        _give(folder, user)
        _prepare(programs, folder, user)
        with _started(programs, folder, user, network):
            ours = URL.create("postgresql+psycopg", "hub", database="postgres", query={"host": str(folder)})
            yield ours, URL.create("postgresql+psycopg", "hub", host=network.address, database="postgres")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _prepare(programs: Path, folder: Path, user: str | None) -> None:
    command = [
        str(programs / "initdb"),
        "-D",
        str(folder / "data"),
        "-U",
        "hub",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-sync",
    ]
    subprocess.run(command, capture_output=True, check=True, user=user, cwd=folder)
    with (folder / "data" / "pg_hba.conf").open("a") as written:
        written.write(f"host all all {_NET}.0/24 trust\n")


@contextmanager
def _started(programs: Path, folder: Path, user: str | None, network: Network) -> Iterator[None]:
    settings = {"listen_addresses": network.address, "unix_socket_directories": folder, "fsync": "off"}
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    become = ["setpriv", "--reuid", user, "--regid", user, "--init-groups"] if user else []
    command = [
        "ip",
        "netns",
        "exec",
        network.hub,
        *become,
        str(programs / "postgres"),
        "-D",
        str(folder / "data"),
        *options,
    ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        _wait(folder, process)
        yield
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(timeout=30)
