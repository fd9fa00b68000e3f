"""The Protocols of repositories: small, and to be combined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from uuid import UUID

    from esmodel.model.snapshot import Snapshot

TEntity = TypeVar("TEntity")
TEntity_co = TypeVar("TEntity_co", covariant=True)
TEntity_contra = TypeVar("TEntity_contra", contravariant=True)


class ReadsEntities(Protocol[TEntity_co]):
    """Gives entities by id.

    Laws: what ``in`` says, ``[]`` does; an entity that is absent or discarded raises
    ``RepositoryKeyError``.
    """

    def __getitem__(self, originator_id: UUID, /) -> TEntity_co:
        """Return an entity as it is now."""
        ...

    def __contains__(self, originator_id: object, /) -> bool:
        """Whether the entity exists and is not discarded."""
        ...

    def get_entity(self, originator_id: UUID, /, *, at: int | None = None) -> TEntity_co:
        """Return an entity as it is now, or as it was at a version."""
        ...


class SavesEntities(Protocol[TEntity_contra]):
    """Stores the pending events of entities.

    Laws: a save is atomic; a stale one raises ``ConcurrencyError``, stores nothing, and the
    entity keeps its pending events.
    """

    def save(self, entity: TEntity_contra, /) -> None:
        """Store the pending events of an entity."""
        ...


class TakesSnapshots(Protocol):
    """Keeps snapshots.

    Laws: a snapshot changes nothing but the time that loading takes.
    """

    def take_snapshot(self, originator_id: UUID, /, *, at: int | None = None) -> Snapshot:
        """Store a snapshot of an entity as it is now, or as it was at a version."""
        ...


class EntityRepository(ReadsEntities[TEntity], SavesEntities[TEntity], TakesSnapshots, Protocol[TEntity]):
    """A repository of one class of entities."""
