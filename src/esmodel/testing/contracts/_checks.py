"""Checks that several contracts share."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

import pytest

from esmodel.exceptions import ConcurrencyError, StoreClosedError
from esmodel.rows.record import Record
from esmodel.testing.contracts._laws import AS_APPENDED, ONE_WINS


def check_types(record: Record, /) -> None:
    """Check that a row is a ``Record`` of plain Python types, not of a driver's types."""
    assert type(record) is Record, "RecordStore, law 3: expected every row to be a Record"
    found = [type(field) for field in record]
    assert found == [UUID, int, str, int, int, bytes, bytes, bytes], AS_APPENDED


def check_conflict(error: ConcurrencyError, stream: UUID, /, *, expected: int, found: int) -> None:
    """Check the stream and the positions in a ``ConcurrencyError``."""
    assert (error.originator_id, error.expected, error.found) == (stream, expected, found), ONE_WINS


def check_closed(calls: dict[str, Callable[[], object]], /) -> None:
    """Check that each call on a closed store raises ``StoreClosedError``."""
    for name, call in calls.items():
        try:
            call()
        except StoreClosedError:
            continue
        pytest.fail(
            f"ClosableStore, law 2: expected StoreClosedError from {name} of a closed store, found none"
        )
