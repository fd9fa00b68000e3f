"""The laws of ``SupportsAppendIds``."""

from __future__ import annotations

from abc import abstractmethod
from uuid import UUID, uuid4

import pytest

from esmodel.exceptions import ConcurrencyError, OutcomeUnknownError
from esmodel.testing.contracts.checks import check_closed
from esmodel.testing.contracts.laws import (
    FINAL,
)
from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import (
    TAppendIdsStore,
)
from esmodel.testing.contracts.samplerows import row, rows


class AppendIdsContract(StoreOpener[TAppendIdsStore]):
    """The laws of ``SupportsAppendIds`` that hold as long as no answer is lost.

    A store whose answers can be lost on purpose has ``LostAnswersContract`` too, and one behind a
    server ``ServerCrashContract``.
    """

    def test_an_append_that_nobody_made_was_not_appended(self, store: TAppendIdsStore) -> None:
        """However often it is asked, before and after other appends; to ask stores nothing."""
        stream, unknown = uuid4(), uuid4()
        assert [store.was_appended(unknown) for _ in range(3)] == [False] * 3, FINAL
        store.append(rows(stream, range(3)))
        assert not store.was_appended(unknown), FINAL
        assert not store.was_appended(stream), FINAL
        assert list(store.read(stream)) == rows(stream, range(3)), FINAL

    def test_a_closed_store_is_not_asked_what_became_of_an_append(self, store: TAppendIdsStore) -> None:
        """It could only guess."""
        store.close()
        check_closed({"was_appended": lambda: store.was_appended(uuid4())})


class LostAnswersContract(AppendIdsContract[TAppendIdsStore]):
    """The laws of ``SupportsAppendIds`` for a store whose answers can be lost on purpose."""

    @abstractmethod
    def lose_answer(self, store: TAppendIdsStore, /, *, stored: bool) -> None:
        """See to it that the next append hears no answer.

        Args:
            store: the store that will append.
            stored: whether the rows are to be stored. If so, it may be later: when
                ``OutcomeUnknownError`` is raised, the append may still be under way.
        """

    @pytest.mark.parametrize("stored", [True, False])
    def test_a_lost_answer_is_found_again(self, store: TAppendIdsStore, *, stored: bool) -> None:
        """The answer fits the rows, at once and ever after; other appends have other ids."""
        stream = uuid4()
        store.append([row(stream, 0)])
        batch = rows(stream, range(1, 4))
        self.lose_answer(store, stored=stored)
        with pytest.raises(OutcomeUnknownError) as caught:
            store.append(batch)
        lost = caught.value.append_id
        assert store.was_appended(lost) is stored, FINAL
        found = list(store.read(stream))
        assert found == rows(stream, range(4 if stored else 1)), FINAL
        if stored:
            with pytest.raises(ConcurrencyError):
                store.append(batch)
        else:
            store.append(batch)
        store.append([row(stream, 4)])
        assert store.was_appended(lost) is stored, FINAL
        assert list(store.read(stream)) == rows(stream, range(5)), FINAL

    def test_each_append_whose_answer_is_lost_has_an_id_of_its_own(self, store: TAppendIdsStore) -> None:
        """The answer about one says nothing about another."""
        stream = uuid4()
        ids: dict[UUID, bool] = {}
        position = 0
        for stored in (True, False, False, True, False):
            self.lose_answer(store, stored=stored)
            with pytest.raises(OutcomeUnknownError) as caught:
                store.append([row(stream, position)])
            ids[caught.value.append_id] = stored
            position += store.was_appended(caught.value.append_id)
        assert len(ids) == 5, "SupportsAppendIds, law 1: each append has an id"
        assert {each: store.was_appended(each) for each in ids} == ids, FINAL
        assert list(store.read(stream)) == rows(stream, range(2)), FINAL
