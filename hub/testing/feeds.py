"""The laws of feeds, to be called from a plugin's own tests.

    def test_the_feed_keeps_the_laws(address):
        check_feed(lambda: OrderFeed(settings), name=lambda record: record.address, change=lambda: touch(address))

The other side must hold enough records for several pages. Each law is an assertion with a sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from hub.plugin.errors import Unavailable
from hub.plugin.ports import Feed, Flaw, Page
from hub.testing.ports import check_opening

_LONGEST = 300


def check_feed(
    open_feed: Callable[[], Feed[Any]],
    name: Callable[[Any], Hashable],
    change: Callable[[], Hashable] | None = None,
    *,
    halves: bool = False,
) -> None:
    """Hold a feed to its port.

    `open_feed` opens it anew each time; `name` tells a record from the others. `change` lets one record be changed at
    the other side, and gives its name. With `halves` a page that is cut must be told as such.
    """
    check_opening(open_feed)
    pages = _it_ends_with_one_last_page(open_feed)
    _cursors_and_marks_are_short(pages)
    _reading_depends_on_nothing_but_the_bytes(open_feed, pages)
    _it_goes_on_after_any_page(open_feed, pages, name)
    _it_can_be_left_in_the_middle(open_feed)
    if halves:
        _half_a_page_is_told(open_feed, pages)
    if change:
        _what_changed_since_the_mark_is_given(open_feed, pages[-1].mark, name, change)


def _pulled(open_feed: Callable[[], Feed[Any]], since: str = "", cursor: str = "") -> list[Page]:
    feed = open_feed()
    try:
        return list(feed.pages(since, cursor))
    finally:
        feed.close()


def _records(open_feed: Callable[[], Feed[Any]], pages: list[Page]) -> list[Any]:
    """What is read of the pages by a feed that never asked for them."""
    feed = open_feed()
    try:
        return [record for page in pages if page.content for record in feed.read(page.content)]
    finally:
        feed.close()


def _names(open_feed: Callable[[], Feed[Any]], pages: list[Page], name: Callable[[Any], Hashable]) -> set[Hashable]:
    return {name(record) for record in _records(open_feed, pages) if not isinstance(record, Flaw)}


def _it_ends_with_one_last_page(open_feed: Callable[[], Feed[Any]]) -> list[Page]:
    pages = _pulled(open_feed)
    assert len(pages) > 1, "let the other side hold enough for several pages, or nothing is shown"
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True], "the last page, and no other, is last"
    assert pages[-1].mark, "the last page says from where the next pull asks"
    assert any(page.content for page in pages), "let there be something to pull"
    return pages


def _cursors_and_marks_are_short(pages: list[Page]) -> None:
    for page in pages:
        assert len(page.cursor) <= _LONGEST, f"a cursor has at most {_LONGEST} characters: {page.cursor}"
        assert len(page.mark) <= _LONGEST, f"a mark has at most {_LONGEST} characters: {page.mark}"
        assert page.name, "each page is called something"
    cursors = [page.cursor for page in pages[:-1]]
    assert len(set(cursors)) == len(cursors), "each page has a cursor of its own, or a pull would never end"


def _reading_depends_on_nothing_but_the_bytes(open_feed: Callable[[], Feed[Any]], pages: list[Page]) -> None:
    first, again = _records(open_feed, pages), _records(open_feed, pages)
    assert first == again, "the same bytes are read as the same records, whoever asked for them"
    assert first, "let there be records in the pages"


def _it_goes_on_after_any_page(
    open_feed: Callable[[], Feed[Any]], pages: list[Page], name: Callable[[Any], Hashable]
) -> None:
    everything = _names(open_feed, pages, name)
    for number, page in enumerate(pages[:-1], 1):
        rest = _pulled(open_feed, "", page.cursor)
        assert rest, f"after page {number} it goes on"
        assert rest[-1].last, f"going on after page {number} ends with a last page"
        found = _names(open_feed, [*pages[:number], *rest], name)
        assert found == everything, f"going on after page {number} misses {sorted(map(str, everything - found))[:5]}"


def _it_can_be_left_in_the_middle(open_feed: Callable[[], Feed[Any]]) -> None:
    feed = open_feed()
    pages = iter(feed.pages(""))
    next(pages)
    feed.close()


def _half_a_page_is_told(open_feed: Callable[[], Feed[Any]], pages: list[Page]) -> None:
    content = next(page.content for page in pages if page.content)
    feed = open_feed()
    try:
        list(feed.read(content[: len(content) // 2]))
    except Unavailable:
        return
    finally:
        feed.close()
    raise AssertionError("half a page raises Unavailable: it is asked for again")


def _what_changed_since_the_mark_is_given(
    open_feed: Callable[[], Feed[Any]], mark: str, name: Callable[[Any], Hashable], change: Callable[[], Hashable]
) -> None:
    changed = change()
    pages = _pulled(open_feed, mark)
    assert pages, "a pull from the mark gives at least its last page"
    assert pages[-1].last, "a pull from the mark ends with a last page"
    assert changed in _names(open_feed, pages, name), f"what changed after the mark is given: {changed}"


__all__ = ["check_feed"]
