"""Events are plain frozen values; the bus hands them on, once each and in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from threading import Barrier, Thread
from uuid import UUID

import attrs
import pytest
from attrs import frozen
from attrs.exceptions import FrozenInstanceError

from esmodel import (
    AggregateEvent,
    DomainEvent,
    ECCEvent,
    HashchainedEvent,
    publish,
    subscribe,
    upcasts,
)
from esmodel.exceptions import EventHandlersNotEmptyError, PublishError
from esmodel.model import (
    AttributeChangedEvent,
    CreatedEvent,
    DiscardedEvent,
    EventBus,
    EventWithECC,
    EventWithHash,
    EventWithOriginatorID,
    EventWithOriginatorVersion,
    EventWithTimestamp,
    EventWithTimeuuid,
    LoggedEvent,
    TimestampedEvent,
    TimestampedVersionedEvent,
    TimeuuidedEvent,
    TimeuuidedVersionedEvent,
    VersionedEvent,
    assert_event_handlers_empty,
    clear_event_handlers,
    unsubscribe,
)
from esmodel.model.bus import DEFAULT_BUS
from esmodel.model.events import class_version_of, header_of, schema_of, stored_name_of

ID = UUID(int=1)
MOMENT = datetime(2026, 11, 23, tzinfo=UTC)


@frozen(kw_only=True)
class Opened(AggregateEvent, name="account.opened", aliases=("Created", "Begun")):
    owner: str


@frozen(kw_only=True)
class OpenedAbroad(Opened):
    country: str = ""


@frozen(kw_only=True)
class Closed(AggregateEvent, CreatedEvent, DiscardedEvent, AttributeChangedEvent, LoggedEvent):
    owner: str = ""


@upcasts
def capitalise(shape: dict[str, object]) -> dict[str, object]:
    return shape


@frozen(kw_only=True)
class Moved(AggregateEvent, upcaster=capitalise):
    place: str


@frozen(kw_only=True)
class MovedAgain(Moved):
    pass


class Outer:
    @frozen(kw_only=True)
    class Nested(AggregateEvent):
        pass


def opened(version: int = 0, owner: str = "Ada") -> Opened:
    return Opened(ID, version, MOMENT, owner=owner)


@pytest.fixture
def bus() -> EventBus:
    return EventBus()


@pytest.fixture
def _no_default_handlers() -> Iterator[None]:
    clear_event_handlers()
    yield
    clear_event_handlers()


# --- events --------------------------------------------------------------------------------------


def test_an_event_is_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(opened(), "owner", "Bob")  # noqa: B010  # because a type checker refuses the plain form


def test_an_event_has_no_dict_where_a_typo_could_land() -> None:
    assert not hasattr(opened(), "__dict__")


def test_events_are_equal_by_type_and_value() -> None:
    assert opened() == opened()
    assert opened() != opened(version=1)
    assert opened() != opened(owner="Bob")
    assert opened() != OpenedAbroad(ID, 0, MOMENT, owner="Ada")
    same: object = Closed(ID, 0, MOMENT, owner="Ada")
    assert opened() != same


def test_equal_events_have_one_hash() -> None:
    assert len({opened(), opened(), opened(version=1)}) == 2


def test_the_header_is_positional_and_the_payload_is_keyword_only() -> None:
    assert opened() == attrs.evolve(opened(version=4), originator_version=0)
    assert [each.name for each in attrs.fields(Opened) if each.kw_only] == ["owner"]


@pytest.mark.parametrize(
    "kind",
    [
        VersionedEvent,
        TimestampedEvent,
        TimestampedVersionedEvent,
        TimeuuidedEvent,
        TimeuuidedVersionedEvent,
        AggregateEvent,
        HashchainedEvent,
        ECCEvent,
    ],
)
def test_the_header_of_a_kind_names_its_fields_in_order(kind: type[DomainEvent]) -> None:
    fields: tuple[attrs.Attribute[object], ...] = getattr(kind, "__attrs_attrs__")  # noqa: B009
    assert tuple(each.name for each in fields) == header_of(kind)


def test_an_event_is_named_after_its_class() -> None:
    assert stored_name_of(Closed) == "Closed"
    assert stored_name_of(Outer.Nested) == "Outer.Nested"


def test_an_event_in_a_function_is_named_without_the_function() -> None:
    @frozen(kw_only=True)
    class Inner(AggregateEvent):
        pass

    assert stored_name_of(Inner) == "Inner"


def test_an_event_may_have_a_name_and_aliases_of_its_own() -> None:
    assert stored_name_of(Opened) == "account.opened"
    assert schema_of(Opened).aliases == ("Created", "Begun")


def test_neither_name_nor_aliases_nor_upcaster_is_inherited() -> None:
    assert stored_name_of(OpenedAbroad) == "OpenedAbroad"
    assert schema_of(OpenedAbroad).aliases == ()
    assert schema_of(MovedAgain).upcaster is None


def test_the_class_version_is_the_number_of_steps_of_the_upcaster() -> None:
    assert (class_version_of(Opened), class_version_of(Moved), class_version_of(MovedAgain)) == (0, 1, 0)


def test_the_protocols_tell_the_headers_apart() -> None:
    versioned = VersionedEvent(ID, 0)
    assert isinstance(versioned, EventWithOriginatorID)
    assert isinstance(versioned, EventWithOriginatorVersion)
    assert not isinstance(versioned, EventWithTimestamp)
    assert isinstance(TimestampedEvent(ID, MOMENT), EventWithTimestamp)
    assert isinstance(TimeuuidedEvent(ID, ID), EventWithTimeuuid)
    assert isinstance(HashchainedEvent(ID, 0, MOMENT, b"", b""), EventWithHash)
    assert isinstance(ECCEvent(ID, 0, MOMENT, ID, ID, None), EventWithECC)
    assert not isinstance(opened(), EventWithECC)


def test_an_event_may_bear_every_marker() -> None:
    closed = Closed(ID, 0, MOMENT)
    markers = (CreatedEvent, DiscardedEvent, AttributeChangedEvent, LoggedEvent)
    assert all(isinstance(closed, marker) for marker in markers)


# --- the bus -------------------------------------------------------------------------------------


def test_a_handler_gets_the_whole_batch_in_order(bus: EventBus) -> None:
    got: list[Sequence[DomainEvent]] = []
    bus.subscribe(got.append)
    bus.publish([opened(0), opened(1)])
    assert got == [(opened(0), opened(1))]


def test_an_empty_batch_is_handed_to_nobody(bus: EventBus) -> None:
    got: list[Sequence[DomainEvent]] = []
    bus.subscribe(got.append)
    bus.publish([])
    assert got == []


def test_handlers_are_called_in_the_order_in_which_they_subscribed(bus: EventBus) -> None:
    got: list[str] = []

    def naming(name: str) -> Callable[[Sequence[DomainEvent]], None]:
        return lambda _: got.append(name)

    for name in "abc":
        bus.subscribe(naming(name))
    bus.publish([opened()])
    assert got == ["a", "b", "c"]


def test_a_predicate_is_asked_once_for_each_batch(bus: EventBus) -> None:
    asked: list[Sequence[DomainEvent]] = []
    got: list[Sequence[DomainEvent]] = []

    def is_long(batch: Sequence[DomainEvent]) -> bool:
        asked.append(batch)
        return len(batch) > 1

    bus.subscribe(got.append, is_long)
    bus.publish([opened(0)])
    bus.publish([opened(0), opened(1), opened(2)])
    assert [len(each) for each in asked] == [1, 3]
    assert [len(each) for each in got] == [3]


def test_a_subscription_ends_with_its_block(bus: EventBus) -> None:
    got: list[Sequence[DomainEvent]] = []
    with bus.subscribe(got.append) as subscription:
        assert bus.subscriptions == (subscription,)
        bus.publish([opened(0)])
    bus.publish([opened(1)])
    assert got == [(opened(0),)]


def test_a_subscription_ends_with_its_block_even_when_that_raises(bus: EventBus) -> None:
    with pytest.raises(LookupError), bus.subscribe(print):
        raise LookupError
    bus.assert_event_handlers_empty()


def test_a_subscription_is_cancelled_twice_as_well_as_once(bus: EventBus) -> None:
    kept = bus.subscribe(print)
    gone = bus.subscribe(print)
    gone.cancel()
    gone.cancel()
    assert bus.subscriptions == (kept,)


def test_unsubscribe_takes_off_the_oldest_with_this_handler_and_predicate(bus: EventBus) -> None:
    def never(batch: Sequence[DomainEvent]) -> bool:
        return False

    with_predicate = bus.subscribe(print, never)
    bus.subscribe(print)
    newest = bus.subscribe(print)
    bus.unsubscribe(print)
    assert list(bus.subscriptions) == [with_predicate, newest]
    bus.unsubscribe(print, never)
    assert list(bus.subscriptions) == [newest]


def test_unsubscribing_a_stranger_is_no_error(bus: EventBus) -> None:
    kept = bus.subscribe(print)
    bus.unsubscribe(repr)
    assert bus.subscriptions == (kept,)


def test_a_bound_method_can_be_unsubscribed(bus: EventBus) -> None:
    got: list[Sequence[DomainEvent]] = []
    bus.subscribe(got.append)
    bus.unsubscribe(got.append)
    bus.assert_event_handlers_empty()


def test_an_error_of_a_handler_goes_to_the_publisher_and_the_others_are_called(bus: EventBus) -> None:
    got: list[Sequence[DomainEvent]] = []

    def fail(batch: Sequence[DomainEvent]) -> None:
        raise LookupError(len(batch))

    bus.subscribe(fail)
    bus.subscribe(got.append)
    with pytest.raises(
        PublishError, match=r"do not publish them again\. 1 raised .* LookupError: 1"
    ) as caught:
        bus.publish([opened()])
    [error] = caught.value.exceptions
    assert isinstance(error, LookupError)
    assert caught.value.__cause__ is error
    assert len(got) == 1


def test_a_handler_that_cancels_itself_gets_one_batch(bus: EventBus) -> None:
    got: list[Sequence[DomainEvent]] = []

    def once(batch: Sequence[DomainEvent]) -> None:
        got.append(batch)
        subscription.cancel()

    subscription = bus.subscribe(once)
    bus.publish([opened(0)])
    bus.publish([opened(1)])
    assert got == [(opened(0),)]


def test_clearing_takes_every_handler_off(bus: EventBus) -> None:
    bus.subscribe(print)
    bus.subscribe(repr)
    bus.clear_event_handlers()
    bus.assert_event_handlers_empty()


def test_the_handlers_that_are_left_are_named(bus: EventBus) -> None:
    bus.subscribe(print)
    bus.subscribe(repr)
    with pytest.raises(EventHandlersNotEmptyError, match=r"2 handlers .*print.*repr"):
        bus.assert_event_handlers_empty()


@pytest.mark.usefixtures("_no_default_handlers")
def test_the_functions_of_the_module_share_the_default_bus() -> None:
    got: list[Sequence[DomainEvent]] = []
    subscribe(got.append)
    assert len(DEFAULT_BUS.subscriptions) == 1
    publish([opened()])
    unsubscribe(got.append)
    assert_event_handlers_empty()
    assert got == [(opened(),)]


def test_eight_threads_that_subscribe_and_publish_lose_and_repeat_nothing(bus: EventBus) -> None:
    turns, threads = 200, 8
    everything: list[int] = []
    own: list[list[int]] = [[] for _ in range(threads)]
    errors: list[Exception] = []
    start = Barrier(threads)

    def versions(batch: Sequence[DomainEvent]) -> list[int]:
        return [each.originator_version for each in batch if isinstance(each, AggregateEvent)]

    def collect(batch: Sequence[DomainEvent]) -> None:
        everything.extend(versions(batch))

    def work(number: int) -> None:
        def mine(batch: Sequence[DomainEvent]) -> None:
            own[number].extend(each for each in versions(batch) if each // turns == number)

        try:
            start.wait()
            for turn in range(turns):
                subscription = bus.subscribe(mine)
                bus.publish([opened(number * turns + turn)])
                if turn % 2:
                    subscription.cancel()
                else:
                    bus.unsubscribe(mine)
                bus.publish([opened(-1)])
        except Exception as error:  # noqa: BLE001  # because a thread's error must fail the test
            errors.append(error)

    bus.subscribe(collect)
    workers = [Thread(target=work, args=(number,)) for number in range(threads)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()
    assert errors == []
    counts = Counter(everything)
    assert counts.pop(-1) == turns * threads
    assert counts == Counter(range(turns * threads))
    assert own == [list(range(n * turns, (n + 1) * turns)) for n in range(threads)]
    assert [each.handler for each in bus.subscriptions] == [collect]
