"""Orders and the accounts payable on the command line: told, counted, brought in and given out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hub.app import open_hub
from hub.domain.matches import Match, MatchOutcome
from hub.flow.reskontra import DEMANDED
from hub.store import ledger, matches, orders, pulls, runs
from hub.store.orders import Seen
from tests.cli.conftest import Call, objects
from tests.store.rows import arrive
from tests.store.test_ledger import PERSON, ROW, a_file
from tests.store.test_orders import head, line, rows


@pytest.fixture
def document(home: Path) -> int:
    """An order pulled twice, another without contract, and an invoice matched to the first; its document's id."""
    hub = open_hub(home)
    with hub.database.write() as connection:
        begun = pulls.begin(connection, pulls.get(connection, "webb", "orders"), 1, whole=True)
        first = rows(head("4501", contract="A-17"), line(1), line(2))
        orders.keep(connection, first, Seen("webb", 1), whole=True)
        pulls.end(connection, begun, "2026-11-20T08:00")
        second = [*rows(head("4501", contract="A-17"), line(1, unit="KG")), *rows(head("4502"), line(1))]
        orders.keep(connection, second, Seen("webb", 2), whole=False)
        found = arrive(connection, "faktura")
        matches.keep(connection, found, Match(MatchOutcome.PARTLY, (), "ST", "4501", "A-17"))
    hub.close()
    return found


def test_orders_are_listed_and_found(call: Call, document: int) -> None:
    assert [each["number"] for each in objects(call("orders", "list", "--json"))] == ["4501", "4502"]
    assert [each["number"] for each in objects(call("orders", "list", "--words", "A-1", "--json"))] == ["4501"]
    assert [each["number"] for each in objects(call("orders", "list", "--after", "ST/4501", "--json"))] == ["4502"]
    bare = call("orders", "list", "--without-contract")
    assert "ST/4502" in bare.output
    assert "ST/4501" not in bare.output


def test_an_order_is_shown_with_its_lines_contract_and_invoices(call: Call, document: int) -> None:
    shown = call("orders", "show", "ST/4501")
    assert "Vara 2" in shown.output
    assert "A-17" in shown.output
    assert f"invoice {document}: partly" in shown.output
    [told] = objects(call("orders", "show", "ST/4501", "--json"))
    assert (len(told["lines"]), told["invoices"]) == (2, [{"document_id": document, "outcome": "partly"}])
    assert call("orders", "show", "ST/9").exit_code == 2
    assert call("orders", "show", "4501").exit_code == 2


def test_the_versions_of_an_order_tell_what_became_other(call: Call, document: int) -> None:
    assert "KG" in call("orders", "versions", "ST/4501").output
    [told] = objects(call("orders", "versions", "ST/4501", "--json"))
    assert told["changed"] == [{"line": 1, "name": "unit", "before": "ST", "after": "KG"}]
    assert "has not changed" in call("orders", "versions", "ST/4502").output


def test_the_count_is_a_finding_while_a_line_names_no_contract(call: Call, document: int) -> None:
    counted = call("orders", "count")
    assert counted.exit_code == 1
    assert "2 orders with 3 lines; 1 lines name no contract." in counted.output
    assert "2026-11-20T08:00" in counted.output
    [told] = objects(call("orders", "count", "--json"))
    assert (told["without_contract"], told["pulls"][0]["whole"]) == (1, True)


def test_a_pull_that_was_rejected_did_not_just_end(call: Call, home: Path) -> None:
    hub = open_hub(home)
    with hub.database.write() as connection:
        run = runs.begin(connection, "order", "webb", "schedule")
        pulls.begin(connection, pulls.get(connection, "webb", "orders"), run, whole=True)
        runs.end(connection, run, "rejected", {})
    hub.close()
    assert "rejected 20" in call("orders", "count").output
    [told] = objects(call("orders", "count", "--json"))
    assert told["pulls"][0]["rejected"] is True


def test_a_document_tells_how_it_fits_its_order(call: Call, document: int) -> None:
    assert "partly to order ST/4501, contract A-17" in call("documents", "show", document).output
    [told] = objects(call("documents", "show", document, "--json"))
    assert told["match"]["outcome"] == "partly"


def test_where_nothing_was_pulled_nothing_is_wrong(call: Call) -> None:
    assert call("orders", "count").exit_code == 0
    assert "No orders." in call("orders", "list").output
    assert "There are no postings." in call("ledger", "show").output


def test_postings_are_brought_in_shown_and_given_out(call: Call, tmp_path: Path) -> None:
    file, out = tmp_path / "in.csv", tmp_path / "out.csv"
    file.write_bytes(a_file([ROW, PERSON]))
    assert "2 new" in call("ledger", "import", file).output
    assert "2 postings" in call("ledger", "show").output
    [shown] = objects(call("ledger", "show", "--json"))
    assert shown == {"rows": 2, "without_contract": 1, "from": "2026-11-03", "to": "2026-11-03"}
    days = ("--from", "2026-11-01", "--to", "2026-11-30", out)
    assert call("ledger", "export", *days).exit_code == 0
    assert out.read_bytes() == a_file([ROW, PERSON], with_persons=False)
    assert call("ledger", "export", "--with-personal-numbers", *days).exit_code == 0
    assert out.read_bytes() == a_file([ROW, PERSON])
    assert sorted(each.name for each in tmp_path.glob("*.part")) == []


def test_rows_at_fault_are_told_with_line_and_column_and_end_with_a_finding(call: Call, tmp_path: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_bytes(a_file([ROW, replace(ROW, voucher="2")]).replace(b"444.75", b"mycket", 1))
    [told, whole] = objects(call("ledger", "import", file, "--json"))
    assert (told["line"], told["column"], told["code"]) == (2, "belopp", "LEDGER-AMOUNT")
    assert (whole["new"], whole["left"]) == (1, 1)
    again = call("ledger", "import", file)
    assert again.exit_code == 1
    assert "2 belopp: LEDGER-AMOUNT" in again.output


def test_a_file_that_is_something_else_is_refused_with_what_is_missing(call: Call, tmp_path: Path, home: Path) -> None:
    file = tmp_path / "in.csv"
    file.write_bytes(b"a;b;c\n1;2;3\n")
    refused = call("ledger", "import", file)
    assert refused.exit_code == 2
    assert all(name in refused.output for name in DEMANDED)
    hub = open_hub(home)
    with hub.database.read() as connection:
        assert ledger.count(connection).rows == 0
    hub.close()


def test_days_the_wrong_way_round_are_refused(call: Call, tmp_path: Path) -> None:
    days = ("--from", "2026-11-30", "--to", "2026-11-01", tmp_path / "out.csv")
    assert call("ledger", "export", *days).exit_code == 2
