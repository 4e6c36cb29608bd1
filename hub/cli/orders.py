"""`hub orders`: the orders that were pulled, how they stood before, and what names no contract."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from hub.cli.output import Exit, Wrong, emit, escape, local, opened, say, table
from hub.domain.orders import PurchaseOrder
from hub.store import matches, pulls, suppliers
from hub.store import orders as kept
from hub.store.orders import OrderFilter
from hub.store.pulls import Pull


@click.group()
def orders() -> None:
    """Purchase orders, as they were pulled."""


@orders.command("list")
@click.option("--words", default="", help="Find by the beginning of a number, reference, contract or supplier.")
@click.option("--without-contract", is_flag=True, help="Only orders with a line that names no contract.")
@click.option("--company", default="", help="Only of that company.")
@click.option("--after", default="", metavar="COMPANY/NUMBER", help="From after that order on: the next page.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def list_(home: Path, words: str, without_contract: bool, company: str, after: str, limit: int, as_json: bool) -> None:
    """Orders by company and number."""
    first, _, second = after.partition("/")
    wanted = OrderFilter(words, without_contract, company)
    with opened(home) as hub, hub.database.read() as connection:
        found = kept.page(connection, wanted, after=(first, second), limit=limit)
    if as_json:
        for each in found:
            emit(asdict(each.head) | {"lines": each.lines, "without_contract": each.bare})
        return
    rows = [
        (f"{each.head.company}/{each.head.number}", each.head.ordered_on, each.head.supplier, each.head.status,
         each.head.external_reference, each.head.contract, each.lines, each.bare or "")
        for each in found
    ]  # fmt: skip
    columns = ("order", "ordered", "supplier", "status", "reference", "contract", "lines", "without contract")
    table(columns, rows, "No orders.")


@orders.command()
@click.argument("order", metavar="COMPANY/NUMBER")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def show(home: Path, order: str, as_json: bool) -> None:
    """One order: its lines, their contract, and the invoices that were matched to it."""
    company, number = _parted(order)
    with opened(home) as hub, hub.database.read() as connection:
        found = _demanded(kept.get(connection, company, number), order)
        supplier = suppliers.get(connection, company, found.head.supplier)
        invoices = matches.of_order(connection, company, number)
    if as_json:
        matched = [{"document_id": each, "outcome": outcome} for each, outcome in invoices]
        emit({**asdict(found.head), "lines": [asdict(each) for each in found.lines], "invoices": matched})
        return
    head = found.head
    seller = f"{head.supplier} {supplier.name}" if supplier else head.supplier
    say(f"[bold]{escape(order)}[/] {head.status} · ordered {head.ordered_on or '?'} of {escape(seller)}")
    contract = escape(head.contract) or "none"
    say(f"reference {escape(head.external_reference) or 'none'} · contract {contract} · {escape(head.currency)}")
    columns = ("line", "product", "what", "quantity", "invoiced", "price", "amount", "contract")
    table(columns, _lines(found), "The order has no lines.")
    for document_id, outcome in invoices:
        say(f"invoice {document_id}: {outcome} (hub documents show {document_id})")


@orders.command()
@click.argument("order", metavar="COMPANY/NUMBER")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def versions(home: Path, order: str, as_json: bool) -> None:
    """How an order stood before each pull that brought something else, field by field."""
    company, number = _parted(order)
    with opened(home) as hub, hub.database.read() as connection:
        now = _demanded(kept.get(connection, company, number), order)
        found = kept.versions(connection, company, number)
    told = kept.changes(found, now)
    if as_json:
        for version, changed in told:
            emit({"version": version.version, "until": version.replaced_at, "changed": list(map(asdict, changed))})
        return
    rows = [
        (version.version, local(version.replaced_at), each.line or "", each.name, each.before, each.after)
        for version, changed in told
        for each in changed
    ]
    table(("version", "until", "line", "field", "was", "became"), rows, "The order has not changed since it was met.")


@orders.command()
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def count(home: Path, as_json: bool) -> None:
    """How many orders and lines there are, how many lines name no contract, and when each connection was last read.

    Exit code 1 when a line names no contract.
    """
    with opened(home) as hub, hub.database.read() as connection:
        counted, read = kept.count(connection), pulls.every(connection)
    if as_json:
        emit(asdict(counted) | {"pulls": [_pull(each) for each in read]})
    else:
        say(f"{counted.orders} orders with {counted.lines} lines; {counted.without_contract} lines name no contract.")
        columns = ("connection", "noun", "pull", "how", "ended", "asks from", "brought")
        table(columns, [_row(each) for each in read], "Nothing has been pulled.")
    sys.exit(Exit.FINDINGS if counted.without_contract else Exit.FINE)


def _parted(order: str) -> tuple[str, str]:
    company, slash, number = order.partition("/")
    if not slash:
        raise click.UsageError("say COMPANY/NUMBER, as hub orders list tells it")
    return company, number


def _demanded(found: PurchaseOrder | None, order: str) -> PurchaseOrder:
    if found is None:
        raise Wrong(f"there is no order {order} (hub orders list)")
    return found


def _lines(order: PurchaseOrder) -> list[tuple[object, ...]]:
    return [
        (each.number, each.product, each.description, f"{each.quantity:f} {each.unit}", f"{each.invoiced:f}",
         f"{each.unit_price:f}", f"{each.amount:f}", each.contract or order.head.contract or "none")
        for each in order.lines
    ]  # fmt: skip


def _row(pull: Pull) -> tuple[object, ...]:
    counts = ", ".join(f"{number} {what}" for what, number in (pull.counts or {}).items() if number and what != "bytes")
    how = "whole" if pull.whole else "what changed"
    ended = f"{'rejected ' * pull.rejected}{local(pull.ended_at)}" if pull.ended_at else "goes on"
    return pull.connection, pull.noun, pull.number, how, ended, pull.mark, counts


def _pull(pull: Pull) -> dict[str, Any]:
    return {
        "connection": pull.connection,
        "noun": pull.noun,
        "number": pull.number,
        "whole": pull.whole,
        "ended_at": pull.ended_at,
        "rejected": pull.rejected,
        "mark": pull.mark,
        "counts": dict(pull.counts or {}),
    }
