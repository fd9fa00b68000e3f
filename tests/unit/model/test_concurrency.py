"""Of those who write one stream at once, one is first, and the others are told.

Run as a script, this file is one of eight processes that write one aggregate.
"""

from __future__ import annotations

import inspect
import os
import pickle
import subprocess
import sys
from pathlib import Path
from threading import Barrier, Thread
from typing import TYPE_CHECKING
from uuid import UUID

from attrs import define, frozen

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    ConcurrencyError,
    EsmodelError,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    IntegrityError,
    applies,
    exceptions,
    ignores,
    retry,
)
from esmodel.stores.memory import MemoryStore
from esmodel.stores.sqlite import SQLiteStore

if TYPE_CHECKING or __name__ != "__main__":
    import pytest

STREAM = UUID(int=1)
PROCESSES = 8
STEPS = 200


@frozen(kw_only=True)
class Started(AggregateEvent):
    pass


@frozen(kw_only=True)
class Counted(AggregateEvent):
    by: int


@define
class Counter(AggregateRoot[Started | Counted]):
    total: int = 0

    started = ignores(Started)

    @applies
    def counted(self, event: Counted) -> None:
        self.total += event.by

    apply = (started | counted).exhaustive


@frozen(kw_only=True)
class Noted(HashchainedEvent):
    text: str


@define
class Note(HashchainedAggregateRoot[Noted]):
    text: str

    @applies
    def noted(self, event: Noted) -> None:
        self.text = event.text

    apply = noted.exhaustive


def count(path: Path) -> None:
    """Add to the counter in steps of one, against the other processes."""
    with SQLiteStore(path, synchronous="NORMAL") as store:
        counters = EventSourcedRepository(Counter, store)

        @retry(ConcurrencyError, attempts=100_000, wait=0.001)
        def add_one() -> None:
            counter = counters[STREAM]
            counter.trigger(Counted, by=1)
            counters.save(counter)

        counters.take_snapshot(STREAM)
        for step in range(1, STEPS + 1):
            add_one()
            if step % 20 == 0:
                counters.take_snapshot(STREAM)


if __name__ == "__main__":
    count(Path(sys.argv[1]))
    raise SystemExit


def started() -> tuple[EventSourcedRepository[Counter], Counter]:
    counters = EventSourcedRepository(Counter, MemoryStore())
    counter = Counter.create_with_id(STREAM, Started)
    counters.save(counter)
    return counters, counter


def test_of_two_stale_saves_one_succeeds_and_the_other_is_told_both_versions() -> None:
    counters, one = started()
    other = counters[STREAM]
    for _ in range(3):
        one.trigger(Counted, by=1)
    other.trigger(Counted, by=10)
    other.trigger(Counted, by=20)
    counters.save(one)
    waiting = other.pending_events
    with pytest.raises(ConcurrencyError, match="expected version 0, found 3") as caught:
        counters.save(other)
    error = caught.value
    assert (error.originator_id, error.expected, error.found) == (STREAM, 0, 3)
    assert other.pending_events == waiting
    assert other.total == 30
    assert counters[STREAM] == one


def test_what_came_between_can_be_asked_for() -> None:
    counters, one = started()
    other = counters[STREAM]
    one.trigger(Counted, by=1)
    one.trigger(Counted, by=2)
    between = one.pending_events
    other.trigger(Counted, by=10)
    counters.save(one)
    with pytest.raises(ConcurrencyError) as caught:
        counters.save(other)
    error = caught.value
    assert tuple(counters.events(error.originator_id, after=error.expected)) == between


def test_what_came_between_in_a_hash_chain_can_be_asked_for() -> None:
    notes = EventSourcedRepository(Note, MemoryStore())
    one = Note.create(Noted, text="one")
    notes.save(one)
    other = notes[one.id]
    one.trigger(Noted, text="two")
    between = one.pending_events
    notes.save(one)
    other.trigger(Noted, text="three")
    head = other.head
    with pytest.raises(ConcurrencyError) as caught:
        notes.save(other)
    assert tuple(notes.events(one.id, after=caught.value.expected)) == between
    assert other.head == head
    assert notes[one.id] == one
    assert notes.verify(one.id).events == 2


def test_a_stream_is_begun_once() -> None:
    counters, _ = started()
    again = Counter.create_with_id(STREAM, Started)
    with pytest.raises(ConcurrencyError, match="expected version -1, found 0"):
        counters.save(again)
    assert len(again.pending_events) == 1


def test_of_eight_threads_that_save_at_once_exactly_one_succeeds() -> None:
    counters, _ = started()
    for version in range(1, 21):
        stale = [counters[STREAM] for _ in range(8)]
        errors: list[ConcurrencyError] = []
        start = Barrier(len(stale))

        def save(counter: Counter, start: Barrier, errors: list[ConcurrencyError]) -> None:
            counter.trigger(Counted, by=1)
            start.wait()
            try:
                counters.save(counter)
            except ConcurrencyError as error:
                errors.append(error)

        threads = [Thread(target=save, args=(each, start, errors)) for each in stale]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
        assert [(each.expected, each.found) for each in errors] == [(version - 1, version)] * 7
        assert sorted(len(each.pending_events) for each in stale) == [0, *[1] * 7]
        assert counters[STREAM].total == version


@pytest.mark.slow
def test_eight_processes_that_count_in_steps_of_one_lose_and_repeat_nothing(tmp_path: Path) -> None:
    path = tmp_path / "counter.db"
    with SQLiteStore(path, synchronous="NORMAL") as store:
        counters = EventSourcedRepository(Counter, store)
        counters.save(Counter.create_with_id(STREAM, Started))
    command = [sys.executable, __file__, str(path)]
    source = str(Path(exceptions.__file__).parent.parent)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([source, os.environ.get("PYTHONPATH", "")])}
    workers = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for _ in range(PROCESSES)]
    try:
        outcomes = [(each.communicate(timeout=120)[1], each.returncode) for each in workers]
    finally:
        for each in workers:
            each.kill()
            each.communicate()
    assert outcomes == [(b"", 0)] * PROCESSES
    with SQLiteStore(path) as store:
        counters = EventSourcedRepository(Counter, store)
        assert counters[STREAM].total == PROCESSES * STEPS == 1600
        events = list(counters.events(STREAM))
        versions = [each.originator_version for each in events]
        assert versions == list(range(1601))
        assert sum(isinstance(each, Counted) for each in events) == 1600
        assert counters.verify(STREAM).events == 1601


# --- errors cross processes ----------------------------------------------------------------------

ERRORS: list[type[EsmodelError]] = [
    each for each in vars(exceptions).values() if inspect.isclass(each) and issubclass(each, EsmodelError)
]


def an_error(kind: type[EsmodelError]) -> EsmodelError:
    arguments: dict[type[EsmodelError], tuple[object, ...]] = {
        IntegrityError: (STREAM, 3, "expected this, found that"),
        ConcurrencyError: (STREAM, 3, 5),
        exceptions.EntityIsDiscarded: ("Account", STREAM),
        exceptions.RepositoryKeyError: ("Account", STREAM),
        exceptions.InvalidEntityError: ("Account", STREAM, "the handler of Moved raised ValueError"),
        exceptions.ArrayIndexError: (STREAM, 3, "is not there"),
        exceptions.CollectionItemError: (STREAM, 3, "is not there"),
        exceptions.OutcomeUnknownError: (STREAM, "the server closed the connection"),
        exceptions.PublishError: ("The events are stored.", ()),
    }
    return kind(
        *next((found for base, found in arguments.items() if issubclass(kind, base)), ("what to do",))
    )


def test_every_class_of_errors_is_among_those_below() -> None:
    assert len(ERRORS) == 28


def message_of(error: Exception) -> tuple[type[Exception], str, dict[str, object], tuple[object, ...]]:
    return type(error), str(error), vars(error), error.args


@pytest.mark.parametrize("kind", ERRORS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_error_pickles_and_keeps_its_message(kind: type[EsmodelError], protocol: int) -> None:
    error = an_error(kind)
    again: object = pickle.loads(pickle.dumps(error, protocol))  # noqa: S301  # because we made it
    assert isinstance(again, EsmodelError)
    assert message_of(again) == message_of(error)
    assert str(again)
