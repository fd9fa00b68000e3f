"""The event bus: every subscriber gets every batch, in the order of the events, whatever others raise."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from threading import Event, Thread
from uuid import UUID

import pytest
from attrs import frozen

from esmodel import AggregateEvent, DomainEvent, subscribe_to
from esmodel.exceptions import ModelError, PublishError
from esmodel.model import EventBus

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@frozen
class Counted(AggregateEvent):
    number: int


def counted(number: int) -> Counted:
    return Counted(UUID(int=1), number, MOMENT, number)


def numbers(events: Sequence[DomainEvent]) -> list[int]:
    return [each.number for each in events if isinstance(each, Counted)]


@pytest.fixture
def bus() -> EventBus:
    return EventBus()


def test_every_subscriber_is_called_and_all_errors_are_raised_as_one(bus: EventBus) -> None:
    heard: list[str] = []

    def first(events: Sequence[DomainEvent]) -> None:
        heard.append("first")
        raise LookupError("one")

    def refuse(events: Sequence[DomainEvent]) -> bool:
        raise ArithmeticError("two")

    bus.subscribe(first)
    bus.subscribe(lambda events: heard.append("never"), refuse)
    bus.subscribe(lambda events: heard.append("last"))
    with pytest.raises(
        PublishError, match=r"2 raised afterwards: LookupError: one; ArithmeticError: two"
    ) as caught:
        bus.publish([counted(0)])
    assert heard == ["first", "last"]
    assert [type(each) for each in caught.value.exceptions] == [LookupError, ArithmeticError]
    assert isinstance(caught.value.__cause__, ExceptionGroup)
    assert bus.deliver([]) == ()


def test_a_batch_that_a_subscriber_publishes_comes_after_the_one_under_way_to_all(bus: EventBus) -> None:
    heard: list[tuple[str, list[int]]] = []

    def echo(events: Sequence[DomainEvent]) -> None:
        heard.append(("echo", numbers(events)))
        [number] = numbers(events)
        if number < 4:
            bus.publish([counted(2 * number + 1)])
            bus.publish([counted(2 * number + 2)])
        heard.append(("echoed", numbers(events)))

    bus.subscribe(echo)
    bus.subscribe(lambda events: heard.append(("other", numbers(events))))
    bus.publish([counted(0)])
    assert [batch for who, batch in heard if who == "other"] == [[number] for number in range(9)]
    expected = [(who, [number]) for number in range(9) for who in ("echo", "echoed", "other")]
    assert heard == expected


def test_an_error_in_a_batch_that_a_subscriber_published_goes_to_the_first_publisher(bus: EventBus) -> None:
    def echo(events: Sequence[DomainEvent]) -> None:
        if numbers(events) == [0]:
            bus.publish([counted(1)])
        else:
            raise LookupError("later")

    bus.subscribe(echo)
    with pytest.raises(PublishError, match="later"):
        bus.publish([counted(0)])


def test_each_thread_delivers_its_own_batches(bus: EventBus) -> None:
    in_first, may_go_on = Event(), Event()
    heard: list[int] = []

    def slow(events: Sequence[DomainEvent]) -> None:
        if numbers(events) == [0]:
            in_first.set()
            assert may_go_on.wait(10)
        heard.extend(numbers(events))

    bus.subscribe(slow)
    thread = Thread(target=bus.publish, args=([counted(0)],))
    thread.start()
    assert in_first.wait(10)
    bus.publish([counted(1)])
    assert heard == [1]
    may_go_on.set()
    thread.join()
    assert heard == [1, 0]


def test_a_task_that_a_subscriber_starts_publishes_by_itself(bus: EventBus) -> None:
    heard: list[int] = []
    tasks: list[asyncio.Task[None]] = []

    async def later() -> None:
        bus.publish([counted(1)])

    def start(events: Sequence[DomainEvent]) -> None:
        heard.extend(numbers(events))
        if numbers(events) == [0]:
            tasks.append(asyncio.get_running_loop().create_task(later()))

    async def main() -> None:
        bus.subscribe(start)
        bus.publish([counted(0)])
        await tasks[0]

    asyncio.run(main())
    assert heard == [0, 1]


def test_an_interrupt_ends_the_delivery_and_the_next_one_is_whole(bus: EventBus) -> None:
    heard: list[int] = []

    def interrupt(events: Sequence[DomainEvent]) -> None:
        if numbers(events) == [0]:
            bus.publish([counted(1)])
            raise KeyboardInterrupt

    bus.subscribe(interrupt)
    bus.subscribe(lambda events: heard.extend(numbers(events)))
    with pytest.raises(KeyboardInterrupt):
        bus.publish([counted(0)])
    bus.publish([counted(2)])
    assert heard == [2]


def test_a_subscriber_that_was_cancelled_meanwhile_does_not_get_the_batch(bus: EventBus) -> None:
    heard: list[int] = []
    bus.subscribe(lambda events: later.cancel())
    later = bus.subscribe(lambda events: heard.extend(numbers(events)))
    bus.publish([counted(0)])
    assert heard == []


def test_subscribers_that_publish_for_ever_come_to_an_end(bus: EventBus) -> None:
    heard: list[int] = []

    def echo(events: Sequence[DomainEvent]) -> None:
        heard.extend(numbers(events))
        bus.publish([counted(len(heard))])

    bus.subscribe(echo)
    with pytest.raises(PublishError, match="1000 batches in a row, each published by a subscriber") as caught:
        bus.publish([counted(0)])
    assert len(heard) == 1001
    assert [type(each) for each in caught.value.exceptions] == [ModelError]


def test_a_function_gets_each_event_though_it_raised_at_the_first(bus: EventBus) -> None:
    heard: list[int] = []

    @subscribe_to(Counted, bus=bus)
    def fail(event: Counted) -> None:
        heard.append(event.number)
        raise LookupError(event.number)

    with pytest.raises(PublishError) as caught:
        bus.publish([counted(0), counted(1)])
    assert heard == [0, 1]
    assert [each.args for each in caught.value.exceptions] == [(0,), (1,)]


def test_a_subscriber_that_returns_a_coroutine_is_an_error(bus: EventBus) -> None:
    async def later() -> None:
        """Do nothing."""

    def hidden(event: object) -> Coroutine[object, object, None]:
        return later()

    bus.subscribe(hidden)
    subscribe_to(Counted, bus=bus)(hidden)
    with pytest.raises(PublishError, match="returned a coroutine that nobody awaits") as caught:
        bus.publish([counted(0)])
    assert len(caught.value.exceptions) == 2


# --- what can change -------------------------------------------------------------------------------


@frozen
class Tagged(AggregateEvent):
    tags: list[str]


def test_a_subscriber_does_not_see_what_another_did_to_an_event(bus: EventBus) -> None:
    heard: list[list[str]] = []

    def spoil(events: Sequence[DomainEvent]) -> None:
        for each in events:
            if isinstance(each, Tagged):
                heard.append(list(each.tags))
                each.tags.append("spoilt")

    for _ in range(3):
        bus.subscribe(spoil)
    bus.publish([Tagged(UUID(int=1), 0, MOMENT, ["a"])])
    assert heard == [["a"]] * 3


def test_an_event_that_cannot_change_is_handed_on_as_it_is(bus: EventBus) -> None:
    heard: list[DomainEvent] = []
    for _ in range(2):
        bus.subscribe(heard.extend)
    event = counted(1)
    bus.publish([event])
    assert [each is event for each in heard] == [True, True]


class Uncopied:
    """Refuses to be copied."""

    def __deepcopy__(self, memo: dict[int, object]) -> Uncopied:
        raise TypeError("one is enough")


@frozen
class Holding(AggregateEvent):
    what: object


def test_an_event_that_cannot_be_copied_is_handed_on_as_it_is(bus: EventBus) -> None:
    heard: list[DomainEvent] = []
    for _ in range(2):
        bus.subscribe(heard.extend)
    event = Holding(UUID(int=1), 0, MOMENT, Uncopied())
    bus.publish([event])
    assert [each is event for each in heard] == [True, True]
