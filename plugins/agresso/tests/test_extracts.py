"""The laws of pulling from files: each is read once, whole or not at all, and one at fault keeps none of the others."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hub_agresso.extracts import MOST

from hub.domain.orders import OrderRow
from hub.plugin.errors import Unavailable
from hub.plugin.ports import Flaw, Page
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


def cut(folder: Path, name: str, content: str = f"{HEAD}\nST;1;5", at: float | None = None) -> None:
    """A file without its end, left at that time, or just now."""
    (folder / name).write_text(content, encoding="utf-8")
    if at is not None:
        os.utime(folder / name, (at, at))


def kept(folder: Path) -> tuple[list[int], str]:
    """The orders of a pull that does not end, and its cursor."""
    pages = list[Page]()
    with closing(files(folder)) as feed:
        with pytest.raises(Unavailable, match="waits"):
            pages.extend(feed.pages(""))
        return numbers(each for page in pages for each in feed.read(page.content)), pages[-1].cursor


@pytest.mark.parametrize("content", ["", f"{HEAD}\nST;1;5"])
def test_a_file_without_its_count_is_waited_for_when_the_others_are_read(tmp_path: Path, content: str) -> None:
    cut(tmp_path, "orders-1.csv", content)
    put(tmp_path, "orders-2.csv", range(100, 200), at=4_000_000_000)
    found, cursor = kept(tmp_path)
    assert found == list(range(100, 200))
    put(tmp_path, "orders-1.csv", [1])
    assert numbers(pulled(files(tmp_path), "", cursor)[0]) == [1]


def test_one_that_was_begun_is_gone_on_with_before_those_that_are_older(tmp_path: Path) -> None:
    put(tmp_path, "orders-1.csv", [1], count=7)
    put(tmp_path, "orders-2.csv", range(100, 200), at=NOON + 1)
    feed = files(tmp_path)
    begun = next(page.cursor for page in feed.pages("") if page.name.startswith("orders-2"))
    feed.close()
    read, _ = pulled(files(tmp_path), "", begun)
    assert (numbers(read), faults(read)) == (list(range(140, 200)), ["AGRESSO-COUNT"])


@pytest.mark.parametrize("at", [1_000_000_000, 4_000_000_000])
def test_one_that_is_a_day_off_by_its_time_was_cut_and_keeps_no_pull_from_its_end(tmp_path: Path, at: int) -> None:
    cut(tmp_path, "orders-1.csv", at=at)
    put(tmp_path, "orders-2.csv", [500])
    read, mark = pulled(files(tmp_path))
    assert (numbers(read), faults(read), bool(mark)) == ([500], ["AGRESSO-UNFINISHED"], True)


def test_as_many_files_as_a_pull_remembers_are_read_while_one_is_being_written(tmp_path: Path) -> None:
    cut(tmp_path, "orders.csv")
    for number in range(MOST):
        put(tmp_path, f"orders-{number}.csv", [number])
    read, mark = pulled(files(tmp_path))
    assert (numbers(read), faults(read), bool(mark)) == (list(range(MOST)), [], True)


def test_a_file_whose_name_is_not_utf8_is_read_as_any_other(tmp_path: Path) -> None:
    put(tmp_path, os.fsdecode(b"orders-\xe5.csv"), range(100))
    put(tmp_path, os.fsdecode(b"orders-\xe4.csv"), [200], count=7)
    put(tmp_path, os.fsdecode(b"orders-\xf6.csv"), [300], count=7)
    feed = files(tmp_path)
    pages = list(feed.pages(""))
    read = [each for page in pages if page.content for each in feed.read(page.content)]
    feed.close()
    flaws = [each for each in read if isinstance(each, Flaw)]
    assert (numbers(read), faults(read)) == (list(range(100)), ["AGRESSO-COUNT"] * 2)
    assert len({flaw.content for flaw in flaws}) == 2
    told = [each for flaw in flaws for each in (flaw.address or "", flaw.reasons[0].problem.sv)]
    assert "".join([*told, *(page.name + page.cursor + page.mark for page in pages)]).encode()


def test_a_file_that_may_not_be_opened_is_told_with_what_to_do_and_the_others_are_read(tmp_path: Path) -> None:
    put(tmp_path, "orders-\a.csv", [1])
    put(tmp_path, "orders-b.csv", [500])
    read, _ = pulled(files(tmp_path))
    [flaw] = [each for each in read if isinstance(each, Flaw)]
    assert (numbers(read), flaw.reasons[0].code) == ([500], "FILE-NAME")
    assert "Rename the file" in flaw.reasons[0].remedy.en


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
