"""ReadAllContract: the laws of ``SupportsReadAll``."""

from __future__ import annotations

from threading import Barrier
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmodel.exceptions import ConcurrencyError, PayloadError
from esmodel.rows.append import FREE, Append
from esmodel.rows.bounds import GREATEST, LEAST
from esmodel.rows.record import Record
from esmodel.testing.contracts._checks import check_closed, check_types
from esmodel.testing.contracts._laws import READ_ON, RISING
from esmodel.testing.contracts._settings import without_deadline
from esmodel.testing.contracts._threads import at_once
from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import TReadAllStore
from esmodel.testing.contracts.samplerows import row, rows


class ReadAllContract(StoreOpener[TReadAllStore]):
    """The laws of ``SupportsReadAll``.

    Example:
        >>> from pathlib import Path
        >>> from esmodel.stores.memory import MemoryStore
        >>> class TestReadAll(ReadAllContract[MemoryStore]):
        ...     def open_store(self, folder: Path, /) -> MemoryStore:
        ...         return MemoryStore()
    """

    def test_numbers_rise_in_commit_order(self, store: TReadAllStore) -> None:
        """Three streams get two hundred batches in turn, with refused ones between them."""
        streams = [uuid4() for _ in range(3)]
        appended: list[Record] = []
        for turn in range(200):
            stream, position = streams[turn % 3], 2 * (turn // 3)
            batch = [row(stream, position + 1), row(stream, position)]
            store.append(Append(batch, FREE))
            appended += batch
            if turn % 5 == 0:
                with pytest.raises(ConcurrencyError):
                    store.append(Append([row(stream, position + 2), row(stream, position)], FREE))
        found = list(store.read_all())
        numbers = [number for number, _ in found]
        assert [record for _, record in found] == appended, RISING
        assert numbers == sorted(set(numbers)), RISING
        assert min(numbers) > 0, RISING

    def test_every_numbered_row_comes_back_byte_for_byte(self, store: TReadAllStore) -> None:
        """It is the row that ``read`` yields."""
        stream = uuid4()
        appended = [
            Record(stream, 0, "Gr\u00fc\u00dfe \0", LEAST, GREATEST, bytes(range(256)), b"\0", b"\xff" * 32),
            Record(stream, 1, "", 0, 0, b"\0" * 70_000),
        ]
        store.append(Append(appended, FREE))
        found = list(store.read_all())
        assert [record for _, record in found] == appended, RISING
        assert [type(number) for number, _ in found] == [int, int], RISING
        for _, record in found:
            check_types(record)

    def test_a_store_without_rows_has_nothing_to_read(self, store: TReadAllStore) -> None:
        """Empty and refused batches do not count."""
        stream = uuid4()
        store.append(Append([], FREE))
        with pytest.raises(ConcurrencyError):
            store.append(Append([row(stream, 1)], after=0))
        assert list(store.read_all()) == [], RISING

    def test_read_all_after_a_number_with_a_limit_is_a_slice(self, store: TReadAllStore) -> None:
        """The number need not be that of a row, and the slice may span several pages of the engine."""
        store.append(Append(rows(uuid4(), range(1_501)), FREE))
        everything = list(store.read_all())
        assert len(everything) == 1_501, READ_ON

        @given(
            st.none() | st.integers(0, 1_600),
            st.integers(-3, 1_600) | st.sampled_from([LEAST - 1, GREATEST, GREATEST + 1]),
        )
        @without_deadline
        def check(limit: int | None, after: int) -> None:
            expected = [(number, record) for number, record in everything if number > after]
            assert list(store.read_all(after=after, limit=limit)) == expected[:limit], READ_ON

        check()

    def test_a_tail_reader_skips_nothing_and_repeats_nothing(self, store: TReadAllStore) -> None:
        """One thread reads the commits of four others while they append."""
        writers, appends = 4, 60

        def write(me: bytes, _: Barrier) -> None:
            stream = uuid4()
            for position in range(0, 2 * appends, 2):
                pair = [row(stream, position, me), row(stream, position + 1, me)]
                store.append(Append(pair, position - 1 if position else None))

        seen: list[tuple[int, Record]] = []
        with at_once(write, [b"%d" % me for me in range(writers)]) as are_running:
            running = True
            while running:
                running = are_running()  # asked first: the last read comes after the last append
                seen += store.read_all(after=seen[-1][0] if seen else 0, limit=37)
        seen += store.read_all(after=seen[-1][0] if seen else 0)
        assert seen == list(store.read_all()), READ_ON
        assert len(seen) == writers * appends * 2, READ_ON
        assert [number for number, _ in seen] == sorted({number for number, _ in seen}), RISING

    def test_a_negative_limit_of_read_all_is_refused_at_the_call(self, store: TReadAllStore) -> None:
        """It is not refused at the first row."""
        with pytest.raises(PayloadError, match="limit"):
            store.read_all(limit=-1)

    def test_a_closed_store_refuses_read_all(self, store: TReadAllStore) -> None:
        """It raises at the call, not at the first row."""
        store.close()
        check_closed({"read_all": store.read_all})
