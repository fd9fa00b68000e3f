"""Snapshots of one class of aggregates, as rows of a record store."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Final, Generic, TypeVar
from uuid import UUID

from esmodel.clock import microseconds, moment_of
from esmodel.codec.typevars import class_of
from esmodel.exceptions import ModelError, SnapshotError
from esmodel.model.hashchain import head_of
from esmodel.model.snapshot import Snapshot, SnapshotCodec, snapshot_codec_of
from esmodel.model.stored import StoredAggregate, begin
from esmodel.repositories.mapper import EventMapper
from esmodel.repositories.snapshotkeys import SnapshotKeys
from esmodel.rows.protocols import RecordStore, SupportsSnapshots
from esmodel.rows.record import Record

TAggregate = TypeVar("TAggregate", bound=StoredAggregate)


_MISFITS: Final = (
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    RecursionError,
)
"""The errors of a decoder that is given other bytes than it wrote."""


class SnapshotWarning(UserWarning):
    """A snapshot could not be stored, or no longer fits its class; the events are used instead."""


class Snapshots(Generic[TAggregate]):
    """Writes and restores the snapshots of one class of aggregates.

    Attributes:
        readable: the store, if it keeps snapshots that a load may begin at. No load of a hash chain reads
            a snapshot without a key: whoever can write to the database could make one of any state.
    """

    __slots__ = ("_class", "_codec", "_keys", "_mapper", "_store", "_store_name", "readable")

    def __init__(
        self,
        aggregate_class: type[TAggregate],
        mapper: EventMapper[TAggregate],
        store: RecordStore,
        keys: bytes | Sequence[bytes] | None,
        /,
    ) -> None:
        """Take the class, the store and the keys.

        Raises:
            ModelError: if a key is too short, the class has no hash chain and there is a key, or the steps of
                the ``snapshot_upcaster`` do not fit each other, or the state.
        """
        self._class: type[TAggregate] = aggregate_class
        self._codec: SnapshotCodec[TAggregate] | None = snapshot_codec_of(aggregate_class)
        self._mapper = mapper
        self._keys: SnapshotKeys | None = None
        if keys is not None:
            if not mapper.is_chained:
                raise ModelError(
                    f"snapshot_key: expected a class with a hash chain, found {mapper.name}, whose "
                    f"events are not signed. Leave the key out, or derive the class from "
                    f"HashchainedAggregateRoot."
                )
            genesis = head_of(begin(class_of(aggregate_class), UUID(int=0)))
            self._keys = SnapshotKeys(keys, genesis)
        self._store_name = type(store).__qualname__
        self._store: SupportsSnapshots | None = store if isinstance(store, SupportsSnapshots) else None
        is_trusted = self._keys is not None or not mapper.is_chained
        self.readable: SupportsSnapshots | None = self._store if is_trusted else None

    @property
    def are_signed(self) -> bool:
        """Whether there is a key."""
        return self._keys is not None

    @property
    def codec(self) -> SnapshotCodec[TAggregate]:
        """The codec of the state, derived at the first use: a class that takes no snapshots needs none."""
        if self._codec is None:
            self._codec = SnapshotCodec(self._class)
        return self._codec

    def writable(self) -> SupportsSnapshots:
        """Return the store.

        Raises:
            ModelError: if it keeps no snapshots, or there is a hash chain and no key.
        """
        if self._store is None:
            raise ModelError(f"expected a store that keeps snapshots, found {self._store_name}.")
        if self.readable is None:
            name = self._mapper.name
            raise ModelError(
                f"snapshot_key: expected a key for the snapshots of {name}, found none: without one, whoever "
                f"can write to the database could give {name} any state, past its hash chain. Write "
                f"EventSourcedRepository({name}, store, snapshot_key=key) with 32 secret bytes or more, kept "
                f"outside of the database; or take no snapshots."
            )
        return self._store

    def take(self, aggregate: TAggregate, /) -> Snapshot:
        """Store a snapshot of an aggregate, and return it.

        Raises:
            ModelError: if the store keeps no snapshots, or there is a hash chain and no key.
        """
        snapshot = self.codec.take(aggregate)
        self._write(snapshot)
        return snapshot

    def _write(self, snapshot: Snapshot) -> None:
        record = Record(
            snapshot.originator_id,
            snapshot.originator_version,
            snapshot.event_name,
            snapshot.class_version,
            microseconds(snapshot.timestamp),
            snapshot.data,
            b"",
            snapshot.head,
        )
        self.writable().write_snapshot(record if self._keys is None else self._keys.signed(record))

    def take_after_save(self, originator_id: UUID, load: Callable[[], TAggregate], /) -> str | None:
        """Take a snapshot after a save. The events are already stored, so a failure is only a warning.

        Args:
            originator_id: the aggregate.
            load: returns it as its stored events give it, the last snapshot and those after it. The one that
                was saved may have a state that no events give, where a list in it was changed.

        Returns:
            The text of the warning, which the caller emits when the save is complete.
        """
        try:
            self._write(self.codec.take(load()))
        except Exception as error:  # noqa: BLE001  # because a hook may raise anything, and the events are stored
            return f"No snapshot of {self._mapper.name} {originator_id} was stored: {error} Its events are."
        return None

    def restored(self, record: Record, /) -> TAggregate | None:
        """Return the aggregate of a snapshot's row; ``None``, with a warning, if it does not fit.

        Raises:
            SnapshotError: if it should be signed, and is not.
        """
        if self._keys is not None:
            self._keys.check(record)
        try:
            return self._restore(record)
        except _MISFITS as error:
            message = (
                f"The snapshot of {self._mapper.name} {record.originator_id} at version {record.position} "
                f"does not fit and is ignored: {error}. Its events are replayed."
            )
            warnings.warn(message, SnapshotWarning, stacklevel=5)
            return None

    def _restore(self, record: Record) -> TAggregate:
        return self.codec.restore(
            Snapshot(
                record.originator_id,
                record.position,
                moment_of(record.timestamp),
                record.class_version,
                record.data,
                record.event_hash,
            )
        )

    def positions(self, originator_id: UUID, /) -> Iterator[int]:
        """Yield the positions of the snapshots of a stream, from the last to the first.

        Raises:
            SnapshotError: if one of them is not a whole number.
        """
        record = None if self._store is None else self._store.read_snapshot(originator_id)
        while self._store is not None and record is not None:
            yield _whole(originator_id, record.position)
            record = self._store.read_snapshot(originator_id, lte=record.position - 1)

    def check(self, aggregate: TAggregate, /) -> bool | None:
        """Compare an aggregate with its snapshot at this version.

        Returns:
            ``True`` if it has the same state; ``False`` if the snapshot does not fit the class, and no load
            uses it; ``None`` if there is none.

        Raises:
            SnapshotError: if it has another state; or if it should be signed, and is not.
        """
        version = aggregate.version
        record = None if self._store is None else self._store.read_snapshot(aggregate.id, lte=version)
        if record is None or record.position != version:
            return None  # it was deleted meanwhile
        if self._keys is not None:
            self._keys.check(record)
        try:
            restored = self._restore(record)
        except _MISFITS:
            return False
        if differing := self.codec.differing(restored, aggregate):
            finding = f"expected the state that the events give, found a difference in {', '.join(differing)}"
            raise SnapshotError(aggregate.id, version, finding)
        return True


def _whole(originator_id: UUID, position: object) -> int:
    """Return a position; an engine may hold a value of another type than was written, as SQLite does."""
    if not isinstance(position, int):
        raise SnapshotError(originator_id, -1, f"expected a whole number as its position, found {position!r}")
    return position
