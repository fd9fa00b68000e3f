"""The laws of closing a store and of opening it again."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from esmodel.exceptions import ConcurrencyError, StoreClosedError
from esmodel.testing.contracts.checks import check_closed, check_conflict
from esmodel.testing.contracts.laws import (
    AS_APPENDED,
    IN_ORDER,
    LAST,
)
from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import (
    TStore,
)
from esmodel.testing.contracts.samplerows import row, rows


class CloseContract(StoreOpener[TStore]):
    """The laws of closing a store; a part of ``StoreContract``."""

    def test_a_closed_store_says_so_at_every_call(self, store: TStore) -> None:
        """An empty batch and an empty stream are no exceptions; to close twice does no harm."""
        store.append([row(UUID(int=1), 0)])
        store.close()
        store.close()
        check_closed({
            "append": lambda: store.append([row(UUID(int=1), 1)]),
            "append of no rows": lambda: store.append([]),
            "read": lambda: store.read(UUID(int=1)),
            "last": lambda: store.last(UUID(int=1)),
        })  # fmt: skip

    def test_a_store_may_be_closed_while_it_is_read(self, store: TStore) -> None:
        """Reading goes on to the end, or says that the store was closed: it never ends too soon."""
        stream = uuid4()
        store.append(rows(stream, range(1_200)))
        reading = store.read(stream)
        found = list(islice(reading, 10))
        store.close()
        try:
            found += reading
        except StoreClosedError:
            pass
        else:
            assert len(found) == 1_200, "ClosableStore, law 2: what cannot be read on says so"
        assert found == rows(stream, range(len(found))), IN_ORDER

    def test_stores_of_two_folders_share_nothing(self, store: TStore, tmp_path: Path) -> None:
        """What ``open_store`` opens belongs to the folder that it was given."""
        stream = uuid4()
        store.append([row(stream, 0)])
        folder = tmp_path / "other"
        folder.mkdir()
        other = self.open_store(folder)
        try:
            assert list(other.read(stream)) == [], "StoreOpener: an unseen folder gives an empty store"
        finally:
            other.close()


class DurableContract(StoreOpener[TStore]):
    """For a store that outlives its process: what was acknowledged stays when it is opened again."""

    def test_what_was_appended_is_there_when_the_store_is_opened_again(
        self, store: TStore, tmp_path: Path
    ) -> None:
        """Rows, the last position and the refusal of taken positions outlive the store."""
        stream = uuid4()
        appended = [row(stream, 0), row(stream, 1)._replace(event_hash=b"hash")]
        store.append(appended)
        store.close()
        again = self.open_store(tmp_path)
        try:
            assert list(again.read(stream)) == appended, "RecordStore, law 1: what was acknowledged stays"
            assert again.last(stream) == (1, b"hash"), LAST
            with pytest.raises(ConcurrencyError) as caught:
                again.append([row(stream, 1)])
            check_conflict(caught.value, stream, expected=0, found=1)
            again.append([row(stream, 2)])
            assert list(again.read(stream)) == [*appended, row(stream, 2)], AS_APPENDED
        finally:
            again.close()
