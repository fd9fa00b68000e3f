"""Read long streams page by page: the loops that stores share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from esmodel.rows.bounds import GREATEST
from esmodel.rows.record import Record

Page: TypeAlias = tuple[list[Record], bool]
"""Some rows of a stream in the order of the read, and whether more may follow; if so, at least one row."""

NumberedPage: TypeAlias = tuple[list[tuple[int, Record]], bool]
"""The same for ``read_all``: each row with its number."""


def read_pages(  # noqa: PLR0913  # because these are the bounds of a range
    fetch: Callable[[int, int, int], Page],
    low: int,
    high: int,
    *,
    limit: int | None = None,
    descending: bool = False,
    first: Page | None = None,
) -> Iterator[Record]:
    """Yield the rows of one stream; fetch each page when the previous one is used up.

    Args:
        fetch: fetches the next page, given the lowest position, the highest position and the most rows.
        low: the lowest position.
        high: the highest position.
        limit: the most rows to yield; all by default.
        descending: whether ``fetch`` begins at the highest position.
        first: a page that was fetched already.

    Example:
        >>> from uuid import UUID
        >>> row = Record(UUID(int=1), 0, "Opened", 0, 0, b"{}")
        >>> rows = [row._replace(position=position) for position in range(5)]
        >>> def fetch(low: int, high: int, most: int) -> Page:
        ...     page = rows[low : high + 1][: min(most, 2)]
        ...     return page, len(page) == 2
        >>> [row.position for row in read_pages(fetch, 1, 4)]
        [1, 2, 3, 4]
    """
    left = GREATEST if limit is None else limit
    page = first
    while page or (left and low <= high):
        rows, more = page or fetch(low, high, left)
        yield from rows
        if not more:
            return
        left -= len(rows)
        if descending:
            high = rows[-1].position - 1
        else:
            low = rows[-1].position + 1
        rows.clear()  # frees the page before the next one is fetched
        page = None


def read_numbered_pages(
    fetch: Callable[[int, int], NumberedPage], after: int, limit: int | None
) -> Iterator[tuple[int, Record]]:
    """Yield rows with their numbers; fetch each page when the previous one is used up.

    Args:
        fetch: fetches the next page, given the number before it and the most rows.
        after: the number before the first row.
        limit: the most rows to yield, or ``None`` for all.
    """
    left = GREATEST if limit is None else limit
    while left:
        rows, more = fetch(after, left)
        yield from rows
        if not more:
            return
        left -= len(rows)
        after = rows[-1][0]
        rows.clear()  # frees the page before the next one is fetched
