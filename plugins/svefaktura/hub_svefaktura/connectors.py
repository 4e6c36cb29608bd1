"""What this plugin can speak to: places where invoices lie as files, and access points that send them."""

from __future__ import annotations

from collections.abc import Iterator

from hub.domain.texts import Text
from hub.plugin.connector import Connector
from hub.plugin.demonstration import Demonstration
from hub.plugin.files import check_place, open_inbox
from hub.plugin.ports import Check
from hub_svefaktura.settings import AccessPointSettings, InvoiceFilesSettings
from hub_svefaktura.standin.stage import open_city, play_mail


def check_files(settings: InvoiceFilesSettings) -> Iterator[Check]:
    """Try the inbox without touching what lies there."""
    yield from check_place(settings)


def check_access_point(settings: AccessPointSettings) -> Iterator[Check]:
    """Nothing of ours can reach an operator that calls us: say what it needs to know."""
    header = settings.message_id_header
    yield Check(
        Text("Uppgifter till operatören", "What to tell the operator"),
        True,
        Text(
            "Be operatören skicka varje faktura med POST till hubbens adress följd av /intake/ och kopplingens "
            f"namn, med rubrikerna Authorization: Bearer (nyckeln) och {header} (meddelandets id), och skicka om tills "
            "svaret är 2xx.",
            "Ask the operator to send each invoice by POST to the hub's address followed by /intake/ and the "
            f"connection's name, with the headers Authorization: Bearer (the token) and {header} (the message's id), "
            "and to send again until the answer is 2xx.",
        ),
    )


INVOICE_FILES = Connector(
    name="svefaktura.files",
    title=Text("E-fakturor som filer i en mapp eller över SFTP", "E-invoices as files in a folder or over SFTP"),
    settings=InvoiceFilesSettings,
    check=check_files,
    sources={"invoices": open_inbox},
)

ACCESS_POINT = Connector(
    name="svefaktura.accesspoint",
    title=Text("E-fakturor från en accesspunkt över HTTP", "E-invoices from an access point over HTTP"),
    settings=AccessPointSettings,
    check=check_access_point,
    pushed=True,
)

CONNECTORS = (INVOICE_FILES, ACCESS_POINT)

DEMONSTRATION = Demonstration(
    name=Text("E-fakturor till Exempelstad", "E-invoices to Exempelstad"),
    open=open_city,
    play=play_mail,
)
