"""Collections: a set of items that lives in events."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from enum import Enum
from typing import Generic, Protocol, Self, TypeAlias, TypeVar
from uuid import UUID

import attrs
from attrs import define, field, frozen

from esmodel.codec.containers import is_iterable
from esmodel.codec.fields import fields_of
from esmodel.exceptions import CollectionItemError, StoredDataError
from esmodel.ids import new_id
from esmodel.model.aggregate import AggregateRoot
from esmodel.model.apply import applies, ignores
from esmodel.model.events import AggregateEvent, CreatedEvent
from esmodel.model.repository import EntityRepository

T = TypeVar("T", bound=Hashable)
TCollection_co = TypeVar("TCollection_co", covariant=True)


@frozen
class CollectionCreated(AggregateEvent, CreatedEvent, name="Collection.Created"):
    """The first event of a collection."""


@frozen
class ItemAdded(AggregateEvent, Generic[T], name="Collection.ItemAdded"):
    """The event of ``Collection.add_item``.

    Attributes:
        item: what was added.
    """

    item: T


@frozen
class ItemRemoved(AggregateEvent, Generic[T], name="Collection.ItemRemoved"):
    """The event of ``Collection.remove_item``.

    Attributes:
        item: what was removed.
    """

    item: T


CollectionEvent: TypeAlias = CollectionCreated | ItemAdded[T] | ItemRemoved[T]
"""What can happen to a collection of ``T``."""


@define(auto_attribs=False)  # what is annotated and no field() is no field
class Collection(AggregateRoot[CollectionEvent[T]], Generic[T]):
    """A set of items, each hashable, that lives in events.

    It is loaded and saved as a whole, one event for each change: ``EventSourcedRepository(
    Collection[str], store)`` keeps it, with snapshots where it is long. What the set's own rules
    say holds: an item is in it once, and equal items are one. For a sequence that must never be
    loaded as a whole there is ``BigArray``; what has events of its own is an aggregate of its own.

    Cost: loading reads a row for each change that was ever made, or since the last snapshot; saving
    writes a row for each change, in one append. All else reads and writes none.

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

    @classmethod
    def register(cls, collection_id: UUID | None = None, /) -> Self:
        """Return a new collection, which is empty; save it to keep it.

        Args:
            collection_id: the id; by default a random one.
        """
        return cls.create_with_id(new_id() if collection_id is None else collection_id, CollectionCreated)

    @property
    def items(self) -> frozenset[T]:
        """The items as they are now; a copy, which takes time in proportion to them."""
        return frozenset(self._items)

    def __iter__(self) -> Iterator[T]:
        """Yield the items as they are now, in no order."""
        return iter(tuple(self._items))

    def __contains__(self, item: object, /) -> bool:
        """Whether an item is in the collection; what is not hashable is not."""
        try:
            hash(item)  # a set takes a set for a frozen one, and does not complain
        except TypeError:
            return False
        return item in self._items

    def __len__(self) -> int:
        """How many items there are."""
        return len(self._items)

    def add_item(self, item: T, /) -> None:
        """Add an item; one that is there already changes nothing, and no event is triggered.

        Raises:
            EntityIsDiscarded: if the collection was discarded.
            CollectionItemError: if the item cannot be in a set, or would not be equal to itself when
                it comes back from a store, as ``nan``.
        """
        self._es_refuse_if_discarded()
        if not self._has(item):
            if not _is_value(item):
                finding = "is not equal to a copy of itself, so that it could not be found again"
                raise CollectionItemError(self.id, item, finding)
            self.trigger(ItemAdded[T], item=item)

    def remove_item(self, item: T, /) -> None:
        """Remove an item.

        Raises:
            EntityIsDiscarded: if the collection was discarded.
            CollectionItemError: if the item is not there; a ``KeyError``, as that of a set.
        """
        self._es_refuse_if_discarded()
        if not self._has(item):
            raise CollectionItemError(self.id, item, "is not in it, so that it cannot be removed")
        self.trigger(ItemRemoved[T], item=item)

    def _has(self, item: T) -> bool:
        try:
            hash(item)
        except TypeError as error:
            raise CollectionItemError(self.id, item, f"cannot be in a set: {error}") from error
        return item in self._items

    # Any, so that the handlers can be joined to those of a subclass
    created = ignores(CollectionCreated)

    @applies
    def added(self, event: ItemAdded[T]) -> None:
        """Add the item."""
        self._items.add(event.item)

    @applies
    def removed(self, event: ItemRemoved[T]) -> None:
        """Remove the item."""
        if event.item not in self._items:
            finding = f"removes {event.item!r}, which is not in the collection"
            raise StoredDataError(self.id, event.originator_version, finding)
        self._items.remove(event.item)

    apply = (created | added | removed).exhaustive


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
