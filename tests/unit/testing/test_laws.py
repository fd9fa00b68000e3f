"""The laws of aggregates hold for those that are right, and each finds what breaks it."""

# pyright: reportPrivateUsage=false
# two wrong classes replace how an entity is continued, which `_es_...` names keep from users

from __future__ import annotations

import pickle
import random
import re
import sys
import unittest
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Self, TypeAlias
from uuid import UUID
from weakref import WeakKeyDictionary

import pytest
from attrs import define, field, frozen
from hypothesis import settings
from hypothesis import strategies as st
from typing_extensions import override

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    AggregateRootWithECC,
    Codec,
    Collection,
    Command,
    DomainEvent,
    ECCEvent,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    ModelError,
    TypeHook,
    applies,
    attribute,
    ignores,
    subscribe,
)
from esmodel.clock import now
from esmodel.exceptions import CollectionItemError, UnsupportedTypeError
from esmodel.model import TimestampedVersionedEvent
from esmodel.repositories import EventMapper
from esmodel.rows import Append
from esmodel.rows.record import Record
from esmodel.stores.memory import MemoryStore
from esmodel.testing.laws import LAWS, LawError, aggregate_laws, command, creation
from esmodel.testing.laws.history import History

CALM = settings(
    max_examples=30,
    stateful_step_count=8,
    database=None,
    deadline=None,
    derandomize=True,
)


def broken_by(case: type[unittest.TestCase]) -> LawError:
    with pytest.raises(LawError) as caught:
        case("test_laws").debug()
    return caught.value


# --- what is right ---------------------------------------------------------------------------------


@frozen(kw_only=True)
class Opened(AggregateEvent):
    owner: str


@frozen(kw_only=True)
class Noted(AggregateEvent):
    words: list[str]
    weight: float = 0.0


@define
class Account(AggregateRoot[Opened | Noted]):
    owner: str
    words: list[str] = field(factory=list[str])
    weight: float = 0.0
    _limit: int = 0

    @classmethod
    def open(cls, owner: str) -> Self:
        if not owner:
            raise ValueError("an account needs an owner")
        return cls.create(Opened, owner=owner)

    def note(self, words: list[str], weight: float) -> None:
        if len(words) > 3:
            raise ValueError("too many words")
        self.trigger(Noted, words=words, weight=weight)

    def move(self, target: int) -> None:
        self.limit = target

    @attribute
    def limit(self) -> int:
        return self._limit

    @applies
    def opened(self, event: Opened) -> None:
        self.owner = event.owner

    @applies
    def noted(self, event: Noted) -> None:
        self.words = [*self.words, *event.words]
        self.weight = event.weight

    apply = (opened | noted).exhaustive


OPEN = creation(Account.open, st.text(), raises=ValueError)
NOTE = command(Account.note, st.lists(st.text()), st.floats(), raises=(ValueError, KeyError))

TestAccount = aggregate_laws(
    Account,
    creations=[OPEN],
    commands=[NOTE, command(Account.move, st.integers(-5, 5)), command(Account.discard)],
    settings=CALM,
)


@frozen(kw_only=True)
class Signed(HashchainedEvent):
    text: str


@define
class Contract(HashchainedAggregateRoot[Signed]):
    text: str

    @classmethod
    def draft(cls, text: str) -> Self:
        return cls.create(Signed, text=text)

    def sign(self, text: str) -> None:
        self.trigger(Signed, text=text)

    @applies
    def signed(self, event: Signed) -> None:
        self.text = event.text

    apply = signed.exhaustive


DRAFT = creation(Contract.draft, st.text())
SIGN = command(Contract.sign, st.text())
TestContract = aggregate_laws(
    Contract, creations=[DRAFT], commands=[SIGN, command(Contract.discard)], settings=CALM
)


@frozen(kw_only=True)
class Told(ECCEvent):
    text: str


@define
class Story(AggregateRootWithECC[Told]):
    told = ignores(Told)
    apply = told.exhaustive


def tell(text: str) -> Story:
    return Story.create(Told, text=text)


def tell_more(story: Story, text: str) -> None:
    story.trigger(Told, text=text)


TestStory = aggregate_laws(
    Story, creations=[creation(tell, st.text())], commands=[command(tell_more, st.text())], settings=CALM
)


@frozen(kw_only=True)
class Asked(AggregateEvent):
    pass


@define
class Request(Command[Asked]):
    asked = ignores(Asked)
    apply = asked.exhaustive


TestRequest = aggregate_laws(
    Request,
    creations=[creation(lambda: Request.create(Asked))],
    commands=[command(Request.done)],
    settings=CALM,
)
TestTags = aggregate_laws(
    Collection[str],
    creations=[creation(Collection[str].register, st.none())],
    commands=[
        command(Collection[str].add_item, st.text(max_size=2)),
        command(Collection[str].remove_item, st.text(max_size=2), raises=CollectionItemError),
    ],
    settings=CALM,
)


def test_nothing_is_published_while_laws_are_checked() -> None:
    heard: list[object] = []
    with subscribe(heard.append):
        TestAccount("test_laws").debug()

    assert heard == []


def test_checking_a_history_leaves_the_aggregate_as_it_was() -> None:
    account = Account.open("Ada")
    account.note(["a"], 0.5)
    before = account.pending_events

    History(Account).check(account)

    assert account.pending_events == before


def test_a_long_history_is_checked_too() -> None:
    contract = Contract.draft("")
    for number in range(120):
        contract.sign(str(number))

    History(Contract).check(contract)


# --- what is wrong ---------------------------------------------------------------------------------


CENTS: WeakKeyDictionary[Money, int] = WeakKeyDictionary()


class Money:
    """Keeps its cents elsewhere, and has no ``__eq__``, so that a hook cannot see what it loses."""

    __slots__ = ("__weakref__",)

    def __init__(self, cents: int) -> None:
        CENTS[self] = cents

    @property
    def cents(self) -> int:
        return CENTS[self]

    @override
    def __repr__(self) -> str:
        return f"Money({self.cents})"


ROUNDING = Codec(
    TypeHook(Money, encode=lambda m: str(m.cents // 100), decode=lambda text: Money(int(text) * 100))
)


@frozen(kw_only=True)
class Paid(AggregateEvent, codec=ROUNDING):
    money: Money


@define
class Purse(AggregateRoot[Paid]):
    paid = ignores(Paid)
    apply = paid.exhaustive


def pay(cents: int) -> Purse:
    return Purse.create(Paid, money=Money(cents))


def test_a_hook_that_loses_something_breaks_the_law_of_coding() -> None:
    error = broken_by(
        aggregate_laws(Purse, creations=[creation(pay, st.integers(0))], commands=[], settings=CALM)
    )

    assert error.law == "coding"
    assert str(error) == (
        "Purse breaks the law 'coding', an event comes back from its stored form as it was triggered: Paid "
        "does not come back from its stored form as it was triggered:\n"
        "  money: expected Money(0), found Money(0)\n"
        "Give the field a type whose values the codec carries unchanged, mend the hook of the type, or give "
        "the type an __eq__."
    )


@define
class Wrong(AggregateRoot[Opened | Noted]):
    """What the wrong ones share; each has handlers of its own."""

    owner: str = ""
    words: list[str] = field(factory=list[str])
    weight: float = 0.0

    @classmethod
    def open(cls, owner: str) -> Self:
        return cls.create(Opened, owner=owner)

    def note(self, words: list[str], weight: float) -> None:
        self.trigger(Noted, words=words, weight=weight)


@define
class Appending(Wrong):
    @applies
    def noted_twice(self, event: Noted) -> None:
        event.words.append("more")
        self.words = [*self.words, *event.words]

    opened = ignores(Opened)
    apply = (opened | noted_twice).exhaustive


@define
class Sharing(Wrong):
    @applies
    def noted_at_first(self, event: Noted) -> None:
        if self.words:
            self.words += event.words
        else:
            self.words = event.words

    opened = ignores(Opened)
    apply = (opened | noted_at_first).exhaustive


@define
class Late(Wrong):
    @applies
    def noted_later(self, event: Noted) -> None:
        self.weight = now().timestamp()

    opened = ignores(Opened)
    apply = (opened | noted_later).exhaustive


@define
class Drawing(Wrong):
    @applies
    def noted_by_chance(self, event: Noted) -> None:
        self.weight = random.random()

    opened = ignores(Opened)
    apply = (opened | noted_by_chance).exhaustive


@define
class Impatient(Wrong):
    @override
    def note(self, words: list[str], weight: float) -> None:
        super().note(words, weight)
        self.weight = 5.0

    @applies
    def noted_as_it_should_be(self, event: Noted) -> None:
        self.weight = event.weight

    opened = ignores(Opened)
    apply = (opened | noted_as_it_should_be).exhaustive


@define
class Raising(Wrong):
    @applies
    def noted_in_time(self, event: Noted) -> None:
        if now().year > 2027:
            raise RuntimeError("too late")

    opened = ignores(Opened)
    apply = (opened | noted_in_time).exhaustive


@define(slots=False)
class Hiding(Wrong):
    @applies
    def noted_aside(self, event: Noted) -> None:
        vars(self)["hidden"] = event.words

    opened = ignores(Opened)
    apply = (opened | noted_aside).exhaustive


NO_MONEY = Money(0)


@define
class Forgetting(Wrong, codec=ROUNDING):
    """Its default counts, so that what a snapshot leaves out shows."""

    money: Money = NO_MONEY

    @applies
    def noted_for_money(self, event: Noted) -> None:
        self.money = Money(len(event.words))

    opened = ignores(Opened)
    apply = (opened | noted_for_money).exhaustive


@define
class Tired(Wrong):
    """A snapshot of it cannot be continued: what counts is kept where no snapshot looks."""

    _began: bool = field(init=False, eq=False, metadata={"esmodel": True})

    @applies
    def noted_first(self, event: Noted) -> None:
        if event.originator_version == 1:
            self._began = True
        elif not hasattr(self, "_began"):
            raise ValueError("it never began")

    opened = ignores(Opened)
    apply = (opened | noted_first).exhaustive


@define
class Careless(Wrong):
    noted = ignores(Noted)
    opened = ignores(Opened)
    apply = (opened | noted).exhaustive


@define
class Surprised(Wrong):
    noted = ignores(Noted)
    opened = ignores(Opened)
    apply = (opened | noted).exhaustive


CONTINUE: Final = Wrong._es_continue_with


def continue_carelessly(wrong: Wrong, events: Iterable[DomainEvent]) -> None:
    for event in events:
        version = wrong.version + 1
        if isinstance(event, TimestampedVersionedEvent):
            wrong._es_version = event.originator_version - 1
        CONTINUE(wrong, [event])
        wrong._es_version = version


def continue_surprised(wrong: Wrong, events: Iterable[DomainEvent]) -> None:
    for event in events:
        if wrong.version < 0 and isinstance(event, Noted):
            raise LookupError("not opened")
        CONTINUE(wrong, [event])


# a class body may not: the library keeps this name for itself
CONTINUE_NAME: Final = CONTINUE.__name__
setattr(Careless, CONTINUE_NAME, continue_carelessly)
setattr(Surprised, CONTINUE_NAME, continue_surprised)


WRONG: dict[str, tuple[type[Wrong], str, str]] = {
    "a handler that changes its event": (
        Appending,
        "frozen",
        r"The handler of Noted changed Noted: expected \{\"words\":\[.*found .*\"more\"",
    ),
    "a handler that shares a list with an event": (Sharing, "frozen", "The handler of Noted changed Noted"),
    "a handler that reads the clock": (Late, "pure", r"weight: expected 17\d+\.\d+, found 18\d+\.\d+"),
    "a handler that draws": (Drawing, "pure", r"weight: expected 0\.\d+, found 0\.\d+"),
    "a command that changes the state": (Impatient, "replay", r"weight: expected 0\.0, found 5\.0"),
    "a handler that raises at another time": (Raising, "pure", "it raised RuntimeError: too late"),
    "a state beside the fields": (
        Hiding,
        "snapshot",
        r"Hiding\.hidden: expected all state in fields",
    ),
    "a snapshot that loses something": (
        Forgetting,
        "snapshot",
        r"money: expected Money\(0\), found Money\(0\)",
    ),
    "a state that no snapshot sees": (Tired, "snapshot", "it raised ValueError: it never began"),
    "a history whose versions are not looked at": (Careless, "gap", "without version 0, found that it was"),
    "a history that breaks on a gap in its own way": (Surprised, "gap", "found LookupError: not opened"),
}


@pytest.mark.parametrize(("wrong", "law", "finding"), WRONG.values(), ids=list(WRONG))
def test_what_is_wrong_breaks_its_law(wrong: type[Account], law: str, finding: str) -> None:
    error = broken_by(
        aggregate_laws(
            wrong,
            creations=[creation(wrong.open, st.just("Ada"))],
            commands=[command(wrong.note, st.lists(st.just("a"), max_size=2), st.just(0.0))],
            settings=CALM,
        )
    )

    assert (error.law, error.entity) == (law, wrong.__name__)
    assert str(error).startswith(f"{wrong.__name__} breaks the law {law!r}, {LAWS[law]}: ")
    with pytest.raises(AssertionError, match=finding):
        raise error


class UncheckedMapper(EventMapper[Contract]):
    """Looks at no hash of a row."""

    @override
    def events(self, records: Iterable[Record], head: bytes = b"", /) -> Iterator[TimestampedVersionedEvent]:
        for record in records:
            yield self._event(record, (head, record.event_hash))
            head = record.event_hash


class Unchecked(EventSourcedRepository[Contract]):
    """Looks at no hash of a row."""

    def __init__(self, aggregate_class: type[Contract], store: MemoryStore, /) -> None:
        super().__init__(aggregate_class, store)
        self._mapper = UncheckedMapper(aggregate_class)


class Dropping(EventSourcedRepository[Contract]):
    """Saves all but the last event."""

    @override
    def save(self, entity: Contract, /) -> None:
        rows = self._mapper.records(entity.pending_events)
        self._store.append(Append(rows[:-1], None))


class Rewriting(EventSourcedRepository[Contract]):
    """Saves something else than was signed."""

    @override
    def save(self, entity: Contract, /) -> None:
        rows = self._mapper.records(entity.pending_events)
        self._store.append(Append([row._replace(data=b'{"text":"x"}') for row in rows], None))


class Shortening(EventSourcedRepository[Contract]):
    """Loads what was there at first."""

    @override
    def __getitem__(self, originator_id: UUID, /) -> Contract:
        return self.get_entity(originator_id, at=0)


Repository: TypeAlias = Callable[[type[Contract], MemoryStore], EventSourcedRepository[Contract]]
FAULTY: dict[str, tuple[Repository, str, str]] = {
    "hashes that are not looked at": (Unchecked, "chain", "in version 0, found that it was loaded"),
    "a last event that is not saved": (Dropping, "store", "it was saved, and is not found"),
    "rows that are not what was signed": (Rewriting, "store", "it was saved, and cannot be loaded: Record 0"),
    "an earlier version that is loaded": (Shortening, "store", "_es_version: expected 1, found 0"),
}


@pytest.mark.parametrize(("repository", "law", "finding"), FAULTY.values(), ids=list(FAULTY))
def test_a_repository_that_is_wrong_breaks_its_law(repository: Repository, law: str, finding: str) -> None:
    error = broken_by(
        aggregate_laws(Contract, creations=[DRAFT], commands=[SIGN], repository=repository, settings=CALM)
    )

    assert error.law == law
    assert finding in str(error)


def test_a_gap_that_is_read_to_its_end_is_found_though_the_aggregate_is_discarded() -> None:
    careless = Careless.open("Ada")
    careless.note([], 0.0)
    careless.discard()

    with pytest.raises(LawError, match="a history without version 0, found that it was loaded"):
        History(Careless).check(careless)


def test_every_law_is_broken_by_something_here() -> None:
    broken = {"coding", *(law for _, law, _ in WRONG.values()), *(law for _, law, _ in FAULTY.values())}

    assert broken == set(LAWS)


# --- how it is used --------------------------------------------------------------------------------


def test_an_error_that_was_not_declared_is_the_failure_and_says_how_to_declare_it() -> None:
    note = command(Account.note, st.just(["a"] * 4), st.just(0.0))
    case = aggregate_laws(Account, creations=[OPEN], commands=[note], settings=CALM)

    with pytest.raises(ValueError, match="too many words") as caught:
        case("test_laws").debug()

    notes = "\n".join(caught.value.__notes__)
    assert "If the domain may refuse so, declare it: raises=ValueError" in notes
    assert "state.note(weight=0.0, words=['a', 'a', 'a', 'a'])" in notes


def test_a_history_that_was_saved_cannot_be_checked() -> None:
    account = Account.open("Ada")
    account.collect_events()

    with pytest.raises(ModelError, match="expected 1 pending events, found 0"):
        History(Account).check(account)


def test_what_creates_nothing_is_refused() -> None:
    with pytest.raises(ModelError, match="Account: expected what creates one, found nothing"):
        aggregate_laws(Account, creations=[], commands=[])


def test_what_creates_something_else_is_refused() -> None:
    case = aggregate_laws(Account, creations=[creation(anything)], commands=[], settings=CALM)

    with pytest.raises(ModelError, match="expected a Account, found 5"):
        case("test_laws").debug()


def anything() -> Account:
    found: Account = getattr(BOX, "found")  # noqa: B009  # because its type is hidden from the checker
    return found


class BOX:
    found = 5


def test_what_is_no_aggregate_is_refused() -> None:
    with pytest.raises(ModelError, match="BOX: expected an aggregate"):
        History(getattr(sys.modules[__name__], "BOX"))  # noqa: B009  # because its type is hidden from the checker


class Raw:
    pass


@define
class Opaque(AggregateRoot[Opened]):
    raw: Raw = field(factory=Raw, eq=False)
    opened = ignores(Opened)
    apply = opened.exhaustive


def open_opaque() -> Opaque:
    return Opaque.create(Opened, owner="Ada")


def test_a_state_that_no_snapshot_carries_is_named_unless_there_are_to_be_none() -> None:
    with pytest.raises(UnsupportedTypeError, match=r"Opaque\.raw"):
        aggregate_laws(Opaque, creations=[creation(open_opaque)], commands=[])

    aggregate_laws(Opaque, creations=[creation(open_opaque)], commands=[], snapshots=False, settings=CALM)(
        "test_laws"
    ).debug()


def test_the_case_has_the_name_of_the_aggregate() -> None:
    assert (TestAccount.__name__, TestAccount.__module__) == ("AccountLaws", Account.__module__)


def test_a_law_error_can_be_sent_to_another_process() -> None:
    error = LawError("gap", "Account", "something")

    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301  # because it is ours


def test_the_laws_of_the_guide_are_the_laws() -> None:
    root = next(each for each in Path(__file__).parents if (each / "README.md").is_file())
    text = (root / "docs" / "testing.md").read_text(encoding="utf-8").partition("## Laws")[2]
    rows = re.findall(r"^\| (\w+) \| ([^|]+) \|", text, re.MULTILINE)
    assert dict(rows[1:]) == dict(LAWS)
