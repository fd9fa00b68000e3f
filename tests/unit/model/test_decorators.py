"""What the decorators promise: subscribe_to, attribute, retry, subclassevents."""

from __future__ import annotations

import inspect
import time
from typing import cast
from uuid import UUID

import pytest
from attrs import define, frozen

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    AttributeChanged,
    ConcurrencyError,
    EntityIsDiscarded,
    EventSourcedRepository,
    ModelError,
    applies,
    attribute,
    ignores,
    retry,
    subscribe_to,
    upcasts,
)
from esmodel.model import EventBus, class_version_of, subclassevents
from esmodel.model.bus import DEFAULT_BUS
from esmodel.model.events import stored_name_of
from esmodel.model.plan import DeclaredAttribute
from esmodel.retry import Retry
from esmodel.stores.memory import MemoryStore


@frozen(kw_only=True)
class Opened(AggregateEvent):
    owner: str


@frozen(kw_only=True)
class OpenedAbroad(Opened):
    pass


@frozen(kw_only=True)
class Closed(AggregateEvent):
    pass


@define
class Account(AggregateRoot[Opened | OpenedAbroad | Closed]):
    owner: str
    _limit: int = 0
    _tags: tuple[str, ...] = ()

    @attribute
    def limit(self) -> int:
        return self._limit

    @attribute
    def tags(self) -> tuple[str, ...]:
        return self._tags

    @applies
    def opened(self, event: Opened) -> None:
        self.owner = event.owner

    closed = ignores(Closed)
    apply = (opened | closed).exhaustive


def limit_of(entity: object) -> int:
    return 0


limit_of.__annotations__.pop("return")


@define
class Untyped(AggregateRoot[Closed]):
    limit = attribute(limit_of)

    closed = ignores(Closed)
    apply = closed.exhaustive


def account() -> Account:
    return Account.create(Opened, owner="Ada")


# --- subscribe_to --------------------------------------------------------------------------------


def test_a_subscriber_gets_each_event_of_its_classes_and_their_subclasses() -> None:
    bus = EventBus()
    got: list[AggregateEvent] = []

    @subscribe_to(Opened, bus=bus)
    def show(event: Opened) -> None:
        got.append(event)

    given = account()
    given.trigger(OpenedAbroad, owner="Bob")
    given.trigger(Closed)
    bus.publish(given.pending_events)
    assert got == list(given.pending_events[:2])


def test_a_subscriber_may_take_several_classes() -> None:
    bus = EventBus()
    got: list[AggregateEvent] = []

    @subscribe_to(OpenedAbroad, Closed, bus=bus)
    def show(event: AggregateEvent) -> None:
        got.append(event)

    given = account()
    given.trigger(OpenedAbroad, owner="Bob")
    given.trigger(Closed)
    bus.publish(given.pending_events)
    assert [type(each) for each in got] == [OpenedAbroad, Closed]


def test_a_subscriber_stays_callable_itself() -> None:
    @subscribe_to(Opened, bus=EventBus())
    def name(event: Opened) -> str:
        return event.owner

    assert [name(each) for each in account().pending_events if isinstance(each, Opened)] == ["Ada"]
    assert name.__name__ == "name"


def test_a_subscriber_is_on_the_default_bus_unless_another_is_given() -> None:
    DEFAULT_BUS.clear_event_handlers()
    got: list[AggregateEvent] = []

    @subscribe_to(Opened)
    def show(event: Opened) -> None:
        got.append(event)

    try:
        EventSourcedRepository(Account, MemoryStore()).save(account())
    finally:
        DEFAULT_BUS.clear_event_handlers()
    assert len(got) == 1


def test_subscribing_to_nothing_is_refused() -> None:
    with pytest.raises(ModelError, match="subscribe_to: expected classes of events"):
        subscribe_to()


def test_subscribing_without_parentheses_is_refused() -> None:
    def handler(event: Opened) -> None:
        pass

    with pytest.raises(TypeError, match="subscribe_to: expected classes of events"):
        subscribe_to(cast("type[Opened]", handler))


# --- attribute -----------------------------------------------------------------------------------


def test_assigning_to_an_attribute_triggers_that_it_changed() -> None:
    given = account()
    given.limit = 500
    assert (given.limit, given.version) == (500, 1)
    changed = given.pending_events[-1]
    assert isinstance(changed, AttributeChanged)
    assert (changed.name, changed.value) == ("limit", 500)


def test_an_attribute_comes_back_from_the_store_in_its_own_type() -> None:
    given = account()
    given.tags = ("a", "b")
    accounts = EventSourcedRepository(Account, MemoryStore())
    accounts.save(given)
    assert accounts[given.id].tags == ("a", "b")
    assert accounts.get_entity(given.id, at=0).tags == ()


def test_an_attribute_of_the_class_is_the_descriptor() -> None:
    assert isinstance(Account.limit, DeclaredAttribute)
    assert Account.limit.name == "limit"
    assert Account.limit.value_type() is int
    assert Account.limit.value_type() is int  # the second time from memory


def test_a_name_that_is_no_attribute_is_refused_with_those_there_are() -> None:
    given = account()
    with pytest.raises(ModelError, match=r"Account has no @attribute 'owner'; it has: limit, tags"):
        given.change_attribute("owner", "Bob")
    assert (given.owner, given.version) == ("Ada", 0)


def test_an_attribute_of_a_discarded_entity_cannot_be_set() -> None:
    given = account()
    given.discard()
    with pytest.raises(EntityIsDiscarded):
        given.limit = 1
    assert given.limit == 0


def test_an_attribute_without_a_return_type_is_refused() -> None:
    with pytest.raises(ModelError, match=r"@attribute limit: expected a getter with a return type"):
        Untyped.limit.value_type()


def test_a_bare_declaration_has_no_type_to_give() -> None:
    with pytest.raises(NotImplementedError):
        DeclaredAttribute().value_type()


# --- retry ---------------------------------------------------------------------------------------


class Flaky:
    """Fails with each error in turn, then works."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.calls = 0

    def __call__(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"


def test_retry_calls_until_it_works() -> None:
    flaky = Flaky(ValueError("1"), ValueError("2"))

    @retry(ValueError, attempts=3, wait=0)
    def work() -> str:
        return flaky()

    assert work() == "done"
    assert flaky.calls == 3


def test_retry_gives_the_last_error_when_the_attempts_are_used_up() -> None:
    flaky = Flaky(ValueError("1"), ValueError("2"), ValueError("3"))

    @retry(ValueError, attempts=2, wait=0)
    def work() -> str:
        return flaky()

    with pytest.raises(ValueError, match="2"):
        work()
    assert flaky.calls == 2


def test_one_attempt_is_no_retry() -> None:
    flaky = Flaky(ValueError("1"))

    @retry(ValueError, attempts=1)
    def work() -> str:
        return flaky()

    with pytest.raises(ValueError, match="1"):
        work()
    assert flaky.calls == 1


def test_retry_leaves_other_errors_alone() -> None:
    flaky = Flaky(LookupError("other"))

    @retry(ValueError, ConcurrencyError, wait=0)
    def work() -> str:
        return flaky()

    with pytest.raises(LookupError):
        work()
    assert flaky.calls == 1


def test_retry_without_parentheses_tries_five_times_after_any_error() -> None:
    flaky = Flaky(*(LookupError(str(number)) for number in range(9)))

    @retry()
    def work() -> str:
        return flaky()

    with pytest.raises(LookupError, match="4"):
        work()
    assert flaky.calls == 5


def test_retry_without_errors_takes_any() -> None:
    flaky = Flaky(LookupError("1"), ValueError("2"))

    @retry(attempts=3, wait=0)
    def work() -> str:
        return flaky()

    assert work() == "done"


def test_retry_does_not_catch_an_interrupt() -> None:
    calls = 0

    @retry(wait=0)
    def work() -> None:
        nonlocal calls
        calls += 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work()
    assert calls == 1


def test_retry_keeps_the_signature_the_name_and_the_arguments() -> None:
    @retry(ValueError, attempts=5)
    def work(first: int, /, *, second: str = "b") -> str:
        """Do it."""
        return f"{first}{second}"

    assert str(inspect.signature(work)) == "(first: 'int', /, *, second: 'str' = 'b') -> 'str'"
    assert (work.__name__, work.__doc__) == ("work", "Do it.")
    assert work(1, second="c") == "1c"


@pytest.mark.parametrize("attempts", [0, -1, 1.5, "3", True])
def test_a_number_of_attempts_that_is_none_is_a_type_error(attempts: int) -> None:
    with pytest.raises(TypeError, match="attempts: expected an integer of 1 or more, found"):
        retry(ValueError, attempts=attempts)


@pytest.mark.parametrize("seconds", [-0.1, "1", None])
def test_seconds_that_are_none_are_a_type_error(seconds: float) -> None:
    with pytest.raises(TypeError, match="wait: expected seconds, 0 or more, found"):
        retry(ValueError, wait=seconds)
    with pytest.raises(TypeError, match="stall: expected seconds, 0 or more, found"):
        retry(ValueError, stall=seconds)


@pytest.mark.parametrize("given", [3, "ValueError", int, BaseException, ValueError("an instance")])
def test_what_is_no_class_of_exceptions_is_a_type_error(given: type[Exception]) -> None:
    with pytest.raises(TypeError, match="retry: expected exception classes, found"):
        retry(given)
    with pytest.raises(TypeError, match="retry: expected exception classes, found"):
        retry(ValueError, given)


def test_each_pause_takes_at_least_the_stall() -> None:
    flaky = Flaky(ValueError("1"), ValueError("2"))

    @retry(ValueError, attempts=3, wait=0, stall=0.02)
    def work() -> str:
        return flaky()

    began = time.perf_counter()
    work()
    assert time.perf_counter() - began >= 0.04


def test_pauses_double_up_to_a_limit_and_are_never_negative() -> None:
    rule = Retry((ValueError,), 100, 0.5, 0.25)
    for attempt in range(40):
        longest = 0.5 * 2 ** min(attempt, 4)
        assert all(0.25 <= rule.pause(attempt) <= 0.25 + longest for _ in range(20))
    assert max(rule.pause(6) for _ in range(200)) > 0.75


# --- subclassevents ------------------------------------------------------------------------------


class Nesting:
    @frozen(kw_only=True)
    class Begun(AggregateEvent):
        owner: str

    @frozen(kw_only=True)
    class Ended(AggregateEvent):
        pass

    class Helper:
        pass


@subclassevents
class Ledger(Nesting):
    @frozen(kw_only=True)
    class Ended(Nesting.Ended, name="ledger.ended"):
        pass


def test_inherited_events_are_named_after_the_new_class() -> None:
    assert stored_name_of(Ledger.Begun) == "Ledger.Begun"
    assert Ledger.Begun.__qualname__ == "Ledger.Begun"
    assert Ledger.Begun.__module__ == __name__
    assert stored_name_of(Nesting.Begun) == "Nesting.Begun"


def test_a_named_event_is_a_subclass_with_the_same_fields() -> None:
    assert issubclass(Ledger.Begun, Nesting.Begun)
    given = account().pending_events[0]
    assert isinstance(given, Opened)
    begun = Ledger.Begun(UUID(int=1), 0, given.timestamp, owner="Ada")
    assert begun.owner == "Ada"
    assert begun != Nesting.Begun(UUID(int=1), 0, given.timestamp, owner="Ada")
    assert not hasattr(begun, "__dict__")


def test_an_event_that_the_class_defines_itself_and_what_is_no_event_stay_as_they_are() -> None:
    assert stored_name_of(Ledger.Ended) == "ledger.ended"
    assert Ledger.Helper is Nesting.Helper


def rename(old: dict[str, object]) -> dict[str, object]:
    return {"owner": old["name"]}


class Renaming:
    @frozen
    class Renamed(AggregateEvent, upcaster=upcasts(rename)):
        owner: str


@subclassevents
class Renamer(Renaming):
    pass


def test_an_inherited_event_keeps_its_upcaster() -> None:
    assert class_version_of(Renamer.Renamed) == class_version_of(Renaming.Renamed) == 1
