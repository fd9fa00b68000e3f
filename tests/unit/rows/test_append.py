"""An append says what it follows, and does not contradict itself."""

from __future__ import annotations

from uuid import UUID

import pytest
from sample_rows import STREAM, row, rows

from esmodel.exceptions import PayloadError
from esmodel.rows import FREE, After, Append, Appended, Record, check_streams, last_known

OTHER = UUID(int=2)


def at(*positions: int) -> list[Record]:
    return [row(position) for position in positions]


@pytest.mark.parametrize(
    ("positions", "after"),
    [
        ([0, 1, 2], None),
        ([3], 2),
        ([1, 2], 0),
        ([5, 3, -4], FREE),
        ([4, 5, 9], FREE),
        ([], None),
        ([], 7),
        ([], FREE),
    ],
)
def test_rows_that_follow_are_accepted(positions: list[int], after: After) -> None:
    append = Append(at(*positions), after)
    assert append.records == tuple(at(*positions))
    assert append.after is after or append.after == after


@pytest.mark.parametrize(
    ("positions", "after", "message"),
    [
        ([1], None, "after a new stream, expected a row at position 0, found 1"),
        ([0], 0, "after position 0, expected a row at position 1, found 0"),
        ([2], 0, "after position 0, expected a row at position 1, found 2"),
        ([0, 2], None, "after a new stream, expected a row at position 1, found 2"),
        ([4, 5, 5], 3, "after position 3, expected a row at position 6, found 5"),
        ([4, 3], 3, "after position 3, expected a row at position 5, found 3"),
        ([-1], None, "after a new stream, expected a row at position 0, found -1"),
        ([1, 3, 1], FREE, "expected each position once, found 1 twice"),
        ([1, 1], FREE, "expected each position once, found 1 twice"),
    ],
)
def test_rows_with_gaps_or_twice_are_refused(positions: list[int], after: After, message: str) -> None:
    with pytest.raises(PayloadError, match=f"Append to stream {STREAM}: {message}"):
        Append(at(*positions), after)


@pytest.mark.parametrize("after", [None, FREE])
@pytest.mark.parametrize("positions", [(0, 1), (0, 0), (0, 7)])
def test_rows_of_two_streams_are_refused(positions: tuple[int, int], after: After) -> None:
    records = [row(positions[0]), row(positions[1], OTHER)]
    with pytest.raises(PayloadError, match=f"rows of one stream, found a row of {OTHER}. Use append_streams"):
        Append(records, after)


def test_rows_of_two_streams_are_refused_beyond_a_gap() -> None:
    with pytest.raises(PayloadError, match=f"rows of one stream, found a row of {OTHER}"):
        Append([row(0), row(5), row(7, OTHER)], FREE)


def test_equal_ids_need_not_be_the_same_object() -> None:
    records = [row(0), row(1, UUID(int=1)), row(2, UUID(int=1))]
    assert Append(records, None).records == tuple(records)


@pytest.mark.parametrize("positions", [(), (0,)])
def test_a_negative_position_is_no_end_of_a_stream(positions: tuple[int, ...]) -> None:
    with pytest.raises(
        PayloadError, match=r"expected after to be a position from 0, None or FREE, found -1\. Use None"
    ):
        Append(at(*positions), -1)


def test_the_rows_are_copied() -> None:
    records = rows(2)
    append = Append(records, None)
    records.clear()
    assert append.records == tuple(rows(2))
    assert Append(iter(rows(2)), None) == append


def test_the_position_that_an_append_follows() -> None:
    assert last_known(Append(at(0), None)) == -1
    assert last_known(Append(at(5), 4)) == 4
    assert last_known(Append(at(5, 3), FREE)) == 4
    assert last_known(Append([], FREE)) == -1


def test_two_appends_to_one_stream_are_found() -> None:
    check_streams([Append(at(0), None), Append([row(0, OTHER)], None), Append([], None), Append([], None)])
    with pytest.raises(PayloadError, match=f"one Append to stream {STREAM}, found two. Join their rows"):
        check_streams([Append(at(0), None), Append([row(0, OTHER)], None), Append(at(1), 0)])


def test_appended_has_the_number_of_rows() -> None:
    assert Appended(3).rows == 3
    assert repr(Appended(3)) == "Appended(rows=3)"
