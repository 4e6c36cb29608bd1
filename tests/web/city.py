"""A hub with everything the console can show: a small city whose invoices arrived, were delivered and were stopped."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hub_svefaktura import hub_explain
from hub_svefaktura.invoices import INVOICES
from hub_svefaktura.packs import PACKS
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher
from pydantic import BaseModel, Field, SecretStr
from sqlalchemy import insert, update

from hub.app import Hub, open_hub
from hub.domain.changes import Change, ChangeKind, Plan, Receipt
from hub.domain.documents import Arrival, DocumentState, RetentionClass, Step
from hub.domain.identifiers import ElectronicAddress, Gln, OrganisationNumber
from hub.domain.texts import Reason, Text
from hub.domain.units import Unit
from hub.loader import Broken, Plugins
from hub.plugin.connector import Connector, PackSource
from hub.plugin.errors import Rejected
from hub.plugin.ports import Check
from hub.store import (
    blobs,
    connections,
    deliveries,
    documents,
    invoices,
    judgements,
    runs,
    set_asides,
    tables,
    units,
    users,
)
from hub.store.connections import Happening
from hub.store.database import Database
from hub.store.judgements import KeptFinding, KeptJudgement
from tests.web.ordered import ordered
from tests.web.paper import Paper, written
from tests.web.planned import planned
from tests.web.replayed import replayed
from tests.web.trouble import in_trouble
from tests.web.worked import worked

USER, PASSWORD = "anna", "ett riktigt långt lösenord"
TOKEN = "en-hemlighet-som-ingen-vet"
SECRET = "sesam-öppna-dig-nu"
PERSON = "6408233234"
_HASHES = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=1024, parallelism=1),))

SETTINGS = """
[connections.agresso-utb]
connector = "prov.mal"
owner = "Ekonomisystemet"
address = "file:///srv/agresso/utb"

[connections.operator]
connector = "prov.mottagning"
owner = "E-handel"
token = "{token}"

[connections.leverantorsmapp]
connector = "prov.mapp"
owner = "E-handel"
address = "sftp://hamtning@filer.storstad.example/in"
password = "{secret}"
schedule = "0 6,12 * * *"
days = "workdays"

[connections.agresso-miljo]
connector = "prov.mal"
owner = "Ekonomisystemet"
address = "file:///srv/agresso/miljo"

[connections.arkiv]
connector = "borta.mapp"
owner = "Arkivet"
"""


class PlaceSettings(BaseModel):
    """Where files lie."""

    address: str = Field(title="Adress", json_schema_extra={"en": {"title": "Address"}})
    password: SecretStr | None = Field(default=None, title="Lösenord", json_schema_extra={"en": {"title": "Password"}})


class IntakeSettings(BaseModel):
    """Who may push."""

    token: SecretStr = Field(title="Nyckel", json_schema_extra={"en": {"title": "Token"}})


def checks(settings: Any) -> Iterator[Check]:
    """What a check of these connections finds."""
    yield Check(Text("Servern svarar", "The server answers"), True, Text("på 12 ms", "in 12 ms"))
    if getattr(settings, "address", "").endswith("miljo"):
        text = Text("Mappen går inte att skriva i.", "The folder cannot be written to.")
        yield Check(Text("Skrivrätt", "Right to write"), False, text)


def _never(_settings: Any) -> Any:
    raise AssertionError("the console opens no port")


def plugins(packs: Sequence[PackSource] = (), broken: Sequence[Broken] = ()) -> Plugins:
    """The plugins of the test city: its own connectors, the real invoice format and the real words."""
    connectors = (
        Connector("prov.mapp", Text("Mapp", "Folder"), PlaceSettings, checks, sources={"invoices": _never}),
        Connector("prov.mottagning", Text("Mottagning", "Intake"), IntakeSettings, checks, pushed=True),
        Connector(
            "prov.mal",
            Text("Filer till Agresso", "Files to Agresso"),
            PlaceSettings,
            checks,
            targets={"invoices": _never},
        ),
    )
    return Plugins(
        connectors={each.name: each for each in connectors},
        formats={"invoices": INVOICES},
        rule_packs=tuple(packs),
        demonstrations=(),
        commands=(),
        explainers=(hub_explain,),
        broken=tuple(broken),
    )


@contextmanager
def bare_hub(home: Path, settings: str = SETTINGS) -> Iterator[Hub]:
    """A hub with connections and one account, where nothing has happened."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "hub.toml").write_text(settings.format(token=TOKEN, secret=SECRET), encoding="utf-8")
    hub = open_hub(home, plugins())
    with hub.database.write() as connection:
        users.keep(connection, USER, _HASHES.hash(PASSWORD))
    yield hub
    hub.close()


@contextmanager
def busy_city(home: Path) -> Iterator[Hub]:
    """A city at work."""
    with bare_hub(home) as bare:
        reason = "ModuleNotFoundError: No module named 'zeep'"
        hub = replace(bare, plugins=plugins(PACKS, [Broken("arkivet", reason)]))
        for pack in PACKS:
            pack.build(hub.packs)
        _city(hub)
        yield hub


@dataclass(frozen=True, slots=True)
class Put:
    """A document in the store."""

    id: int
    digest: str


def put(database: Database, content: bytes, name: str, source: str = "operator", message: str = "") -> Put:
    """Land the bytes as they would be landed."""
    digest = hashlib.sha256(content).hexdigest()
    at = datetime.now(UTC)
    arrival = Arrival(source, message or name, name, digest, len(content), at)
    with database.write() as connection:
        blobs.keep(connection, digest, len(content), blobs.packed(io.BytesIO(content)), RetentionClass.ACCOUNTING)
        document_id, _ = documents.arrive(connection, arrival)
        connections.succeeded(connection, source, Happening.ARRIVED)
    return Put(document_id, digest)


def judged(database: Database, it: Put, content: bytes, findings: Sequence[KeptFinding] = (), **other: Any) -> None:
    """Keep what was read and a verdict with those findings."""
    fatal = any(each.severity == "fatal" for each in findings)
    verdict = "invalid" if fatal else "valid"
    told: dict[str, Any] = {
        "verdict": verdict,
        "reason": "",
        "format": "peppol-bis-3",
        "pack": "hub-peppol-billing-3.0.16",
        "pack_digest": "0f3c" * 16,
        "pack_superseded": True,
        "layers": {
            "xml": ("passed", ""),
            "xsd": ("passed", ""),
            "en16931": ("failed" if fatal else "passed", ""),
            "peppol": ("passed", ""),
            "city": ("skipped", "the document was stopped before") if fatal else ("passed", ""),
        },
        "findings": tuple(findings),
        "findings_total": len(findings),
        "milliseconds": 41,
    }
    judgement = KeptJudgement(at=datetime.now(UTC), **(told | other))
    with database.write() as connection:
        with suppress(Rejected):
            invoices.keep(connection, it.id, INVOICES.read(content))
        judgements.keep(connection, it.id, judgement)
        documents.move(connection, it.id, DocumentState.ARRIVED, format=judgement.format, verdict=judgement.verdict)
        documents.note(
            connection, it.id, Step.JUDGED, details={"verdict": judgement.verdict, "findings": len(findings)}
        )


def delivered(database: Database, it: Put, unit: str = "1302", target: str = "agresso-utb") -> None:
    """Let the document be delivered, with its receipt."""
    change = Change(ChangeKind.CREATE, f"{it.id}-{it.digest[:20]}", f"{it.id}-{it.digest[:20]}.xml")
    plan = Plan("invoices", target, (change,))
    with database.write() as connection:
        documents.move(connection, it.id, DocumentState.ROUTED, unit=unit)
        details = {"unit": unit, "name": "Utbildningsförvaltningen"}
        documents.note(connection, it.id, Step.ROUTED, connection_name=target, details=details)
        delivery = deliveries.intend(connection, it.id, plan, change)
        deliveries.attempt(connection, delivery)
        deliveries.receive(connection, delivery, Receipt(datetime.now(UTC), change.address, {"size": "4711"}))
        documents.move(connection, it.id, DocumentState.DELIVERED)
        reference = {"reference": change.address}
        documents.note(connection, it.id, Step.DELIVERED, connection_name=target, details=reference)
        connections.succeeded(connection, target, Happening.DELIVERED)


def stopped(database: Database, it: Put, reasons: Sequence[Reason], stage: str = "rules") -> None:
    """Let the document be set aside."""
    with database.write() as connection:
        set_asides.keep(connection, it.id, stage, reasons)
        documents.move(connection, it.id, DocumentState.SET_ASIDE)
        codes = [reason.code for reason in reasons]
        documents.note(connection, it.id, Step.SET_ASIDE, details={"stage": stage, "codes": codes})
        connections.count(connection, "operator", Happening.SET_ASIDE, 1)


def reason(code: str, official: str = "", location: str = "", value: str = "") -> Reason:
    """The reason of that code, in the plugin's words."""
    said = plugins().explain(code, official, location, value)
    return Reason(code, said.problem, said.remedy, location, value)


LINE = "/Invoice/cac:InvoiceLine[3]/cbc:LineExtensionAmount"
TOTAL = "/Invoice/cac:LegalMonetaryTotal"
SELLER = "/Invoice/cac:AccountingSupplierParty/cac:Party/cac:PartyLegalEntity/cbc:CompanyID"
FINDINGS = (
    KeptFinding("BR-CO-10", "fatal", "en16931", TOTAL, 47, "14473.00", "[BR-CO-10]-Sum of Invoice line net amount …"),
    KeptFinding("PEPPOL-EN16931-R120", "fatal", "peppol", LINE, 69, "11200.00", "Invoice line net amount MUST equal …"),
    KeptFinding("BR-CO-26", "warning", "en16931", SELLER, 29, PERSON, "[BR-CO-26]-In order for the buyer to …"),
)


def faulty(database: Database, paper: Paper) -> Put:
    """An invoice that the rules stopped."""
    content = written(paper)
    it = put(database, content, f"{paper.number}.xml")
    judged(database, it, content, FINDINGS)
    stopped(database, it, [reason(each.rule, each.text, each.location, each.value) for each in FINDINGS[:2]])
    return it


REGISTER = (
    Unit(
        "1302",
        "Utbildningsförvaltningen",
        OrganisationNumber.parse("212000-0142"),
        "agresso-utb",
        Gln.parse("7350000000016"),
        None,
        True,
        r"\d{4}.*",
    ),
    Unit(
        "1401",
        "Miljöförvaltningen",
        OrganisationNumber.parse("212000-0142"),
        "agresso-miljo",
        Gln.parse("7350000000023"),
        ElectronicAddress.of("0007", "2120000142"),
        False,
        "",
    ),
    Unit("9100", "Storstads Hamn AB", OrganisationNumber.parse("556999-0004"), "finns-inte"),
)

_SELLERS = (
    ("Åkes Låtsaspapper AB", "5569990004"),
    ("Påhittade Städ & Fönster HB", "9697990009"),
    ("Exempelby Skolmöbler AB", "5569991119"),
    ("Låtsas El i Provköping AB", "5569992224"),
)


def _city(hub: Hub) -> None:
    database = hub.database
    with database.write() as connection:
        units.replace_all(connection, REGISTER)
    for pack in PACKS:
        _in_force(hub, pack)
    for number in range(14):
        seller, seller_id = _SELLERS[number % len(_SELLERS)]
        content = written(
            Paper(f"2026-{1100 + number}", seller, seller_id, order=f"4500{1000 + number}", lines=1 + number % 5)
        )
        it = put(database, content, f"2026-{1100 + number}.xml", "leverantorsmapp" if number % 3 else "operator")
        judged(database, it, content)
        delivered(database, it)
    _stopped_ones(database)
    waiting = written(Paper("2026-1300", "Exempelby Skolmöbler AB", "5569991119"))
    put(database, waiting, "2026-1300.xml")
    _lived(database)
    worked(database)
    in_trouble(hub)
    replayed(database, USER)
    planned(database, USER)
    ordered(database)


def _stopped_ones(database: Database) -> None:
    for number in range(3):
        faulty(database, Paper(f"2026-{1200 + number}", file="artiklar.csv"))
    for number in range(4):
        content = written(Paper(f"F-{77 + number}", "Karin Påhittad Konsult", PERSON, gln="7350000000030"))
        it = put(database, content, f"F-{77 + number}.xml")
        judged(
            database, it, content, [KeptFinding("CITY-RECIPIENT", "fatal", "city", "", None, "0088:7350000000030", "")]
        )
        stopped(database, it, [reason("CITY-RECIPIENT", "no unit in the register", "", "0088:7350000000030")], "city")
    junk = b"%PDF-1.7 not an invoice at all"
    it = put(database, junk, "faktura-scannad.xml", "leverantorsmapp")
    nothing = {"format": "", "pack": "", "pack_digest": "", "pack_superseded": False, "verdict": "invalid"}
    layers = {"xml": ("failed", "this is a PDF")}
    judged(
        database,
        it,
        junk,
        [KeptFinding("XML-NOT-XML", "fatal", "xml", "", 1, "%PDF-1.7", "this is a PDF")],
        **nothing,
        layers=layers,
    )
    stopped(database, it, [reason("XML-NOT-XML", "this is a PDF")])


def _in_force(hub: Hub, pack: PackSource) -> None:
    from_day = datetime(2026, 1, 1, tzinfo=UTC).date()
    with hub.database.write() as connection:
        row = {
            "name": pack.name,
            "family": pack.family,
            "digest": "0" * 64,
            "active_from": from_day.isoformat(),
            "active_to": None,
            "by": USER,
            "at": datetime.now(UTC),
        }
        connection.execute(insert(tables.rule_packs).values(row))


def _lived(database: Database) -> None:
    at = datetime.now(UTC)
    hour = at.replace(minute=0, second=0, microsecond=0)
    with database.write() as connection:
        for back in range(2, 24):
            flow = max(0, 38 - abs(back - 9) * 4)
            numbers = {"arrived": flow, "delivered": max(0, flow - back % 3), "set_aside": back % 4 == 0}
            for kind, number in numbers.items():
                row = {
                    "connection": "operator",
                    "hour": hour - timedelta(hours=back),
                    "kind": kind,
                    "number": int(number),
                }
                connection.execute(insert(tables.connection_hours).values(row))
        down = Text(
            "Servern filer.storstad.example svarar inte (tidsgräns 10 s).", "The server does not answer (10 s)."
        )
        for _ in range(6):
            connections.failed(connection, "leverantorsmapp", Happening.UNAVAILABLE, down)
        connections.pause(connection, "agresso-miljo", USER)
        run = runs.begin(connection, "invoices", "leverantorsmapp", "schedule")
        runs.end(connection, run, "unavailable", {"landed": 2}, {"sv": down.sv, "en": down.en})
        run = runs.begin(connection, "invoices", "leverantorsmapp", "person", USER)
        runs.end(connection, run, "succeeded", {"landed": 9, "known": 1})
        since = {"failing_since": at - timedelta(minutes=52)}
        connection.execute(
            update(tables.connections).where(tables.connections.c.name == "leverantorsmapp").values(since)
        )
