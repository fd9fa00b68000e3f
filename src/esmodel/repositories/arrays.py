"""Repositories of arrays and big arrays over a record store."""

from __future__ import annotations

from functools import cached_property
from typing import Generic, Never, TypeVar
from uuid import UUID

from typing_extensions import TypeForm, override

from esmodel.codec.codec import DEFAULT_CODEC, Codec
from esmodel.ids import checked_id
from esmodel.model.versioning import Upcaster
from esmodel.repositories.sequences import EventSourcedSequences
from esmodel.rows.protocols import RecordStore
from esmodel.structures.array import Array
from esmodel.structures.bigarray import BigArray
from esmodel.structures.layout import ARRAY_SIZE, checked_size

T = TypeVar("T")


class EventSourcedArrayRepository(Generic[T]):
    """Opens the arrays of one type of items, stored as one row per item.

    Example:
        >>> from uuid import UUID
        >>> from esmodel.stores.memory import MemoryStore
        >>> arrays = EventSourcedArrayRepository(int | None, MemoryStore(), array_size=10)
        >>> arrays[UUID(int=1)].append(None)
        0
        >>> arrays[UUID(int=1)][:]
        [None]
    """

    __slots__ = ("_array_size", "_items", "_store")

    def __init__(  # noqa: PLR0913  # because these settings are independent
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
            item_type: a class, or any type that the codec can carry, such as ``Card | Cash``.
            store: the store for the rows.
            array_size: the number of positions in a stream. It may grow later for an array, which is
                one stream. It must never change for a big array.
            event_name: the stored name of the rows of items.
            codec: the codec for the items.
            upcaster: the steps from the oldest shape of an item, as JSON, to the current one.

        Raises:
            ModelError: if the size is not a positive integer.
            UnsupportedTypeError: if the codec cannot carry the type.
        """
        self._array_size = checked_size(array_size)
        self._items = EventSourcedSequences(
            item_type, store, event_name=event_name, codec=codec, upcaster=upcaster
        )
        self._store = store

    @property
    def array_size(self) -> int:
        """The number of positions in a stream."""
        return self._array_size

    def __getitem__(self, array_id: UUID, /) -> Array[T]:
        """Return the array of an id, which may be empty. Nothing is read."""
        return Array(checked_id(array_id, "Array"), self._items, self._array_size)


class EventSourcedBigArrayRepository(EventSourcedArrayRepository[T]):
    """Opens the big arrays of one type of items, stored as one row per item and per link of the tree.

    It takes the same arguments as ``EventSourcedArrayRepository``. The rows of links are named
    ``ArrayLinked``.

    Example:
        >>> from uuid import UUID
        >>> from esmodel.stores.memory import MemoryStore
        >>> arrays = EventSourcedBigArrayRepository(str, MemoryStore())
        >>> arrays[UUID(int=1)].append("first")
        0
        >>> arrays[UUID(int=1)][0]
        'first'
    """

    @override
    def __getitem__(self, array_id: UUID, /) -> BigArray[T]:
        """Return the big array of an id, which may be empty. Nothing is read."""
        return BigArray(checked_id(array_id, "BigArray"), self._items, self._links, self._array_size)

    @cached_property
    def _links(self) -> EventSourcedSequences[UUID]:
        return EventSourcedSequences(UUID, self._store, event_name="ArrayLinked")
