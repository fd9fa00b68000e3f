"""Every error of esmodel, ordered by what the caller should do.

::

    EsmodelError
    ├── ModelError (also TypeError)         fix the model
    │   ├── ApplyError                      a registry lacks, repeats or mixes handlers
    │   ├── UnsetFieldError                 a handler left a field without a value
    │   └── UnsupportedTypeError            the codec cannot carry a type
    ├── EntityIsDiscarded                   tell the user
    ├── RepositoryKeyError (also KeyError)  tell the user
    ├── ConcurrencyError                    reload and retry
    │   └── PositionTakenError              take another position, or append
    ├── CollectionItemError (also KeyError) fix the item that was given
    ├── ArrayIndexError (also IndexError)   fix the index that was given
    ├── PayloadError (also ValueError)      fix the value that was given
    ├── IntegrityError                      stop and look at the data
    │   ├── OriginatorIDError
    │   ├── OriginatorVersionError
    │   ├── EventHashError
    │   ├── HeadHashError
    │   ├── UnknownEventError
    │   ├── ClassVersionError
    │   └── StoredDataError
    ├── EventHandlersNotEmptyError          unsubscribe what is left
    └── StoreError                          wait for the engine, or mend it
        ├── OutcomeUnknownError             ask whether it was stored
        ├── StoreClosedError
        └── StoreFormatError
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

if TYPE_CHECKING:
    from uuid import UUID


class EsmodelError(Exception):
    """The root of all errors of this package.

    Handling: catch one of the errors below it instead.
    """


class ModelError(EsmodelError, TypeError):
    """A class of the model is written wrongly.

    Handling: fix the model; the sentence says what to write.
    """


class ApplyError(ModelError):
    """An apply registry lacks a handler, repeats one or takes one of another class.

    Handling: fix the model; the sentence says what to write.
    """


class UnsetFieldError(ModelError):
    """A field without a default has no value after the first event.

    Handling: set the field in the handler that the sentence names, or give it a default.
    """


class UnsupportedTypeError(ModelError):
    """The codec cannot carry the type of a field.

    Handling: use a type that it carries, or give the codec a hook for this one.
    """


class EntityIsDiscarded(EsmodelError):  # noqa: N818  # because this is the field's name for it
    """The entity was discarded and takes no more events.

    Handling: tell the user that it is gone.
    """

    def __init__(self, entity: str, originator_id: UUID, /) -> None:
        """Keep the class name of the entity and its id."""
        super().__init__(entity, originator_id)
        self.entity = entity
        self.originator_id = originator_id

    @override
    def __str__(self) -> str:
        return f"{self.entity} {self.originator_id} is discarded and takes no more events."


class RepositoryKeyError(EsmodelError, KeyError):
    """A repository holds no entity with this id: it is absent or discarded.

    Handling: tell the user.
    """

    def __init__(self, entity: str, originator_id: UUID, /) -> None:
        """Keep the class name of the entity and the id that was asked for."""
        super().__init__(entity, originator_id)
        self.entity = entity
        self.originator_id = originator_id

    @override
    def __str__(self) -> str:
        return f"No {self.entity} with the id {self.originator_id}: it is absent or discarded."


class ConcurrencyError(EsmodelError):
    """Somebody else appended to the stream first; nothing was stored.

    Handling: load the aggregate again and repeat the command (see ``retry``).

    Attributes:
        originator_id: the stream.
        expected: the last position that the writer knew, -1 for a new stream.
        found: the last position that the store holds, -1 for an empty stream.
    """

    def __init__(self, originator_id: UUID, expected: int, found: int, /) -> None:
        """Keep the stream and both positions."""
        super().__init__(originator_id, expected, found)
        self.originator_id = originator_id
        self.expected = expected
        self.found = found

    @override
    def __str__(self) -> str:
        return (
            f"Stream {self.originator_id}: expected version {self.expected}, "
            f"found {self.found}. Load it again and repeat the command."
        )


class PositionTakenError(ConcurrencyError):
    """A position of an array holds an item already; nothing was stored.

    Handling: assign to another position, or append.
    """

    @override
    def __str__(self) -> str:
        position = shown(self.expected + 1)
        return (
            f"Array {self.originator_id}: position {position} is taken, and an item is assigned once. "
            f"Assign to another position, or append."
        )

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class CollectionItemError(EsmodelError, KeyError):
    """An item cannot be added to a collection, or removed from it; nothing was triggered.

    Handling: fix the item that was given; ``item in collection`` tells what is there.
    """

    def __init__(self, originator_id: UUID, item: object, finding: str, /) -> None:
        """Keep the collection, the item and what is wrong with it."""
        super().__init__(originator_id, item, finding)
        self.originator_id = originator_id
        self.item = item
        self.finding = finding

    @override
    def __str__(self) -> str:
        return f"Collection {self.originator_id}: {self.item!r} {self.finding}."


class ArrayIndexError(EsmodelError, IndexError):
    """An array has no item at an index, or no such index.

    Handling: fix the index that was given.
    """

    def __init__(self, array_id: UUID, index: int, finding: str, /) -> None:
        """Keep the array, the index and what is wrong with it."""
        super().__init__(array_id, index, finding)
        self.array_id = array_id
        self.index = index
        self.finding = finding

    @override
    def __str__(self) -> str:
        return f"Array {self.array_id}: index {shown(self.index)}: {self.finding}."

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


def shown(number: int, /) -> str:
    """Return a number as text; one too long to read, or for Python to write, by its size."""
    bits = number.bit_length()
    return str(number) if bits <= _LEGIBLE else f"{'-' if number < 0 else ''}2**{bits - 1} or more"


_LEGIBLE = 256


class PayloadError(EsmodelError, ValueError):
    """A value cannot be written in the stored form.

    Handling: fix the value; nothing was stored.
    """


class IntegrityError(EsmodelError):
    """Events or stored rows do not fit together.

    Handling: stop, and look at the data at the place that is named.

    Attributes:
        originator_id: the stream.
        position: the version or position of the event at fault.
        finding: what was expected there and what was found.
    """

    def __init__(self, originator_id: UUID, position: int, finding: str, /) -> None:
        """Keep the place and the finding."""
        super().__init__(originator_id, position, finding)
        self.originator_id = originator_id
        self.position = position
        self.finding = finding

    @override
    def __str__(self) -> str:
        return f"Record {self.position} of stream {self.originator_id}: {self.finding}"


class OriginatorIDError(IntegrityError):
    """An event belongs to another entity.

    Handling: stop, and look at where the event came from.
    """


class OriginatorVersionError(IntegrityError):
    """An event does not follow the one before it.

    Handling: stop, and look for the event that is missing or repeated.
    """


class EventHashError(IntegrityError):
    """An event is not what was signed.

    Handling: stop; the row that is named was changed.
    """


class HeadHashError(IntegrityError):
    """An event does not continue the hash chain, or the chain ends too soon.

    Handling: stop; rows were removed, added or reordered.
    """


class UnknownEventError(IntegrityError):
    """A stored name belongs to no event class of the registry at hand.

    Handling: add the event class, or the old name to the ``aliases`` of the one that has it now.
    """


class ClassVersionError(IntegrityError):
    """A row was written by a newer version of the event class.

    Handling: deploy the newer code.
    """


class StoredDataError(IntegrityError):
    """The stored bytes do not have the shape of the event class.

    Handling: add an upcaster step from the old shape, or mend the row.
    """


class EventHandlersNotEmptyError(EsmodelError):
    """An event bus still has subscribers.

    Handling: unsubscribe those that the sentence names.
    """


class StoreError(EsmodelError):
    """The engine behind a store failed.

    Handling: wait for the engine or mend it; what was acknowledged is kept.
    """


class OutcomeUnknownError(StoreError):
    """The engine was lost while it committed an append: the rows are stored, all of them, or none.

    Handling: ask the store, ``store.was_appended(error.append_id)``; a repository has asked already,
    and could not reach it.

    Attributes:
        append_id: the append.
    """

    def __init__(self, append_id: UUID, finding: str, /) -> None:
        """Keep the append and what was found."""
        super().__init__(append_id, finding)
        self.append_id = append_id
        self.finding = finding

    @override
    def __str__(self) -> str:
        return (
            f"Append {self.append_id}: expected to hear whether it was committed, found: {self.finding}. "
            f"Ask store.was_appended(append_id) before you repeat it."
        )


class StoreClosedError(StoreError):
    """The store was closed.

    Handling: use it inside its ``with`` block, or open a new one.
    """


class StoreFormatError(StoreError):
    """The file has a format that this version does not read.

    Handling: upgrade esmodel, or name the right file.
    """
