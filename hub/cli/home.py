"""`hub init`: a home for a hub."""

from __future__ import annotations

from pathlib import Path

import click
from sqlalchemy.engine import make_url

from hub.app import DATABASE_FILE
from hub.cli.output import opened, reachable, say
from hub.settings import FILE_NAME

EXAMPLE = """\
# The settings of this hub. The environment stands above them: HUB_DATABASE, HUB_WEB__PORT and so on.
# A value may be taken from elsewhere: { env = "NAME" } or { file = "/run/credentials/…" }.

# database = "postgresql+psycopg://hub@localhost/hub"     # default: an embedded database beside this file
language = "sv"

[web]
host = "127.0.0.1"
port = 8080

[worker]
threads = 8
judges = 2

[invoices]
currencies = ["SEK", "EUR"]

# [connections.inkorg]
# connector = "svefaktura.files"
# address = "file:///var/spool/invoices"
# every = 30

# [connections.accesspunkt]
# connector = "svefaktura.accesspoint"
# token = { env = "ACCESS_POINT_TOKEN" }

# [connections.agresso]
# connector = "agresso.filedrop"
# address = "sftp://hub@agresso.example/in"
# private_key = { file = "/run/credentials/agresso-key" }
# host_key = "ssh-ed25519 …"

# [routes.fakturor]
# noun = "invoices"
# from = ["inkorg", "accesspunkt"]
"""


@click.command()
@click.pass_obj
def init(home: Path) -> None:
    """Make a home for a hub: settings to fill in, the database, the rule packs that come with the plugins."""
    file = home / FILE_NAME
    with reachable(home):
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not file.exists():
            file.write_text(EXAMPLE, encoding="utf-8")
            file.chmod(0o600)
    with opened(home) as hub:
        where = _place(hub.settings.database) or home / DATABASE_FILE
        say(f"Settings: {file}\nDatabase: {where}\nPlugins: {', '.join(sorted(hub.plugins.connectors)) or 'none'}")
    say("Next: fill in the settings, hub users add NAME, hub units import FILE.csv, hub connections check.")


def _place(address: str) -> str:
    """Where a database is, without who may enter and how."""
    if not address:
        return ""
    url = make_url(address)
    return f"{url.get_backend_name()} {url.host or ''} {url.database or ''}"
