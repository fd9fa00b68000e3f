"""ReadContract: the laws of ``read`` and ``last``."""

from __future__ import annotations

from itertools import islice
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esmodel.exceptions import ConcurrencyError, PayloadError
from esmodel.rows.append import FREE, Append
from esmodel.rows.bounds import GREATEST, LEAST
from esmodel.testing.contracts._laws import AS_APPENDED, IN_ORDER, LAST
from esmodel.testing.contracts._settings import without_deadline
from esmodel.testing.contracts.opener import StoreOpener
from esmodel.testing.contracts.protocols import TStore
from esmodel.testing.contracts.samplerows import NEAR_THE_ROWS, row, rows


class ReadContract(StoreOpener[TStore]):
    """The laws of ``read`` and ``last``; a part of ``StoreContract``."""

    def test_a_stream_that_was_never_written_is_empty(self, store: TStore) -> None:
        """Reading it raises no error."""
        assert list(store.read(uuid4())) == [], AS_APPENDED
        assert store.last(uuid4()) is None, LAST

    def test_streams_share_nothing(self, store: TStore) -> None:
        """Ids that differ in one bit name two streams, which may have the same positions."""
        streams = [UUID(int=0), *(UUID(int=1 << bit) for bit in range(0, 128, 7))]
        for number, stream in enumerate(streams):
            store.append(Append([row(stream, position, b"%d" % number) for position in range(2)], FREE))
        for number, stream in enumerate(streams):
            expected = [row(stream, position, b"%d" % number) for position in range(2)]
            assert list(store.read(stream)) == expected, AS_APPENDED
            assert store.last(stream) == (1, b""), LAST

    def test_bounds_limit_and_direction_select_as_from_a_list(self, store: TStore) -> None:
        """Hypothesis combines them, at positions before, among and after those of the rows."""
        bounds = st.none() | st.sampled_from(NEAR_THE_ROWS)

        @given(
            positions=st.sets(st.integers(-3, 8)).map(list),
            gt=bounds,
            gte=bounds,
            lt=bounds,
            lte=bounds,
            limit=st.none() | st.integers(0, 30),
            descending=st.booleans(),
        )
        @without_deadline
        def check(  # noqa: PLR0913  # because these are the bounds of a range
            *,
            positions: list[int],
            gt: int | None,
            gte: int | None,
            lt: int | None,
            lte: int | None,
            limit: int | None,
            descending: bool,
        ) -> None:
            stream = uuid4()
            store.append(Append(rows(stream, positions), FREE))
            expected = [
                row(stream, position)
                for position in sorted(positions, reverse=descending)
                if (gt is None or position > gt)
                and (gte is None or position >= gte)
                and (lt is None or position < lt)
                and (lte is None or position <= lte)
            ]
            found = store.read(stream, gt=gt, gte=gte, lt=lt, lte=lte, limit=limit, descending=descending)
            assert list(found) == expected[:limit], IN_ORDER

        check()

    def test_each_bound_alone_is_exact(self, store: TStore) -> None:
        """Test it at each position, beside each, and in both directions."""
        stream, places = uuid4(), [0, 1, 3, 4]
        store.append(Append(rows(stream, places), FREE))
        for bound in range(-1, 6):
            above, below = [at for at in places if at > bound], [at for at in places if at < bound]
            here = [bound] if bound in places else []
            for descending in (False, True):
                step = -1 if descending else 1
                ranges = [
                    (store.read(stream, gt=bound, descending=descending), above),
                    (store.read(stream, gte=bound, descending=descending), here + above),
                    (store.read(stream, lt=bound, descending=descending), below),
                    (store.read(stream, lte=bound, descending=descending), below + here),
                ]
                for found, expected in ranges:
                    assert [record.position for record in found] == expected[::step], IN_ORDER

    def test_positions_may_span_all_64_bits(self, store: TStore) -> None:
        """Positions are numbers of 64 bits, and no bound overflows."""
        stream = uuid4()
        ends = [row(stream, LEAST, b"least"), row(stream, GREATEST, b"greatest")]
        ends = [end._replace(timestamp=0) for end in ends]
        store.append(Append(ends, FREE))
        assert list(store.read(stream)) == ends, IN_ORDER
        assert list(store.read(stream, descending=True)) == ends[::-1], IN_ORDER
        assert list(store.read(stream, gt=GREATEST)) == [], IN_ORDER
        assert list(store.read(stream, lt=LEAST)) == [], IN_ORDER

    def test_a_long_stream_is_read_whole_and_in_order(self, store: TStore) -> None:
        """No row is missing and none is repeated where a page of the engine ends."""
        stream, other = uuid4(), uuid4()
        store.append(Append(rows(other, range(10)), FREE))
        store.append(Append(rows(stream, range(1_700)), FREE))
        expected = rows(stream, range(1_700))
        for limit in (None, 499, 500, 501, 1_000, 1_999):
            hint = f"{IN_ORDER}, with limit={limit}"
            assert list(store.read(stream, limit=limit)) == expected[:limit], hint
            found = list(store.read(stream, limit=limit, descending=True))
            assert found == expected[::-1][:limit], f"{hint}, descending"

    def test_a_negative_limit_is_refused_at_the_call(self, store: TStore) -> None:
        """It is not refused at the first row, far from its cause."""
        with pytest.raises(PayloadError, match="limit"):
            store.read(uuid4(), limit=-1)

    def test_rows_may_be_appended_while_a_stream_is_read(self, store: TStore) -> None:
        """Rows appended meanwhile may be read or not; all others are read, once each and in order."""
        stream = uuid4()
        store.append(Append(rows(stream, range(1_200)), FREE))
        reading = store.read(stream)
        first = list(islice(reading, 10))
        store.append(Append(rows(stream, range(1_200, 1_210)), FREE))
        found = first + list(reading)
        assert found[:1_200] == rows(stream, range(1_200)), IN_ORDER
        assert found == rows(stream, range(len(found))), IN_ORDER

    def test_last_is_the_highest_position_ever_appended_and_its_hash(self, store: TStore) -> None:
        """The order of the appends does not matter, and refused appends do not count."""

        @given(st.lists(st.lists(st.integers(-50, 50), max_size=5, unique=True), max_size=8))
        @without_deadline
        def check(batches: list[list[int]]) -> None:
            stream = uuid4()
            appended: set[int] = set()
            for batch in batches:
                refused = not appended.isdisjoint(batch)
                records = [row(stream, position)._replace(event_hash=b"%d" % position) for position in batch]
                if refused:
                    with pytest.raises(ConcurrencyError):
                        store.append(Append(records, FREE))
                else:
                    store.append(Append(records, FREE))
                    appended.update(batch)
                highest = max(appended, default=None)
                expected = None if highest is None else (highest, b"%d" % highest)
                assert store.last(stream) == expected, LAST

        check()
