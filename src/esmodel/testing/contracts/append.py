"""AppendContract: the laws of ``append``."""

from __future__ import annotations

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmodel.exceptions import ConcurrencyError, PayloadError
from esmodel.rows.append import FREE, Append
from esmodel.rows.bounds import GREATEST, LEAST
from esmodel.rows.record import Record
from esmodel.testing.contracts._checks import check_conflict, check_types
from esmodel.testing.contracts._laws import AS_APPENDED, ATOMIC, LAST
from esmodel.testing.contracts._settings import without_deadline
from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import TStore
from esmodel.testing.contracts.samplerows import row, rows, too_large


class AppendContract(StoreOpener[TStore]):
    """The laws of ``append``; a part of ``StoreContract``."""

    def test_appended_rows_come_back_byte_for_byte(self, store: TStore) -> None:
        """Columns may be empty, long or binary; text may be in any script; numbers may have 64 bits."""
        stream = uuid4()
        appended = [
            Record(stream, 0, "Opened", 0, 0, b""),
            Record(stream, 1, "", 3, -1, bytes(range(256)), b"\0header", b"\xff" * 32),
            Record(stream, 2, "Gr\u00fc\u00dfe \U0001f600\0 and more", LEAST, GREATEST, b"\0" * 70_000),
            Record(stream, 3, "x" * 5_000, GREATEST, LEAST, b'{"a": 1}', b"", b"\0"),
        ]
        store.append(Append(appended, None))
        assert list(store.read(stream)) == appended, AS_APPENDED

    def test_any_row_comes_back_unchanged(self, store: TStore) -> None:
        """Hypothesis draws the columns."""

        @given(
            st.lists(
                st.tuples(
                    st.text(st.characters(exclude_categories=["Cs"])),
                    st.integers(LEAST, GREATEST),
                    st.integers(LEAST, GREATEST),
                    st.binary(),
                    st.binary(),
                    st.binary(),
                )
            )
        )
        @without_deadline
        def check(fields: list[tuple[str, int, int, bytes, bytes, bytes]]) -> None:
            stream = uuid4()
            appended = [Record(stream, position, *rest) for position, rest in enumerate(fields)]
            store.append(Append(appended, None))
            assert list(store.read(stream)) == appended, AS_APPENDED

        check()

    def test_every_row_read_is_a_record_of_plain_types(self, store: TStore) -> None:
        """A driver's own types of rows, ids and bytes do not leave the store."""
        stream = uuid4()
        store.append(Append([row(stream, 0)], FREE))
        (read,) = store.read(stream)
        check_types(read)

    def test_an_empty_batch_stores_nothing(self, store: TStore) -> None:
        """It raises no error and changes nothing."""
        stream = uuid4()
        store.append(Append([], FREE))
        store.append(Append([row(stream, 0)], FREE))
        store.append(Append([], FREE))
        assert list(store.read(stream)) == [row(stream, 0)], ATOMIC
        assert store.last(stream) == (0, b""), LAST

    def test_a_second_append_at_one_position_is_refused(self, store: TStore) -> None:
        """Exactly one of two appends at one position succeeds; the error of the other has both positions."""
        stream = uuid4()
        store.append(Append(rows(stream, range(3)), FREE))
        with pytest.raises(ConcurrencyError) as caught:
            store.append(Append([row(stream, 1, b"other")], FREE))
        check_conflict(caught.value, stream, expected=0, found=2)
        assert list(store.read(stream)) == rows(stream, range(3)), ATOMIC

    def test_a_refused_batch_stores_nothing(self, store: TStore) -> None:
        """It stores neither the rows before the conflicting one nor those after it."""
        stream = uuid4()
        first = row(stream, 0)._replace(event_hash=b"first")
        store.append(Append([first], FREE))
        with pytest.raises(ConcurrencyError) as caught:
            store.append(Append(rows(stream, [1, 2, 0, 3]), FREE))
        check_conflict(caught.value, stream, expected=0, found=0)
        assert list(store.read(stream)) == [first], ATOMIC
        assert store.last(stream) == (0, b"first"), ATOMIC

    def test_a_store_accepts_appends_after_a_refusal(self, store: TStore) -> None:
        """The refused batch leaves nothing behind: no lock, no name, no position."""
        stream = uuid4()
        store.append(Append([row(stream, 0)], FREE))
        unseen = row(stream, 1)._replace(name="A new name")
        with pytest.raises(ConcurrencyError):
            store.append(Append([unseen, unseen._replace(position=0)], FREE))
        store.append(Append([unseen], FREE))
        assert list(store.read(stream)) == [row(stream, 0), unseen], ATOMIC

    @pytest.mark.parametrize("number", [LEAST - 1, GREATEST + 1])
    @pytest.mark.parametrize("field", ["position", "class_version", "timestamp"])
    def test_a_number_beyond_64_bits_is_refused_before_anything_is_stored(
        self, store: TStore, field: str, number: int
    ) -> None:
        """All stores refuse the same numbers, so that a model works with any of them."""
        stream = uuid4()
        with pytest.raises(PayloadError, match=field):
            store.append(Append([row(stream, 0), too_large(stream, field, number)], FREE))
        assert list(store.read(stream)) == [], ATOMIC

    def test_a_name_that_is_not_valid_unicode_is_refused(self, store: TStore) -> None:
        """UTF-8 cannot encode half a surrogate pair."""
        stream = uuid4()
        with pytest.raises(PayloadError, match="name"):
            store.append(Append([row(stream, 0), row(stream, 1)._replace(name="half \ud800")], FREE))
        assert list(store.read(stream)) == [], ATOMIC
