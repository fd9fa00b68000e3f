"""Snapshots of one class of aggregates, as rows of a record store."""

from __future__ import annotations

import warnings
from typing import Generic, TypeVar

from esmodel.clock import microseconds, moment_of
from esmodel.exceptions import ModelError
from esmodel.model.snapshot import Snapshot, SnapshotCodec
from esmodel.model.stored import StoredAggregate, refuse_if_invalid
from esmodel.repositories.mapper import EventMapper
from esmodel.rows.protocols import RecordStore, SupportsSnapshots
from esmodel.rows.record import Record

TAggregate = TypeVar("TAggregate", bound=StoredAggregate)


class SnapshotWarning(UserWarning):
    """A snapshot could not be stored, or no longer fits its class; the events are used instead."""


class Snapshots(Generic[TAggregate]):
    """Writes and restores the snapshots of one class of aggregates.

    Attributes:
        store: the store, if it keeps snapshots.
    """

    __slots__ = ("_class", "_codec", "_mapper", "_store_name", "store")

    def __init__(
        self, aggregate_class: type[TAggregate], mapper: EventMapper[TAggregate], store: RecordStore, /
    ) -> None:
        """Take the class and the store."""
        self._class: type[TAggregate] = aggregate_class
        self._codec: SnapshotCodec[TAggregate] | None = None
        self._mapper = mapper
        self._store_name = type(store).__qualname__
        self.store: SupportsSnapshots | None = store if isinstance(store, SupportsSnapshots) else None

    @property
    def codec(self) -> SnapshotCodec[TAggregate]:
        """The codec of the state, derived at the first use: a class that takes no snapshots needs none."""
        if self._codec is None:
            self._codec = SnapshotCodec(self._class)
        return self._codec

    def required_store(self) -> SupportsSnapshots:
        """Return the store.

        Raises:
            ModelError: if it keeps no snapshots.
        """
        if self.store is None:
            raise ModelError(f"expected a store that keeps snapshots, found {self._store_name}.")
        return self.store

    def take(self, aggregate: TAggregate, /) -> Snapshot:
        """Store a snapshot of an aggregate, and return it.

        Raises:
            ModelError: if the store keeps no snapshots.
        """
        snapshot = self.codec.take(aggregate)
        self._write(snapshot)
        return snapshot

    def _write(self, snapshot: Snapshot) -> None:
        self.required_store().write_snapshot(
            Record(
                snapshot.originator_id,
                snapshot.originator_version,
                snapshot.event_name,
                snapshot.class_version,
                microseconds(snapshot.timestamp),
                snapshot.data,
                b"",
                snapshot.head,
            )
        )

    def take_after_save(self, aggregate: TAggregate, last: int, /) -> str | None:
        """Take a snapshot after a save. The events are already stored, so a failure is only a warning.

        None is taken where another thread has triggered since: its events are in the state, and not stored.

        Args:
            aggregate: the aggregate.
            last: the version of its last stored event.

        Returns:
            The text of the warning, which the caller emits when the save is complete.
        """
        try:
            snapshot = self.codec.take(aggregate)
            if snapshot.originator_version == last == aggregate.version:
                refuse_if_invalid(aggregate)  # a handler may have begun while the state was read
                self._write(snapshot)
        except Exception as error:  # noqa: BLE001  # because a hook may raise anything, and the events are stored
            return f"No snapshot of {self._mapper.name} {aggregate.id} was stored: {error} Its events are."
        return None

    def restored(self, record: Record, /) -> TAggregate | None:
        """Return the aggregate of a snapshot's row; ``None``, with a warning, if it does not fit."""
        try:
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
        except (ValueError, ArithmeticError, LookupError, TypeError, AttributeError, RecursionError) as error:
            message = (
                f"The snapshot of {self._mapper.name} {record.originator_id} at version {record.position} "
                f"does not fit and is ignored: {error}. Its events are replayed."
            )
            warnings.warn(message, SnapshotWarning, stacklevel=5)
            return None
