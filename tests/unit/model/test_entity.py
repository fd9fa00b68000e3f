"""Entities of every kind: only events change them, and each event is checked."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from copy import copy
from datetime import UTC, datetime, timedelta, timezone
from threading import Thread
from typing import Protocol, Self
from uuid import UUID, uuid4

import pytest
from attrs import define, field, frozen
from hypothesis import given
from hypothesis import strategies as st

from esmodel import (
    DomainEvent,
    ECCEvent,
    EntityIsDiscarded,
    HashchainedEvent,
    ModelError,
    PayloadError,
    applies,
    attribute,
    caused_by,
    ignores,
    subscribe,
    using_clock,
)
from esmodel.clock import moment_of, now
from esmodel.exceptions import (
    ApplyError,
    OriginatorIDError,
    OriginatorVersionError,
    UnsetFieldError,
)
from esmodel.model import (
    AttributeChangedEvent,
    DiscardedEvent,
    DomainEntity,
    EntityWithECC,
    EntityWithHashchain,
    TimestampedEntity,
    TimestampedEvent,
    TimestampedVersionedEntity,
    TimestampedVersionedEvent,
    TimeuuidedEntity,
    TimeuuidedEvent,
    TimeuuidedVersionedEntity,
    TimeuuidedVersionedEvent,
    VersionedEntity,
    VersionedEvent,
)
from esmodel.model.plan import plan_of
from esmodel.model.stored import Continued, begin, continue_with
from esmodel.model.timeuuid import make_timeuuid, timeuuid_time

MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)


class Thing(Continued, Protocol):
    """What the same model looks like in every kind of entity."""

    title: str

    @classmethod
    def open(cls, title: str) -> Self: ...
    @classmethod
    def replay(cls, events: Iterable[DomainEvent], /) -> Self: ...
    @property
    def id(self) -> UUID: ...
    @property
    def is_discarded(self) -> bool: ...
    def rename(self, title: str) -> None: ...
    def set_limit(self, limit: int) -> None: ...
    def get_limit(self) -> int: ...
    def change_attribute(self, name: str, value: object, /) -> None: ...
    def discard(self) -> None: ...


@frozen(kw_only=True)
class VersionedEntityOpened(VersionedEvent):
    title: str


@frozen(kw_only=True)
class VersionedEntityRenamed(VersionedEvent):
    title: str


@define
class AVersionedEntity(VersionedEntity[VersionedEntityOpened | VersionedEntityRenamed]):
    title: str
    _limit: int = 0

    @classmethod
    def open(cls, title: str) -> Self:
        return cls.create(VersionedEntityOpened, title=title)

    def rename(self, title: str) -> None:
        self.trigger(VersionedEntityRenamed, title=title)

    @attribute
    def limit(self) -> int:
        return self._limit

    def set_limit(self, limit: int) -> None:
        self.limit = limit

    def get_limit(self) -> int:
        return self.limit

    @applies
    def opened(self, event: VersionedEntityOpened) -> None:
        self.title = event.title

    @applies
    def renamed(self, event: VersionedEntityRenamed) -> None:
        self.title = event.title

    apply = (opened | renamed).exhaustive


@frozen(kw_only=True)
class TimestampedEntityOpened(TimestampedEvent):
    title: str


@frozen(kw_only=True)
class TimestampedEntityRenamed(TimestampedEvent):
    title: str


@define
class ATimestampedEntity(TimestampedEntity[TimestampedEntityOpened | TimestampedEntityRenamed]):
    title: str
    _limit: int = 0

    @classmethod
    def open(cls, title: str) -> Self:
        return cls.create(TimestampedEntityOpened, title=title)

    def rename(self, title: str) -> None:
        self.trigger(TimestampedEntityRenamed, title=title)

    @attribute
    def limit(self) -> int:
        return self._limit

    def set_limit(self, limit: int) -> None:
        self.limit = limit

    def get_limit(self) -> int:
        return self.limit

    @applies
    def opened(self, event: TimestampedEntityOpened) -> None:
        self.title = event.title

    @applies
    def renamed(self, event: TimestampedEntityRenamed) -> None:
        self.title = event.title

    apply = (opened | renamed).exhaustive


@frozen(kw_only=True)
class TimestampedVersionedEntityOpened(TimestampedVersionedEvent):
    title: str


@frozen(kw_only=True)
class TimestampedVersionedEntityRenamed(TimestampedVersionedEvent):
    title: str


@define
class ATimestampedVersionedEntity(
    TimestampedVersionedEntity[TimestampedVersionedEntityOpened | TimestampedVersionedEntityRenamed]
):
    title: str
    _limit: int = 0

    @classmethod
    def open(cls, title: str) -> Self:
        return cls.create(TimestampedVersionedEntityOpened, title=title)

    def rename(self, title: str) -> None:
        self.trigger(TimestampedVersionedEntityRenamed, title=title)

    @attribute
    def limit(self) -> int:
        return self._limit

    def set_limit(self, limit: int) -> None:
        self.limit = limit

    def get_limit(self) -> int:
        return self.limit

    @applies
    def opened(self, event: TimestampedVersionedEntityOpened) -> None:
        self.title = event.title

    @applies
    def renamed(self, event: TimestampedVersionedEntityRenamed) -> None:
        self.title = event.title

    apply = (opened | renamed).exhaustive


@frozen(kw_only=True)
class TimeuuidedEntityOpened(TimeuuidedEvent):
    title: str


@frozen(kw_only=True)
class TimeuuidedEntityRenamed(TimeuuidedEvent):
    title: str


@define
class ATimeuuidedEntity(TimeuuidedEntity[TimeuuidedEntityOpened | TimeuuidedEntityRenamed]):
    title: str
    _limit: int = 0

    @classmethod
    def open(cls, title: str) -> Self:
        return cls.create(TimeuuidedEntityOpened, title=title)

    def rename(self, title: str) -> None:
        self.trigger(TimeuuidedEntityRenamed, title=title)

    @attribute
    def limit(self) -> int:
        return self._limit

    def set_limit(self, limit: int) -> None:
        self.limit = limit

    def get_limit(self) -> int:
        return self.limit

    @applies
    def opened(self, event: TimeuuidedEntityOpened) -> None:
        self.title = event.title

    @applies
    def renamed(self, event: TimeuuidedEntityRenamed) -> None:
        self.title = event.title

    apply = (opened | renamed).exhaustive


@frozen(kw_only=True)
class TimeuuidedVersionedEntityOpened(TimeuuidedVersionedEvent):
    title: str


@frozen(kw_only=True)
class TimeuuidedVersionedEntityRenamed(TimeuuidedVersionedEvent):
    title: str


@define
class ATimeuuidedVersionedEntity(
    TimeuuidedVersionedEntity[TimeuuidedVersionedEntityOpened | TimeuuidedVersionedEntityRenamed]
):
    title: str
    _limit: int = 0

    @classmethod
    def open(cls, title: str) -> Self:
        return cls.create(TimeuuidedVersionedEntityOpened, title=title)

    def rename(self, title: str) -> None:
        self.trigger(TimeuuidedVersionedEntityRenamed, title=title)

    @attribute
    def limit(self) -> int:
        return self._limit

    def set_limit(self, limit: int) -> None:
        self.limit = limit

    def get_limit(self) -> int:
        return self.limit

    @applies
    def opened(self, event: TimeuuidedVersionedEntityOpened) -> None:
        self.title = event.title

    @applies
    def renamed(self, event: TimeuuidedVersionedEntityRenamed) -> None:
        self.title = event.title

    apply = (opened | renamed).exhaustive


@frozen(kw_only=True)
class EntityWithECCOpened(ECCEvent):
    title: str


@frozen(kw_only=True)
class EntityWithECCRenamed(ECCEvent):
    title: str


@define
class AnEntityWithECC(EntityWithECC[EntityWithECCOpened | EntityWithECCRenamed]):
    title: str
    _limit: int = 0

    @classmethod
    def open(cls, title: str) -> Self:
        return cls.create(EntityWithECCOpened, title=title)

    def rename(self, title: str) -> None:
        self.trigger(EntityWithECCRenamed, title=title)

    @attribute
    def limit(self) -> int:
        return self._limit

    def set_limit(self, limit: int) -> None:
        self.limit = limit

    def get_limit(self) -> int:
        return self.limit

    @applies
    def opened(self, event: EntityWithECCOpened) -> None:
        self.title = event.title

    @applies
    def renamed(self, event: EntityWithECCRenamed) -> None:
        self.title = event.title

    apply = (opened | renamed).exhaustive


@frozen(kw_only=True)
class EntityWithHashchainOpened(HashchainedEvent):
    title: str


@frozen(kw_only=True)
class EntityWithHashchainRenamed(HashchainedEvent):
    title: str


@define
class AnEntityWithHashchain(EntityWithHashchain[EntityWithHashchainOpened | EntityWithHashchainRenamed]):
    title: str
    _limit: int = 0

    @classmethod
    def open(cls, title: str) -> Self:
        return cls.create(EntityWithHashchainOpened, title=title)

    def rename(self, title: str) -> None:
        self.trigger(EntityWithHashchainRenamed, title=title)

    @attribute
    def limit(self) -> int:
        return self._limit

    def set_limit(self, limit: int) -> None:
        self.limit = limit

    def get_limit(self) -> int:
        return self.limit

    @applies
    def opened(self, event: EntityWithHashchainOpened) -> None:
        self.title = event.title

    @applies
    def renamed(self, event: EntityWithHashchainRenamed) -> None:
        self.title = event.title

    apply = (opened | renamed).exhaustive


KINDS: list[type[Thing]] = [
    AVersionedEntity,
    ATimestampedEntity,
    ATimestampedVersionedEntity,
    ATimeuuidedEntity,
    ATimeuuidedVersionedEntity,
    AnEntityWithECC,
    AnEntityWithHashchain,
]
VERSIONED: list[type[Thing]] = [each for each in KINDS if hasattr(each, "version")]
TIMED: list[type[Thing]] = [each for each in KINDS if hasattr(each, "created_on")]
every_kind = pytest.mark.parametrize("kind", KINDS)


def version_of(thing: object) -> int:
    version: int = getattr(thing, "version")  # noqa: B009
    return version


def times_of(thing: object) -> tuple[datetime, datetime]:
    created: datetime = getattr(thing, "created_on")  # noqa: B009
    modified: datetime = getattr(thing, "last_modified")  # noqa: B009
    return created, modified


@pytest.fixture
def published() -> Iterator[list[DomainEvent]]:
    events: list[DomainEvent] = []

    def collect(batch: Sequence[DomainEvent]) -> None:
        events.extend(batch)

    with subscribe(collect):
        yield events


def clock_of(*moments: datetime) -> Callable[[], datetime]:
    left = list(moments)
    return lambda: left.pop(0) if len(left) > 1 else left[0]


# --- every kind ----------------------------------------------------------------------------------


@every_kind
def test_an_entity_is_created_triggered_and_replayed(kind: type[Thing], published: list[DomainEvent]) -> None:
    thing = kind.open("one")
    thing.rename("two")
    thing.set_limit(5)
    assert (thing.title, thing.get_limit()) == ("two", 5)
    assert len(published) == 3
    again = kind.replay(published)
    assert again == thing
    assert again is not thing


@every_kind
def test_each_event_is_published_as_it_is_triggered(kind: type[Thing], published: list[DomainEvent]) -> None:
    thing = kind.open("one")
    assert len(published) == 1
    thing.rename("two")
    assert len(published) == 2
    thing.change_attribute("limit", 7)
    assert thing.get_limit() == 7
    assert isinstance(published[2], AttributeChangedEvent)
    thing.discard()
    assert isinstance(published[3], DiscardedEvent)
    assert len(published) == 4


@every_kind
def test_a_discarded_entity_refuses_everything(kind: type[Thing], published: list[DomainEvent]) -> None:
    thing = kind.open("one")
    thing.discard()
    assert thing.is_discarded
    before = list(published)
    with pytest.raises(EntityIsDiscarded, match=f"{kind.__qualname__} {thing.id} is discarded"):
        thing.rename("two")
    with pytest.raises(EntityIsDiscarded):
        thing.set_limit(1)
    with pytest.raises(EntityIsDiscarded):
        thing.change_attribute("limit", 1)
    with pytest.raises(EntityIsDiscarded):
        thing.discard()
    assert published == before
    assert (thing.title, thing.get_limit()) == ("one", 0)


@every_kind
def test_a_discarded_entity_is_replayed_as_discarded_and_takes_no_event_after(
    kind: type[Thing], published: list[DomainEvent]
) -> None:
    thing = kind.open("one")
    thing.discard()
    again = kind.replay(published)
    assert again.is_discarded
    after = copy(published[-1])
    if hasattr(after, "originator_version"):
        object.__setattr__(after, "originator_version", 2)
    with pytest.raises(OriginatorVersionError, match="after the discarding event"):
        continue_with(again, [after])


@every_kind
def test_an_event_of_another_originator_is_refused_and_changes_nothing(
    kind: type[Thing], published: list[DomainEvent]
) -> None:
    thing = kind.open("one")
    same = kind.replay(published)
    stranger = kind.open("other")
    stranger.rename("strange")
    with pytest.raises(OriginatorIDError, match=str(stranger.id)) as caught:
        continue_with(thing, published[-1:])
    assert caught.value.originator_id == thing.id
    assert thing == same
    with pytest.raises(OriginatorIDError):
        kind.replay([published[0], published[-1]])


@pytest.mark.parametrize("kind", VERSIONED)
def test_an_event_of_the_wrong_version_is_refused_and_changes_nothing(
    kind: type[Thing], published: list[DomainEvent]
) -> None:
    thing = kind.open("one")
    for title in ("two", "three"):
        thing.rename(title)
    again = kind.replay(published[:1])
    same = kind.replay(published[:1])
    for wrong in (0, 2):
        with pytest.raises(OriginatorVersionError, match=f"expected version 1, found {wrong}") as caught:
            continue_with(again, [published[wrong]])
        assert caught.value.position == wrong
        assert again == same
    with pytest.raises(OriginatorVersionError, match="expected version 0, found 1"):
        kind.replay(published[1:])


@pytest.mark.parametrize("kind", VERSIONED)
def test_the_version_counts_from_zero(kind: type[Thing]) -> None:
    thing = kind.open("one")
    assert version_of(thing) == 0
    thing.rename("two")
    thing.discard()
    assert version_of(thing) == 2


@pytest.mark.parametrize("kind", TIMED)
def test_an_entity_knows_when_it_was_created_and_changed(kind: type[Thing]) -> None:
    with using_clock(lambda: MOMENT):
        thing = kind.open("one")
    later = MOMENT + timedelta(microseconds=1)
    with using_clock(lambda: later):
        thing.rename("two")
    assert times_of(thing) == (MOMENT, later)


@pytest.mark.parametrize("kind", TIMED)
def test_time_never_runs_backwards_even_when_the_clock_does(
    kind: type[Thing], published: list[DomainEvent]
) -> None:
    hour = timedelta(hours=1)
    with using_clock(clock_of(MOMENT, MOMENT - hour, MOMENT + hour, MOMENT, MOMENT - 2 * hour)):
        thing = kind.open("one")
        seen = [times_of(thing)[1]]
        changes: list[Callable[[], None]] = [
            lambda: thing.rename("two"),
            lambda: thing.set_limit(1),
            thing.discard,
        ]
        for change in changes:
            change()
            seen.append(times_of(thing)[1])
    assert seen == [MOMENT, MOMENT, MOMENT + hour, MOMENT + hour]
    assert times_of(kind.replay(published)) == (MOMENT, MOMENT + hour)


@pytest.mark.parametrize("kind", TIMED)
def test_a_naive_clock_is_refused_and_changes_nothing(
    kind: type[Thing], published: list[DomainEvent]
) -> None:
    thing = kind.open("one")
    with using_clock(lambda: MOMENT.replace(tzinfo=None)):
        with pytest.raises(PayloadError, match="naive"):
            thing.rename("two")
        with pytest.raises(PayloadError, match="naive"):
            kind.open("other")
    assert thing.title == "one"
    assert len(published) == 1


@pytest.mark.parametrize("kind", TIMED)
def test_an_entity_without_an_event_has_no_times(kind: type[DomainEntity[DomainEvent]]) -> None:
    empty = begin(kind, uuid4())
    for name in ("created_on", "last_modified"):
        with pytest.raises(ModelError, match="has no event yet"):
            getattr(empty, name)


@every_kind
def test_an_entity_cannot_be_made_without_an_event(kind: Callable[[str], object]) -> None:
    with pytest.raises(ModelError, match="comes from an event"):
        kind("one")


@every_kind
def test_no_events_make_no_entity(kind: type[Thing]) -> None:
    with pytest.raises(PayloadError, match="expected events to replay, found none"):
        kind.replay([])


@every_kind
def test_an_entity_is_equal_by_type_and_state_and_unhashable(
    kind: type[Thing], published: list[DomainEvent]
) -> None:
    thing = kind.open("one")
    again = kind.replay(published)
    assert thing == again
    again.rename("two")
    assert thing != again
    assert thing != kind.open("one")
    with pytest.raises(TypeError, match="unhashable"):
        hash(thing)


def test_entities_of_two_classes_differ_where_their_state_does_not(
    published: list[DomainEvent],
) -> None:
    @define
    class Lookalike(AVersionedEntity):
        pass

    AVersionedEntity.open("one")
    one: object = AVersionedEntity.replay(published)
    assert one != Lookalike.replay(published)


@given(names=st.lists(st.one_of(st.text(max_size=3), st.integers(0, 9)), max_size=12), cut=st.integers(0, 12))
def test_the_replay_of_a_prefix_and_then_the_rest_is_the_replay_of_all(
    names: list[str | int], cut: int
) -> None:
    for kind in KINDS:
        events: list[DomainEvent] = []
        with subscribe(events.extend):
            thing = kind.open("one")
            for each in names:
                if isinstance(each, str):
                    thing.rename(each)
                else:
                    thing.set_limit(each)
        at = 1 + min(cut, len(names))
        parts = kind.replay(events[:at])
        continue_with(parts, iter(events[at:]))
        assert parts == kind.replay(iter(events)) == thing


# --- what a model may get wrong ------------------------------------------------------------------


@frozen(kw_only=True)
class Begun(VersionedEvent):
    pass


@frozen(kw_only=True)
class Failed(VersionedEvent):
    pass


@define
class Fragile(VersionedEntity[Begun | Failed]):
    count: int = 0
    seen: list[str] = field(factory=list[str])

    begun = ignores(Begun)

    @applies
    def failed(self, event: Failed) -> None:
        raise LookupError(self.version)

    apply = (begun | failed).exhaustive


@define
class Forgetful(VersionedEntity[Begun]):
    first: str
    second: str
    third: str = ""

    @applies
    def begun(self, event: Begun) -> None:
        self.first = "set"

    apply = begun.exhaustive


def test_a_handler_that_raises_changes_no_version_and_publishes_nothing(
    published: list[DomainEvent],
) -> None:
    fragile = Fragile.create(Begun)
    same = Fragile.replay(published)
    with pytest.raises(LookupError, match="0"):
        fragile.trigger(Failed)
    assert fragile == same
    assert len(published) == 1
    with pytest.raises(LookupError):
        continue_with(same, [Failed(fragile.id, 1)])
    assert same.version == 0


def test_each_entity_has_defaults_of_its_own() -> None:
    one, two = Fragile.create(Begun), Fragile.create(Begun)
    one.seen.append("here")
    assert (two.seen, two.count) == ([], 0)


def test_an_entity_may_be_given_its_id() -> None:
    assert Fragile.create_with_id(UUID(int=7), Begun).id == UUID(int=7)


def test_the_state_fields_are_those_of_the_model() -> None:
    assert plan_of(Forgetful).state == ("first", "second", "third")
    assert plan_of(Forgetful) is plan_of(Forgetful)


def test_a_field_that_is_left_unset_is_named_with_the_event_and_published_by_nobody(
    published: list[DomainEvent],
) -> None:
    with pytest.raises(UnsetFieldError, match=r"Forgetful.second has no value .* handler of Begun"):
        Forgetful.create(Begun)
    assert published == []
    with pytest.raises(UnsetFieldError, match=r"Forgetful.second .*Begun"):
        Forgetful.replay([Begun(UUID(int=1), 0)])


def test_a_class_with_fields_and_without_define_is_refused() -> None:
    class Undefined(VersionedEntity[Begun]):
        title: str
        apply = Fragile.begun.exhaustive

    with pytest.raises(ModelError, match=r"Undefined declares fields: write @define above it"):
        Undefined.create(Begun)


def test_a_class_that_adds_no_fields_needs_no_define() -> None:
    class Sub(Fragile):
        pass

    assert Sub.create(Begun).count == 0


def test_a_class_without_apply_says_what_to_write() -> None:
    @define
    class Silent(VersionedEntity[Begun]):
        pass

    with pytest.raises(ApplyError, match=r"Silent has no `apply`"):
        Silent.create(Begun)


def test_an_event_without_a_handler_is_refused_and_changes_nothing() -> None:
    fragile = Fragile.create(Begun)
    with pytest.raises(ApplyError, match="No handler applies Strange"):
        fragile.trigger(Strange)  # type: ignore[arg-type]
    assert fragile.version == 0


@frozen(kw_only=True)
class Strange(VersionedEvent):
    pass


@frozen(kw_only=True)
class Ended(VersionedEvent, DiscardedEvent):
    pass


@define
class Ending(VersionedEntity[Begun | Ended]):
    said: str = ""

    begun = ignores(Begun)

    @applies
    def ended(self, event: Ended) -> None:
        self.said = "bye"

    apply = (begun | ended).exhaustive


def test_an_own_event_may_discard_and_its_handler_runs_too() -> None:
    ending = Ending.create(Begun)
    ending.trigger(Ended)
    assert ending.said == "bye"
    assert ending.is_discarded
    with pytest.raises(EntityIsDiscarded):
        ending.trigger(Begun)


def test_an_event_without_an_originator_begins_nothing() -> None:
    with pytest.raises(PayloadError, match="expected an event of one of the kinds"):
        Fragile.replay([DomainEvent()])


def test_an_entity_of_no_kind_has_no_events_of_its_own() -> None:
    class Foreign(DomainEntity[Begun]):
        apply = ignores(Begun).exhaustive

    kindless = Foreign.replay([Begun(UUID(int=1), 0)])
    with pytest.raises(NotImplementedError):
        kindless.discard()
    with pytest.raises(ModelError, match="has no @attribute 'name'"):
        kindless.change_attribute("name", 1)


# --- the clock -----------------------------------------------------------------------------------


def test_clocks_nest_and_end_with_their_block() -> None:
    later = MOMENT + timedelta(days=1)
    with using_clock(lambda: MOMENT):
        with suppress(LookupError), using_clock(lambda: later):
            assert now() == later
            raise LookupError
        assert now() == MOMENT
    assert abs(now() - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_clock_of_another_zone_gives_utc() -> None:
    with using_clock(lambda: MOMENT.astimezone(timezone(timedelta(hours=5)))):
        moment = now()
    assert moment == MOMENT
    assert moment.tzinfo is UTC


# --- ids that hold a time ------------------------------------------------------------------------

moments = st.datetimes(
    min_value=datetime(1582, 10, 15),  # noqa: DTZ001  # because hypothesis wants naive limits
    max_value=datetime(5236, 3, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)


@given(moments)
def test_the_time_of_an_id_round_trips(moment: datetime) -> None:
    event_id = make_timeuuid(moment)
    assert event_id.version == 1
    assert event_id.variant == "specified in RFC 4122"
    assert timeuuid_time(event_id) == moment
    assert event_id.node >> 40 & 1, "a random node is a multicast address"


def test_two_ids_of_one_moment_differ() -> None:
    assert len({make_timeuuid(MOMENT) for _ in range(100)}) == 100


@given(st.integers(-(10**15), 10**17))
def test_a_moment_is_exact_to_the_microsecond(count: int) -> None:
    assert moment_of(count) - moment_of(0) == timedelta(microseconds=count)


# --- causes --------------------------------------------------------------------------------------


def ecc_of(events: Sequence[DomainEvent]) -> list[ECCEvent]:
    return [each for each in events if isinstance(each, ECCEvent)]


def test_an_event_without_a_cause_begins_a_correlation(published: list[DomainEvent]) -> None:
    AnEntityWithECC.open("one")
    [event] = ecc_of(published)
    assert event.correlation_id == event.event_id
    assert event.causation_id is None


def test_causes_nest_and_end_with_their_block(published: list[DomainEvent]) -> None:
    AnEntityWithECC.open("one")
    [first] = ecc_of(published)
    with caused_by(first):
        AnEntityWithECC.open("two")
        second = ecc_of(published)[1]
        with suppress(LookupError), caused_by(second):
            AnEntityWithECC.open("three")
            raise LookupError
        AnEntityWithECC.open("four")
    AnEntityWithECC.open("five")
    events = ecc_of(published)
    assert [each.causation_id for each in events] == [
        None,
        first.event_id,
        second.event_id,
        first.event_id,
        None,
    ]
    assert {each.correlation_id for each in events[:4]} == {first.event_id}
    assert events[4].correlation_id == events[4].event_id


def test_a_cause_is_followed_into_tasks_and_threads_of_asyncio(published: list[DomainEvent]) -> None:
    AnEntityWithECC.open("one")
    [first] = ecc_of(published)

    async def open_one(title: str) -> None:
        await asyncio.sleep(0)
        AnEntityWithECC.open(title)

    async def main() -> None:
        with caused_by(first):
            tasks = [asyncio.create_task(open_one(title)) for title in ("a", "b")]
            await asyncio.to_thread(AnEntityWithECC.open, "c")
        await asyncio.gather(*tasks)
        AnEntityWithECC.open("d")

    asyncio.run(main())
    events = ecc_of(published)[1:]
    assert sorted(str(each.causation_id) for each in events) == sorted([str(first.event_id)] * 3 + ["None"])
    assert events[-1].causation_id is None


def test_a_bare_thread_has_no_cause_and_a_copied_context_has(published: list[DomainEvent]) -> None:
    AnEntityWithECC.open("one")
    [first] = ecc_of(published)

    def work() -> None:
        AnEntityWithECC.open("two")

    with caused_by(first):
        context = contextvars.copy_context()
        for thread in (
            Thread(target=contextvars.Context().run, args=(work,)),
            Thread(target=context.run, args=(work,)),
        ):
            thread.start()
            thread.join()
    assert [each.causation_id for each in ecc_of(published)] == [None, None, first.event_id]


def test_a_time_beyond_those_of_version_1_is_refused() -> None:
    with pytest.raises(PayloadError, match="5236"):
        make_timeuuid(datetime(6000, 1, 1, tzinfo=UTC))
