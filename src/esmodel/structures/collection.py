"""Collections: event-sourced sets."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from enum import Enum
from typing import Any, Generic, Never, Protocol, Self, TypeAlias, TypeVar
from uuid import UUID

import attrs
from attrs import define, field, frozen
from typing_extensions import override

from esmodel.codec.codec import Codec
from esmodel.codec.containers import is_iterable
from esmodel.codec.fields import fields_of
from esmodel.exceptions import CollectionItemError, StoredDataError
from esmodel.ids import new_id
from esmodel.model.aggregate import AggregateRoot
from esmodel.model.apply import Exhaustive, Ignored, applies, ignores
from esmodel.model.events import AggregateEvent
from esmodel.model.markers import CreatedEvent, ItemEvent
from esmodel.model.repository import EntityRepository
from esmodel.model.versioning import Upcaster, refuse_wrong_upcaster

T = TypeVar("T", bound=Hashable)
TCollection_co = TypeVar("TCollection_co", covariant=True)


@frozen
class CollectionCreated(AggregateEvent, CreatedEvent, name="Collection.Created"):
    """A collection was created.

    Example:
        >>> @define
        ... class Names(Collection[str]):
        ...     pass
        >>> type(Names.register().pending_events[0]).__name__
        'CollectionCreated'
    """


@frozen
class ItemAdded(AggregateEvent, ItemEvent, Generic[T], name="Collection.ItemAdded"):
    """An item was added to a collection.

    Attributes:
        item: the item.

    Example:
        >>> @define
        ... class Names(Collection[str]):
        ...     pass
        >>> names = Names.register()
        >>> names.add_item("Ada")
        >>> names.pending_events[-1].item
        'Ada'
    """

    item: T


@frozen
class ItemRemoved(AggregateEvent, ItemEvent, Generic[T], name="Collection.ItemRemoved"):
    """An item was removed from a collection.

    Attributes:
        item: the item.

    Example:
        >>> @define
        ... class Names(Collection[str]):
        ...     pass
        >>> names = Names.register()
        >>> names.add_item("Ada")
        >>> names.remove_item("Ada")
        >>> names.pending_events[-1].item
        'Ada'
    """

    item: T


CollectionEvent: TypeAlias = CollectionCreated | ItemAdded[T] | ItemRemoved[T]
"""The events of a collection of ``T``."""


@define(auto_attribs=False)  # only `field()` makes a field: `created` and `apply` are not fields
class Collection(AggregateRoot[CollectionEvent[T]], Generic[T]):
    """An event-sourced set of hashable items.

    It is an aggregate with one event per change, which ``EventSourcedRepository(Collection[str], store)``
    loads and saves as a whole, with snapshots if it gets long. As in a set, each item is in it once, and
    equal items are the same item. For a sequence that is too long to load as a whole, use ``BigArray``.
    If the items have events of their own, make them aggregates.

    Cost: loading reads a row for each change that was ever made, or since the last snapshot. Saving
    writes a row for each change, in one append. All other methods read and write nothing.

    Class keywords:
        item_upcaster: the chain of steps from the oldest shape of an item to today's; inherited.

    Example:
        >>> from esmodel.stores.memory import MemoryStore
        >>> tags = Collection[str].register()
        >>> tags.add_item("red")
        >>> tags.add_item("green")
        >>> tags.remove_item("red")
        >>> collections = EventSourcedRepository(Collection[str], MemoryStore())
        >>> collections.save(tags)
        >>> collections[tags.id].items
        frozenset({'green'})
    """

    _items: set[T] = field(factory=set[T])

    @override
    def __init_subclass__(
        cls,
        *,
        codec: Codec | None = None,
        snapshot_upcaster: Upcaster[Never, object] | None = None,
        item_upcaster: Upcaster[Never, object] | None = None,
        **unknown: Never,
    ) -> None:
        """Keep the upcaster of the items.

        Raises:
            ModelError: if it is not an ``Upcaster``; see ``DomainEntity`` for other mistakes.
        """
        super().__init_subclass__(codec=codec, snapshot_upcaster=snapshot_upcaster, **unknown)
        refuse_wrong_upcaster(cls.__qualname__, "item_upcaster", item_upcaster)
        if item_upcaster is not None:
            cls._es_item_upcaster = item_upcaster

    @classmethod
    def register(cls, collection_id: UUID | None = None, /) -> Self:
        """Create an empty collection. It is not stored until it is saved.

        Args:
            collection_id: the id; by default, a random one.
        """
        return cls.create_with_id(new_id() if collection_id is None else collection_id, CollectionCreated)

    @property
    def items(self) -> frozenset[T]:
        """A copy of the items, made in time proportional to their number."""
        return frozenset(self._items)

    def __iter__(self) -> Iterator[T]:
        """Yield a copy of the items, in no particular order."""
        return iter(tuple(self._items))

    def __contains__(self, item: object, /) -> bool:
        """Whether an item is in the collection. An item that is not hashable is not."""
        try:
            hash(item)  # without this, a set would be looked up as a frozenset
        except TypeError:
            return False
        return item in self._items

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self._items)

    def add_item(self, item: T, /) -> None:
        """Add an item. Nothing is triggered if the collection has it already.

        Raises:
            EntityIsDiscarded: if the collection was discarded.
            CollectionItemError: if the item is not hashable, or would not be equal to itself after it
                was stored and loaded, such as ``nan``.
        """
        self._es_refuse_if_closed()
        if not self._has(item):
            if not _is_value(item):
                finding = "expected an item that is equal to a copy of itself"
                raise CollectionItemError(self.id, item, finding)
            self.trigger(ItemAdded[T], item=item)

    def remove_item(self, item: T, /) -> None:
        """Remove an item.

        Raises:
            EntityIsDiscarded: if the collection was discarded.
            CollectionItemError: if the collection does not have the item; a ``KeyError``, as for a set.
        """
        self._es_refuse_if_closed()
        if not self._has(item):
            raise CollectionItemError(self.id, item, "expected an item of the collection")
        self.trigger(ItemRemoved[T], item=item)

    def _has(self, item: T) -> bool:
        try:
            hash(item)
        except TypeError as error:
            raise CollectionItemError(self.id, item, f"expected a hashable item ({error})") from error
        return item in self._items

    # Any, so that the handlers can be joined to those of a subclass
    created: Ignored[CollectionCreated] = ignores(CollectionCreated)

    @applies
    def added(self, event: ItemAdded[T]) -> None:
        """Add the item."""
        self._items.add(event.item)

    @applies
    def removed(self, event: ItemRemoved[T]) -> None:
        """Remove the item."""
        if event.item not in self._items:
            finding = f"expected to remove an item of the collection, found {event.item!r}"
            raise StoredDataError(self.id, event.originator_version, finding)
        self._items.remove(event.item)

    # annotated, because what a package exports has no inferred types
    apply: Exhaustive[Any, CollectionEvent[T]] = (created | added | removed).exhaustive


def _is_value(item: object) -> bool:
    """Whether an item is equal to a copy of itself, with all that it holds."""
    if item is None or isinstance(item, Enum):
        return True
    if issubclass(type(item), (tuple, frozenset)) and is_iterable(item):
        return all(map(_is_value, item))
    if attrs.has(type(item)) and not all(
        _is_value(getattr(item, each.name)) for each in fields_of(type(item)) if each.eq
    ):
        return False
    return type(item).__eq__ is not object.__eq__ and item == item  # noqa: PLR0124  # because of nan


class CollectionRepository(EntityRepository[Collection[T]], Protocol[T]):
    """Keeps collections of one type of items.

    Laws: those of ``EntityRepository``. ``EventSourcedRepository(Collection[T], store)`` is one.
    """


class _Registers(Protocol[TCollection_co]):
    def register(self, collection_id: UUID | None = None, /) -> TCollection_co: ...


def register_new_collection(
    collection_class: _Registers[TCollection_co], collection_id: UUID | None = None, /
) -> TCollection_co:
    """Return a new collection of a class; the same as ``collection_class.register``.

    Example:
        >>> len(register_new_collection(Collection[int]))
        0
    """
    return collection_class.register(collection_id)
