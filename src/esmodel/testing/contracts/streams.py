"""StreamsContract: the laws of ``SupportsStreams``."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from esmodel.exceptions import ConcurrencyError, PayloadError
from esmodel.rows.append import FREE, Append, Appended
from esmodel.rows.bounds import GREATEST
from esmodel.testing.contracts._checks import check_closed, check_conflict
from esmodel.testing.contracts._laws import AS_APPENDED, CONTINUES, TOGETHER
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
        """Each stream gets its rows, and each append is checked in its own way."""
        one, two, three = uuid4(), uuid4(), uuid4()
        assert store.append_streams([]) == Appended(0), TOGETHER
        appends = [
            Append(rows(one, range(2)), None),
            Append(rows(two, [4, 0]), FREE),
            Append([], 7),
        ]
        assert store.append_streams(appends) == Appended(4), TOGETHER
        assert (list(store.read(one)), list(store.read(two))) == (rows(one, range(2)), rows(two, [0, 4])), (
            TOGETHER
        )
        store.append_streams(
            [Append(rows(two, [5]), 4), Append([row(three, 0)], None), Append([row(one, 2)], 1)]
        )
        assert list(store.read(one)) == rows(one, range(3)), TOGETHER
        assert list(store.read(two)) == rows(two, [0, 4, 5]), TOGETHER
        assert list(store.read(three)) == [row(three, 0)], TOGETHER
        assert (store.last(one), store.last(two)) == ((2, b""), (5, b"")), TOGETHER

    def test_a_refused_batch_stores_nothing_in_any_stream(self, store: TStreamsStore) -> None:
        """The error has the conflicting stream, and the position before its first row."""
        old, new = uuid4(), uuid4()
        first = row(old, 0)._replace(event_hash=b"first")
        store.append(Append([first], None))
        with pytest.raises(ConcurrencyError) as caught:
            store.append_streams([Append(rows(new, range(3)), FREE), Append(rows(old, [1, 2, 0]), FREE)])
        check_conflict(caught.value, old, expected=0, found=0)
        assert list(store.read(old)) == [first], TOGETHER
        assert list(store.read(new)) == [], TOGETHER
        assert store.last(new) is None, TOGETHER
        assert store.last(old) == (0, b"first"), TOGETHER

    @pytest.mark.parametrize("place", [0, 1, 2])
    def test_one_stream_that_does_not_continue_refuses_the_batch(
        self, store: TStreamsStore, place: int
    ) -> None:
        """Each append of the batch is compared with the end of its stream, whatever its place."""
        old, new, free = sorted(uuid4() for _ in range(3))
        store.append(Append(rows(old, range(3)), None))
        appends = [Append(rows(new, range(2)), None), Append(rows(free, [3, 1]), FREE)]
        for after, expected in ((None, -1), (0, 0), (1, 1), (3, 3)):
            stale = Append([row(old, expected + 1)], after)
            with pytest.raises(ConcurrencyError) as caught:
                store.append_streams([*appends[:place], stale, *appends[place:]])
            check_conflict(caught.value, old, expected=expected, found=2)
        assert list(store.read(old)) == rows(old, range(3)), CONTINUES
        assert (list(store.read(new)), list(store.read(free))) == ([], []), TOGETHER
        assert (store.last(new), store.last(free)) == (None, None), TOGETHER
        store.append_streams([*appends, Append([row(old, 3)], after=2)])
        assert list(store.read(new)) == rows(new, range(2)), TOGETHER

    def test_two_appends_to_one_stream_are_refused(self, store: TStreamsStore) -> None:
        """They contradict each other, whatever they follow; nothing is stored."""
        one, two = uuid4(), uuid4()
        for second in (Append([row(one, 1)], 0), Append([row(one, 1)], FREE), Append([row(one, 0)], None)):
            with pytest.raises(PayloadError, match="one Append to stream"):
                store.append_streams([Append([row(one, 0)], None), Append([row(two, 0)], None), second])
        assert (list(store.read(one)), list(store.read(two))) == ([], []), TOGETHER
        store.append_streams([Append([row(one, 0)], None), Append([row(two, 0)], None)])
        assert (store.last(one), store.last(two)) == ((0, b""), (0, b"")), TOGETHER

    def test_the_list_of_appends_is_copied(self, store: TStreamsStore) -> None:
        """It may be changed after the call; the stored rows stay as they are."""
        one, two = uuid4(), uuid4()
        appends = [Append([row(one, 0)], None), Append([row(two, 0)], None)]
        store.append_streams(appends)
        appends[0] = Append([row(one, 9)], FREE)
        del appends[1]
        assert (list(store.read(one)), list(store.read(two))) == ([row(one, 0)], [row(two, 0)]), AS_APPENDED

    def test_one_unstorable_row_refuses_the_batch(self, store: TStreamsStore) -> None:
        """It is refused before any row is stored."""
        one, two = uuid4(), uuid4()
        refused = {
            "timestamp": too_large(two, "timestamp", GREATEST + 1),
            "name": row(two, 0)._replace(name="half \ud800"),
        }
        for field, bad in refused.items():
            with pytest.raises(PayloadError, match=field):
                store.append_streams([Append([row(one, 0)], None), Append([bad], FREE)])
            assert (list(store.read(one)), list(store.read(two))) == ([], []), TOGETHER

    def test_a_closed_store_refuses_a_batch_of_several_streams(self, store: TStreamsStore) -> None:
        """It refuses an empty one too."""
        two = [Append([row(UUID(int=number), 0)], None) for number in (1, 2)]
        store.close()
        check_closed({
            "append_streams": lambda: store.append_streams(two),
            "append_streams of no rows": lambda: store.append_streams([]),
        })  # fmt: skip
