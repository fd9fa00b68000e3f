"""Time-bucketed logs: every message is kept once, in the order of time, at the documented cost.

Run as a script, this file is one of four processes that log to one log.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from threading import Barrier, Thread
from typing import TYPE_CHECKING, Final, Protocol
from uuid import UUID, uuid5

from attrs import frozen
from typing_extensions import override

from esmodel import (
    ConcurrencyError,
    DomainEvent,
    EsmodelError,
    EventSourcedTimeBucketedLogRepository,
    PayloadError,
    RepositoryKeyError,
    StoreError,
    TimeBucketedLogReader,
    exceptions,
    subscribe,
    upcasts,
    using_clock,
)
from esmodel.exceptions import PublishError, StoredDataError, UnknownEventError, UnsupportedTypeError
from esmodel.model import LoggedEvent
from esmodel.repositories import EventSourcedSequences
from esmodel.rows import Append, Appended, Record, RecordStore, SupportsReadAll
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore
from esmodel.structures import (
    BUCKET_SIZES,
    BucketSize,
    BucketSizeChanged,
    LogStarted,
    MessageLogged,
    TimeBucketedLog,
    bucket_starts,
    make_timebucket_id,
    start_new_timebucketedlog,
)
from esmodel.structures.logclock import LogClock

if TYPE_CHECKING or __name__ != "__main__":
    import pytest

ID: Final = UUID(int=11)
NAMESPACE: Final = UUID("0d7ee297-a976-4c29-91ff-84ffc79d8155")
T: Final = datetime(2026, 11, 23, 4, 5, 6, 7, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
FIRST: Final = datetime.min.replace(tzinfo=UTC)
LAST: Final = datetime.max.replace(tzinfo=UTC)
PLACES: Final = 2**18
PROCESSES: Final = 4
THREADS: Final = 8
EACH: Final = 50


class Store(RecordStore, SupportsReadAll, Protocol):
    """The capabilities of both stores."""

    def close(self) -> None: ...


Logs = EventSourcedTimeBucketedLogRepository[str]


def logs_of(store: RecordStore) -> Logs:
    return EventSourcedTimeBucketedLogRepository(str, store)


def write(log: TimeBucketedLog[str], name: str) -> None:
    """Log fifty messages. Two of the writers change the bucket size halfway."""
    sizes: dict[str, BucketSize] = {"thread 0": "minute", "process 0": "hour"}
    for number in range(EACH):
        if number == EACH // 2 and name in sizes:
            log.change_bucket_size(sizes[name])
        log.log_message(f"{name}: {number}")


if __name__ == "__main__":
    with SQLiteStore(sys.argv[1], synchronous="NORMAL") as of_process:
        of_this = logs_of(of_process)[ID]
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()  # all writers begin together
        write(of_this, sys.argv[2])
    raise SystemExit


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


@pytest.fixture
def logs(store: Store) -> Logs:
    return logs_of(store)


def at(moment: datetime) -> AbstractContextManager[None]:
    return using_clock(lambda: moment)


def rows(store: SupportsReadAll) -> list[Record]:
    return [record for _, record in store.read_all()]


def rows_of_messages(store: SupportsReadAll) -> list[Record]:
    return [record for record in rows(store) if record.name == "MessageLogged"]


def read(log: TimeBucketedLog[str]) -> list[str]:
    """Return all messages, and check that five ways of reading them agree."""
    reader = TimeBucketedLogReader(log)
    found = list(reader.messages())
    assert [event.message for event in reader.events()] == found
    assert list(reader.messages(descending=True)) == found[::-1]
    assert list(TimeBucketedLogReader(log, page_size=1).messages()) == found
    moments = [event.timestamp for event in reader.events()]
    assert moments == sorted(moments)
    return found


def call(function: object, *arguments: object, **named: object) -> object:
    """Call a function with arguments that type checkers reject."""
    assert callable(function)
    returned: object = function(*arguments, **named)
    return returned


def together(*works: Callable[[], object]) -> None:
    """Call all functions at once, each in a thread of its own."""
    barrier = Barrier(len(works), timeout=30)
    errors: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            barrier.wait()
            work()
        except BaseException as error:  # noqa: BLE001  # because the test raises it again
            errors.append(error)

    threads = [Thread(target=run, args=(work,), daemon=True) for work in works]
    for each in threads:
        each.start()
    for each in threads:
        each.join(timeout=60)
    assert errors == []
    assert not any(each.is_alive() for each in threads)


# --- the repository ------------------------------------------------------------------------------


def test_a_log_that_was_started_is_there(store: Store, logs: Logs) -> None:
    assert ID not in logs
    with at(T):
        log = logs.start(ID, "month")
    assert ID in logs
    for each in (log, logs[ID], logs.get_or_create(ID, "second"), logs_of(store)[ID]):
        assert (each.id, each.bucket_size, each.bucket_sizes) == (ID, "month", ((T, "month"),))
        assert read(each) == []
    assert log.started_on == logs[ID].started_on == T
    assert repr(log) == f"<TimeBucketedLog {ID} by the month>"
    assert [(row.originator_id, row.position, row.name) for row in rows(store)] == [
        (ID, 0, "TimeBucketedLog.Started")
    ]


def test_the_default_bucket_size_is_a_year(logs: Logs) -> None:
    assert logs.start(UUID(int=1)).bucket_size == "year"
    assert logs.get_or_create(UUID(int=2)).bucket_size == "year"
    assert start_new_timebucketedlog(logs, UUID(int=3)).bucket_size == "year"


def test_a_log_is_started_once(store: Store, logs: Logs) -> None:
    logs.start(ID, "day")
    before = rows(store)
    with pytest.raises(ConcurrencyError):
        logs.start(ID, "day")
    with pytest.raises(ConcurrencyError):
        start_new_timebucketedlog(logs, ID, "hour")
    assert rows(store) == before
    assert logs[ID].bucket_size == "day"


@pytest.mark.parametrize("size", BUCKET_SIZES)
def test_a_function_starts_logs_too(logs: Logs, size: BucketSize) -> None:
    log = start_new_timebucketedlog(logs, ID, size)
    log.log_message("first")
    assert (logs[ID].bucket_size, read(logs[ID])) == (size, ["first"])


def test_the_error_of_an_absent_log_names_it(store: Store, logs: Logs) -> None:
    with pytest.raises(RepositoryKeyError) as caught:
        logs[ID]
    assert str(caught.value) == f"No TimeBucketedLog with the id {ID}: it is absent or discarded."
    assert (caught.value.entity, caught.value.originator_id) == ("TimeBucketedLog", ID)
    assert ID not in logs
    assert rows(store) == []


@pytest.mark.parametrize("key", [None, 11, str(ID), ID.bytes, object])
def test_an_object_that_is_not_an_id_is_not_in_a_repository(logs: Logs, key: object) -> None:
    logs.start(ID)
    assert key not in logs


@pytest.mark.parametrize("size", ["week", "", "Day", None, 1, ["day"]])
def test_an_unknown_size_is_refused_and_nothing_is_stored(store: Store, logs: Logs, size: object) -> None:
    sentence = "bucket size: expected one of year, month, day, hour, minute, second, found"
    for function in (logs.start, logs.get_or_create):
        with pytest.raises(PayloadError, match=sentence):
            call(function, ID, size)
    with pytest.raises(PayloadError, match=sentence):
        call(start_new_timebucketedlog, logs, ID, size)
    assert rows(store) == []
    log = logs.start(ID, "day")
    before = rows(store)
    with pytest.raises(PayloadError, match=sentence):
        call(log.change_bucket_size, size)
    assert rows(store) == before
    assert log.bucket_size == "day"


def test_the_size_of_a_log_that_is_there_does_not_change(store: Store, logs: Logs) -> None:
    assert logs.get_or_create(ID, "day").bucket_size == "day"
    before = rows(store)
    assert logs.get_or_create(ID, "hour").bucket_size == "day"
    assert rows(store) == before


def test_concurrent_creators_of_a_log_all_get_it(store: Store, logs: Logs) -> None:
    for number in range(10):
        log_id = UUID(int=number)
        sizes: list[BucketSize] = []

        def create(log_id: UUID, size: BucketSize, sizes: list[BucketSize]) -> None:
            sizes.append(logs.get_or_create(log_id, size).bucket_size)

        together(*(partial(create, log_id, size, sizes) for size in BUCKET_SIZES))
        assert sizes == [logs[log_id].bucket_size] * 6
    assert len(rows(store)) == 10


class Hesitating(MemoryStore):
    """A store to which another writer is always first with a new log."""

    @override
    def append(self, append: Append, /) -> Appended:
        if not rows(self):
            logs_of(Shared(self)).start(ID, "day")
        return super().append(append)


class Shared(MemoryStore):
    """Append to another store at once."""

    def __init__(self, other: MemoryStore) -> None:
        super().__init__()
        self._other = other

    @override
    def append(self, append: Append, /) -> Appended:
        return MemoryStore.append(self._other, append)


def test_the_second_creator_of_a_log_gets_that_of_the_first() -> None:
    assert logs_of(Hesitating()).get_or_create(ID, "hour").bucket_size == "day"


def test_a_type_that_cannot_be_carried_is_refused_when_the_repository_is_made() -> None:
    with pytest.raises(UnsupportedTypeError):
        EventSourcedTimeBucketedLogRepository(Callable[[], None], MemoryStore())


# --- logging -------------------------------------------------------------------------------------


def test_logging_returns_the_event(logs: Logs) -> None:
    log = logs.start(ID, "day")
    event = log.log_message("first", timestamp=T)
    assert event == MessageLogged(ID, T, message="first")
    assert isinstance(event, LoggedEvent)
    assert list(TimeBucketedLogReader(log).events()) == [event]


def test_the_event_is_published_once_it_is_stored(store: Store, logs: Logs) -> None:
    log = logs.start(ID, "day")
    published: list[tuple[tuple[DomainEvent, ...], list[str]]] = []

    def take(batch: Sequence[DomainEvent]) -> None:
        published.append((tuple(batch), read(logs[ID])))

    with subscribe(take):
        events = [log.log_message(message, timestamp=T) for message in ("first", "second")]
        with pytest.raises(PayloadError):
            call(log.log_message, 5)
    log.log_message("third", timestamp=T)
    assert published == [((events[0],), ["first"]), ((events[1],), ["first", "second"])]


def test_a_start_and_a_change_of_size_are_published(logs: Logs) -> None:
    published: list[type[DomainEvent]] = []
    with subscribe(lambda batch: published.extend(type(event) for event in batch)):
        log = logs.start(ID, "day")
        log.change_bucket_size("hour")
        log.change_bucket_size("hour")
    assert published == [LogStarted, BucketSizeChanged]


def test_a_failing_subscriber_does_not_unlog_the_message(logs: Logs) -> None:
    def fail(_: Sequence[DomainEvent]) -> None:
        raise LookupError

    log = logs.start(ID, "day")
    with subscribe(fail), pytest.raises(PublishError):
        log.log_message("first")
    log.log_message("second")
    assert read(log) == ["first", "second"]


def test_a_subscriber_may_log_to_the_log_that_it_hears_of(logs: Logs) -> None:
    log = logs.start(ID, "day")

    def answer(batch: Sequence[DomainEvent]) -> None:
        for event in batch:
            if isinstance(event, MessageLogged) and log.bucket_size == "day":
                log.change_bucket_size("hour")
                log.log_message("answer")

    with subscribe(answer):
        log.log_message("question")
    assert read(log) == ["question", "answer"]


def test_a_subscriber_may_log_to_the_log_whose_size_changes() -> None:
    log = logs_of(MemoryStore()).start(ID, "day")

    def note(batch: Sequence[DomainEvent]) -> None:
        if any(isinstance(event, BucketSizeChanged) for event in batch):
            log.log_message("the size changed")

    with subscribe(note):
        thread = Thread(target=log.change_bucket_size, args=("hour",), daemon=True)
        thread.start()
        thread.join(timeout=2)
    assert not thread.is_alive()
    assert read(log) == ["the size changed"]


def test_a_timestamp_of_another_zone_is_converted(logs: Logs) -> None:
    log = logs.start(ID, "day")
    elsewhere = T.astimezone(timezone(timedelta(hours=-5, minutes=-30)))
    assert elsewhere.day == 22
    event = log.log_message("first", timestamp=elsewhere)
    assert (event.timestamp, event.timestamp.tzinfo) == (T, UTC)
    (found,) = TimeBucketedLogReader(log).events(gte=elsewhere, lte=elsewhere)
    assert (found.timestamp, found.timestamp.tzinfo) == (T, UTC)


@pytest.mark.parametrize(
    "timestamp",
    [
        T.replace(tzinfo=None),
        "2026-11-23",
        0,
        T.date(),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
    ],
)
def test_a_timestamp_that_is_not_a_moment_is_refused_and_nothing_is_stored(
    store: Store, logs: Logs, timestamp: object
) -> None:
    log = logs.start(ID, "second")
    before = rows(store)
    with pytest.raises(PayloadError):
        call(log.log_message, "first", timestamp=timestamp)
    assert rows(store) == before
    log.log_message("first", timestamp=T)
    assert read(log) == ["first"]


def test_a_clock_that_is_naive_is_refused_and_nothing_is_stored(store: Store, logs: Logs) -> None:
    log = logs.start(ID, "day")
    before = rows(store)
    with at(T.replace(tzinfo=None)), pytest.raises(PayloadError, match="naive"):
        log.log_message("first")
    assert rows(store) == before


@pytest.mark.parametrize("size", BUCKET_SIZES)
@pytest.mark.parametrize("timestamp", [None, T])
@pytest.mark.parametrize("message", [5, None, ["text"], {"text": 1}, "half \ud800"])
def test_a_message_of_another_type_is_refused_and_nothing_is_stored(
    size: BucketSize, timestamp: datetime | None, message: object
) -> None:
    store = MemoryStore()
    log = logs_of(store).start(ID, size)
    before = rows(store)
    with pytest.raises(PayloadError):
        call(log.log_message, message, timestamp=timestamp)
    assert rows(store) == before  # nor is a row of the index
    log.log_message("first", timestamp=timestamp)
    before = rows(store)
    with pytest.raises(PayloadError):
        call(log.log_message, message, timestamp=timestamp)
    assert rows(store) == before
    log.log_message("second", timestamp=timestamp)
    assert read(log) == ["first", "second"]


@pytest.mark.parametrize("message", [b"text", T, ID])
def test_a_message_that_would_come_back_as_another_value_is_refused(message: object) -> None:
    store = MemoryStore()
    log = logs_of(store).start(ID, "day")
    before = rows(store)
    with pytest.raises(PayloadError):
        call(log.log_message, message)
    assert rows(store) == before


@pytest.mark.parametrize("size", BUCKET_SIZES)
def test_a_row_is_at_its_microsecond_and_holds_nothing_but_the_message(
    store: Store, logs: Logs, size: BucketSize
) -> None:
    log = logs.start(ID, size)
    for message in ("a", "b"):
        log.log_message(message, timestamp=T)
    log.log_message("c", timestamp=T + MICROSECOND)
    since = (T - bucket_starts(T, size)) // MICROSECOND
    bucket = make_timebucket_id(ID, T, size)
    stamp = (T - datetime(1970, 1, 1, tzinfo=UTC)) // MICROSECOND
    assert rows_of_messages(store) == [
        Record(bucket, since * PLACES, "MessageLogged", 0, stamp, b'"a"'),
        Record(bucket, since * PLACES + 1, "MessageLogged", 0, stamp, b'"b"'),
        Record(bucket, (since + 1) * PLACES, "MessageLogged", 0, stamp + 1, b'"c"'),
    ]


def index_of(size: BucketSize, part: str = "") -> UUID:
    return uuid5(NAMESPACE, f"{ID.hex}_{size}s{part}")


def test_the_index_lists_each_bucket_once() -> None:
    year, second = (
        (datetime(2026, 1, 1, tzinfo=UTC) - FIRST) // timedelta(seconds=1),
        (T.replace(microsecond=0) - FIRST) // timedelta(seconds=1),
    )
    day = second - (4 * 60 + 5) * 60 - 6
    expected = {
        "year": [(index_of("year"), year, b'"2026"')],
        "day": [(index_of("day"), day, b'"2026-11-23"')],
        "second": [  # the day comes before the second within it
            (index_of("second"), day, b'"2026-11-23"'),
            (index_of("second", "_2026-11-23"), second, b'"2026-11-23_04-05-06"'),
        ],
    }
    for size in BUCKET_SIZES:
        store = MemoryStore()
        for _ in range(2):
            log = logs_of(store).get_or_create(ID, size)
            log.log_message("first", timestamp=T)
            log.log_message("second", timestamp=T)
        listed = [row for row in rows(store) if row.name == "BucketListed"]
        if size in expected:
            assert [(row.originator_id, row.position, row.data) for row in listed] == expected[size]
        assert len(listed) == (1 if size in {"year", "month", "day"} else 2)


@pytest.mark.parametrize("size", BUCKET_SIZES)
def test_the_first_and_the_last_microsecond_can_be_logged(store: Store, logs: Logs, size: BucketSize) -> None:
    log = logs.start(ID, size)
    leap = datetime(2024, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)
    moments = {"last": LAST, "first": FIRST, "leap": leap}
    for message, moment in moments.items():
        log.log_message(message, timestamp=moment)
    assert read(log) == ["first", "leap", "last"]
    reader = TimeBucketedLogReader(log)
    for message, moment in moments.items():
        assert list(reader.messages(gte=moment, lte=moment)) == [message]
    assert list(reader.messages(gt=LAST)) == list(reader.messages(lt=FIRST)) == []
    assert list(reader.messages(gt=FIRST, lt=LAST)) == ["leap"]
    full(store, size, leap)
    assert read(log) == ["first", "leap", "at the last place", "last"]


# --- the clock -----------------------------------------------------------------------------------


def test_the_times_of_one_object_never_run_backwards(logs: Logs) -> None:
    with at(T):
        log = logs.start(ID, "second")
    clock = [5, 3, 5, 0, -7, 6, 4, 10**7, 8, -(10**12)]
    moments: list[datetime] = []
    for number, distance in enumerate(clock):
        with at(T + distance * MICROSECOND):
            moments.append(log.log_message(str(number)).timestamp)
    assert moments == [T + each * MICROSECOND for each in (5, 5, 5, 5, 5, 6, 6, 10**7, 10**7, 10**7)]
    assert read(log) == [str(number) for number in range(10)]


def test_a_fast_clock_of_whoever_started_the_log_or_changed_its_size_does_not_spoil_the_times(
    logs: Logs,
) -> None:
    with at(T + timedelta(hours=1)):
        logs.start(ID, "day")
    log = logs[ID]
    with at(T):
        assert log.log_message("first").timestamp == T
        assert logs[ID].log_message("second").timestamp == T
    with at(T + timedelta(hours=2)):
        logs[ID].change_bucket_size("minute")
    for each in (log, logs[ID]):
        with at(T + MICROSECOND):
            assert each.log_message("third").timestamp == T + MICROSECOND
    with at(T + 2 * MICROSECOND):
        logs[ID].change_bucket_size("hour")
        assert logs[ID].log_message("fifth").timestamp == T + 2 * MICROSECOND
    assert read(log) == ["first", "second", "third", "third", "fifth"]
    assert list(TimeBucketedLogReader(log).messages(gte=T, lte=T)) == ["first", "second"]


def test_the_times_of_an_object_whose_clock_was_fast_go_on(logs: Logs) -> None:
    log = logs.start(ID, "day")
    with at(T + timedelta(hours=1)):
        log.log_message("fast")
    with at(T):
        for number in range(3):
            assert log.log_message(str(number)).timestamp == T + timedelta(hours=1)
        assert logs[ID].log_message("another").timestamp == T
    assert read(log) == ["another", "fast", "0", "1", "2"]


def test_a_timestamp_does_not_move_the_clock_of_the_object(logs: Logs) -> None:
    with at(T):
        log = logs.start(ID, "day")
        log.log_message("later", timestamp=T + timedelta(days=5))
        assert log.log_message("now").timestamp == T
    assert read(log) == ["now", "later"]


@pytest.mark.parametrize("timestamp", [None, T])
def test_a_thousand_messages_of_one_microsecond_are_kept_in_order(
    store: Store, logs: Logs, timestamp: datetime | None
) -> None:
    with at(T):
        log = logs.start(ID, "second")
        first = log
        for number in range(1_000):
            if number == 600:
                log = logs_of(store)[ID]
            if number == 800:
                log = first
            assert log.log_message(str(number), timestamp=timestamp).timestamp == T
    found = [event.message for event in TimeBucketedLogReader(log).events(gte=T, lte=T)]
    assert found == [str(number) for number in range(1_000)]
    assert list(TimeBucketedLogReader(log).messages(descending=True, limit=3)) == ["999", "998", "997"]


def test_repositories_that_take_turns_on_one_file_keep_the_order(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    with (
        SQLiteStore(path, synchronous="NORMAL") as one,
        SQLiteStore(path, synchronous="NORMAL") as other,
        at(T),
    ):
        turns = [logs_of(one).start(ID, "second"), logs_of(other)[ID]]
        for number in range(60):
            turns[number // 7 % 2].log_message(str(number))
        assert read(turns[0]) == read(turns[1]) == [str(number) for number in range(60)]


def full(store: RecordStore, size: BucketSize, moment: datetime) -> None:
    """Take the last place of a microsecond."""
    position = (moment - bucket_starts(moment, size)) // MICROSECOND * PLACES + PLACES - 1
    messages = EventSourcedSequences(str, store, event_name="MessageLogged")
    bucket = make_timebucket_id(ID, moment, size)
    messages.assign(bucket, position, ["at the last place"], timestamp=moment)


def test_a_microsecond_that_is_full_takes_no_more_and_the_clock_goes_on(store: Store, logs: Logs) -> None:
    with at(T):
        log = logs.start(ID, "year")
        log.log_message("first")
        full(store, "year", T)
        before = rows(store)
        with pytest.raises(PayloadError) as caught:
            logs[ID].log_message("one too many", timestamp=T)
        sentence = (
            f"Messages at {T}: expected at most 262144 in a microsecond, found one more; "
            f"log it at another microsecond."
        )
        assert str(caught.value) == sentence
        with pytest.raises(PayloadError, match="found one more"):
            log.log_message("one too many", timestamp=T)
        assert rows(store) == before
        assert logs[ID].log_message("next").timestamp == T + MICROSECOND
        assert log.log_message("second").timestamp == T  # whose place is free
    assert read(log) == ["first", "second", "at the last place", "next"]


def test_an_object_that_fills_a_microsecond_goes_to_the_next() -> None:
    log = logs_of(MemoryStore()).start(ID, "year")
    with at(T):
        for number in range(PLACES):
            log.log_message(str(number))
        assert log.log_message(str(PLACES)).timestamp == T + MICROSECOND
    assert list(TimeBucketedLogReader(log).messages(gt=T)) == [str(PLACES)]


def test_a_full_microsecond_that_the_clock_has_left_changes_nothing() -> None:
    clock = LogClock()
    for moment in (T, T + MICROSECOND):
        with at(moment):
            clock.tick()
    clock.leave_full(T, is_given=False)
    with at(T + MICROSECOND):
        assert clock.tick()[:2] == (T + MICROSECOND, 1)


def test_the_last_microsecond_may_be_full() -> None:
    store = MemoryStore()
    logs = logs_of(store)
    with at(LAST):
        logs.start(ID, "year").log_message("first")
        full(store, "year", LAST)
        before = rows(store)
        with pytest.raises(PayloadError, match="found one more"):
            logs[ID].log_message("one too many")
        assert rows(store) == before


def test_nothing_is_stored_if_a_bucket_of_another_size_has_filled_the_microsecond() -> None:
    store = MemoryStore()
    log = logs_of(store).start(ID, "year")
    log.log_message("first", timestamp=T)
    full(store, "year", T)
    log.change_bucket_size("day")
    before = rows(store)
    with pytest.raises(PayloadError):
        log.log_message("one too many", timestamp=T)
    assert rows(store) == before


class Refusing(MemoryStore):
    """A store that reports a free place as taken."""

    @override
    def append(self, append: Append, /) -> Appended:
        if any(record.data == b'"refused"' for record in append.records):
            raise ConcurrencyError(append.records[0].originator_id, 0, 0)
        return super().append(append)


def test_a_conflict_without_a_taken_place_is_raised() -> None:
    log = logs_of(Refusing()).start(ID, "day")
    log.log_message("first")
    for timestamp in (None, T):
        with pytest.raises(ConcurrencyError):
            log.log_message("refused", timestamp=timestamp)
    log.log_message("last")
    assert read(log) == ["first", "last"]


# --- changes of size -----------------------------------------------------------------------------


def test_messages_logged_before_a_change_are_still_found(logs: Logs) -> None:
    log = logs.start(ID, "year")
    expected: list[str] = []
    for size in (*BUCKET_SIZES, *BUCKET_SIZES[::-1], "day", "second"):
        log.change_bucket_size("day" if size == "day" else size)
        for _ in range(3):
            expected.append(str(len(expected)))
            log.log_message(expected[-1])
        assert log.bucket_size == size
        assert read(log) == read(logs[ID]) == expected


def test_changes_are_kept_in_the_history(logs: Logs) -> None:
    with at(T):
        log = logs.start(ID, "year")
        stale = logs[ID]
    for day, size in enumerate(("day", "second", "year"), 1):
        with at(T + timedelta(days=day)):
            call(log.change_bucket_size, size)
    history = tuple(
        (T + timedelta(days=day), each) for day, each in enumerate(("year", "day", "second", "year"))
    )
    assert log.bucket_sizes == logs[ID].bucket_sizes == history
    assert stale.bucket_sizes == history[:1]
    stale.change_bucket_size("year")
    assert stale.bucket_sizes == history


def test_changing_to_the_current_size_stores_nothing(store: Store, logs: Logs) -> None:
    log, stale = logs.start(ID, "day"), logs[ID]
    log.change_bucket_size("hour")
    before = rows(store)
    log.change_bucket_size("hour")
    stale.change_bucket_size("hour")
    assert rows(store) == before
    assert stale.bucket_size == "hour"


def test_a_change_is_later_than_every_message_before_it_of_the_object(logs: Logs) -> None:
    with at(T):
        log = logs.start(ID, "day")
        log.log_message("first")
        log.change_bucket_size("hour")
        assert log.bucket_sizes[-1] == (T + MICROSECOND, "hour")
        assert log.log_message("second").timestamp == T
        log.change_bucket_size("year")
        assert log.bucket_sizes[-1] == (T + 2 * MICROSECOND, "year")
        log.log_message("third")
    with at(T - timedelta(days=1)):
        log.change_bucket_size("day")
        log.log_message("fourth")
    assert read(log) == ["first", "second", "third", "fourth"]


@pytest.mark.parametrize("size", BUCKET_SIZES)
def test_messages_of_a_stale_object_are_found(logs: Logs, size: BucketSize) -> None:
    log = logs.start(ID, "day")
    stale = [logs[ID] for _ in range(3)]
    log.change_bucket_size(size)
    for number in range(10):
        moment = T + number * timedelta(hours=7)
        writer = [log, *stale][number % 4]
        writer.log_message(str(number), timestamp=moment)
    assert read(log) == read(stale[0]) == [str(number) for number in range(10)]


def test_messages_of_a_stale_object_in_one_microsecond_are_all_found(logs: Logs) -> None:
    with at(T):
        log = logs.start(ID, "day")
        stale = logs[ID]
        stale.log_message("a0")
        log.change_bucket_size("hour")
        for number in range(1, 20):
            stale.log_message(f"a{number}")
            log.log_message(f"b{number}")
    found = read(log)
    assert [each for each in found if each[0] == "a"] == [f"a{number}" for number in range(20)]
    assert [each for each in found if each[0] == "b"] == [f"b{number}" for number in range(1, 20)]


@pytest.mark.parametrize("again", [False, True])
def test_messages_of_one_microsecond_in_buckets_of_several_sizes_keep_their_order(
    logs: Logs, *, again: bool
) -> None:
    log = logs.start(ID, "day")
    expected: list[str] = []
    for size in ("day", "hour", "year", "day", "second", "hour"):
        call(log.change_bucket_size, size)
        if again:
            log = logs[ID]
        for _ in range(4):
            expected.append(str(len(expected)))
            log.log_message(expected[-1], timestamp=T)
    assert read(log) == expected


def test_a_new_object_continues_a_microsecond_that_is_in_buckets_of_another_size(logs: Logs) -> None:
    with at(T):
        log = logs.start(ID, "day")
    moment = T + timedelta(days=1)
    for number in range(3):
        log.log_message(str(number), timestamp=moment)
    with at(T):
        log.change_bucket_size("hour")
    with at(moment):
        for number in range(3, 9, 2):
            new = logs[ID]
            new.log_message(str(number))
            new.log_message(str(number + 1))
    assert read(log) == [str(number) for number in range(9)]


def test_the_clock_comes_to_a_microsecond_that_the_object_has_filled_before_a_change() -> None:
    log = logs_of(MemoryStore()).start(ID, "day")
    moment = datetime(2027, 1, 1, tzinfo=UTC)
    with at(moment - timedelta(seconds=1)):
        log.log_message("0")
        log.log_message("1", timestamp=moment)
        log.log_message("2", timestamp=moment)
        log.change_bucket_size("hour")
    with at(moment):
        log.log_message("3")
    assert read(log) == ["0", "1", "2", "3"]


def test_a_first_message_that_is_refused_does_not_disturb_the_order_of_a_microsecond() -> None:
    logs = logs_of(MemoryStore())
    moment = datetime(2027, 1, 1, tzinfo=UTC)
    with at(moment - timedelta(seconds=1)):
        log = logs.start(ID, "day")
        for number in range(4):
            log.log_message(str(number), timestamp=moment)
        log.change_bucket_size("hour")
    with at(moment):
        again = logs[ID]
        with pytest.raises(PayloadError):
            call(again.log_message, 5)
        again.log_message("4")
    assert read(log) == ["0", "1", "2", "3", "4"]


def test_after_the_last_microsecond_there_is_no_change() -> None:
    with at(LAST):
        log = logs_of(MemoryStore()).start(ID, "day")
        log.log_message("last")
        with suppress(PayloadError):
            log.change_bucket_size("hour")
        assert read(log) == ["last"]


def test_concurrent_changes_of_size_are_both_kept(store: Store, logs: Logs) -> None:
    logs.start(ID, "year")
    for _ in range(10):
        one, other = logs[ID], logs[ID]
        before = len(one.bucket_sizes)
        one.change_bucket_size("year")
        together(partial(one.change_bucket_size, "day"), partial(other.change_bucket_size, "hour"))
        history = logs[ID].bucket_sizes[before:]
        assert sorted(size for _, size in history if size != "year") == ["day", "hour"]
        moments = [moment for moment, _ in logs[ID].bucket_sizes]
        assert moments == sorted(moments)


def test_concurrent_changes_to_the_same_size_change_it_once(store: Store, logs: Logs) -> None:
    logs.start(ID, "year")
    together(*(partial(logs[ID].change_bucket_size, "day") for _ in range(4)))
    assert [size for _, size in logs[ID].bucket_sizes] == ["year", "day"]


class Contested(MemoryStore):
    """A store in which another change of size is saved before the first one."""

    contested: bool = False

    @override
    def append(self, append: Append, /) -> Appended:
        if self.contested:
            self.contested = False
            logs_of(self)[ID].change_bucket_size("month")
        return super().append(append)


@pytest.mark.parametrize(("wanted", "history"), [("day", "year month day"), ("month", "year month")])
def test_a_change_that_comes_second_is_made_after_the_first(wanted: BucketSize, history: str) -> None:
    store = Contested()
    log = logs_of(store).start(ID, "year")
    store.contested = True
    log.change_bucket_size(wanted)
    assert [size for _, size in log.bucket_sizes] == history.split()
    assert log.bucket_sizes == logs_of(store)[ID].bucket_sizes


# --- when the store fails ------------------------------------------------------------------------


class Failing(MemoryStore):
    """A store whose n-th append fails, before or after the rows are stored."""

    def __init__(self, fails_at: int, *, stores: bool) -> None:
        super().__init__()
        self.appends = 0
        self._fails_at = fails_at
        self._stores = stores

    @override
    def append(self, append: Append, /) -> Appended:
        self.appends += 1
        if self.appends != self._fails_at:
            return super().append(append)
        if self._stores:
            super().append(append)
        raise StoreError


def steps(store: RecordStore, size: BucketSize, *, stale: bool) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield the steps of a test: the message that a step logs, or an empty string, and a function."""
    logs = logs_of(store)
    yield "", lambda: logs.get_or_create(ID, size)
    log = logs[ID]
    beginnings = (
        T,
        T + MICROSECOND,
        T + timedelta(seconds=70),
        T + timedelta(days=60),
        T + timedelta(days=400),
    )
    for number, moment in enumerate(beginnings):
        if stale:
            log = logs[ID]
        yield str(number), partial(log.log_message, str(number), timestamp=moment)
    other: BucketSize = "day" if size == "second" else "second"
    yield "", lambda: log.change_bucket_size(other)
    for number, moment in enumerate(beginnings, 5):
        if stale:
            log = logs[ID]
        later = moment + timedelta(days=1_000)
        yield str(number), partial(log.log_message, str(number), timestamp=later)


@pytest.mark.parametrize("size", BUCKET_SIZES)
@pytest.mark.parametrize("stale", [False, True])
@pytest.mark.parametrize("stores", [False, True])
def test_wherever_the_store_fails_the_log_reads_and_goes_on(
    size: BucketSize, *, stale: bool, stores: bool
) -> None:
    fails_at, failures = 0, 1
    while failures:
        fails_at += 1
        store = Failing(fails_at, stores=stores)
        failures, expected = 0, list[str]()
        for message, step in steps(store, size, stale=stale):
            try:
                step()
            except StoreError:
                failures += 1
                if ID in logs_of(store):
                    # a message that was not acknowledged is there if the store has stored it
                    found = read(logs_of(store)[ID])
                    assert found == expected or (stores and found == [*expected, message])
                    expected = found
                step()
            expected += [message] * bool(message)
            if failures:  # the steps before it are the same in every round
                assert list(TimeBucketedLogReader(logs_of(store)[ID]).messages()) == expected
        assert failures <= 1
        assert read(logs_of(store)[ID]) == expected
        assert list(dict.fromkeys(expected)) == [str(number) for number in range(10)]
    assert fails_at > 15


# --- types of messages ---------------------------------------------------------------------------


@frozen
class Reading:
    sensor: UUID
    taken: datetime
    values: tuple[int, ...] = ()


@frozen
class Fault:
    code: int


READINGS: Final = (Reading(UUID(int=1), T, (1, 2)), Reading(UUID(int=2), T.replace(year=1)))


def test_messages_of_a_class_come_back_as_such(store: Store) -> None:
    log = EventSourcedTimeBucketedLogRepository(Reading, store).start(ID, "hour")
    for each in READINGS:
        log.log_message(each)
    again = EventSourcedTimeBucketedLogRepository(Reading, store)[ID]
    assert tuple(TimeBucketedLogReader(again).messages()) == READINGS


def test_messages_of_several_classes_come_back_each_as_its_own(store: Store) -> None:
    log = EventSourcedTimeBucketedLogRepository(Reading | Fault, store).start(ID, "hour")
    messages: list[Reading | Fault] = [READINGS[0], Fault(5), READINGS[1], Fault(6)]
    for each in messages:
        log.log_message(each)
    assert list(TimeBucketedLogReader(log).messages()) == messages


def test_none_is_a_message_if_the_type_allows_it(store: Store) -> None:
    log = EventSourcedTimeBucketedLogRepository(int | None, store).start(ID, "hour")
    messages = [0, None, None, -5, 2**60]
    for each in messages:
        log.log_message(each)
    found = list(TimeBucketedLogReader(log).messages())
    assert found == messages
    assert [type(each) for each in found] == [type(each) for each in messages]


@pytest.mark.parametrize("text", ["", "\0", "Gr\u00fc\u00dfe \U0001f600", "x" * 70_000, '"\\\n'])
def test_any_text_comes_back_as_it_was(logs: Logs, text: str) -> None:
    log = logs.start(ID, "day")
    log.log_message(text)
    assert read(log) == [text]


def in_cents(old: dict[str, int]) -> dict[str, int]:
    return {"code": old["number"] * 100}


def one_more(old: dict[str, int]) -> Fault:
    return Fault(old["code"] + 1)


@frozen
class OldFault:
    number: int


def test_messages_of_an_old_shape_are_read_in_the_new_one(store: Store) -> None:
    old = EventSourcedTimeBucketedLogRepository(OldFault, store).start(ID, "day")
    old.log_message(OldFault(5), timestamp=T)
    upcaster = upcasts(in_cents).then(one_more)
    logs = EventSourcedTimeBucketedLogRepository(Fault, store, upcaster=upcaster)
    logs[ID].log_message(Fault(7), timestamp=T)
    assert list(TimeBucketedLogReader(logs[ID]).messages()) == [Fault(501), Fault(7)]
    assert [row.class_version for row in rows_of_messages(store)] == [0, 2]
    assert {row.class_version for row in rows(store) if row.name == "BucketListed"} == {0}


def test_messages_have_the_name_that_the_repository_gives_them(store: Store) -> None:
    logs = EventSourcedTimeBucketedLogRepository(str, store, event_name="Said")
    log = logs.start(ID, "day")
    log.log_message("first")
    assert [row.name for row in rows(store)] == ["TimeBucketedLog.Started", "BucketListed", "Said"]
    assert read(log) == ["first"]
    with pytest.raises(
        UnknownEventError, match="expected a row named 'MessageLogged', found one named 'Said'"
    ):
        list(TimeBucketedLogReader(logs_of(store)[ID]).messages())


def test_messages_stored_in_another_type_are_reported(store: Store, logs: Logs) -> None:
    logs.start(ID, "day").log_message("first")
    log = EventSourcedTimeBucketedLogRepository(int, store)[ID]
    with pytest.raises(
        StoredDataError, match="expected an item in the row 'MessageLogged' that fits its type"
    ):
        list(TimeBucketedLogReader(log).messages())


def test_two_logs_of_one_store_do_not_see_each_others_messages(logs: Logs) -> None:
    both = [logs.start(UUID(int=number), "hour") for number in (1, 2)]
    for number in range(20):
        both[number % 2].log_message(str(number), timestamp=T + number // 4 * timedelta(minutes=30))
        if number == 10:
            both[0].change_bucket_size("day")
    assert read(both[0]) == [str(number) for number in range(0, 20, 2)]
    assert read(both[1]) == [str(number) for number in range(1, 20, 2)]
    assert both[1].bucket_size == "hour"


# --- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize("page_size", [0, -1, -500])
def test_a_page_has_at_least_one_row(logs: Logs, page_size: int) -> None:
    with pytest.raises(PayloadError, match=f"page_size: expected 1 or more, found {page_size}"):
        TimeBucketedLogReader(logs.start(ID), page_size=page_size)


def test_a_range_that_makes_no_sense_is_refused_at_the_call(logs: Logs) -> None:
    reader = TimeBucketedLogReader(logs.start(ID))
    naive = T.replace(tzinfo=None)
    for method in (reader.messages, reader.events):
        with pytest.raises(PayloadError, match="limit: expected 0 or more, found -1"):
            call(method, limit=-1)
        for bound in ("gt", "gte", "lt", "lte"):
            with pytest.raises(PayloadError, match="moment: expected an aware datetime"):
                call(method, **{bound: naive})
            with pytest.raises(PayloadError, match="moment: expected an aware datetime"):
                call(method, **{bound: "2026"})


def test_a_limit_of_zero_yields_nothing(logs: Logs) -> None:
    log = logs.start(ID, "day")
    log.log_message("first")
    for descending in (False, True):
        assert list(TimeBucketedLogReader(log).messages(limit=0, descending=descending)) == []
        assert list(TimeBucketedLogReader(log).events(limit=0, descending=descending)) == []


def test_a_reader_sees_what_is_logged_before_it_comes_to_it(logs: Logs) -> None:
    log = logs.start(ID, "day")
    for day in range(3):
        log.log_message(str(day), timestamp=T + timedelta(days=day))
    reading = TimeBucketedLogReader(log, page_size=1).messages()
    assert next(reading) == "0"
    log.log_message("later that day", timestamp=T + timedelta(hours=1))
    log.log_message("3", timestamp=T + timedelta(days=3))
    assert list(reading) == ["later that day", "1", "2", "3"]


def test_a_reader_reads_anew_each_time(logs: Logs) -> None:
    log = logs.start(ID, "day")
    reader = TimeBucketedLogReader(log)
    assert list(reader.messages()) == []
    log.log_message("first")
    assert list(reader.messages()) == ["first"]
    logs[ID].change_bucket_size("second")
    logs[ID].log_message("second")
    assert list(reader.messages()) == ["first", "second"]


# --- cost ----------------------------------------------------------------------------------------


class Counting(MemoryStore):
    """A store that counts queries, rows and appends."""

    def __init__(self) -> None:
        super().__init__()
        self.clear()

    def clear(self) -> None:
        self.appends, self.rows, self.lasts = 0, 0, 0
        self.asked: list[UUID] = []

    @override
    def append(self, append: Append, /) -> Appended:
        self.appends += 1
        return super().append(append)

    @override
    def read(
        self,
        originator_id: UUID,
        /,
        *,
        gt: int | None = None,
        gte: int | None = None,
        lt: int | None = None,
        lte: int | None = None,
        limit: int | None = None,
        descending: bool = False,
    ) -> Iterator[Record]:
        self.asked.append(originator_id)
        found = list(
            super().read(originator_id, gt=gt, gte=gte, lt=lt, lte=lte, limit=limit, descending=descending)
        )
        self.rows += len(found)
        return iter(found)

    @override
    def last(self, originator_id: UUID, /) -> tuple[int, bytes] | None:
        self.lasts += 1
        return super().last(originator_id)

    def cost(self, work: Callable[[], object]) -> tuple[int, int, int]:
        """Return the numbers of queries, of rows and of appends of an action."""
        self.clear()
        with suppress(EsmodelError):
            work()
        assert self.lasts == 0
        return len(self.asked), self.rows, self.appends


def counted(size: BucketSize) -> tuple[Counting, TimeBucketedLog[str]]:
    store = Counting()
    with at(T):
        return store, logs_of(store).start(ID, size)


def test_starting_a_log_costs_an_append() -> None:
    store = Counting()
    assert store.cost(lambda: logs_of(store).start(ID)) == (0, 0, 1)


def test_opening_a_log_costs_a_row_for_its_start_and_for_each_change() -> None:
    store, log = counted("year")
    for changes, size in enumerate(("day", "hour", "day", "hour")):
        assert store.cost(lambda: logs_of(store)[ID]) == (1, 1 + changes, 0)
        assert store.cost(lambda: logs_of(store).get_or_create(ID)) == (1, 1 + changes, 0)
        assert store.cost(lambda: ID in logs_of(store)) == (1, 1 + changes, 0)
        call(log.change_bucket_size, size)


@pytest.mark.parametrize("size", BUCKET_SIZES)
def test_a_message_costs_an_append_and_the_first_of_a_bucket_a_little_more(size: BucketSize) -> None:
    store, log = counted(size)
    levels = 1 if size in {"year", "month", "day"} else 2
    with at(T):
        # one query for each level of the index, and a new row in each
        assert store.cost(lambda: log.log_message("first")) == (levels, 0, 1 + levels)
        for _ in range(3):
            assert store.cost(lambda: log.log_message("again")) == (0, 0, 1)
    with at(T + MICROSECOND):
        assert store.cost(lambda: log.log_message("again")) == (0, 0, 1)
        # another object reads a row of the index: it does not know yet that the bucket is listed
        other = logs_of(store)[ID]
        assert store.cost(lambda: log.log_message("by this one")) == (0, 0, 1)
    with at(T + 2 * MICROSECOND):
        assert store.cost(lambda: other.log_message("by the other")) == (1, 1, 1)
        assert store.cost(lambda: other.log_message("by the other")) == (0, 0, 1)


@pytest.mark.parametrize(
    ("size", "later"),
    [("hour", timedelta(hours=1)), ("minute", timedelta(minutes=1)), ("second", timedelta(seconds=1))],
)
def test_the_next_short_bucket_of_its_unit_costs_two_queries_and_an_append_more(
    size: BucketSize, later: timedelta
) -> None:
    store, log = counted(size)
    with at(T):
        log.log_message("first")
    with at(T + later):
        assert store.cost(lambda: log.log_message("second")) == (2, 1, 2)


def test_a_message_with_a_timestamp_costs_a_row_for_each_size_if_there_are_several() -> None:
    store, log = counted("day")
    assert store.cost(lambda: log.log_message("0", timestamp=T)) == (1, 0, 2)
    assert store.cost(lambda: log.log_message("1", timestamp=T + MICROSECOND)) == (0, 0, 1)
    with at(T):
        log.change_bucket_size("hour")
    log.log_message("2", timestamp=T)
    assert store.cost(lambda: log.log_message("3", timestamp=T)) == (2, 2, 1)
    with at(T + timedelta(seconds=1)):
        log.change_bucket_size("month")
        log.change_bucket_size("day")
        assert store.cost(lambda: log.log_message("4", timestamp=T)) == (4, 3, 1)  # and the index
        assert store.cost(lambda: log.log_message("5", timestamp=T)) == (3, 2, 1)
    assert read(log) == ["0", "2", "3", "4", "5", "1"]


def test_the_first_message_of_an_object_costs_a_row_for_each_size_if_there_are_several() -> None:
    store, log = counted("day")
    with at(T):
        log.change_bucket_size("hour")
        assert store.cost(lambda: log.log_message("0")) == (4, 0, 3)  # two sizes, two levels of the index
        assert store.cost(lambda: log.log_message("1")) == (0, 0, 1)
        again = logs_of(store)[ID]
        assert store.cost(lambda: again.log_message("2")) == (3, 2, 1)  # two sizes, the lower level
        assert store.cost(lambda: again.log_message("3")) == (0, 0, 1)
    assert read(log) == ["0", "1", "2", "3"]


def test_a_place_that_is_taken_costs_a_row_for_each_size_and_another_append() -> None:
    store, log = counted("day")
    with at(T):
        log.log_message("0", timestamp=T)
        assert store.cost(lambda: log.log_message("1", timestamp=T)) == (1, 1, 2)
        other = logs_of(store)[ID]
        assert store.cost(lambda: other.log_message("2")) == (2, 2, 2)  # and the index
        assert store.cost(lambda: other.log_message("3")) == (0, 0, 1)
    assert read(log) == ["0", "1", "2", "3"]


def test_a_change_of_size_costs_a_row_for_the_start_and_each_change_and_an_append() -> None:
    store, log = counted("year")
    log.log_message("first")
    for changes, size in enumerate(("day", "hour", "day", "second")):
        assert store.cost(partial(call, log.change_bucket_size, size)) == (1, 1 + changes, 1)
        assert store.cost(partial(call, log.change_bucket_size, size)) == (1, 2 + changes, 0)


@pytest.mark.parametrize("descending", [False, True])
def test_two_messages_a_year_apart_in_a_log_of_seconds_are_read_with_six_queries(*, descending: bool) -> None:
    store, log = counted("second")
    log.log_message("first", timestamp=T)
    log.log_message("second", timestamp=T + timedelta(days=365))
    reader = TimeBucketedLogReader(log)
    found: list[str] = []
    cost = store.cost(lambda: found.extend(reader.messages(descending=descending)))
    assert found == (["second", "first"] if descending else ["first", "second"])
    # 1 for the sizes, 1 for the days, 1 for the seconds of each day, 1 for each second
    assert cost == (1 + 1 + 2 + 2, 1 + 2 + 2 + 2, 0)
    expected = [ID, index_of("second")]
    for year in (2027, 2026) if descending else (2026, 2027):
        second = make_timebucket_id(ID, T.replace(year=year), "second")
        expected += index_of("second", f"_{year}-11-23"), second
    assert store.asked == expected


@pytest.mark.parametrize("size", BUCKET_SIZES)
@pytest.mark.parametrize("descending", [False, True])
def test_no_bucket_is_asked_that_is_empty_or_outside_the_range(size: BucketSize, *, descending: bool) -> None:
    store, log = counted(size)
    moments = [T + timedelta(days=400 * number) for number in range(10)]
    for moment in moments:
        log.log_message(str(moment), timestamp=moment)
    store.clear()
    reader = TimeBucketedLogReader(log)
    found = list(reader.messages(gt=moments[2], lte=moments[5], descending=descending))
    within = [str(moment) for moment in moments[3:6]]
    assert found == (within[::-1] if descending else within)
    units = {"hour": "%Y", "minute": "%Y-%m", "second": "%Y-%m-%d"}
    # the bucket at the bound has messages, but none within the bounds
    expected = {ID, index_of(size)}
    for moment in moments[2:6]:
        expected.add(make_timebucket_id(ID, moment, size))
        if size in units:
            expected.add(index_of(size, f"_{moment.strftime(units[size])}"))
    assert set(store.asked) == expected
    assert len(store.asked) == len(expected)


def test_the_latest_of_a_thousand_buckets_is_read_with_a_handful_of_rows() -> None:
    store, log = counted("day")
    for day in range(1_000):
        log.log_message(str(day), timestamp=T + timedelta(days=day))
    reader = TimeBucketedLogReader(log)
    # the start of the log, the bucket in the index, and the message
    assert store.cost(lambda: list(reader.messages(limit=1, descending=True))) == (3, 3, 0)
    assert store.cost(lambda: list(reader.messages(limit=1))) == (3, 3, 0)
    # the bucket at the bound has no later message, so the next bucket is read too
    assert store.cost(lambda: list(reader.messages(limit=1, gt=T + timedelta(days=500)))) == (5, 4, 0)
    assert store.cost(lambda: next(reader.messages(descending=True))) == (3, 1 + 500 + 1, 0)


def test_a_log_that_had_several_sizes_is_asked_for_each() -> None:
    store, log = counted("year")
    log.log_message("0", timestamp=T)
    for number, size in enumerate(("day", "second", "day"), 1):
        call(log.change_bucket_size, size)
        log.log_message(str(number), timestamp=T + timedelta(days=number))
    reader = TimeBucketedLogReader(log)
    # sizes; years and one of them; days and two of them; days, seconds of one, and one second
    assert store.cost(lambda: list(reader.messages())) == (1 + 2 + 3 + 3, 4 + 2 + 4 + 3, 0)


@pytest.mark.parametrize(("page_size", "pages"), [(1, 11), (3, 4), (5, 3), (10, 2), (11, 1), (500, 1)])
def test_a_bucket_is_read_with_a_query_for_each_page(page_size: int, pages: int) -> None:
    store, log = counted("year")
    for number in range(10):
        log.log_message(str(number), timestamp=T + number * MICROSECOND)
    reader = TimeBucketedLogReader(log, page_size=page_size)
    index = 2 if page_size == 1 else 1  # another page may follow a full one
    assert store.cost(lambda: list(reader.messages())) == (1 + index + pages, 1 + 1 + 10, 0)


def test_an_empty_range_costs_no_query() -> None:
    store, log = counted("second")
    log.log_message("first", timestamp=T)
    reader = TimeBucketedLogReader(log)
    assert store.cost(lambda: list(reader.messages(limit=0))) == (0, 0, 0)
    assert store.cost(lambda: list(reader.messages(gt=T, lt=T + MICROSECOND))) == (0, 0, 0)
    assert store.cost(lambda: list(reader.messages(gte=T, lt=T))) == (0, 0, 0)
    assert store.cost(reader.messages) == (0, 0, 0)  # nor before the first message is read


# --- many at once --------------------------------------------------------------------------------


def test_threads_that_share_an_object_lose_and_repeat_nothing() -> None:
    log = logs_of(MemoryStore()).start(ID, "second")
    names = [f"thread {number}" for number in range(THREADS)]
    together(*(partial(write, log, name) for name in names))
    check(read(log), names)


def test_threads_of_one_microsecond_lose_and_repeat_nothing(logs: Logs) -> None:
    with at(T):
        log = logs.start(ID, "day")

    def work(log: TimeBucketedLog[str], name: str) -> None:
        with at(T):
            write(log, name)

    names = [f"thread {number}" for number in range(1, 5)]
    works = [log, log, logs[ID], logs[ID]]
    together(*(partial(work, log, name) for log, name in zip(works, names, strict=True)))
    check(read(log), names)


def check(found: list[str], names: list[str]) -> None:
    """Check that the messages of each writer are there once, in its order."""
    assert Counter(found) == Counter(f"{name}: {number}" for name in names for number in range(EACH))
    for name in names:
        own = [each for each in found if each.startswith(f"{name}:")]
        assert own == [f"{name}: {number}" for number in range(EACH)]


def wait_for(worker: subprocess.Popen[bytes]) -> None:
    """Wait until a process is ready or has ended."""
    assert worker.stdout is not None
    worker.stdout.readline()


@pytest.mark.slow
def test_threads_and_processes_that_log_to_one_log_lose_and_repeat_nothing(tmp_path: Path) -> None:
    path = tmp_path / "events.db"
    threads = [f"thread {number}" for number in range(THREADS)]
    processes = [f"process {number}" for number in range(PROCESSES)]
    with SQLiteStore(path, synchronous="NORMAL") as store:
        logs = logs_of(store)
        log = logs.start(ID, "second")
        source = str(Path(exceptions.__file__).parent.parent)
        python_path = os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])
        environment = {**os.environ, "PYTHONPATH": python_path}
        workers = [
            subprocess.Popen(
                [sys.executable, __file__, str(path), name],
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for name in processes
        ]
        try:
            readers = [Thread(target=wait_for, args=(each,), daemon=True) for each in workers]
            for reader in readers:
                reader.start()
            for reader in readers:
                reader.join(timeout=60)
            assert not any(reader.is_alive() for reader in readers)
            for worker in workers:
                assert worker.stdin is not None
                worker.stdin.write(b"\n")
                worker.stdin.flush()
            # half of the threads share an object
            works = [log if number % 2 else logs[ID] for number in range(THREADS)]
            together(*(partial(write, log, name) for log, name in zip(works, threads, strict=True)))
            outcomes = [(each.communicate(timeout=60)[1], each.returncode) for each in workers]
        finally:
            for each in workers:
                each.kill()
                each.communicate()
        assert outcomes == [(b"", 0)] * PROCESSES
        check(read(log), [*threads, *processes])
        assert {size for _, size in logs[ID].bucket_sizes} == {"second", "minute", "hour"}
