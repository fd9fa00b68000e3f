"""Rows, and the values that stores refuse."""

from __future__ import annotations

import pytest
from sample_rows import STREAM, row

from esmodel.exceptions import PayloadError
from esmodel.rows import Record, check_limit, check_record
from esmodel.rows.bounds import GREATEST, LEAST
from esmodel.rows.record import make_record


def test_a_row_made_from_a_tuple_is_the_same_record() -> None:
    made = make_record(Record, (STREAM, 1, "Happened", 0, 1, b"{}", b"header", b"hash"))
    assert made == row(1)._replace(header=b"header", event_hash=b"hash")
    assert type(made) is Record


@pytest.mark.parametrize("value", [LEAST, 0, GREATEST])
def test_numbers_of_64_bits_are_accepted(value: int) -> None:
    check_record(row(value)._replace(class_version=value, timestamp=value))


@pytest.mark.parametrize("value", [LEAST - 1, GREATEST + 1])
def test_a_number_that_does_not_fit_64_bits_is_named(value: int) -> None:
    refused = {
        "position": row(value),
        "class_version": row(0)._replace(class_version=value),
        "timestamp": row(0)._replace(timestamp=value),
    }
    for field, record in refused.items():
        with pytest.raises(PayloadError, match=f": {field}: expected an integer of 64 bits, found {value}"):
            check_record(record)


def test_a_name_that_is_not_text_is_refused() -> None:
    with pytest.raises(PayloadError, match="name: expected Unicode text"):
        check_record(row(0)._replace(name="half \ud800"))


@pytest.mark.parametrize("limit", [None, 0, 1])
def test_a_limit_of_zero_or_more_is_accepted(limit: int | None) -> None:
    check_limit(limit)


def test_a_negative_limit_is_refused() -> None:
    with pytest.raises(PayloadError, match="limit: expected 0 or more, found -1"):
        check_limit(-1)
