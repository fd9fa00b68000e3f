"""``super()`` in handlers, attributes and retried methods of slotted classes."""

# pyright: reportUnnecessaryTypeIgnoreComment=false
# mypy alone needs the comments

from __future__ import annotations

from typing import Self

from attrs import define, frozen
from typing_extensions import override

from esmodel import AggregateEvent, AggregateRoot, applies, attribute, ignores, retry


@frozen
class Opened(AggregateEvent):
    pass


@frozen
class Noted(AggregateEvent):
    text: str


@define
class Base(AggregateRoot[Opened | Noted]):
    notes: int = 0
    _limit: int = 5

    def note(self) -> None:
        self.notes += 1

    def read_limit(self) -> int:
        return self._limit

    @classmethod
    def named(cls) -> str:
        return cls.__qualname__

    @applies
    def opened(self, event: Opened) -> None:
        self.note()


@define
class Account(Base):
    @override
    def note(self) -> None:
        self.notes += 10

    @applies
    def noted(self: Account, event: Noted) -> None:
        super().note()
        self.notes += 100

    @attribute
    def limit(self) -> int:
        return super().read_limit()

    @retry(ValueError, attempts=2, wait=0.0)
    def note_twice(self) -> None:
        super().note()
        super().note()

    @classmethod
    @retry(ValueError, attempts=2, wait=0.0)
    def also_named(cls) -> str:
        return super().named()

    @property
    def twice(self) -> int:
        return super().read_limit() * 2

    apply = (noted | Base.opened).exhaustive


@define
class Child(Account):
    @override
    def note(self) -> None:
        super().note()
        self.notes += 1

    @classmethod
    def open(cls) -> Self:
        return cls.create(Opened)


def test_super_works_in_a_handler() -> None:
    account = Account.create(Opened)
    assert account.notes == 10
    account.trigger(Noted, text="x")
    assert account.notes == 111


def test_super_works_in_an_attribute_and_a_property() -> None:
    account = Account.create(Opened)
    account.limit = 7
    assert (account.limit, account.twice) == (7, 14)


def test_super_works_in_a_retried_method_and_class_method() -> None:
    account = Account.create(Opened)
    account.note_twice()
    assert (account.notes, Account.also_named()) == (12, "Account")


def test_super_works_in_the_handlers_of_a_base_of_a_class_that_attrs_makes_anew() -> None:
    child = Child.open()
    assert child.notes == 11
    child.trigger(Noted, text="x")
    assert child.notes == 112


def test_a_concrete_aggregate_that_others_subclass_works_under_define() -> None:
    @define
    class Plain(AggregateRoot[Opened]):
        is_open: bool = False

        @applies
        def opened(self, event: Opened) -> None:
            self.is_open = True

        apply = opened.exhaustive

    @define
    class Special(Plain):
        rate: int = 3

    @define(slots=False)
    class Loose(Plain):
        rate: int = 3

    assert Loose.create(Opened).is_open

    special = Special.create(Opened)
    assert (special.is_open, special.rate) == (True, 3)


def test_a_subclass_joins_the_registry_of_its_base_to_its_own_handlers() -> None:
    @frozen
    class Renamed(Noted):
        pass

    @define
    class Plain(AggregateRoot[Opened | Noted]):
        title: str = ""

        @applies
        def noted(self, event: Noted) -> None:
            self.title = event.text

        apply = (noted | ignores(Opened)).exhaustive

    @define
    class Special(Plain):
        renames: int = 0

        @applies
        def renamed(self, event: Renamed) -> None:
            self.renames += 1

        apply = (Plain.apply | renamed).exhaustive

    special = Special.create(Opened)
    special.trigger(Noted, text="one")
    special.trigger(Renamed, text="two")
    assert (special.title, special.renames) == ("one", 1)
    assert Special.replay(special.pending_events) == special
