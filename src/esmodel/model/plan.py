"""Plans: what is derived once from a class of entities."""

# pyright: reportPrivateUsage=false
# `_es_...` belongs to entity and event classes; functions here access it for other modules.

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final, Never

import attrs
from attrs import frozen
from typing_extensions import Format, get_annotations

from esmodel.codec.codec import DEFAULT_CODEC, Codec
from esmodel.codec.fields import Initial, fields_of, initials_by_name
from esmodel.exceptions import ModelError
from esmodel.model.apply import Handler
from esmodel.model.events import DomainEvent
from esmodel.model.reserved import is_library
from esmodel.model.versioning import Upcaster, refuse_wrong_upcaster

OWN: Final[Mapping[str, bool]] = {"esmodel": True}
"""Marks the fields of an entity that are the library's, and no part of the user's state."""


class DeclaredAttribute:
    """A declared ``@attribute``: a name and the type of its values.

    Attributes:
        name: the name in the class.
        getter: the function that reads the value.
        aliases: its former names.
        upcaster: the steps from the oldest type of its values to today's.
    """

    __slots__ = ("aliases", "getter", "name", "upcaster")

    name: str
    getter: Handler
    aliases: tuple[str, ...]
    upcaster: Upcaster[Never, object] | None

    def value_type(self) -> object:
        """Return the declared type of the values."""
        raise NotImplementedError


@frozen
class LibraryEvents:
    """The events that the library brings for one kind of entity, and applies itself.

    Attributes:
        discarded: the event of ``discard``.
        changed: the event of ``change_attribute``.
        more: those of a special kind, as ``Done`` of a command.
    """

    discarded: type[DomainEvent]
    changed: type[DomainEvent]
    more: tuple[type[DomainEvent], ...] = ()

    @property
    def all(self) -> tuple[type[DomainEvent], ...]:
        """All of them."""
        return (self.discarded, self.changed, *self.more)


@frozen
class EntitySchema:
    """Declarations in the class keywords of an entity.

    Attributes:
        codec: encodes and decodes the state in snapshots and the values of attributes.
        snapshot_upcaster: the steps from the oldest shape of the state to today's.
    """

    codec: Codec = DEFAULT_CODEC
    snapshot_upcaster: Upcaster[Never, object] | None = None


class Planned:
    """A class from which a plan can be derived: it has a schema, and events of the library."""

    __slots__ = ()

    _es_schema: ClassVar[EntitySchema] = EntitySchema()
    _es_library: ClassVar[LibraryEvents] = LibraryEvents(DomainEvent, DomainEvent)
    _es_item_upcaster: ClassVar[Upcaster[Never, object] | None] = None

    @classmethod
    def _es_prepare(cls) -> None:
        """Check that the checks of the class ran.

        Raises:
            ModelError: if a base kept its creation to itself.
        """

    @classmethod
    def _es_declare(cls, codec: Codec | None, snapshot_upcaster: Upcaster[Never, object] | None) -> None:
        """Keep what the class keywords declare; what they leave out is inherited.

        Raises:
            ModelError: if a keyword has a value of the wrong type.
        """
        _refuse_wrong_codec(cls, codec)
        refuse_wrong_upcaster(cls.__qualname__, "snapshot_upcaster", snapshot_upcaster)
        if codec is not None or snapshot_upcaster is not None:
            known = cls._es_schema
            cls._es_schema = EntitySchema(codec or known.codec, snapshot_upcaster or known.snapshot_upcaster)


def _refuse_wrong_codec(cls: type[object], given: object) -> None:
    """Check what no type checker saw."""
    if given is not None and not isinstance(given, Codec):
        raise ModelError(f"{cls.__qualname__}: codec: expected Codec, found {given!r}.")


def library_of(entity: type[Planned], /) -> LibraryEvents:
    """Return the events that the library brings for a kind of entity."""
    return entity._es_library


@frozen
class EntityPlan:
    """Facts about a class of entities, derived once.

    Attributes:
        name: that of the class.
        state: the fields that make up the state; the library's own are not among them.
        required: the fields of the state that have no default.
        attributes: the declared attributes, by name.
        stored_attributes: the same, by name and by former name.
        defaults: the fields of the state that have a default, each with what gives it.
        codec: encodes and decodes the state.
        snapshot_upcaster: the steps from an older shape of the state.
        library: the events that the library brings.
        item_upcaster: the steps from an older shape of the items of a collection.
    """

    name: str
    state: tuple[str, ...]
    required: tuple[str, ...]
    attributes: Mapping[str, DeclaredAttribute]
    stored_attributes: Mapping[str, DeclaredAttribute]
    defaults: tuple[tuple[str, Initial], ...]
    codec: Codec
    snapshot_upcaster: Upcaster[Never, object] | None
    library: LibraryEvents
    item_upcaster: Upcaster[Never, object] | None = None


_plans: Final[dict[type[object], EntityPlan]] = {}


def plan_of(entity: type[Planned], /) -> EntityPlan:
    """Return what is derived once for a class of entities.

    Raises:
        ModelError: if the class has annotations of its own and is not an attrs class.
    """
    known = _plans.get(entity)
    if known is not None:
        return known
    entity._es_prepare()
    for base in entity.__mro__:
        if issubclass(base, Planned) and not is_library(base) and "__attrs_attrs__" not in vars(base):
            own: Mapping[str, object] = get_annotations(base, format=Format.FORWARDREF)
            if any("ClassVar" not in str(each) for each in own.values()):
                raise ModelError(f"{base.__qualname__} declares fields: write @define above it.")
    fields = [each for each in fields_of(entity) if "esmodel" not in each.metadata]
    attributes = {
        each.name: each
        for base in reversed(entity.__mro__)
        for each in vars(base).values()
        if isinstance(each, DeclaredAttribute)
    }
    for name in attributes:
        if all(each.name != f"_{name}" for each in fields):
            raise ModelError(
                f"{entity.__qualname__}.{name}: expected a field _{name}, which the event of the attribute "
                f"sets, found none. Write _{name}: TheType = ... ."
            )
    initials = initials_by_name(entity)
    plan = EntityPlan(
        name=entity.__qualname__,
        state=tuple(each.name for each in fields),
        required=tuple(each.name for each in fields if each.default is attrs.NOTHING),
        attributes=attributes,
        stored_attributes=_by_stored_name(entity, attributes),
        defaults=tuple((each.name, make) for each in fields if (make := initials[each.name]) is not None),
        codec=entity._es_schema.codec,
        snapshot_upcaster=entity._es_schema.snapshot_upcaster,
        library=entity._es_library,
        item_upcaster=entity._es_item_upcaster,
    )
    _plans[entity] = plan
    return plan


def _by_stored_name(
    entity: type[object], attributes: Mapping[str, DeclaredAttribute]
) -> Mapping[str, DeclaredAttribute]:
    """Return attributes by their names and former names.

    Raises:
        ModelError: if two share one.
    """
    found = dict(attributes)
    for each in attributes.values():
        for alias in each.aliases:
            other = found.setdefault(alias, each)
            if other is not each:
                raise ModelError(
                    f"{entity.__qualname__}.{each.name}: expected a former name of its own, found {alias!r}, "
                    f"which is or was the name of @attribute {other.name}."
                )
    return found
