"""Rows of a hash chain, changed in every place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from esmodel.rows.record import Record


def changed_rows(rows: Sequence[Record], names: Sequence[str], /) -> Iterator[tuple[int, str, Record]]:
    """Yield each row with one change: its number, the change in words, and the changed row.

    Args:
        rows: the rows of one stream.
        names: the stored names that the aggregate knows.
    """
    for number, row in enumerate(rows):
        other = next((name for name in names if name != row.name), f"{row.name}s")
        yield number, "another name", row._replace(name=other)
        yield number, "another class version", row._replace(class_version=row.class_version + 1)
        yield number, "another time", row._replace(timestamp=row.timestamp + 1)
        yield number, "a header", row._replace(header=b"{}")
        for place, data in enumerate(_flipped(row.data)):
            yield number, f"byte {place} of the payload", row._replace(data=data)
        for place, event_hash in enumerate(_flipped(row.event_hash)):
            yield number, f"byte {place} of the hash", row._replace(event_hash=event_hash)


def _flipped(data: bytes) -> Iterator[bytes]:
    """Yield the bytes with one of them changed, in turn; text stays text."""
    for place, byte in enumerate(data):
        yield bytes([*data[:place], byte ^ 1, *data[place + 1 :]])
