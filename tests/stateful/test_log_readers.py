"""A reader of a log yields what a list gives that is sorted by time and cut at the bounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, pairwise, product
from operator import itemgetter
from pathlib import Path
from typing import Final, NamedTuple, Protocol
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from profiles import examples
from typing_extensions import override

from esmodel import EventSourcedTimeBucketedLogRepository, TimeBucketedLogReader, using_clock
from esmodel.rows import RecordStore
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore
from esmodel.structures import BUCKET_SIZES, BucketSize, MessageLogged, TimeBucketedLog

MICROSECOND: Final = timedelta(microseconds=1)
FIRST: Final = datetime.min.replace(tzinfo=UTC)
LAST: Final = datetime.max.replace(tzinfo=UTC)

EDGES: Final = (
    FIRST,
    datetime(1900, 3, 1, tzinfo=UTC),
    datetime(1970, 1, 1, tzinfo=UTC),
    datetime(2023, 12, 31, 23, 59, 59, tzinfo=UTC),
    datetime(2024, 1, 1, tzinfo=UTC),
    datetime(2024, 2, 29, tzinfo=UTC),
    datetime(2024, 2, 29, 13, 1, tzinfo=UTC),
    datetime(2024, 2, 29, 13, 1, 1, tzinfo=UTC),
    datetime(2024, 2, 29, 14, tzinfo=UTC),
    datetime(2024, 3, 1, tzinfo=UTC),
    datetime(2024, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    datetime(2026, 11, 23, 4, 5, 6, 7, tzinfo=UTC),
    LAST,
)


def beside(edge: datetime, distance: int) -> datetime:
    """Return the moment some microseconds from an edge, or the edge if there is none."""
    if (edge == FIRST and distance < 0) or (edge == LAST and distance > 0):
        return edge
    return edge + distance * MICROSECOND


class Store(RecordStore, Protocol):
    """The capabilities of both stores."""

    def close(self) -> None: ...


class Query(NamedTuple):
    """The arguments of a reader."""

    gt: datetime | None
    gte: datetime | None
    lt: datetime | None
    lte: datetime | None
    limit: int | None
    descending: bool
    page_size: int

    def holds(self, moment: datetime) -> bool:
        return (
            (self.gt is None or moment > self.gt)
            and (self.gte is None or moment >= self.gte)
            and (self.lt is None or moment < self.lt)
            and (self.lte is None or moment <= self.lte)
        )

    def of(self, logged: list[tuple[datetime, str]]) -> list[tuple[datetime, str]]:
        """Return the expected messages, from a list that is sorted by time."""
        within = [each for each in logged if self.holds(each[0])]
        return (within[::-1] if self.descending else within)[: self.limit]

    def messages(self, log: TimeBucketedLog[str]) -> list[str]:
        return list(
            TimeBucketedLogReader(log, page_size=self.page_size).messages(
                gt=self.gt,
                gte=self.gte,
                lt=self.lt,
                lte=self.lte,
                limit=self.limit,
                descending=self.descending,
            )
        )

    def events(self, log: TimeBucketedLog[str]) -> list[MessageLogged[str]]:
        return list(
            TimeBucketedLogReader(log, page_size=self.page_size).events(
                gt=self.gt,
                gte=self.gte,
                lt=self.lt,
                lte=self.lte,
                limit=self.limit,
                descending=self.descending,
            )
        )

    def check(self, log: TimeBucketedLog[str], logged: list[tuple[datetime, str]]) -> None:
        expected = self.of(logged)
        assert self.messages(log) == [message for _, message in expected]
        assert self.events(log) == [
            MessageLogged(log.id, moment, message=message) for moment, message in expected
        ]


moments = st.builds(beside, st.sampled_from(EDGES), st.integers(-2, 2))
bucket_sizes = st.sampled_from(BUCKET_SIZES)
queries = st.builds(
    Query,
    gt=st.none() | moments,
    gte=st.none() | moments,
    lt=st.none() | moments,
    lte=st.none() | moments,
    limit=st.none() | st.integers(0, 12),
    descending=st.booleans(),
    page_size=st.sampled_from([1, 2, 3, 500]),
)


class Logged(NamedTuple):
    """Log a message with this timestamp."""

    moment: datetime


class Changed(NamedTuple):
    """Change the bucket size."""

    size: BucketSize


class MadeAgain(NamedTuple):
    """Open the log from a new repository."""


steps = st.lists(
    st.one_of(
        st.builds(Logged, moments),
        st.builds(Logged, moments),
        st.builds(Logged, moments),
        st.builds(Changed, bucket_sizes),
        st.builds(MadeAgain),
    ),
    max_size=25,
)


def logs_of(store: RecordStore) -> EventSourcedTimeBucketedLogRepository[str]:
    return EventSourcedTimeBucketedLogRepository(str, store)


def memory(_: Path) -> Store:
    return MemoryStore()


def sqlite(folder: Path) -> Store:
    return SQLiteStore(folder / "events.db", synchronous="NORMAL")


@pytest.fixture(params=[memory, sqlite])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    open_store: Callable[[Path], Store] = request.param
    opened = open_store(tmp_path)
    yield opened
    opened.close()


ids = count(1)
ONE_STORE: Final = (HealthCheck.function_scoped_fixture, HealthCheck.too_slow)
"""The health checks to suppress: the examples of a test share its store, each with its own log."""


def carry_out(
    store: RecordStore, size: BucketSize, done: list[Logged | Changed | MadeAgain]
) -> tuple[TimeBucketedLog[str], list[tuple[datetime, str]]]:
    """Return the log and its messages, sorted by time, those of one moment in the order of logging."""
    log = logs_of(store).start(UUID(int=next(ids)), size)
    logged: list[tuple[datetime, str]] = []
    for number, step in enumerate(done):
        match step:
            case Logged(moment):
                log.log_message(str(number), timestamp=moment)
                logged.append((moment, str(number)))
            case Changed(wanted):
                log.change_bucket_size(wanted)
            case MadeAgain():
                log = logs_of(store)[log.id]
    return log, sorted(logged, key=itemgetter(0))


@given(size=bucket_sizes, done=steps, asked=st.lists(queries, min_size=1, max_size=8))
@settings(max_examples=examples(300), suppress_health_check=ONE_STORE)
def test_a_reader_yields_what_a_sorted_list_gives(
    store: Store, size: BucketSize, done: list[Logged | Changed | MadeAgain], asked: list[Query]
) -> None:
    log, logged = carry_out(store, size, done)
    for descending in (False, True):
        Query(None, None, None, None, None, descending, 500).check(log, logged)
    for query in asked:
        query.check(log, logged)


@given(size=bucket_sizes, done=steps)
@settings(max_examples=examples(100), suppress_health_check=ONE_STORE)
def test_neither_page_size_nor_bucket_size_changes_what_is_read(
    store: Store, size: BucketSize, done: list[Logged | Changed | MadeAgain]
) -> None:
    log, logged = carry_out(store, size, done)
    for page_size, descending in product((1, 2, 3, 500), (False, True)):
        Query(None, None, None, None, None, descending, page_size).check(log, logged)
    other, again = carry_out(store, "day", [step for step in done if isinstance(step, Logged)])
    assert [moment for moment, _ in again] == [moment for moment, _ in logged]
    assert len(Query(None, None, None, None, None, descending=False, page_size=2).messages(other)) == len(
        logged
    )


@given(size=bucket_sizes, done=steps, cut=moments, page_size=st.sampled_from([1, 2, 3, 500]))
@settings(max_examples=examples(150), suppress_health_check=ONE_STORE)
def test_a_log_is_cut_in_two_at_any_moment(
    store: Store, size: BucketSize, done: list[Logged | Changed | MadeAgain], cut: datetime, page_size: int
) -> None:
    log, logged = carry_out(store, size, done)
    everything = [message for _, message in logged]
    reader = TimeBucketedLogReader(log, page_size=page_size)
    assert [*reader.messages(lt=cut), *reader.messages(gte=cut)] == everything
    assert [*reader.messages(lte=cut), *reader.messages(gt=cut)] == everything


@pytest.mark.parametrize(
    "sizes", [("second",), ("month",), ("year", "hour", "minute"), ("day", "second", "day")]
)
@pytest.mark.parametrize("page_size", [1, 2, 3, 500])
def test_every_combination_of_bounds_limit_and_direction_yields_what_a_list_gives(
    sizes: tuple[BucketSize, ...], page_size: int
) -> None:
    edge = datetime(2024, 2, 29, tzinfo=UTC)
    pool = [edge - timedelta(days=60), edge - MICROSECOND, edge, edge, edge, edge + MICROSECOND]
    pool += [edge + timedelta(hours=3), edge + timedelta(days=1), edge + timedelta(days=1)]
    done: list[Logged | Changed | MadeAgain] = []
    for size in sizes:
        done += [Changed(size), *(Logged(moment) for moment in pool)]
    log, logged = carry_out(MemoryStore(), sizes[0], done)
    bounds = (None, edge - MICROSECOND, edge, edge + timedelta(days=1))
    combinations = product(bounds, bounds, bounds, bounds, (None, 0, 1, 4), (False, True))
    for gt, gte, lt, lte, limit, descending in combinations:
        Query(gt, gte, lt, lte, limit, descending, page_size).check(log, logged)


# --- several writers -----------------------------------------------------------------------------


class Writers(RuleBasedStateMachine):
    """Several objects of one log, some of which do not know the current bucket size.

    If two of them log in one microsecond, either may come first, but the order never changes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryStore()
        self.log_id = UUID(int=1)
        self.writers: list[TimeBucketedLog[str]] = []
        self.by_the_clock: list[list[tuple[datetime, str]]] = []
        self.logged: list[tuple[datetime, str]] = []
        self.read: list[tuple[datetime, str]] = []

    @initialize(size=bucket_sizes, clock=moments)
    def start(self, size: BucketSize, clock: datetime) -> None:
        with using_clock(lambda: min(clock, LAST - timedelta(days=1))):
            logs_of(self.store).start(self.log_id, size)
        self.add_writer()
        self.add_writer()

    @rule()
    def add_writer(self) -> None:
        self.writers.append(logs_of(self.store)[self.log_id])
        self.by_the_clock.append([])

    @rule(writer=st.integers(0, 9), moment=moments)
    def log_with_a_timestamp(self, writer: int, moment: datetime) -> None:
        message = str(len(self.logged))
        event = self.writers[writer % len(self.writers)].log_message(message, timestamp=moment)
        assert event == MessageLogged(self.log_id, moment, message=message)
        self.logged.append((moment, message))

    @rule(writer=st.integers(0, 9), clock=moments, messages=st.integers(1, 3))
    def log_by_the_clock(self, writer: int, clock: datetime, messages: int) -> None:
        for _ in range(messages):
            chosen = writer % len(self.writers)
            with using_clock(lambda: min(clock, LAST - timedelta(days=1))):
                event = self.writers[chosen].log_message(str(len(self.logged)))
            self.logged.append((event.timestamp, event.message))
            self.by_the_clock[chosen].append((event.timestamp, event.message))

    @rule(writer=st.integers(0, 9), clock=moments, size=bucket_sizes)
    def change(self, writer: int, clock: datetime, size: BucketSize) -> None:
        log = self.writers[writer % len(self.writers)]
        with using_clock(lambda: min(clock, LAST - timedelta(days=1))):
            log.change_bucket_size(size)
        assert log.bucket_size == size == logs_of(self.store)[self.log_id].bucket_size
        assert log.bucket_sizes == logs_of(self.store)[self.log_id].bucket_sizes

    @rule(query=queries, writer=st.integers(0, 9))
    def ask(self, query: Query, writer: int) -> None:
        everything = Query(None, None, None, None, None, descending=False, page_size=500)
        reader = self.writers[writer % len(self.writers)]
        found = [(event.timestamp, event.message) for event in everything.events(reader)]
        query.check(reader, found)

    @invariant()
    def every_message_is_read_once_in_the_order_of_time(self) -> None:
        if not self.writers:
            return
        found = [
            (event.timestamp, event.message) for event in TimeBucketedLogReader(self.writers[0]).events()
        ]
        assert Counter(found) == Counter(self.logged)
        assert [moment for moment, _ in found] == sorted(moment for moment, _ in found)
        places = {message: place for place, (_, message) in enumerate(found)}
        for own in self.by_the_clock:
            assert all(one[0] <= other[0] for one, other in pairwise(own))
            assert all(places[one[1]] < places[other[1]] for one, other in pairwise(own))
        # later reads keep the order of earlier ones
        before = set(self.read)
        assert [each for each in found if each in before] == self.read
        self.read = found

    @override
    def teardown(self) -> None:
        self.store.close()


TestWriters = Writers.TestCase
TestWriters.settings = settings(max_examples=examples(80), stateful_step_count=30)
