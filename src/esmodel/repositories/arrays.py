"""Repositories of arrays over a record store."""

from __future__ import annotations

from typing import Generic, Never, TypeVar
from uuid import UUID

from typing_extensions import TypeForm

from esmodel.codec.codec import DEFAULT_CODEC, Codec
from esmodel.model.versioning import Upcaster
from esmodel.repositories.sequences import EventSourcedSequences
from esmodel.rows.protocols import RecordStore
from esmodel.structures.array import ARRAY_SIZE, Array, BigArray, checked_size

T = TypeVar("T")


class EventSourcedArrayRepository(Generic[T]):
    """Arrays of one type of items, kept as a row for each item.

    Example:
        >>> from uuid import UUID
        >>> from esmodel.stores.memory import MemoryStore
        >>> arrays = EventSourcedArrayRepository(int | None, MemoryStore(), array_size=10)
        >>> arrays[UUID(int=1)].append(None)
        0
        >>> arrays[UUID(int=1)][:]
        [None]
    """

    __slots__ = ("_array_size", "_items")

    def __init__(  # noqa: PLR0913  # because these are settings that do not depend on each other
        self,
        item_type: TypeForm[T],
        store: RecordStore,
        /,
        *,
        array_size: int = ARRAY_SIZE,
        event_name: str = "ItemAssigned",
        codec: Codec = DEFAULT_CODEC,
        upcaster: Upcaster[Never, object] | None = None,
    ) -> None:
        """Take the type of the items and the store.

        Args:
            item_type: a class, or any type that the codec carries, as ``Card | Cash``.
            store: where the rows are kept.
            array_size: how many items an array holds at most.
            event_name: the stored name of the rows.
            codec: what carries the items.
            upcaster: the steps from the oldest shape of an item, as JSON, to today's.

        Raises:
            ModelError: if the size is no whole number from 1.
            UnsupportedTypeError: if the type cannot be carried.
        """
        self._array_size = checked_size(array_size)
        self._items = EventSourcedSequences(
            item_type, store, event_name=event_name, codec=codec, upcaster=upcaster
        )

    @property
    def array_size(self) -> int:
        """How many items an array holds at most."""
        return self._array_size

    def __getitem__(self, array_id: UUID, /) -> Array[T]:
        """Return the array of an id, which may be empty; nothing is read."""
        return Array(array_id, self._items, self._array_size)


class EventSourcedBigArrayRepository(Generic[T]):
    """Big arrays of one type of items, kept as a row for each item and each link of the tree.

    Example:
        >>> from uuid import UUID
        >>> from esmodel.stores.memory import MemoryStore
        >>> arrays = EventSourcedBigArrayRepository(str, MemoryStore())
        >>> arrays[UUID(int=1)].append("first")
        0
        >>> arrays[UUID(int=1)][0]
        'first'
    """

    __slots__ = ("_array_size", "_items", "_links")

    def __init__(  # noqa: PLR0913  # because these are settings that do not depend on each other
        self,
        item_type: TypeForm[T],
        store: RecordStore,
        /,
        *,
        array_size: int = ARRAY_SIZE,
        event_name: str = "ItemAssigned",
        codec: Codec = DEFAULT_CODEC,
        upcaster: Upcaster[Never, object] | None = None,
    ) -> None:
        """Take the type of the items and the store.

        Args:
            item_type: a class, or any type that the codec carries, as ``Card | Cash``.
            store: where the rows are kept.
            array_size: how many items, or ids of arrays, one stream holds at most. It must stay
                what it was when an array was first written; another one is refused.
            event_name: the stored name of the rows of items; those of links are ``ArrayLinked``.
            codec: what carries the items.
            upcaster: the steps from the oldest shape of an item, as JSON, to today's.

        Raises:
            ModelError: if the size is no whole number from 1.
            UnsupportedTypeError: if the type cannot be carried.
        """
        self._array_size = checked_size(array_size)
        self._items = EventSourcedSequences(
            item_type, store, event_name=event_name, codec=codec, upcaster=upcaster
        )
        self._links = EventSourcedSequences(UUID, store, event_name="ArrayLinked")

    @property
    def array_size(self) -> int:
        """How many items, or ids of arrays, one stream holds at most."""
        return self._array_size

    def __getitem__(self, array_id: UUID, /) -> BigArray[T]:
        """Return the big array of an id, which may be empty; nothing is read."""
        return BigArray(array_id, self._items, self._links, self._array_size)
