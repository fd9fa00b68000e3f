"""Properties of entities that know their version and their times."""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar, final

from esmodel.exceptions import ModelError
from esmodel.model.entity import DomainEntity
from esmodel.model.events import DomainEvent

TEvent = TypeVar("TEvent", bound=DomainEvent)


class WithVersion(DomainEntity[TEvent]):
    """Shows the version of an entity."""

    __slots__ = ()

    @property
    @final
    def version(self) -> int:
        """The version of the last event, from 0."""
        return self._es_version


class WithTimes(DomainEntity[TEvent]):
    """Shows when an entity was created and when it changed."""

    __slots__ = ()

    @property
    @final
    def created_on(self) -> datetime:
        """When the first event was triggered."""
        return _known(self._es_created_on)

    @property
    @final
    def last_modified(self) -> datetime:
        """When the last event was triggered."""
        return _known(self._es_last_modified)


def _known(moment: datetime | None) -> datetime:
    """Return a time of an entity.

    Raises:
        ModelError: if it has no event yet.
    """
    if moment is None:
        raise ModelError("The entity has no event yet: it has no times before its first one.")
    return moment
