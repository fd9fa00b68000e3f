"""AppendIdsContract and LostAnswersContract: the laws of ``SupportsAppendIds``."""

from __future__ import annotations

from abc import abstractmethod
from uuid import UUID, uuid4

import pytest

from esmodel.exceptions import ConcurrencyError, OutcomeUnknownError
from esmodel.rows.append import FREE, Append
from esmodel.testing.contracts._checks import check_closed
from esmodel.testing.contracts._laws import FINAL
from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import TAppendIdsStore
from esmodel.testing.contracts.samplerows import row, rows


class AppendIdsContract(StoreOpener[TAppendIdsStore]):
    """The laws of ``SupportsAppendIds`` for a store that loses no answers.

    If the test can make the store lose answers, use ``LostAnswersContract``. If the store is behind a server,
    use ``ServerCrashContract`` too.

    Example:
        >>> from pathlib import Path
        >>> from esmodel.stores.postgres import PostgresStore
        >>> class TestAppendIds(AppendIdsContract[PostgresStore]):
        ...     def open_store(self, folder: Path, /) -> PostgresStore:
        ...         return PostgresStore("postgresql://localhost/test", migrate=True)
    """

    def test_an_unknown_append_was_not_appended(self, store: TAppendIdsStore) -> None:
        """Repeated calls and other appends do not change the result, and the call stores nothing."""
        stream, unknown = uuid4(), uuid4()
        assert [store.was_appended(unknown) for _ in range(3)] == [False] * 3, FINAL
        store.append(Append(rows(stream, range(3)), FREE))
        assert not store.was_appended(unknown), FINAL
        assert not store.was_appended(stream), FINAL
        assert list(store.read(stream)) == rows(stream, range(3)), FINAL

    def test_a_closed_store_refuses_was_appended(self, store: TAppendIdsStore) -> None:
        """It raises, because it cannot know."""
        store.close()
        check_closed({"was_appended": lambda: store.was_appended(uuid4())})


class LostAnswersContract(AppendIdsContract[TAppendIdsStore]):
    """The laws of ``SupportsAppendIds`` for a store that the test can make lose an answer.

    Example:
        >>> from pathlib import Path
        >>> from esmodel.stores.postgres import PostgresStore
        >>> class TestLostAnswers(LostAnswersContract[PostgresStore]):
        ...     def open_store(self, folder: Path, /) -> PostgresStore:
        ...         return PostgresStore("postgresql://localhost/test", migrate=True)
        ...
        ...     def lose_answer(
        ...         self, store: PostgresStore, /, *, stored: bool
        ...     ) -> None: ...  # for example, by a proxy that closes the connection at the commit
    """

    @abstractmethod
    def lose_answer(self, store: TAppendIdsStore, /, *, stored: bool) -> None:
        """Make the store lose the answer of its next append.

        Args:
            store: the store that will append.
            stored: whether the rows are to be stored. They may be stored late: the append may still be
                running when ``OutcomeUnknownError`` is raised.
        """

    @pytest.mark.parametrize("stored", [True, False])
    def test_was_appended_resolves_a_lost_answer(self, store: TAppendIdsStore, *, stored: bool) -> None:
        """The result matches the rows, and later appends do not change it."""
        stream = uuid4()
        store.append(Append([row(stream, 0)], FREE))
        batch = rows(stream, range(1, 4))
        self.lose_answer(store, stored=stored)
        with pytest.raises(OutcomeUnknownError) as caught:
            store.append(Append(batch, FREE))
        lost = caught.value.append_id
        assert store.was_appended(lost) is stored, FINAL
        found = list(store.read(stream))
        assert found == rows(stream, range(4 if stored else 1)), FINAL
        if stored:
            with pytest.raises(ConcurrencyError):
                store.append(Append(batch, FREE))
        else:
            store.append(Append(batch, FREE))
        store.append(Append([row(stream, 4)], FREE))
        assert store.was_appended(lost) is stored, FINAL
        assert list(store.read(stream)) == rows(stream, range(5)), FINAL

    def test_each_append_has_its_own_id(self, store: TAppendIdsStore) -> None:
        """Several appends in a row lose their answers; each id has its own result."""
        stream = uuid4()
        ids: dict[UUID, bool] = {}
        position = 0
        for stored in (True, False, False, True, False):
            self.lose_answer(store, stored=stored)
            with pytest.raises(OutcomeUnknownError) as caught:
                store.append(Append([row(stream, position)], FREE))
            ids[caught.value.append_id] = stored
            position += store.was_appended(caught.value.append_id)
        assert len(ids) == 5, "SupportsAppendIds, law 1: each append has an id"
        assert {each: store.was_appended(each) for each in ids} == ids, FINAL
        assert list(store.read(stream)) == rows(stream, range(2)), FINAL
