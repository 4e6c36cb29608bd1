"""The order store: what a page brings, what is forgotten, what stands as a version, and how it is found and counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.identifiers import OrganisationNumber
from hub.domain.orders import OrderHead, OrderLine, OrderRow, OrderStatus, gathered
from hub.domain.suppliers import Supplier
from hub.store import orders, suppliers
from hub.store.database import Database, open_database, sqlite_url
from hub.store.orders import Counted, Kept, OrderFilter, Seen
from hub.store.tables import metadata

SEEN = Seen("webb", 1)


def head(number: str = "4501", **changed: object) -> OrderHead:
    """An order's head; any field may be changed by name."""
    stated: dict[str, object] = {
        "company": "ST", "number": number, "supplier": "50001", "status": OrderStatus.OPEN,
        "ordered_on": date(2026, 11, 2), "currency": "SEK", "responsible": "anna",
        "external_reference": f"E{number}", "contract": "", "updated_at": datetime(2026, 11, 2, 8, tzinfo=UTC),
    }  # fmt: skip
    return OrderHead(**(stated | changed))  # type: ignore[arg-type]


def line(number: int = 1, **changed: object) -> OrderLine:
    """One of its lines."""
    stated: dict[str, object] = {
        "number": number, "product": f"A{number}", "description": f"Vara {number}", "quantity": Decimal(4),
        "unit": "ST", "unit_price": Decimal("12.50"), "amount": Decimal("50.00"),
        "delivery_date": date(2026, 11, 20), "status": OrderStatus.OPEN,
    }  # fmt: skip
    return OrderLine(**(stated | changed))  # type: ignore[arg-type]


def rows(of: OrderHead, *lines: OrderLine) -> list[OrderRow]:
    """The order as rows of a listing."""
    return [OrderRow(of, each) for each in lines]


def kept(
    database: Database, found: Sequence[OrderRow], pull: int = 1, source: str = "webb", whole: bool = True
) -> Kept:
    """Keep a page in a transaction of its own."""
    with database.write() as connection:
        return orders.keep(connection, found, Seen(source, pull), whole=whole)


def numbers(database: Database, wanted: OrderFilter | None = None) -> list[str]:
    """The numbers of the orders that meet the filter."""
    with database.read() as connection:
        return [each.head.number for each in orders.page(connection, wanted)]


def test_a_page_tells_what_is_new_changed_and_as_it_was(database: Database) -> None:
    assert kept(database, rows(head(), line(1), line(2))) == Kept(new=2)
    again = rows(head(), line(1), line(2, quantity=Decimal("4.0")), line(3))
    assert kept(database, again, 2) == Kept(new=1, same=2)
    assert kept(database, rows(head(), line(1, amount=Decimal(7))), 3) == Kept(changed=1)


def test_of_a_row_that_comes_twice_in_a_page_the_last_counts(database: Database) -> None:
    assert kept(database, rows(head(), line(1), line(1, amount=Decimal(9)))) == Kept(new=1)
    with database.read() as connection:
        found = orders.get(connection, "ST", "4501")
    assert found is not None
    assert [each.amount for each in found.lines] == [Decimal(9)]


def test_what_was_kept_is_read_as_it_was_said(database: Database) -> None:
    said = rows(head(contract="A-1"), line(2, delivery_date=None), line(1, contract="A-2"))
    kept(database, said)
    with database.read() as connection:
        assert orders.get(connection, "ST", "4501") == gathered(said)
        assert orders.get(connection, "ST", "9") is None


def test_an_order_that_says_something_else_stands_as_it_was_before_in_one_version(database: Database) -> None:
    kept(database, rows(head(), line(1), line(2)))
    kept(database, rows(head(), line(1, amount=Decimal(7))), 2)
    kept(database, rows(head(), line(2, amount=Decimal(8))), 2)
    kept(database, rows(head(), line(1, amount=Decimal(7))), 3)
    with database.read() as connection:
        [version] = orders.versions(connection, "ST", "4501")
    assert version.version == 1
    assert [each["amount"] for each in version.body["lines"]] == ["50.00", "50.00"]


@pytest.mark.parametrize("whole", [False, True])
def test_an_order_cut_by_the_end_of_a_page_stands_as_it_was_before_wherever_in_it_the_change_is(
    database: Database, whole: bool
) -> None:
    later = head(updated_at=None if whole else datetime(2026, 11, 3, 8, tzinfo=UTC))
    kept(database, rows(head(), *map(line, range(1, 5))))
    kept(database, rows(later, line(1), line(2)), 2, whole=whole)
    kept(database, rows(later, line(3), line(4, amount=Decimal(7))), 2, whole=whole)
    kept(database, rows(later, line(3, amount=Decimal(8))), 2, whole=whole)
    with database.read() as connection:
        [version] = orders.versions(connection, "ST", "4501")
    assert [each["amount"] for each in version.body["lines"]] == ["50.00"] * 4


def test_a_whole_pull_that_changes_one_line_and_forgets_another_makes_one_version(database: Database) -> None:
    kept(database, rows(head(), line(1), line(2)))
    kept(database, rows(head(), line(1, amount=Decimal(7))), 2)
    with database.write() as connection:
        orders.forget_unseen(connection, Seen("webb", 2))
        [version] = orders.versions(connection, "ST", "4501")
    assert [(each["number"], each["amount"]) for each in version.body["lines"]] == [("1", "50.00"), ("2", "50.00")]


def test_what_changes_after_another_connection_met_the_order_as_it_was_makes_a_version(database: Database) -> None:
    kept(database, rows(head(), line(1), line(2)), 9, "webb")
    kept(database, rows(head(), line(1)), 1, "soap")
    kept(database, rows(head(), line(2, amount=Decimal(7))), 1, "soap")
    with database.read() as connection:
        assert len(orders.versions(connection, "ST", "4501")) == 1


def test_an_older_picture_over_another_connection_is_left_unless_the_whole_is_pulled(database: Database) -> None:
    old, new = (datetime(2026, 11, day, 8, tzinfo=UTC) for day in (2, 3))
    kept(database, rows(head(updated_at=new), line(1, amount=Decimal(9))), 7, "rest", whole=False)
    late = [*rows(head(updated_at=old), line(1), line(2)), *rows(head("4502", updated_at=old), line(1))]
    assert kept(database, late, 3, "natt", whole=False) == Kept(new=1, same=2)
    assert amounts(database) == [Decimal(9)]
    assert kept(database, rows(head(updated_at=old), line(1)), 8, "rest", whole=False) == Kept(changed=1)
    kept(database, rows(head(updated_at=new), line(1, amount=Decimal(9))), 9, "rest", whole=False)
    assert kept(database, late, 4, "natt", whole=True) == Kept(new=1, changed=1, same=1)
    assert amounts(database) == [Decimal("50.00")] * 2


def amounts(database: Database) -> list[Decimal]:
    """What the order's lines come to."""
    with database.read() as connection:
        found = orders.get(connection, "ST", "4501")
    assert found is not None
    return [each.amount for each in found.lines]


def test_another_connections_pull_sets_a_version_aside_though_its_pulls_are_fewer(database: Database) -> None:
    kept(database, rows(head(), line(1)), 9, "webb")
    kept(database, rows(head(), line(1, amount=Decimal(7))), 1, "soap")
    with database.read() as connection:
        assert len(orders.versions(connection, "ST", "4501")) == 1


def test_a_whole_pull_forgets_the_lines_it_did_not_meet_and_keeps_them_as_a_version(database: Database) -> None:
    kept(database, rows(head(), line(1), line(2)))
    kept(database, rows(head("4502"), line(1)))
    kept(database, rows(head(), line(2)), 2)
    with database.write() as connection:
        assert orders.forget_unseen(connection, Seen("webb", 2)) == 1
        assert orders.forget_unseen(connection, Seen("webb", 2)) == 0
        left = orders.get(connection, "ST", "4501")
        [version] = orders.versions(connection, "ST", "4501")
        assert orders.count(connection) == Counted(2, 2, 2)
    assert left is not None
    assert [each.number for each in left.lines] == [2]
    assert [each["number"] for each in version.body["lines"]] == ["1", "2"]


def test_a_whole_pull_over_another_connection_forgets_what_only_the_first_one_had(database: Database) -> None:
    kept(database, rows(head(), line(1), line(2)), 7, "webb")
    kept(database, rows(head(), line(1)), 1, "soap")
    with database.write() as connection:
        orders.forget_unseen(connection, Seen("soap", 1))
        left = orders.get(connection, "ST", "4501")
    assert left is not None
    assert [each.number for each in left.lines] == [1]


@pytest.mark.parametrize(
    ("address", "left", "unplaced"),
    [
        ("ST/A/1/2", [1, 2], 0),
        ("ST/A/1/000003", [1, 3], 0),
        ("ST/A/1/", [1, 2, 3], 0),
        ("ST/A/1/tre", [1, 2, 3], 0),
        ("ST/A/1/" + "9" * 5000, [1, 2, 3], 0),
        ("ST/A/2/2", [1], 0),
        ("XX/A/1/2", [1], 0),
        ("ST//2", [1], 1),
        ("/A/1/2", [1], 1),
        ("", [1], 1),
    ],
)
@pytest.mark.parametrize("before", ["webb", "soap"])
def test_a_line_that_could_not_be_read_is_spared_by_what_its_address_tells(
    database: Database, address: str, left: list[int], unplaced: int, before: str
) -> None:
    kept(database, rows(head("A/1"), line(1), line(2), line(3)), 1, before)
    with database.write() as connection:
        assert orders.spare(connection, [address], Seen("webb", 2)) == unplaced
    kept(database, rows(head("A/1"), line(1)), 2)
    with database.write() as connection:
        orders.forget_unseen(connection, Seen("webb", 2))
        found = orders.get(connection, "ST", "A/1")
    assert found is not None
    assert [each.number for each in found.lines] == left


def test_an_order_of_which_nothing_could_be_read_stays_as_it_was(database: Database) -> None:
    kept(database, rows(head(), line(1), line(2)), 5, "soap")
    with database.write() as connection:
        orders.spare(connection, ["ST/4501/1"], Seen("webb", 2))
        assert orders.forget_unseen(connection, Seen("webb", 2)) == 0
        assert orders.count(connection).lines == 2


def test_a_page_of_a_long_order_costs_what_the_page_holds(sqlite_database: Database) -> None:
    def cost(before: int) -> int:
        of, its = head(str(before)), [line(each) for each in range(before + 100)]
        kept(sqlite_database, rows(of, *its[:before]))
        steps = [0]
        with sqlite_database.write() as connection:
            driver = connection.connection.driver_connection
            assert driver is not None
            driver.set_progress_handler(lambda: steps.append(1), 10)
            orders.keep(connection, rows(of, *its[before:]), SEEN, whole=True)
            driver.set_progress_handler(None, 0)
        return len(steps)

    assert cost(5000) < 2 * cost(50)


def test_lines_without_a_contract_are_counted_unless_their_order_names_one(database: Database) -> None:
    kept(database, [*rows(head("1"), line(1), line(2, contract="A")), *rows(head("2", contract="B"), line(1))])
    with database.read() as connection:
        assert orders.count(connection) == Counted(orders=2, lines=3, without_contract=1)
    assert numbers(database, OrderFilter(bare=True)) == ["1"]
    kept(database, rows(head("1", contract="C"), line(1)), 2)
    kept(database, rows(head("2"), line(1)), 2)
    with database.read() as connection:
        assert orders.count(connection) == Counted(orders=2, lines=3, without_contract=1)
    assert numbers(database, OrderFilter(bare=True)) == ["2"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("45", ["4501", "4502", "4503"]),
        ("4502", ["4502"]),
        ("ST/4502", ["4502"]),
        ("ST/45", ["4501", "4502", "4503"]),
        ("XX/4502", []),
        ("E4503", ["4503"]),
        ("A-1", ["4501", "4502"]),
        ("50007", ["4503"]),
        ("låtsas", ["4503"]),
        ("556999-2224", ["4503"]),
        ("%", []),
        ("finns inte", []),
    ],
)
def test_orders_are_found_by_number_reference_supplier_and_contract(
    database: Database, words: str, found: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept(database, [
        *rows(head("4501", contract="A-1"), line(1)), *rows(head("4502"), line(1), line(2, contract="A-17")),
        *rows(head("4503", supplier="50007"), line(1)),
    ])  # fmt: skip
    seller = Supplier("ST", "50007", "Låtsas El AB", OrganisationNumber.parse("5569992224"))
    with database.write() as connection:
        suppliers.keep(connection, [seller], SEEN)
    assert numbers(database, OrderFilter(words=words)) == found
    monkeypatch.setattr(orders, "_FEW", 0)
    assert numbers(database, OrderFilter(words=words)) == found


def test_pages_follow_upon_one_another_without_gap_or_double(database: Database) -> None:
    kept(database, [row for number in range(30) for row in rows(head(f"{number:04}"), line(1))])
    met, after = [], ("", "")
    with database.read() as connection:
        while some := orders.page(connection, OrderFilter(words="00"), after=after, limit=7):
            met += [each.head.number for each in some]
            after = (some[-1].head.company, some[-1].head.number)
    assert met == [f"{number:04}" for number in range(30)]


def test_an_order_is_found_by_its_number_or_its_external_reference(database: Database) -> None:
    kept(database, [*rows(head("1"), line(1)), *rows(head("2", external_reference="1"), line(1))])
    with database.read() as connection:
        assert [each.head.number for each in orders.numbered(connection, "1")] == ["1", "2"]


def test_the_order_of_that_number_comes_before_any_of_that_reference_however_many_these_are(database: Database) -> None:
    others = [row for each in range(12) for row in rows(head(f"{each:04}", external_reference="4501"), line(1))]
    kept(database, [*others, *rows(head("4501"), line(1))])
    with database.read() as connection:
        found = [each.head.number for each in orders.numbered(connection, "4501")]
    assert (found[0], len(found)) == ("4501", 10)


TOLD = [
    *rows(head("1", contract="A"), line(1), line(2)), *rows(head("2"), line(1), line(2), line(3)),
    *rows(head("3"), line(7, contract="B")), OrderRow(head("4"), None),
]  # fmt: skip


@st.composite
def pages(draw: st.DrawFn) -> list[list[OrderRow]]:
    """The same rows in any order, some more than once, cut into pages anywhere."""
    order = draw(st.permutations(TOLD))
    order += draw(st.lists(st.sampled_from(TOLD), max_size=6))
    cuts = sorted(draw(st.lists(st.integers(0, len(order)), max_size=4)))
    return [order[begins:ends] for begins, ends in zip([0, *cuts], [*cuts, len(order)], strict=True)]


@settings(max_examples=25, deadline=None)
@given(pages=pages(), whole=st.booleans())
def test_any_split_into_pages_and_any_repetition_gives_the_same_store(pages: list[list[OrderRow]], whole: bool) -> None:
    with TemporaryDirectory() as folder:
        database = open_database(sqlite_url(Path(folder) / "hub.db"))
        metadata.create_all(database.engine)
        total = sum(kept(database, page, whole=whole).new for page in pages)
        with database.write() as connection:
            orders.forget_unseen(connection, SEEN)
            found, counted = list(orders.each(connection)), orders.count(connection)
            assert all(orders.versions(connection, each.head.company, each.head.number) == [] for each in found)
        database.engine.dispose()
    wanted = [gathered(row for row in TOLD if row.head.number == number) for number in "1234"]
    assert found == wanted
    assert (total, counted) == (6, Counted(orders=4, lines=6, without_contract=3))


contracts = st.sampled_from(["", "A"])
CHANGES = st.lists(
    st.tuples(contracts, st.dictionaries(st.integers(1, 4), contracts, min_size=1), st.booleans()), max_size=6
)


@settings(max_examples=40, deadline=None)
@given(CHANGES)
def test_whatever_changes_lines_and_those_without_a_contract_are_counted_as_they_stand(
    changes: list[tuple[str, dict[int, str], bool]],
) -> None:
    with TemporaryDirectory() as folder:
        database = open_database(sqlite_url(Path(folder) / "hub.db"))
        metadata.create_all(database.engine)
        for pull, (contract, lines, whole) in enumerate(changes, 1):
            told = [line(number, contract=named) for number, named in lines.items()]
            kept(database, rows(head(contract=contract), *told), pull, whole=whole)
            with database.write() as connection:
                if whole:
                    orders.forget_unseen(connection, Seen("webb", pull))
                found = orders.get(connection, "ST", "4501")
                assert found is not None
                bare = sum(not found.head.contract and not each.contract for each in found.lines)
                assert orders.count(connection) == Counted(1, len(found.lines), bare)
        database.engine.dispose()


def test_the_digest_is_of_what_orders_say_and_of_nothing_else(database: Database) -> None:
    kept(database, TOLD)
    with database.read() as connection:
        before = orders.digest(connection)
    kept(database, [replace(row, head=replace(row.head, updated_at=None)) for row in TOLD], 2, "filer")
    with database.read() as connection:
        assert orders.digest(connection) == before
    kept(database, rows(head("4", currency="EUR"), line(1)), 3)
    with database.read() as connection:
        assert orders.digest(connection) != before
