"""Snapshots: the state of an entity at a version, which spares the events before it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import ClassVar, Generic, Never, TypeVar, get_args
from uuid import UUID

import msgspec
from attrs import frozen

from esmodel.clock import microseconds, moment_of
from esmodel.codec.codec import Codec
from esmodel.codec.struct import StructCodec
from esmodel.codec.typevars import class_of
from esmodel.model.aggregate import StoredAggregate
from esmodel.model.versioning import Upcaster

TAggregate = TypeVar("TAggregate", bound=StoredAggregate)


class _Stored(msgspec.Struct, forbid_unknown_fields=True):
    """What the bytes of a snapshot hold."""

    fingerprint: str
    created_on: int
    is_discarded: bool
    flags: dict[str, bool]
    state: msgspec.Raw


@frozen
class Snapshot:
    """The state of an aggregate after one of its events.

    Attributes:
        event_name: the stored name.
        originator_id: the aggregate.
        originator_version: the version of the last event that the state holds.
        timestamp: when that event was triggered.
        class_version: the number of steps of the ``snapshot_upcaster`` when it was taken.
        data: the state as JSON, with a fingerprint of its schema.
        head: the hash of the last event, where there is a chain; else empty.

    Example:
        >>> Snapshot.event_name
        'Snapshot'
    """

    event_name: ClassVar[str] = "Snapshot"
    originator_id: UUID
    originator_version: int
    timestamp: datetime
    class_version: int
    data: bytes
    head: bytes = b""


class SnapshotCodec(Generic[TAggregate]):
    """Takes snapshots of one class of aggregates, and restores aggregates from them.

    Attributes:
        entity: the class.
        class_version: the number of steps of its ``snapshot_upcaster``.

    Example:
        >>> @frozen(kw_only=True)
        ... class Opened(AggregateEvent):
        ...     pass
        >>> @define
        ... class Account(AggregateRoot[Opened]):
        ...     balance: int = 7
        ...     opened = ignores(Opened)
        ...     apply = opened
        >>> codec = SnapshotCodec(Account)
        >>> codec.restore(codec.take(Account.create(Opened))).balance
        7
    """

    __slots__ = ("_codec", "_fingerprint", "_shape", "_upcaster", "class_version", "entity")

    def __init__(self, entity: type[TAggregate], /) -> None:
        """Derive the form of the state.

        Raises:
            UnsupportedTypeError: if a field of the state has a type that cannot be carried.
        """
        self.entity: type[TAggregate] = class_of(entity)
        plan = self.entity.plan()
        self._codec: Codec = plan.codec
        self._upcaster: Upcaster[Never, object] | None = plan.upcaster
        self.class_version: int = 0 if self._upcaster is None else len(self._upcaster)
        self._shape: StructCodec[TAggregate] = plan.codec.struct_codec(
            self.entity, plan.state, get_args(entity)
        )
        self._fingerprint: str = hashlib.sha256(self._shape.fingerprint.encode()).hexdigest()[:16]

    def take(self, aggregate: TAggregate, /) -> Snapshot:
        """Return a snapshot of an aggregate, its pending events included."""
        stored = _Stored(
            self._fingerprint,
            microseconds(aggregate.created_on),
            aggregate.is_discarded,
            {name: bool(getattr(aggregate, name)) for name in _flags(self.entity)},
            msgspec.Raw(self._shape.encode(aggregate)),
        )
        return Snapshot(
            aggregate.id,
            aggregate.version,
            aggregate.last_modified,
            self.class_version,
            msgspec.json.encode(stored),
            aggregate.head,
        )

    def restore(self, snapshot: Snapshot, /) -> TAggregate:
        """Return an aggregate as it was when the snapshot was taken.

        Raises:
            ValueError: if the snapshot does not fit the class any more; the events are to be
                replayed instead.
        """
        stored = msgspec.json.decode(snapshot.data, type=_Stored)
        aggregate = self.entity.begin(snapshot.originator_id)
        if snapshot.class_version > self.class_version:
            msg = f"it has the class version {snapshot.class_version}, the class {self.class_version}"
            raise ValueError(msg)
        data = bytes(stored.state)
        if self._upcaster is not None and snapshot.class_version < self.class_version:
            plain: object = msgspec.json.decode(data)
            newest = self._upcaster.upcast(plain, snapshot.class_version, self._codec.convert)
            data = self._codec.plain_bytes(newest, self._upcaster.returns)
        elif stored.fingerprint != self._fingerprint:
            msg = "the fields of its state are not those of the class"
            raise ValueError(msg)
        self._shape.decode(data, aggregate)
        object.__setattr__(aggregate, "_version", snapshot.originator_version)
        object.__setattr__(aggregate, "_created_on", moment_of(stored.created_on))
        object.__setattr__(aggregate, "_last_modified", snapshot.timestamp)
        object.__setattr__(aggregate, "_is_discarded", stored.is_discarded)
        for name in _flags(self.entity):
            object.__setattr__(aggregate, name, stored.flags.get(name, False))
        if snapshot.head:
            object.__setattr__(aggregate, "_head", snapshot.head)
        return aggregate


def _flags(entity: type[object]) -> tuple[str, ...]:
    """Return the library's own fields that are part of the state, as a command's ``_is_done``."""
    return ("_is_done",) if hasattr(entity, "is_done") else ()
