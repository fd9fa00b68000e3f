"""FullStoreContract: the laws that every store of esmodel keeps."""

from __future__ import annotations

from uuid import uuid4

from esmodel.rows.append import FREE, Append
from esmodel.rows.record import Record
from esmodel.testing.contracts._laws import ASIDE
from esmodel.testing.contracts.protocols import TFullStore
from esmodel.testing.contracts.readall import ReadAllContract
from esmodel.testing.contracts.samplerows import in_streams, row
from esmodel.testing.contracts.snapshots import SnapshotsContract
from esmodel.testing.contracts.store import StoreContract
from esmodel.testing.contracts.streams import StreamsContract


class FullStoreContract(
    StoreContract[TFullStore],
    StreamsContract[TFullStore],
    ReadAllContract[TFullStore],
    SnapshotsContract[TFullStore],
):
    """The contracts of a store with the capabilities of a ``FullStore``, and how these work together.

    Example:
        >>> from pathlib import Path
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestMemoryStore(FullStoreContract[MemoryStore]):
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """

    def test_a_batch_of_several_streams_is_numbered_in_its_order(self, store: TFullStore) -> None:
        """``read_all`` yields the rows in the order of the batch, as law 2 of ``SupportsStreams`` demands."""
        streams = [uuid4() for _ in range(3)]
        appended: list[Record] = []
        for turn in range(50):
            batch = [row(stream, 2 * turn + place) for stream in streams[: turn % 3 + 1] for place in (0, 1)]
            if turn % 2:
                batch.reverse()
            store.append_streams(in_streams(batch))
            appended += batch
        found = [record for _, record in store.read_all()]
        assert found == appended, "SupportsStreams, law 2: read_all keeps the order across streams"

    def test_a_snapshot_is_not_in_read_all(self, store: TFullStore) -> None:
        """``read_all`` yields rows only."""
        stream = uuid4()
        store.write_snapshot(row(stream, 0))
        assert list(store.read_all()) == [], ASIDE
        store.append(Append([row(stream, 0)], FREE))
        store.write_snapshot(row(stream, 1))
        assert [record for _, record in store.read_all()] == [row(stream, 0)], ASIDE
