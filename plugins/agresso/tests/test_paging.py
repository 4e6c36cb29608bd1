"""The laws of reading a listing that moves."""

from __future__ import annotations

import random

import pytest
from hub_agresso.paging import LARGEST, Told, steps
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.plugin.errors import Unavailable


def told(rows: list[int]) -> Told[int]:
    return Told(b"", rows, [str(row) for row in rows], len(rows))


def met(rows: list[int], size: int, overlap: int) -> list[int]:
    def ask(offset: int, limit: int) -> Told[int]:
        return told(rows[offset : offset + limit])

    return [row for step in steps(ask, size, overlap) for row in step.told.rows]


@given(st.integers(0, 200), st.integers(2, 40), st.data())
def test_every_row_of_a_listing_that_stands_still_is_met(number: int, size: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(1, size - 1))
    assert set(met(list(range(number)), size, overlap)) == set(range(number))


@settings(max_examples=200)
@given(st.integers(1, 150), st.integers(6, 30), st.randoms(use_true_random=False))
def test_rows_that_stay_are_met_though_others_go_while_pages_are_read(
    number: int, size: int, chance: random.Random
) -> None:
    rows = list(range(number))
    stay = set(chance.sample(rows, number // 2))

    def ask(offset: int, limit: int) -> Told[int]:
        answered = told(rows[offset : offset + limit])
        going = [row for row in rows if row not in stay][:2]
        for row in going:
            rows.remove(row)
        return answered

    found = {row for step in steps(ask, size, 3) for row in step.told.rows}
    assert stay <= found


@given(st.integers(60, 150), st.integers(0, 5))
def test_a_page_told_twice_or_left_out_is_asked_for_again(number: int, wrong: int) -> None:
    rows, asked = list(range(number)), iter(range(10_000))

    def ask(offset: int, limit: int) -> Told[int]:
        shifted = offset
        if next(asked) == wrong and offset:
            shifted = offset - limit if wrong % 2 else offset + limit
        return told(rows[max(0, shifted) : max(0, shifted) + limit])

    found = {row for step in steps(ask, 20, 4) for row in step.told.rows}
    assert found == set(rows)


def test_a_listing_in_another_order_each_time_is_read_in_one_piece() -> None:
    chance, rows = random.Random(1), list(range(300))

    def ask(offset: int, limit: int) -> Told[int]:
        return told(chance.sample(rows, len(rows))[offset : offset + limit])

    found = {row for step in steps(ask, 50, 5) for row in step.told.rows}
    assert found == set(rows)


def test_a_listing_too_large_for_one_piece_that_never_fits_is_no_success() -> None:
    chance = random.Random(1)

    def ask(offset: int, limit: int) -> Told[int]:
        return told([chance.randrange(10**9) for _ in range(min(limit, LARGEST))])

    with pytest.raises(Unavailable, match="do not fit together"):
        list(steps(ask, 50, 5))


@given(st.integers(1, 120), st.integers(2, 30), st.data())
def test_a_listing_is_met_whole_though_answers_are_shorter_than_was_asked(
    number: int, size: int, data: st.DataObject
) -> None:
    overlap, most = data.draw(st.integers(1, size - 1)), data.draw(st.integers(2, size))
    rows = list(range(number))

    def ask(offset: int, limit: int) -> Told[int]:
        return told(rows[offset : offset + min(limit, most)])

    assert {row for step in steps(ask, size, overlap) for row in step.told.rows} == set(rows)


@given(st.integers(1, 120), st.integers(2, 30), st.data())
def test_reading_gets_further_from_any_page_and_little_before_it_though_answers_are_shorter_than_was_asked(
    number: int, size: int, data: st.DataObject
) -> None:
    overlap, most = data.draw(st.integers(1, size - 1)), data.draw(st.integers(2, size))
    rows, asked = list(range(number)), list[int]()

    def ask(offset: int, limit: int) -> Told[int]:
        asked.append(offset)
        return told(rows[offset : offset + min(limit, most)])

    for step in list(steps(ask, size, overlap)):
        asked.clear()
        rest = list(steps(ask, size, overlap, step.offset))
        assert rows[step.offset :] == sorted({row for each in rest for row in each.told.rows if row >= step.offset})
        assert min(asked) >= step.offset - 2 * overlap
        assert rest[0].offset > step.offset or rest[0].last


def test_a_listing_that_no_longer_reaches_to_where_it_was_left_is_read_from_its_beginning() -> None:
    rows = list(range(45))

    def ask(offset: int, limit: int) -> Told[int]:
        return told(rows[offset : offset + min(limit, 10)])

    assert {row for step in steps(ask, 20, 2, 500) for row in step.told.rows} == set(rows)


def test_what_does_not_fit_and_is_not_given_in_one_piece_is_no_success() -> None:
    chance, rows = random.Random(1), list(range(300))

    def ask(offset: int, limit: int) -> Told[int]:
        return told(chance.sample(rows, len(rows))[offset : offset + min(limit, 100)])

    with pytest.raises(Unavailable, match="do not fit together"):
        list(steps(ask, 50, 5))


def test_the_last_step_alone_says_that_it_is_the_last() -> None:
    rows = list(range(45))
    lasts = [step.last for step in steps(lambda offset, limit: told(rows[offset : offset + limit]), 20, 2)]
    assert lasts == [False] * (len(lasts) - 1) + [True]
