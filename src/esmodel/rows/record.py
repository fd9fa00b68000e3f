"""``Record``: one stored row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias
from uuid import UUID

from esmodel.exceptions import PayloadError
from esmodel.rows.bounds import GREATEST, LEAST


class Record(NamedTuple):
    """One stored row: an event, a snapshot or an item.

    Attributes:
        originator_id: the stream.
        position: the place in the stream, from 0; for an aggregate, its version.
        name: the stored name of the class.
        class_version: the version of the class's schema, from 0.
        timestamp: microseconds since 1970 in UTC.
        data: the payload as JSON.
        header: the rest of the event's header as JSON; empty for most kinds of event.
        event_hash: SHA-256 of the row and of the previous hash; empty without a hash chain.

    Example:
        >>> from uuid import UUID
        >>> Record(UUID(int=1), 0, "Opened", 0, 0, b"{}").event_hash
        b''
    """

    originator_id: UUID
    position: int
    name: str
    class_version: int
    timestamp: int
    data: bytes
    header: bytes = b""
    event_hash: bytes = b""


_Columns: TypeAlias = tuple[UUID, int, str, int, int, bytes, bytes, bytes]

make_record: Final[Callable[[type[Record], _Columns], Record]] = tuple[object, ...].__new__
"""Make a row from a tuple of its columns, faster than ``Record(...)``: this is ``tuple.__new__`` itself."""


def check_record(record: Record, /) -> None:
    """Refuse a row that no store can hold.

    Raises:
        PayloadError: if a number does not fit 64 bits, or the name is not valid Unicode text.
    """
    position, class_version, timestamp = record.position, record.class_version, record.timestamp
    if not (
        LEAST <= position <= GREATEST
        and LEAST <= class_version <= GREATEST
        and LEAST <= timestamp <= GREATEST
    ):
        numbers = {"position": position, "class_version": class_version, "timestamp": timestamp}
        field, value = next(each for each in numbers.items() if not LEAST <= each[1] <= GREATEST)
        raise PayloadError(
            f"Record {position} of stream {record.originator_id}: "
            f"{field}: expected an integer of 64 bits, found {value}."
        )
    try:
        record.name.encode()
    except UnicodeEncodeError as error:
        raise PayloadError(
            f"Record {record.position} of stream {record.originator_id}: "
            f"name: expected Unicode text, found {record.name!r}."
        ) from error
