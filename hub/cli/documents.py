"""`hub documents`: what arrived, what became of it, and replay."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import click
from sqlalchemy import Connection

from hub.app import Hub
from hub.cli.output import Exit, Wrong, emit, escape, local, opened, say, table
from hub.cli.users import who
from hub.domain.documents import DocumentState
from hub.flow.keeping import KEEPERS
from hub.jobs import replaying
from hub.store import deliveries, judgements, matches, replays, set_asides
from hub.store import documents as kept
from hub.store import invoices as kept_invoices
from hub.store.documents import Document
from hub.store.invoices import InvoiceFilter
from hub.store.set_asides import Chosen


@click.group()
def documents() -> None:
    """Documents that arrived."""


@documents.command("list")
@click.option("--state", type=click.Choice([each.value for each in DocumentState]))
@click.option("--words", default="", help="Find by number, reference, name or identifier.")
@click.option("--connection", "connection_name")
@click.option("--before", type=int, help="Only documents with a lower id: the next page.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_(
    home: Path,
    state: str | None,
    words: str,
    connection_name: str | None,
    before: int | None,
    limit: int,
    as_json: bool,
) -> None:
    """Invoices, newest first; of what is set aside other records too, unless words are to be found."""
    asked = DocumentState(state) if state else None
    wanted = InvoiceFilter(words=words, state=asked, connection=connection_name)
    with opened(home) as hub, hub.database.read() as connection:
        if asked is DocumentState.SET_ASIDE and not words:
            ids = _set_aside(hub, connection, connection_name, before, limit)
            found = kept_invoices.rows(connection, ids)[::-1]
        else:
            found = kept_invoices.page(connection, wanted, before=before, limit=limit)
    if as_json:
        for each in found:
            emit(asdict(each))
        return
    rows = [
        (each.document_id, local(each.arrived_at), each.state, each.verdict, each.number, each.seller_name, each.name)
        for each in found
    ]
    table(("id", "arrived", "state", "verdict", "number", "seller", "file"), rows, "No documents.")


def _set_aside(hub: Hub, connection: Connection, source: str | None, before: int | None, limit: int) -> list[int]:
    """The ids of the newest that are set aside, whatever they are."""
    nouns = {*hub.plugins.formats, *KEEPERS, *(each.noun for each in hub.plugins.extracts)}
    aside = DocumentState.SET_ASIDE
    pages = (
        kept.page(connection, noun=noun, state=aside, connection_name=source, before=before, limit=limit)
        for noun in nouns
    )
    return sorted((each.id for page in pages for each in page), reverse=True)[:limit]


@documents.command()
@click.argument("document_id", type=int)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show(home: Path, document_id: int, as_json: bool) -> None:
    """One document: where it stands, why, and everything that happened to it."""
    with opened(home) as hub, hub.database.read() as connection:
        document = kept.get(connection, document_id)
        if document is None:
            raise Wrong(f"there is no document {document_id}")
        journey = kept.journey_of(connection, document_id)
        judgement = judgements.latest(connection, document_id)
        aside = set_asides.of(connection, document_id)
        sent = deliveries.of(connection, document_id)
        match = matches.of(connection, document_id)
        language = hub.settings.language
    if as_json:
        emit(
            {
                **asdict(document),
                "journey": [asdict(each) for each in journey],
                "judgement": asdict(judgement) if judgement else None,
                "set_aside": asdict(aside) if aside else None,
                "deliveries": [asdict(each) for each in sent],
                "match": asdict(match) if match else None,
            }
        )
        return
    say(f"[bold]{document.id}[/] {escape(document.name)} · {document.size} bytes · sha256 {document.digest}")
    say(f"{document.state} since {local(document.state_at)} · {document.format or _unread(document)}")
    for reason in aside.reasons if aside else ():
        where = f" {escape(reason.location)}:" if reason.location else ""
        value = f" ({escape(reason.value)})" if reason.value else ""
        say(f"  [red]{escape(reason.code)}[/]{where} {escape(reason.problem.in_language(language))}{value}")
        say(f"     {escape(reason.remedy.in_language(language))}")
    if match:
        of = f" to order {escape(match.company)}/{escape(match.order)}" if match.order else ""
        under = f", contract {escape(match.contract)}" if match.contract else ""
        say(f"{match.outcome}{of}{under}")
    for reason in match.reasons if match else ():
        where = f" line {escape(reason.location)}" if reason.location else ""
        value = f" ({escape(reason.value)})" if reason.value else ""
        say(f"  [yellow]{escape(reason.code)}[/]{where} {escape(reason.problem.in_language(language))}{value}")
        say(f"     {escape(reason.remedy.in_language(language))}")
    rows = [(local(each.at), each.step, each.connection, each.by, _told(each.details)) for each in journey]
    table(("when", "what", "where", "who", "more"), rows, "")


def _unread(document: Document) -> str:
    """What is said of a document that has no format: only what somebody sent us is read to find one."""
    return "unknown format" if document.noun == "invoices" else document.noun


def _told(details: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in details.items() if value not in ("", None))


@documents.command()
@click.argument("document_ids", type=int, nargs=-1)
@click.option("--group", help="All that were set aside for this reason (hub set-aside list tells the groups).")
@click.option("--all", "everything", is_flag=True, help="All that is set aside.")
@click.pass_obj
def replay(home: Path, document_ids: tuple[int, ...], group: str | None, everything: bool) -> None:
    """Judge documents that were set aside anew, with today's rules and register."""
    if not document_ids and not group and not everything:
        raise click.UsageError("say which documents: ids, --group or --all")
    chosen = Chosen(ids=document_ids or None, group=group, everything=everything)
    with opened(home) as hub:
        made = replaying.replay(hub.database, chosen, who())
        with hub.database.read() as connection:
            result = replays.result(connection, made)
    wanted = len(document_ids) or result.number
    rest = "" if result.gathered else " The rest follow."
    say(f"{result.number} of {wanted} queued again.{rest} A worker judges them (hub worker).")
    sys.exit(Exit.FINE if result.number == wanted and wanted else Exit.FINDINGS)


@documents.command()
@click.argument("document_id", type=int)
@click.option("--why", required=True)
@click.pass_obj
def dismiss(home: Path, document_id: int, why: str) -> None:
    """Decide that a document that was set aside shall not be delivered."""
    with opened(home) as hub:
        try:
            done = replaying.dismiss(hub.database, document_id, who(), why)
        except LookupError as error:
            raise Wrong(str(error)) from None
    if not done:
        raise Wrong(f"document {document_id} is not set aside")
    say(f"Document {document_id} is dismissed.")


@documents.command("content")
@click.argument("document_id", type=int)
@click.pass_obj
def content(home: Path, document_id: int) -> None:
    """Write the document's bytes, as they arrived, to standard output."""
    with opened(home) as hub:
        with hub.database.read() as connection:
            document = kept.get(connection, document_id)
        if document is None:
            raise Wrong(f"there is no document {document_id}")
        for piece in hub.pieces(document.digest):
            sys.stdout.buffer.write(piece)
