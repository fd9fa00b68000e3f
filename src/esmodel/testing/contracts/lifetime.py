"""CloseContract and DurableContract: the laws of closing and reopening a store."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from esmodel.exceptions import ConcurrencyError, StoreClosedError
from esmodel.rows.append import FREE, Append
from esmodel.testing.contracts._checks import check_closed, check_conflict
from esmodel.testing.contracts._laws import AS_APPENDED, IN_ORDER, LAST
from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import TStore
from esmodel.testing.contracts.samplerows import row, rows


class CloseContract(StoreOpener[TStore]):
    """The laws of closing a store; a part of ``StoreContract``."""

    def test_a_closed_store_refuses_every_call(self, store: TStore) -> None:
        """An empty batch or an empty stream makes no difference; closing twice does nothing."""
        store.append(Append([row(UUID(int=1), 0)], FREE))
        store.close()
        store.close()
        check_closed({
            "append": lambda: store.append(Append([row(UUID(int=1), 1)], FREE)),
            "append of no rows": lambda: store.append(Append([], FREE)),
            "read": lambda: store.read(UUID(int=1)),
            "last": lambda: store.last(UUID(int=1)),
        })  # fmt: skip

    def test_a_store_may_be_closed_while_it_is_read(self, store: TStore) -> None:
        """The reader reaches the end or raises ``StoreClosedError``; it never stops early in silence."""
        stream = uuid4()
        store.append(Append(rows(stream, range(1_200)), FREE))
        reading = store.read(stream)
        found = list(islice(reading, 10))
        store.close()
        try:
            found += reading
        except StoreClosedError:
            pass
        else:
            assert len(found) == 1_200, (
                "ClosableStore, law 2: a reader that stops early raises StoreClosedError"
            )
        assert found == rows(stream, range(len(found))), IN_ORDER

    def test_stores_of_two_folders_share_nothing(self, store: TStore, tmp_path: Path) -> None:
        """``open_store`` opens the store of the given folder."""
        stream = uuid4()
        store.append(Append([row(stream, 0)], FREE))
        folder = tmp_path / "other"
        folder.mkdir()
        other = self.open_store(folder)
        try:
            assert list(other.read(stream)) == [], "StoreOpener: a new folder gives an empty store"
        finally:
            other.close()


class DurableContract(StoreOpener[TStore]):
    """The laws of a store that outlives its process: acknowledged rows stay when it is reopened.

    Example:
        >>> from esmodel.stores.sqlite import SQLiteStore
        >>> class TestReopened(DurableContract[SQLiteStore]):
        ...     def open_store(self, folder: Path, /) -> SQLiteStore:
        ...         return SQLiteStore(folder / "events.db")
    """

    def test_appended_rows_are_there_when_the_store_is_reopened(self, store: TStore, tmp_path: Path) -> None:
        """The rows, the last position and the refusal of taken positions survive."""
        stream = uuid4()
        appended = [row(stream, 0), row(stream, 1)._replace(event_hash=b"hash")]
        store.append(Append(appended, FREE))
        store.close()
        again = self.open_store(tmp_path)
        try:
            assert list(again.read(stream)) == appended, "RecordStore, law 1: acknowledged rows stay"
            assert again.last(stream) == (1, b"hash"), LAST
            with pytest.raises(ConcurrencyError) as caught:
                again.append(Append([row(stream, 1)], FREE))
            check_conflict(caught.value, stream, expected=0, found=1)
            again.append(Append([row(stream, 2)], FREE))
            assert list(again.read(stream)) == [*appended, row(stream, 2)], AS_APPENDED
        finally:
            again.close()
