"""StreamsContract: the laws of ``SupportsStreams``."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from esmodel.exceptions import ConcurrencyError, PayloadError
from esmodel.rows.bounds import GREATEST
from esmodel.testing.contracts._checks import check_closed, check_conflict
from esmodel.testing.contracts._laws import TOGETHER
from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import TStreamsStore
from esmodel.testing.contracts.samplerows import row, rows, too_large


class StreamsContract(StoreOpener[TStreamsStore]):
    """The laws of ``SupportsStreams``.

    Example:
        >>> from pathlib import Path
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestStreams(StreamsContract[MemoryStore]):
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """

    def test_a_batch_of_several_streams_is_stored_whole(self, store: TStreamsStore) -> None:
        """Each stream gets its rows, also where the rows of several streams alternate."""
        one, two = uuid4(), uuid4()
        store.append_streams([])
        store.append_streams([row(one, 0), row(two, 0), row(one, 1), row(two, 1), row(two, 2)])
        assert list(store.read(one)) == rows(one, range(2)), TOGETHER
        assert list(store.read(two)) == rows(two, range(3)), TOGETHER
        assert (store.last(one), store.last(two)) == ((1, b""), (2, b"")), TOGETHER

    def test_a_refused_batch_stores_nothing_in_any_stream(self, store: TStreamsStore) -> None:
        """The error has the conflicting stream, and the position before its first row."""
        old, new = uuid4(), uuid4()
        first = row(old, 0)._replace(event_hash=b"first")
        store.append([first])
        batch = [row(new, 0), row(new, 1), row(old, 1), row(old, 2), row(old, 0), row(new, 2)]
        with pytest.raises(ConcurrencyError) as caught:
            store.append_streams(batch)
        check_conflict(caught.value, old, expected=0, found=0)
        assert list(store.read(old)) == [first], TOGETHER
        assert list(store.read(new)) == [], TOGETHER
        assert store.last(new) is None, TOGETHER
        assert store.last(old) == (0, b"first"), TOGETHER

    def test_one_position_twice_in_one_of_the_streams_is_refused(self, store: TStreamsStore) -> None:
        """A position may occur in two streams, but not twice in one."""
        one, two = uuid4(), uuid4()
        with pytest.raises(ConcurrencyError) as caught:
            store.append_streams([row(one, 0), row(two, 0), row(two, 1), row(one, 1), row(two, 0)])
        check_conflict(caught.value, two, expected=-1, found=-1)
        assert (list(store.read(one)), list(store.read(two))) == ([], []), TOGETHER
        store.append_streams([row(one, 0), row(two, 0)])
        assert (store.last(one), store.last(two)) == ((0, b""), (0, b"")), TOGETHER

    def test_one_unstorable_row_refuses_the_batch(self, store: TStreamsStore) -> None:
        """It is refused before any row is stored."""
        one, two = uuid4(), uuid4()
        refused = {
            "timestamp": too_large(two, "timestamp", GREATEST + 1),
            "name": row(two, 0)._replace(name="half \ud800"),
        }
        for field, bad in refused.items():
            with pytest.raises(PayloadError, match=field):
                store.append_streams([row(one, 0), bad])
            assert (list(store.read(one)), list(store.read(two))) == ([], []), TOGETHER

    def test_a_closed_store_refuses_a_batch_of_several_streams(self, store: TStreamsStore) -> None:
        """It refuses an empty one too."""
        store.close()
        check_closed({
            "append_streams": lambda: store.append_streams([row(UUID(int=1), 0), row(UUID(int=2), 0)]),
            "append_streams of no rows": lambda: store.append_streams([]),
        })  # fmt: skip
