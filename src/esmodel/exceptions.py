"""Every error of esmodel, ordered by what the caller should do.

::

    EsmodelError
    ├── ModelError (also TypeError)         fix the model
    │   ├── ApplyError                      a registry lacks, repeats or mixes handlers
    │   ├── UnsetFieldError                 a handler did not set a field
    │   └── UnsupportedTypeError            the codec cannot carry a type
    ├── EntityIsDiscarded                   tell the user
    ├── InvalidEntityError                  load the entity again
    ├── RepositoryKeyError (also KeyError)  tell the user
    ├── ConcurrencyError                    reload and retry
    │   └── PositionTakenError              assign to another position, or append
    ├── CollectionItemError (also KeyError) fix the item
    ├── ArrayIndexError (also IndexError)   fix the index
    ├── PayloadError (also ValueError)      fix the value
    ├── IntegrityError                      stop and inspect the data
    │   ├── OriginatorIDError
    │   ├── OriginatorVersionError
    │   ├── EventHashError
    │   ├── HeadHashError
    │   ├── UnknownEventError
    │   ├── ClassVersionError
    │   ├── StoredDataError
    │   └── SnapshotError
    ├── PublishError                        log it; the events are stored
    ├── EventHandlersNotEmptyError          unsubscribe the handlers that are left
    └── StoreError                          wait for the engine, or repair it
        ├── OutcomeUnknownError             ask whether the append was stored
        ├── StoreClosedError
        └── StoreFormatError
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from typing_extensions import override

if TYPE_CHECKING:
    from uuid import UUID

__all__ = [
    "ApplyError",
    "ArrayIndexError",
    "ClassVersionError",
    "CollectionItemError",
    "ConcurrencyError",
    "EntityIsDiscarded",
    "EsmodelError",
    "EventHandlersNotEmptyError",
    "EventHashError",
    "HeadHashError",
    "IntegrityError",
    "InvalidEntityError",
    "ModelError",
    "OriginatorIDError",
    "OriginatorVersionError",
    "OutcomeUnknownError",
    "PayloadError",
    "PositionTakenError",
    "PublishError",
    "RepositoryKeyError",
    "SnapshotError",
    "StoreClosedError",
    "StoreError",
    "StoreFormatError",
    "StoredDataError",
    "UnknownEventError",
    "UnsetFieldError",
    "UnsupportedTypeError",
]


class EsmodelError(Exception):
    """The base class of all errors of this package.

    Handling: catch a subclass instead.
    """


class ModelError(EsmodelError, TypeError):
    """A class of the model, or a call, is written incorrectly.

    Handling: fix the code; the message says what to write.
    """


class ApplyError(ModelError):
    """An apply registry lacks a handler, repeats one or has one of another class.

    Handling: fix the model; the message says what to write.
    """


class UnsetFieldError(ModelError):
    """A field without a default has no value after the first event.

    Handling: set the field in the handler that the message names, or give it a default.
    """


class UnsupportedTypeError(ModelError):
    """The codec cannot carry the type of a field.

    Handling: use a type that it can carry, or give the codec a hook for this one.
    """


class EntityIsDiscarded(EsmodelError):  # noqa: N818  # because this is the field's name for it
    """The entity was discarded and takes no more events.

    Handling: tell the user that it no longer exists.

    Attributes:
        entity: the class name of the entity.
        originator_id: its id.
    """

    def __init__(self, entity: str, originator_id: UUID, /) -> None:
        super().__init__(entity, originator_id)
        self.entity = entity
        self.originator_id = originator_id

    @override
    def __str__(self) -> str:
        return f"{self.entity} {self.originator_id} is discarded and takes no more events."


class InvalidEntityError(EsmodelError):
    """The state of the entity can no longer be trusted, so it takes no events and is not saved.

    Its handler raised half-way, or a save was interrupted before it was known whether the events are stored.

    Handling: load it again, and repeat the command.

    Attributes:
        entity: the class name of the entity.
        originator_id: its id.
        finding: what happened to it.
    """

    def __init__(self, entity: str, originator_id: UUID, finding: str, /) -> None:
        super().__init__(entity, originator_id, finding)
        self.entity = entity
        self.originator_id = originator_id
        self.finding = finding

    @override
    def __str__(self) -> str:
        return (
            f"{self.entity} {self.originator_id}: expected an entity whose state is known, found one where "
            f"{self.finding}. Load it again and repeat the command."
        )


class RepositoryKeyError(EsmodelError, KeyError):
    """A repository has no entity with this id: it is absent or discarded.

    Handling: tell the user.

    Attributes:
        entity: the class name of the entity.
        originator_id: the id that was looked up.
    """

    def __init__(self, entity: str, originator_id: UUID, /) -> None:
        super().__init__(entity, originator_id)
        self.entity = entity
        self.originator_id = originator_id

    @override
    def __str__(self) -> str:
        return f"No {self.entity} with the id {self.originator_id}: it is absent or discarded."


class ConcurrencyError(EsmodelError):
    """The stream does not end where the writer expects; nothing was stored.

    Mostly another writer appended first, and ``found`` is higher. If ``found`` is lower, rows between are
    missing: events were collected and never stored, or are in another store.

    Handling: load the aggregate again and repeat the command; ``retry`` does both.

    Attributes:
        originator_id: the stream.
        expected: the last position that the writer knew, -1 for a new stream.
        found: the last position in the store, -1 for an empty stream.
    """

    def __init__(self, originator_id: UUID, expected: int, found: int, /) -> None:
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
    """A position of an array already has an item; nothing was stored.

    Handling: assign to another position, or append.
    """

    @override
    def __str__(self) -> str:
        return (
            f"Array {self.originator_id}: expected position {shown(self.expected + 1)} to be free, "
            f"found an item. Assign to another position, or append."
        )

    @override
    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class CollectionItemError(EsmodelError, KeyError):
    """An item cannot be added to a collection, or removed from it; nothing was triggered.

    Handling: fix the item; ``item in collection`` tells whether the collection has it.

    Attributes:
        originator_id: the collection.
        item: the item.
        finding: the expectation that it does not meet.
    """

    def __init__(self, originator_id: UUID, item: object, finding: str, /) -> None:
        super().__init__(originator_id, item, finding)
        self.originator_id = originator_id
        self.item = item
        self.finding = finding

    @override
    def __str__(self) -> str:
        return f"Collection {self.originator_id}: {self.finding}, found {self.item!r}."


class ArrayIndexError(EsmodelError, IndexError):
    """An index of an array has no item, or is out of range.

    Handling: fix the index.

    Attributes:
        array_id: the array.
        index: the index.
        finding: what was expected and what was found.
    """

    def __init__(self, array_id: UUID, index: int, finding: str, /) -> None:
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


class PayloadError(EsmodelError, ValueError):
    """A value cannot be written in its stored form.

    Handling: fix the value; nothing was stored.
    """


class IntegrityError(EsmodelError):
    """Events or stored rows contradict each other.

    Handling: stop, and inspect the data at the place that the message names.

    Attributes:
        originator_id: the stream.
        position: the version or position of the faulty event.
        finding: what was expected and what was found.
    """

    def __init__(self, originator_id: UUID, position: int, finding: str, /) -> None:
        super().__init__(originator_id, position, finding)
        self.originator_id = originator_id
        self.position = position
        self.finding = finding

    @override
    def __str__(self) -> str:
        return f"Record {self.position} of stream {self.originator_id}: {self.finding}"


class OriginatorIDError(IntegrityError):
    """An event belongs to another entity.

    Handling: stop, and find out where the event came from.
    """


class OriginatorVersionError(IntegrityError):
    """An event does not follow the one before it.

    Handling: stop, and look for the missing or repeated event.
    """


class EventHashError(IntegrityError):
    """An event does not match its hash.

    Handling: stop; the row that the message names was changed.
    """


class HeadHashError(IntegrityError):
    """An event does not continue the hash chain, or the chain ends too early.

    Handling: stop; rows were removed, added or reordered.
    """


class UnknownEventError(IntegrityError):
    """A stored name belongs to no event class at hand.

    Handling: add the event class, or add the stored name to the ``aliases`` of its successor.
    """


class ClassVersionError(IntegrityError):
    """A row was written by a newer version of the event class.

    Handling: deploy the newer code.
    """


class StoredDataError(IntegrityError):
    """Stored bytes do not have the shape of the event class.

    Handling: add an upcaster step from the old shape, or repair the row.
    """


class SnapshotError(IntegrityError):
    """A snapshot is not signed with a key at hand, or has another state than its events give.

    Handling: stop, and find out who wrote it. ``take_snapshot(id, at=error.position)`` replaces it with one
    of the events.
    """

    @override
    def __str__(self) -> str:
        return f"Snapshot {self.position} of stream {self.originator_id}: {self.finding}."


class PublishError(EsmodelError):
    """Subscribers raised errors. All subscribers were called; after a save, the events are stored.

    ``retry`` never repeats a call that raised it. A warning that follows a save, and that a filter turns into
    an error, is among its exceptions too.

    Handling: log it, and do not repeat the command.

    Attributes:
        finding: what was done before, and so must not be repeated.
        exceptions: the errors, in the order in which they were raised.
    """

    def __init__(self, finding: str, exceptions: tuple[Exception, ...], /) -> None:
        super().__init__(finding, exceptions)
        self.finding = finding
        self.exceptions = exceptions

    @override
    def __str__(self) -> str:
        raised = "; ".join(f"{type(each).__name__}: {each}" for each in self.exceptions)
        return f"{self.finding} {len(self.exceptions)} raised afterwards: {raised}"


class EventHandlersNotEmptyError(EsmodelError):
    """An event bus still has subscribers.

    Handling: unsubscribe those that the message names.
    """


class StoreError(EsmodelError):
    """The engine of a store failed.

    Handling: wait for the engine, or repair it. Everything that was acknowledged is stored.
    """


class OutcomeUnknownError(StoreError):
    """The engine was lost while it committed an append: either all rows are stored, or none.

    Handling: call ``store.was_appended(error.append_id)``, or read the stream if the store has no such
    method. A repository has already tried that, and could not reach the store.

    Attributes:
        append_id: the append.
        finding: how the engine was lost.
    """

    def __init__(self, append_id: UUID, finding: str, /) -> None:
        super().__init__(append_id, finding)
        self.append_id = append_id
        self.finding = finding

    @override
    def __str__(self) -> str:
        return (
            f"Append {self.append_id}: expected an acknowledgement, found: {self.finding}. "
            "Ask store.was_appended(append_id), or read the stream if the store has no such method, "
            "before you repeat it."
        )


class StoreClosedError(StoreError):
    """The store was closed.

    Handling: use it inside its ``with`` block, or open a new one.
    """


class StoreFormatError(StoreError):
    """A file has a format that this version cannot read.

    Handling: upgrade esmodel, or open another file.
    """


_LEGIBLE = 256  # bits


def shown(number: int, /) -> str:
    """Return an integer as text; only its magnitude if it is too long to read or for ``str``."""
    bits = number.bit_length()
    return str(number) if bits <= _LEGIBLE else f"{'-' if number < 0 else ''}2**{bits - 1} or more"
