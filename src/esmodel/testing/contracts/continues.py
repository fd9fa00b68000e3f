"""ContinuesContract: an append continues its stream, or nothing is stored."""

from __future__ import annotations

from uuid import uuid4

import pytest

from esmodel.exceptions import ConcurrencyError
from esmodel.rows.append import FREE, After, Append, Appended
from esmodel.testing.contracts._checks import check_conflict
from esmodel.testing.contracts._laws import ATOMIC, CONTINUES, LAST
from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import TStore
from esmodel.testing.contracts.samplerows import row, rows


class ContinuesContract(StoreOpener[TStore]):
    """Law 5 of ``RecordStore``; a part of ``StoreContract``."""

    def test_an_append_continues_its_stream(self, store: TStore) -> None:
        """It begins a new stream, and follows the last row of an old one, also one that was ``FREE``."""
        stream = uuid4()
        assert store.append(Append(rows(stream, range(2)), None)) == Appended(2), CONTINUES
        assert store.append(Append([row(stream, 2)], after=1)) == Appended(1), CONTINUES
        assert store.append(Append([row(stream, 9)], FREE)) == Appended(1), CONTINUES
        assert store.append(Append(rows(stream, range(10, 13)), after=9)) == Appended(3), CONTINUES
        assert list(store.read(stream)) == rows(stream, [0, 1, 2, 9, 10, 11, 12]), ATOMIC
        assert store.last(stream) == (12, b""), LAST

    @pytest.mark.parametrize("after", [3, 4, 900])
    def test_an_append_that_leaves_a_gap_is_refused(self, store: TStore, after: int) -> None:
        """The stream ends before the position that the append follows; nothing is stored."""
        stream = uuid4()
        store.append(Append(rows(stream, range(3)), None))
        with pytest.raises(ConcurrencyError) as caught:
            store.append(Append(rows(stream, [after + 1, after + 2]), after))
        check_conflict(caught.value, stream, expected=after, found=2)
        assert list(store.read(stream)) == rows(stream, range(3)), CONTINUES
        assert store.last(stream) == (2, b""), CONTINUES
        store.append(Append([row(stream, 3)], after=2))
        assert list(store.read(stream)) == rows(stream, range(4)), ATOMIC

    def test_an_append_to_a_stream_that_is_absent_is_refused(self, store: TStore) -> None:
        """It follows a position, and the stream has none; the stream stays new."""
        stream = uuid4()
        with pytest.raises(ConcurrencyError) as caught:
            store.append(Append([row(stream, 1)], after=0))
        check_conflict(caught.value, stream, expected=0, found=-1)
        assert list(store.read(stream)) == [], CONTINUES
        assert store.last(stream) is None, CONTINUES
        store.append(Append([row(stream, 0)], None))
        assert list(store.read(stream)) == [row(stream, 0)], ATOMIC

    @pytest.mark.parametrize("after", [None, 4, 5, 8])
    def test_an_append_to_a_stream_that_ends_later_is_refused(self, store: TStore, after: After) -> None:
        """Its positions are free: only the last position of the stream tells that it is stale."""
        stream = uuid4()
        first = -1 if not isinstance(after, int) else after
        store.append(Append(rows(stream, [5, 9]), FREE))
        with pytest.raises(ConcurrencyError) as caught:
            store.append(Append([row(stream, first + 1)], after))
        check_conflict(caught.value, stream, expected=first, found=9)
        assert list(store.read(stream)) == rows(stream, [5, 9]), CONTINUES
        assert store.last(stream) == (9, b""), CONTINUES

    def test_free_rows_leave_gaps_and_fill_them(self, store: TStore) -> None:
        """Their positions need not follow each other or the last row."""
        stream = uuid4()
        store.append(Append(rows(stream, [7, 3]), FREE))
        store.append(Append(rows(stream, [5, -2, 4]), FREE))
        assert list(store.read(stream)) == rows(stream, [-2, 3, 4, 5, 7]), ATOMIC
        assert store.last(stream) == (7, b""), LAST
