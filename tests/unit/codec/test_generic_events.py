"""Generic events of chains, attributes and archives, with the types that they were given."""

# A class that applies one more event overrides `apply` with another type. That is safe, because nobody
# assigns to it again, and `mypy --strict` allows it.
# mypy: disable-error-code="mutable-override"

from __future__ import annotations

from typing import (
    Final,
    Generic,
)
from uuid import UUID

from attrs import define, frozen
from generic_classes import Pair, T

from esmodel import (
    AggregateEvent,
    AggregateRoot,
    EventSourcedRepository,
    HashchainedAggregateRoot,
    HashchainedEvent,
    applies,
    attribute,
    ignores,
)
from esmodel.stores.memory import MemoryStore

STREAM: Final = UUID(int=14)


@frozen(kw_only=True)
class Kept(AggregateEvent, Generic[T]):
    value: T


@frozen(kw_only=True)
class Sealed(HashchainedEvent, Generic[T]):
    value: T


@define
class Vault(HashchainedAggregateRoot[Sealed[T]], Generic[T]):
    value: T

    @applies
    def sealed(self, event: Sealed[T]) -> None:
        self.value = event.value

    apply = sealed.exhaustive


@define
class NumberVault(Vault[int]):
    """Gives the type argument."""


def test_a_concrete_class_of_a_generic_chain_is_kept() -> None:
    store = MemoryStore()
    vaults = EventSourcedRepository(NumberVault, store, snapshot_every=2, snapshot_key=b"k" * 32)
    vault = NumberVault.create_with_id(STREAM, Sealed[int], value=1)
    vault.trigger(Sealed[int], value=2)
    vault.trigger(Sealed[int], value=3)
    vaults.save(vault)
    assert vaults[STREAM] == vault
    assert vaults.verify(STREAM).events == 3


@define
class Setting(AggregateRoot[Kept[T]], Generic[T]):
    _value: T

    @attribute
    def value(self) -> T:
        return self._value

    @applies
    def kept(self, event: Kept[T]) -> None:
        self._value = event.value

    apply = kept.exhaustive


@define
class NumberSetting(Setting[int]):
    """Gives the type argument."""


def test_an_attribute_of_a_generic_class_has_its_type() -> None:
    settings = EventSourcedRepository(NumberSetting, MemoryStore())
    setting = NumberSetting.create_with_id(STREAM, Kept[int], value=1)
    setting.value = 2
    settings.save(setting)
    assert settings[STREAM].value == 2


@frozen(kw_only=True)
class Retired(AggregateEvent, Generic[T]):
    """An event that is still applied and no longer triggered: it is missing in the union."""

    value: T


@define
class Archive(AggregateRoot[Kept[T]], Generic[T]):
    value: T | None = None

    @applies
    def archived(self, event: Retired[T]) -> None:
        self.value = event.value

    kept = ignores(Kept[T])
    apply = (kept | archived).exhaustive


@define
class NumberArchive(Archive[int]):
    """Gives the type argument."""


@define
class PairArchive(Archive[Pair[T]], Generic[T]):
    """Shares the type variable of its base, with another meaning."""


def test_an_event_that_is_only_applied_has_the_type_of_its_class() -> None:
    archives = EventSourcedRepository(NumberArchive, MemoryStore())
    archive = NumberArchive.create_with_id(STREAM, Retired[int], value=1)  # type: ignore[arg-type]
    archives.save(archive)
    assert archives[STREAM].value == 1


def test_an_event_that_is_only_applied_has_the_meaning_of_its_own_level() -> None:
    archives = EventSourcedRepository(PairArchive[int], MemoryStore())
    archive = PairArchive[int].create_with_id(STREAM, Retired[Pair[int]], value=Pair(1, 2))  # type: ignore[arg-type]
    archives.save(archive)
    assert archives[STREAM].value == Pair(1, 2)
