"""Snapshots: the state of an aggregate at a version, which spares a load the events before it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import ClassVar, Generic, TypeVar, get_args
from uuid import UUID

import msgspec
from attrs import fields, frozen

from esmodel.clock import microseconds, moment_of
from esmodel.codec.struct import StructCodec
from esmodel.codec.typevars import class_of
from esmodel.codec.upcasting import Upcasting
from esmodel.exceptions import ModelError
from esmodel.model.aggregate import is_aggregate
from esmodel.model.plan import plan_of
from esmodel.model.stored import Progress, StoredAggregate, begin, progress_of, resume
from esmodel.model.wholestate import refuse_unstored_state

TAggregate = TypeVar("TAggregate", bound=StoredAggregate)


class _Stored(msgspec.Struct, forbid_unknown_fields=True):
    """The content of a snapshot's bytes."""

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
        >>> from esmodel.model import Snapshot
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
        >>> from esmodel.model import SnapshotCodec
        >>> @frozen
        ... class Opened(AggregateEvent):
        ...     pass
        >>> @define
        ... class Account(AggregateRoot[Opened]):
        ...     balance: int = 7
        ...     apply = ignores(Opened).exhaustive
        >>> codec = SnapshotCodec(Account)
        >>> codec.restore(codec.take(Account.create(Opened))).balance
        7
    """

    __slots__ = ("_fingerprint", "_mutable", "_shape", "_state", "_upcasting", "class_version", "entity")

    def __init__(self, entity: type[TAggregate], /) -> None:
        """Derive the stored form of the state.

        Raises:
            ModelError: if the class is not an aggregate.
            UnsupportedTypeError: if a field of the state has a type that cannot be carried.
        """
        self.entity: type[TAggregate] = class_of(entity)
        root = class_of(entity)
        if not is_aggregate(root):
            raise ModelError(
                f"{root.__qualname__}: expected an aggregate. Derive it from AggregateRoot[...]."
            )
        plan = plan_of(root)
        upcaster = plan.snapshot_upcaster
        self._state = plan.state
        self.class_version: int = 0 if upcaster is None else len(upcaster)
        self._shape: StructCodec[TAggregate] = plan.codec.struct_codec(
            self.entity, plan.state, get_args(entity)
        )
        self._upcasting: Upcasting | None = None
        if upcaster is not None:
            self._upcasting = Upcasting(
                *(root.__qualname__, upcaster, plan.codec.shapes().wire, self._shape.form),
                is_object=True,
            )
        self._mutable = [name for name, wire in self._shape.wires.items() if not wire.is_immutable]
        self._fingerprint: str = hashlib.sha256(self._shape.fingerprint.encode()).hexdigest()[:16]

    def take(self, aggregate: TAggregate, /) -> Snapshot:
        """Return a snapshot of an aggregate, its pending events included.

        Raises:
            PayloadError: if the snapshot would not hold the whole state, because it has attributes that are
                not fields, holds one list twice, or has a value that cannot be written.
        """
        refuse_unstored_state(aggregate, self._mutable)
        progress = progress_of(aggregate)
        stored = _Stored(
            self._fingerprint,
            microseconds(progress.created_on),
            progress.is_discarded,
            dict(progress.flags),
            msgspec.Raw(self._shape.encode(aggregate)),
        )
        return Snapshot(
            aggregate.id,
            progress.version,
            progress.last_modified,
            self.class_version,
            msgspec.json.encode(stored),
            progress.head,
        )

    def differing(self, one: TAggregate, other: TAggregate, /) -> tuple[str, ...]:
        """Return the names in which snapshots of two aggregates would differ; none if they would not."""
        expected = self.take(other)
        if self.take(one) == expected:
            return ()
        progress, others = progress_of(one), progress_of(other)
        names = [each.name for each in fields(Progress) if _differ(each.name, progress, others)]
        names += [name for name in self._state if _differ(name, one, other)]
        # equal values have other bytes, as 0.0 and -0.0 have, or a type hook writes other text each time
        is_repeatable = self.take(other) == expected
        return tuple(names) or (("the stored state",) if is_repeatable else ())

    def restore(self, snapshot: Snapshot, /) -> TAggregate:
        """Return an aggregate as it was when the snapshot was taken.

        Raises:
            ValueError: if the snapshot no longer fits the class; replay the events instead.
        """
        stored = msgspec.json.decode(snapshot.data, type=_Stored)
        aggregate = begin(self.entity, snapshot.originator_id)
        if snapshot.class_version > self.class_version:
            msg = f"it has the class version {snapshot.class_version}, the class {self.class_version}"
            raise ValueError(msg)
        data = bytes(stored.state)
        if self._upcasting is not None and snapshot.class_version < self.class_version:
            data = self._upcasting.run(data, snapshot.class_version)
        elif stored.fingerprint != self._fingerprint:
            msg = "the fields of its state are not those of the class"
            raise ValueError(msg)
        self._shape.decode(data, aggregate)
        resume(
            aggregate,
            Progress(
                snapshot.originator_version,
                moment_of(stored.created_on),
                snapshot.timestamp,
                stored.is_discarded,
                stored.flags,
                snapshot.head,
            ),
        )
        return aggregate


def _differ(name: str, one: object, other: object) -> bool:
    found, expected = getattr(one, name), getattr(other, name)
    return bool(found != expected)


def snapshot_codec_of(entity: type[TAggregate], /) -> SnapshotCodec[TAggregate] | None:
    """Return the codec of a class that has a ``snapshot_upcaster``, whose steps are compared at once.

    ``None`` for any other class, whose codec is derived when the first snapshot is taken or read.

    Raises:
        ModelError: if the steps do not fit each other, or the state.
    """
    root = class_of(entity)
    has_steps = is_aggregate(root) and plan_of(root).snapshot_upcaster is not None
    return SnapshotCodec(entity) if has_steps else None
