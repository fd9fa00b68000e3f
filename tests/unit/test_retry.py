"""``retry`` repeats functions and coroutine functions, for a time, and no stored save."""

from __future__ import annotations

import asyncio
import functools
import inspect
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from operator import methodcaller
from pathlib import Path
from uuid import UUID

import pytest
from contention import contend

from esmodel import ConcurrencyError, EsmodelError, ModelError, OutcomeUnknownError, StoreError, retry
from esmodel.exceptions import PositionTakenError, PublishError
from esmodel.retry import Retry
from esmodel.rows import SnapshottingRecordStore
from esmodel.stores.memory import MemoryStore
from esmodel.stores.postgres import PostgresStore
from esmodel.stores.sqlite import SQLiteStore

CONFLICT = ConcurrencyError(UUID(int=1), 0, 1)


class Work:
    """Fails a number of times."""

    def __init__(self, failures: int, error: Exception = CONFLICT) -> None:
        self.calls = 0
        self.failures = failures
        self.error = error

    def run(self, text: str = "done") -> str:
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return text


# --- coroutines ------------------------------------------------------------------------------------


def test_a_coroutine_function_is_retried_and_stays_one() -> None:
    work = Work(2)

    @retry(ConcurrencyError, attempts=5, wait=0)
    async def withdraw(text: str) -> str:
        """Withdraw."""
        await asyncio.sleep(0)
        return work.run(text)

    assert inspect.iscoroutinefunction(withdraw)
    assert withdraw.__doc__ == "Withdraw."
    assert asyncio.run(withdraw("gone")) == "gone"
    assert work.calls == 3


def test_a_coroutine_that_fails_for_good_raises_its_last_error() -> None:
    work = Work(9)

    @retry(ConcurrencyError, attempts=3, wait=0)
    async def withdraw() -> str:
        return work.run()

    with pytest.raises(ConcurrencyError):
        asyncio.run(withdraw())
    assert work.calls == 3


def test_a_coroutine_waits_without_blocking_the_loop() -> None:
    work, ticks = Work(1), 0

    @retry(ConcurrencyError, wait=0, stall=0.05)
    async def withdraw() -> str:
        return work.run()

    async def tick() -> None:
        nonlocal ticks
        while work.calls < 2:
            ticks += 1
            await asyncio.sleep(0.005)

    async def main() -> None:
        await asyncio.gather(withdraw(), tick())

    asyncio.run(main())
    assert ticks > 2


def test_a_cancelled_coroutine_is_not_retried() -> None:
    calls: list[int] = []

    @retry(wait=0)
    async def wait() -> None:
        calls.append(1)
        await asyncio.sleep(10)

    async def main() -> None:
        task = asyncio.create_task(wait())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert calls == [1]


def test_a_function_that_returns_a_coroutine_is_retried_too() -> None:
    work = Work(2)

    async def withdraw() -> str:
        return work.run()

    @retry(ConcurrencyError, wait=0)
    @functools.wraps(withdraw)
    def hidden() -> Awaitable[str]:
        return withdraw()

    async def main() -> str:
        return await hidden()

    assert not inspect.iscoroutinefunction(hidden)
    assert asyncio.run(main()) == "done"
    assert work.calls == 3


def test_a_coroutine_method_is_retried() -> None:
    class Service:
        def __init__(self) -> None:
            self.work = Work(1)

        @retry(ConcurrencyError, wait=0)
        async def run(self, *, text: str) -> str:
            return self.work.run(text)

    assert asyncio.run(Service().run(text="ok")) == "ok"


def a_generator() -> Generator[int]:
    yield 1


async def an_async_generator() -> AsyncGenerator[int]:
    yield 1


@pytest.mark.parametrize(
    ("function", "kind"),
    [
        (a_generator, "a generator function"),
        (an_async_generator, "an async generator function"),
        (functools.partial(a_generator), "a generator function"),
    ],
)
def test_a_generator_is_refused_where_it_is_written(function: Callable[[], object], kind: str) -> None:
    with pytest.raises(ModelError, match=rf"retry: .* found .*, {kind}: it fails while it is iterated"):
        retry(ValueError)(function)


# --- which errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize("errors", [(), (Exception,), (EsmodelError,), (StoreError, ConcurrencyError)])
@pytest.mark.parametrize(
    "error",
    [PublishError("The events are stored.", (CONFLICT,)), OutcomeUnknownError(UUID(int=1), "the line broke")],
)
@pytest.mark.parametrize("is_async", [False, True])
def test_what_is_stored_or_may_be_is_not_repeated(
    errors: tuple[type[Exception], ...], error: Exception, *, is_async: bool
) -> None:
    work = Work(1, error)

    @retry(*errors, wait=0)
    def run() -> str:
        return work.run()

    @retry(*errors, wait=0)
    async def run_async() -> str:
        return work.run()

    with pytest.raises(type(error)) as caught:
        _ = asyncio.run(run_async()) if is_async else run()
    assert caught.value is error
    assert work.calls == 1


def test_an_outcome_that_is_unknown_is_repeated_where_that_is_written() -> None:
    work = Work(1, OutcomeUnknownError(UUID(int=1), "the line broke"))
    assert retry(OutcomeUnknownError, wait=0)(work.run)() == "done"


def test_a_stored_save_cannot_be_named() -> None:
    with pytest.raises(ModelError, match="found PublishError: it says that the events are stored"):
        retry(ConcurrencyError, PublishError)


# --- how often, and how long -----------------------------------------------------------------------


def test_after_conflicts_it_goes_on_until_the_deadline() -> None:
    work = Work(50)
    assert retry(ConcurrencyError, wait=0)(work.run)() == "done"
    assert work.calls == 51


@pytest.mark.parametrize("error", [ValueError("wrong"), PositionTakenError(UUID(int=1), 0, 1)])
def test_after_other_errors_it_calls_five_times(error: Exception) -> None:
    work = Work(50, error)
    with pytest.raises(type(error)):
        retry(wait=0)(work.run)()
    assert work.calls == 5


@pytest.mark.parametrize("error", [CONFLICT, ValueError("wrong")])
def test_a_number_of_attempts_holds_for_every_error(error: Exception) -> None:
    work = Work(50, error)
    with pytest.raises(type(error)):
        retry(attempts=7, wait=0)(work.run)()
    assert work.calls == 7


def test_it_gives_up_at_the_deadline_after_a_last_attempt() -> None:
    work = Work(10**9)
    begun = time.monotonic()
    with pytest.raises(ConcurrencyError):
        retry(ConcurrencyError, timeout=0.05, wait=0.001, stall=0.02)(work.run)()
    assert 0.05 <= time.monotonic() - begun < 5
    assert 3 <= work.calls <= 4


def test_without_time_it_calls_once() -> None:
    work = Work(1)
    with pytest.raises(ConcurrencyError):
        retry(ConcurrencyError, timeout=0)(work.run)()
    assert work.calls == 1


def test_the_pauses_grow_and_are_bounded() -> None:
    rule = Retry((ConcurrencyError,), wait=1.0, stall=0.5)
    longest = [max(rule.pause(attempt) for _ in range(300)) for attempt in range(8)]
    assert all(0.5 <= found <= 0.5 + min(2**attempt, 16) for attempt, found in enumerate(longest))
    assert longest[7] > 10
    assert max(rule.pause(0, 40.0) for _ in range(300)) > 8  # a quarter of a long attempt
    assert max(rule.pause(4, 40.0) for _ in range(300)) <= 160.5
    assert Retry((ConcurrencyError,), wait=0.0).pause(4, 40.0) == 0


@pytest.mark.parametrize("name", ["timeout", "wait", "stall"])
@pytest.mark.parametrize("value", [-1, float("inf"), float("nan"), "1"])
def test_seconds_are_checked(name: str, value: object) -> None:
    with pytest.raises(ModelError, match=f"retry: {name}: expected seconds, 0 or more"):
        methodcaller("__call__", ConcurrencyError, **{name: value})(retry)


# --- contention ------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Generator[SnapshottingRecordStore]:
    kind: str = request.param
    opened: MemoryStore | SQLiteStore | PostgresStore
    if kind == "postgres":
        dsn: str = request.getfixturevalue("dsn")
        opened = PostgresStore(dsn, migrate=True)
    else:
        opened = MemoryStore() if kind == "memory" else SQLiteStore(tmp_path / "events.db")
    with opened:
        yield opened


@pytest.mark.slow
def test_sixteen_threads_on_one_stream_all_get_through(store: SnapshottingRecordStore) -> None:
    found = contend(store, threads=16, commands=400)
    assert found.failed == 0, str(found)
    assert found.attempts > 400
