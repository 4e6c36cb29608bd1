"""Handling a landed document: what it is planned by, and what is told of one that is stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Connection

from hub.domain.documents import DocumentState
from hub.domain.invoices import Invoice
from hub.domain.texts import Text
from hub.jobs import handling
from hub.jobs.ways import Route, Ways
from hub.loader import Connection as Configured
from hub.loader import Plugins
from hub.plugin.connector import Connector
from hub.plugin.ports import Recognised
from hub.store import deliveries, documents, judgements, set_asides, units
from hub.store.database import Database
from hub.store.documents import Document
from tests.flow.test_plan import Paper
from tests.flow.test_read import RECOGNISED, PaperEditions, PaperRules
from tests.store.rows import a_unit, an_invoice, arrive


class NoSettings(BaseModel):
    """A connector that needs none."""


class PaperTarget(Paper):
    """A target that can be let go."""

    def close(self) -> None:
        """Nothing is open."""


@dataclass
class PaperFormat:
    """A format in which every document is that invoice."""

    invoice: Invoice
    noun: str = "invoices"

    def recognise(self, document: bytes) -> Recognised:
        return RECOGNISED

    def read(self, document: bytes) -> Invoice:
        return self.invoice


@dataclass
class PaperJob:
    """One attempt that nobody else may have."""

    argument: Mapping[str, Any]
    completed: list[Connection] = field(default_factory=list)

    def complete_in(self, connection: Connection) -> None:
        self.completed.append(connection)


def ways(database: Database, invoice: Invoice) -> Ways:
    files = Connector(
        "paper.drop",
        Text("Papper", "Paper"),
        BaseModel,
        lambda _: iter(()),
        targets={"invoices": lambda _: PaperTarget()},
    )
    target = Configured("agresso", "paper.drop", connector=files, settings=NoSettings())
    return Ways(
        database=database,
        connections={"agresso": target},
        plugins=Plugins({}, {"invoices": PaperFormat(invoice)}, (), (), (), (), ()),
        routes={"fakturor": Route("fakturor", "invoices", ("inkorg",))},
        editions=PaperEditions(),
        rules=PaperRules(),
    )


def handled(database: Database, invoice: Invoice, *sources: str) -> list[Document]:
    """The documents, each arrived from its source and handled, as they then stand."""
    with database.write() as connection:
        units.replace_all(connection, [a_unit("107")])
        ids = [arrive(connection, f"{number}", source) for number, source in enumerate(sources)]
    for each in ids:
        job: Any = PaperJob({"document": each})
        handling.perform(ways(database, invoice), job, lambda *_: None)
        assert len(job.completed) == 1
    with database.read() as connection:
        return documents.page(connection, noun="invoices")[::-1]


def test_a_document_is_planned_by_the_route_it_came_by(database: Database) -> None:
    (document,) = handled(database, an_invoice(), "inkorg")
    with database.read() as connection:
        (delivery,) = deliveries.of(connection, document.id)
    assert (document.state, document.unit) == (DocumentState.ROUTED, "107")
    assert (delivery.route, delivery.connection) == ("fakturor", "agresso")


def test_a_document_whose_source_is_no_longer_configured_is_still_delivered(database: Database) -> None:
    (document,) = handled(database, an_invoice(), "a source long gone")
    assert document.state is DocumentState.ROUTED


def test_a_duplicate_is_set_aside_and_the_citys_other_remarks_are_kept(database: Database) -> None:
    first, second = handled(database, an_invoice(due_date=None), "inkorg", "inkorg")
    assert (first.state, second.state) == (DocumentState.ROUTED, DocumentState.SET_ASIDE)
    with database.read() as connection:
        kept = judgements.latest(connection, second.id)
        aside = set_asides.of(connection, second.id)
    assert kept is not None
    assert aside is not None
    assert [each.rule for each in kept.findings] == ["CITY-DUE-DATE", "CITY-DUPLICATE"]
    assert (kept.verdict, kept.layers["city"][0], kept.findings_total) == ("invalid", "failed", 2)
    assert [each.code for each in aside.reasons] == ["CITY-DUPLICATE"]
