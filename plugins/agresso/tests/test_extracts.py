"""The laws of pulling from files: each is read once, whole or not at all, and one at fault keeps none of the others."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from hub_agresso.extracts import MOST
from hub_agresso.standin.extracts import order_lines

from hub.domain.orders import OrderRow
from hub.plugin.errors import Unavailable
from hub.plugin.ports import Flaw
from plugins.agresso.tests.conftest import Serve
from plugins.agresso.tests.test_feeds import files, pulled

HEAD = "client;order_id;apar_id;status;line_no;art_descr;quantity;unit_price;amount"
NOON = 1_790_000_000


def put(folder: Path, name: str, orders: Iterable[int], *, at: int = NOON, **stated: Any) -> None:
    """A file with a line of each order, left at that time."""
    lines = [f"ST;{order};5;O;1;{stated.get('text', 'Penna')};10;1.5;15" for order in orders]
    count = stated.get("count", len(lines))
    content = "\n".join([HEAD, *lines, f"#ROWS;{count}", ""])
    (folder / name).write_bytes(content.encode(stated.get("encoding", "utf-8")))
    os.utime(folder / name, (at, at))


def numbers(read: Iterable[Any]) -> list[int]:
    """The orders that were read."""
    return sorted(int(each.head.number) for each in read if isinstance(each, OrderRow))


def faults(read: Iterable[Any]) -> list[str]:
    return [each.reasons[0].code for each in read if isinstance(each, Flaw)]


def test_a_file_without_its_count_is_waited_for(tmp_path: Path, serve: Serve) -> None:
    agresso, _ = serve(orders=5)
    whole = order_lines(agresso)
    (tmp_path / "orders.csv").write_text(whole[: len(whole) // 2], encoding="utf-8")
    with pytest.raises(Unavailable, match="waits"):
        pulled(files(tmp_path))


def test_a_file_that_has_other_rows_than_it_says_is_set_aside_with_nothing_of_it_kept(tmp_path: Path) -> None:
    put(tmp_path, "orders-1.csv", range(100), count=101)
    put(tmp_path, "orders-2.csv", [500])
    read, _ = pulled(files(tmp_path))
    assert (numbers(read), faults(read)) == ([500], ["AGRESSO-COUNT"])


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_file_in_another_encoding_is_set_aside_by_name_and_line_and_the_others_are_read(
    tmp_path: Path, encoding: str
) -> None:
    put(tmp_path, "orders-1.csv", [1, 2], encoding=encoding, text="Blå pärm")
    put(tmp_path, "orders-2.csv", [500])
    read, _ = pulled(files(tmp_path))
    [flaw] = [each for each in read if isinstance(each, Flaw)]
    assert (numbers(read), flaw.reasons[0].code, flaw.address) == ([500], "AGRESSO-ENCODING", "orders-1.csv")
    assert f"line {2 if encoding == 'latin-1' else 1}, byte" in flaw.reasons[0].problem.en


@pytest.mark.parametrize("text", ['"Blå" pärm', '"Blå pärm'])
def test_a_line_whose_quotation_marks_do_not_match_is_set_aside_alone(tmp_path: Path, text: str) -> None:
    put(tmp_path, "orders-1.csv", [1])
    content = (tmp_path / "orders-1.csv").read_text(encoding="utf-8")
    lines = content.replace("#ROWS;1", f'ST;2;5;O;1;{text};10;1.5;15\nST;3;5;O;1;"a;b";10;1.5;15\n#ROWS;3')
    (tmp_path / "orders-1.csv").write_text(lines, encoding="utf-8")
    read, _ = pulled(files(tmp_path))
    assert (numbers(read), faults(read)) == ([1, 3], ["AGRESSO-QUOTES"])


@pytest.mark.parametrize(("name", "at"), [("orders-a.csv", NOON), ("orders-z.csv", NOON - 3600), ("orders.csv", NOON)])
def test_a_file_is_read_whatever_its_name_and_time_say_of_those_before_it(tmp_path: Path, name: str, at: int) -> None:
    put(tmp_path, "orders.csv", [1])
    _, mark = pulled(files(tmp_path))
    put(tmp_path, name, [2, 3], at=at)
    read, _ = pulled(files(tmp_path), mark)
    assert numbers(read) == [2, 3]


def test_a_file_from_the_future_hides_none_of_those_that_follow(tmp_path: Path) -> None:
    put(tmp_path, "orders-1.csv", [1], at=NOON + 10**8)
    _, mark = pulled(files(tmp_path))
    put(tmp_path, "orders-2.csv", [2])
    assert numbers(pulled(files(tmp_path), mark)[0]) == [2]


@pytest.mark.parametrize("afterwards", ["move", "delete"])
def test_a_file_is_put_aside_when_the_pull_after_its_own_begins_and_one_at_fault_is_left(
    tmp_path: Path, afterwards: str
) -> None:
    put(tmp_path, "orders-1.csv", range(100))
    put(tmp_path, "orders-2.csv", [500], count=7)
    _, mark = pulled(files(tmp_path, afterwards=afterwards))
    assert {each.name for each in tmp_path.glob("*.csv")} == {"orders-1.csv", "orders-2.csv"}
    put(tmp_path, "orders-3.csv", [600])
    read, _ = pulled(files(tmp_path, afterwards=afterwards), mark)
    assert (numbers(read), faults(read)) == ([600], ["AGRESSO-COUNT"])
    assert {each.name for each in tmp_path.glob("*.csv")} == {"orders-2.csv", "orders-3.csv"}
    assert (tmp_path / "processed" / "orders-1.csv").exists() == (afterwards == "move")


def test_a_file_that_is_taken_away_half_read_is_told_and_the_others_are_read(tmp_path: Path) -> None:
    put(tmp_path, "orders-1.csv", range(100))
    first = next(iter(files(tmp_path).pages("")))
    (tmp_path / "orders-1.csv").unlink()
    put(tmp_path, "orders-2.csv", [500])
    read, _ = pulled(files(tmp_path), "", first.cursor)
    assert (numbers(read), faults(read)) == ([500], ["AGRESSO-TAKEN"])


def test_more_files_than_one_pull_remembers_are_read_by_those_after_it(tmp_path: Path) -> None:
    for number in range(MOST + 3):
        put(tmp_path, f"orders-{number}.csv", [number], at=NOON + number)
    first, mark = pulled(files(tmp_path))
    second, _ = pulled(files(tmp_path), mark)
    assert (numbers(first), numbers(second)) == (list(range(MOST)), list(range(MOST, MOST + 3)))
    assert len(mark) < 300


def test_a_file_that_still_grows_is_left_for_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "orders-1.csv", [1])
    feed = files(tmp_path, settle_seconds=7)
    waited: list[float] = []

    def grow(seconds: float) -> None:
        waited.append(seconds)
        put(tmp_path, "orders-1.csv", [1, 2])

    monkeypatch.setattr(feed._source, "_wait", grow)
    assert numbers(pulled(feed)[0]) == []
    assert waited == [7]
    assert numbers(pulled(files(tmp_path))[0]) == [1, 2]


def test_a_mark_of_another_kind_is_no_mark_and_everything_is_read(tmp_path: Path) -> None:
    put(tmp_path, "orders-1.csv", [1])
    read, _ = pulled(files(tmp_path), "01790000000000000000 orders-1.csv", "01790000000000000000 orders-1.csv#1")
    assert numbers(read) == [1]
