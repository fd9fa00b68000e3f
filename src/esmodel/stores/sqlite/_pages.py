"""The rows that SQLite returns, and pages of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol, TypeAlias, TypeVar

from esmodel.stores.sqlite._statements import PAGE_BYTES

# Position, name_id, class version, timestamp, data, header, hash.
Row: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes]
# The same columns, then the position of the snapshot before the row.
FollowingRow: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes, int | None]
# The same columns as `Row`, then 1 if the stream ends there.
LastRow: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes, int | None]
# The same columns as `Row`, then the number and the originator id.
NumberedRow: TypeAlias = tuple[int, int, int, int, bytes, bytes, bytes, int, bytes]
_TRow = TypeVar("_TRow", Row, FollowingRow, NumberedRow)
_TRow_co = TypeVar("_TRow_co", covariant=True)


class Cursor(Protocol[_TRow_co]):
    """An SQLite cursor, with the type of its rows."""

    def __iter__(self) -> Iterator[_TRow_co]: ...

    def close(self) -> None: ...


def fetch_page(cursor: Cursor[_TRow], size: int) -> tuple[list[_TRow], bool]:
    """Return up to ``size`` rows, and whether more may follow; end the page once its data is long."""
    rows: list[_TRow] = []
    length = 0
    try:
        for row in cursor:
            rows.append(row)
            length += len(row[4])
            if length > PAGE_BYTES:
                break
    finally:
        cursor.close()  # otherwise the transaction of this read would stay open
    if rows and not (type(rows[0][0]) is type(rows[-1][0]) is int):
        raise TypeError("a position that is not an integer")
    return rows, length > PAGE_BYTES or len(rows) == size
