"""The page loops that stores share, over a list of rows."""

from __future__ import annotations

import pytest
from sample_rows import row, rows

from esmodel.rows import Record
from esmodel.rows.pages import NumberedPage, Page, read_numbered_pages, read_pages

SIZE = 3


class Pages:
    """Pages of ten rows; it counts how many were fetched."""

    def __init__(self) -> None:
        self.fetched = 0

    def ascending(self, low: int, high: int, most: int) -> Page:
        self.fetched += 1
        size = min(most, SIZE)
        page = [each for each in rows(10) if low <= each.position <= high][:size]
        return page, len(page) == size

    def descending(self, low: int, high: int, most: int) -> Page:
        self.fetched += 1
        size = min(most, SIZE)
        page = [each for each in reversed(rows(10)) if low <= each.position <= high][:size]
        return page, len(page) == size

    def numbered(self, after: int, most: int) -> NumberedPage:
        self.fetched += 1
        size = min(most, SIZE)
        page = [(each.position + 1, each) for each in rows(10)[after : after + size]]
        return page, len(page) == size


def positions(records: list[Record]) -> list[int]:
    return [each.position for each in records]


@pytest.mark.parametrize(
    ("low", "high", "limit", "expected", "fetched"),
    [
        (0, 99, None, range(10), 4),
        (2, 7, None, range(2, 8), 2),
        (2, 8, None, range(2, 9), 3),
        (0, 99, 4, range(4), 2),
        (0, 99, 3, range(3), 1),
        (0, 99, 0, range(0), 0),
        (5, 4, None, range(0), 0),
        (20, 99, None, range(0), 1),
    ],
)
def test_pages_follow_each_other_within_the_bounds(
    low: int, high: int, limit: int | None, expected: range, fetched: int
) -> None:
    pages = Pages()
    assert positions(list(read_pages(pages.ascending, low, high, limit=limit))) == [*expected]
    assert pages.fetched == fetched


@pytest.mark.parametrize("limit", [None, 0, 3, 4])
def test_pages_follow_each_other_in_descending_order(limit: int | None) -> None:
    pages = read_pages(Pages().descending, 1, 8, limit=limit, descending=True)
    assert positions(list(pages)) == [*range(8, 0, -1)][:limit]


@pytest.mark.parametrize(("more", "expected"), [(True, range(2, 10)), (False, range(2, 4))])
def test_a_page_that_was_fetched_already_comes_first(more: bool, expected: range) -> None:  # noqa: FBT001  # because it is a parameter
    pages = Pages()
    first = (rows(4)[2:], more)
    assert positions(list(read_pages(pages.ascending, 0, 99, first=first))) == [*expected]
    assert pages.fetched == (3 if more else 0)


def test_a_page_is_fetched_when_the_previous_one_is_used_up() -> None:
    pages = Pages()
    reading = read_pages(pages.ascending, 0, 99)
    assert pages.fetched == 0
    assert [next(reading) for _ in range(3)] == rows(3)
    assert pages.fetched == 1
    assert next(reading) == row(3)
    assert pages.fetched == 2


@pytest.mark.parametrize("after", [0, 4, 9, 10])
@pytest.mark.parametrize("limit", [None, 0, 3, 4])
def test_numbered_pages_follow_each_other(after: int, limit: int | None) -> None:
    expected = [(each.position + 1, each) for each in rows(10)][after:][:limit]
    assert list(read_numbered_pages(Pages().numbered, after, limit)) == expected
