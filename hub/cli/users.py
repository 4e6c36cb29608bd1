"""`hub users`: the console's local accounts."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import click
from pwdlib import PasswordHash

from hub.cli.output import opened, say
from hub.store import audit
from hub.store import users as accounts

SHORTEST_PASSWORD = 12
"""NIST SP 800-63B-4 (2025) asks for 15 where the password stands alone; ours is the break-glass account's floor."""

_LOGIN = Path("/proc/self/loginuid")
_NOBODY = 2**32 - 1


def who() -> str:
    """The person at the keyboard, for the audit log: who logged in at this machine, whatever the environment says.

    That is still known after sudo, where the machine keeps it (audit(7), the login UID).
    """
    try:
        stated = int(_LOGIN.read_text())
    except (OSError, ValueError):
        stated = _NOBODY
    user = os.getuid() if stated == _NOBODY else stated
    try:
        return f"cli:{pwd.getpwuid(user).pw_name}"
    except KeyError:
        return f"cli:{user}"


@click.group()
def users() -> None:
    """Local accounts of the console."""


@users.command()
@click.argument("name")
@click.option("--password", envvar="HUB_PASSWORD", help="Default: HUB_PASSWORD, else asked for.")
@click.option("--language", type=click.Choice(["sv", "en"]), default="sv")
@click.pass_obj
def add(home: Path, name: str, password: str | None, language: str) -> None:
    """Make an account, or give it a new password."""
    secret = password or click.prompt("Password", hide_input=True, confirmation_prompt=True)
    if len(secret) < SHORTEST_PASSWORD:
        raise click.UsageError(f"a password has at least {SHORTEST_PASSWORD} characters")
    with opened(home) as hub, hub.database.write() as connection:
        accounts.keep(connection, name, PasswordHash.recommended().hash(secret), language)
        audit.write(connection, who(), "account", f"user {name}")
    say(f"The account {name} can log in.")
