"""What this plugin can speak to."""

from __future__ import annotations

from collections.abc import Iterator

from hub.domain.texts import Text
from hub.plugin.connector import Connector
from hub.plugin.demonstration import Demonstration
from hub.plugin.files import check_place
from hub.plugin.ports import Check
from hub_agresso.invoices import open_invoice_drop
from hub_agresso.settings import FileDropSettings
from hub_agresso.standin.imports import fetch_deliveries, open_drop_folder


def check_file_drop(settings: FileDropSettings) -> Iterator[Check]:
    """Try the drop folder without touching what lies there."""
    yield from check_place(settings, read=False)


FILE_DROP = Connector(
    name="agresso.filedrop",
    title=Text("Agresso: filer till en mapp eller över SFTP", "Agresso: files to a folder or over SFTP"),
    settings=FileDropSettings,
    check=check_file_drop,
    targets={"invoices": open_invoice_drop},
)

CONNECTORS = (FILE_DROP,)

DEMONSTRATION = Demonstration(
    name=Text("Agressos filmapp", "Agresso's file drop"),
    open=open_drop_folder,
    play=fetch_deliveries,
)
