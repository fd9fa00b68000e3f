"""The bounds of positions and limits that callers pass to a store."""

from __future__ import annotations

from typing import Final

from esmodel.exceptions import PayloadError

LEAST: Final = -(2**63)
"""The lowest integer that every store can hold."""

GREATEST: Final = 2**63 - 1
"""The highest integer that every store can hold."""


def bounds_of(gt: int | None, gte: int | None, lt: int | None, lte: int | None, /) -> tuple[int, int]:
    """Return the lowest and the highest position that the bounds of ``read`` admit.

    If the first is greater than the second, the bounds admit no position.

    Example:
        >>> bounds_of(None, 5, 9, None)
        (5, 8)
    """
    low, high = LEAST, GREATEST
    if gt is not None:
        low = max(low, gt + 1)
    if gte is not None:
        low = max(low, gte)
    if lt is not None:
        high = min(high, lt - 1)
    if lte is not None:
        high = min(high, lte)
    return low, high


def check_limit(limit: int | None, /) -> None:
    """Refuse a negative limit.

    Raises:
        PayloadError: if the limit is negative.
    """
    if limit is not None and limit < 0:
        raise PayloadError(f"limit: expected 0 or more, found {limit}.")
