"""SnapshotsContract: the laws of ``SupportsSnapshots``."""

from __future__ import annotations

import time
from threading import Thread
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmodel.exceptions import PayloadError
from esmodel.rows.append import FREE, Append
from esmodel.rows.bounds import GREATEST, LEAST
from esmodel.rows.record import Record
from esmodel.testing.contracts._checks import check_closed, check_types
from esmodel.testing.contracts._laws import AND_ROWS, ASIDE, CONTINUED, HIGHEST, REPLACED
from esmodel.testing.contracts._settings import without_deadline
from esmodel.testing.contracts.protocols import TSnapshotsStore
from esmodel.testing.contracts.repositories import SnapshotRepositoryContract
from esmodel.testing.contracts.samplerows import NEAR_THE_ROWS, row, rows, too_large


class SnapshotsContract(SnapshotRepositoryContract[TSnapshotsStore]):
    """The laws of ``SupportsSnapshots`` and of repositories that take snapshots.

    Example:
        >>> from pathlib import Path
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestSnapshots(SnapshotsContract[MemoryStore]):
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """

    def test_a_snapshot_is_not_part_of_its_stream(self, store: TSnapshotsStore) -> None:
        """``read`` and ``last`` do not see it, and a row may be appended at its position."""
        stream = uuid4()
        store.write_snapshot(row(stream, 7))
        assert list(store.read(stream)) == [], ASIDE
        assert store.last(stream) is None, ASIDE
        store.append(Append(rows(stream, range(8)), FREE))
        store.write_snapshot(row(stream, 9))
        assert store.last(stream) == (7, b""), ASIDE
        assert list(store.read(stream)) == rows(stream, range(8)), ASIDE

    def test_a_snapshot_comes_back_byte_for_byte(self, store: TSnapshotsStore) -> None:
        """Its columns have plain Python types, as those of a row."""
        stream = uuid4()
        written = Record(stream, 3, "Gr\u00fc\u00dfe \0", 2, -1, bytes(range(256)), b"\0header", b"\xff" * 32)
        store.write_snapshot(written)
        found = store.read_snapshot(stream)
        assert found is not None, HIGHEST
        assert found == written, REPLACED
        check_types(found)

    def test_a_snapshot_replaces_the_one_at_its_position(self, store: TSnapshotsStore) -> None:
        """All its columns are replaced."""
        stream = uuid4()
        new = Record(stream, 5, "A newer name", 2, 12, b"new", b"header", b"hash")
        store.write_snapshot(row(stream, 5, b"old"))
        store.write_snapshot(new)
        assert store.read_snapshot(stream) == new, REPLACED

    def test_the_latest_snapshot_within_the_bound_is_read(self, store: TSnapshotsStore) -> None:
        """The order in which they were written does not matter, nor do the snapshots of other streams."""

        @given(st.lists(st.integers(-20, 20)), st.sampled_from(NEAR_THE_ROWS))
        @without_deadline
        def check(positions: list[int], lte: int | None) -> None:
            stream, other = uuid4(), uuid4()
            store.write_snapshot(row(other, 0))
            for position in positions:
                store.write_snapshot(row(stream, position))
            fitting = [position for position in positions if lte is None or position <= lte]
            expected = row(stream, max(fitting)) if fitting else None
            assert store.read_snapshot(stream, lte=lte) == expected, HIGHEST

        check()

    def test_reading_from_a_snapshot_returns_it_and_later_rows(self, store: TSnapshotsStore) -> None:
        """This holds for any bound; without a snapshot, the rows start at the beginning."""
        few = st.sets(st.integers(-20, 20))

        @given(few, few, st.none() | st.integers(-22, 22))
        @without_deadline
        def check(positions: set[int], snapshots: set[int], lte: int | None) -> None:
            stream, other = uuid4(), uuid4()
            store.write_snapshot(row(other, 0))
            store.append(Append(rows(stream, positions), FREE))
            for position in snapshots:
                store.write_snapshot(row(stream, position, b"state"))
            snapshot, found = store.read_from_snapshot(stream, lte=lte)
            assert snapshot == store.read_snapshot(stream, lte=lte), AND_ROWS
            after = None if snapshot is None else snapshot.position
            assert list(found) == list(store.read(stream, gt=after, lte=lte)), AND_ROWS

        check()

    def test_rows_continue_the_snapshot_while_others_write_snapshots(self, store: TSnapshotsStore) -> None:
        """A thread writes later and later snapshots; no read has a gap or a row twice."""
        stream, count = uuid4(), 40
        store.append(Append(rows(stream, range(count)), FREE))

        def write() -> None:
            for position in range(count):
                store.write_snapshot(row(stream, position))
                time.sleep(0.001)

        thread = Thread(target=write)
        thread.start()
        try:
            while thread.is_alive():
                snapshot, found = store.read_from_snapshot(stream)
                low = 0 if snapshot is None else snapshot.position + 1
                assert [each.position for each in found] == list(range(low, count)), CONTINUED
        finally:
            thread.join()

    @pytest.mark.parametrize("number", [LEAST - 1, GREATEST + 1])
    @pytest.mark.parametrize("field", ["position", "class_version", "timestamp"])
    def test_a_snapshot_with_a_number_beyond_64_bits_is_refused(
        self, store: TSnapshotsStore, field: str, number: int
    ) -> None:
        """A snapshot has the same limits as a row."""
        stream = uuid4()
        with pytest.raises(PayloadError, match=field):
            store.write_snapshot(too_large(stream, field, number))
        assert store.read_snapshot(stream) is None, REPLACED

    def test_a_snapshot_whose_name_is_not_valid_unicode_is_refused(self, store: TSnapshotsStore) -> None:
        """UTF-8 cannot encode half a surrogate pair."""
        stream = uuid4()
        with pytest.raises(PayloadError, match="name"):
            store.write_snapshot(row(stream, 0)._replace(name="half \ud800"))
        assert store.read_snapshot(stream) is None, REPLACED

    def test_a_closed_store_refuses_snapshots(self, store: TSnapshotsStore) -> None:
        """It refuses every call."""
        store.close()
        check_closed({
            "write_snapshot": lambda: store.write_snapshot(row(UUID(int=1), 1)),
            "read_snapshot": lambda: store.read_snapshot(UUID(int=1)),
            "read_from_snapshot": lambda: store.read_from_snapshot(UUID(int=1)),
        })  # fmt: skip
